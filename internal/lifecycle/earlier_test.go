package lifecycle

import (
	"encoding/json"
	"testing"
)

// Scripts of format 1 find the qualities of every job of that time under their names.
func TestEarlierKeys(t *testing.T) {
	quartiles := func(x Number) *Quartiles { return &Quartiles{x, x + 1, x + 2} }
	for job, c := range map[string]struct {
		columns []string
		want    string
	}{
		"tikhonov":     {[]string{ObservedColumn, AnswerColumn, "tv"}, `{"psnr_db":{"observed":1,"restored":2}}`},
		"two-layer":    {[]string{ObservedColumn, AnswerColumn, "layer1"}, `{"psnr_db":{"layer1":3,"layer2":2,"observed":1}}`},
		"kernel":       {[]string{AnswerColumn, "nearest", "tikhonov"}, `{"psnr_db":{"kernel":1,"nearest":2,"tikhonov":3},"rmse":0.5}`},
		"deep-kernel":  {[]string{AnswerColumn, "single"}, `{"test_rmse":{"deep":0.5,"single":1}}`},
		"scdl-train":   {[]string{AnswerColumn, "raw_atoms", "linear_regression"}, `{"learned":{"psnr_db":1,"rmse":0.5},"raw_atoms":{"psnr_db":2,"rmse":1},"linear_regression":{"psnr_db":3,"rmse":1.5}}`},
		"scdl-spectra": {[]string{AnswerColumn, "raw_atoms", "linear_regression"}, `{"learned":{"psnr_db":1,"rmse":0.5},"raw_atoms":{"psnr_db":2,"rmse":1},"linear_regression":{"psnr_db":3,"rmse":1.5}}`},
		"scdl-upscale": {[]string{AnswerColumn}, `{"learned":{"psnr_db":1,"rmse":0.5}}`},
		"psf": {[]string{ObservedColumn, AnswerColumn}, `{"observed":{"psnr_db":{"lower_quartile":1,"median":2,"upper_quartile":3}},` +
			`"restored":{"psnr_db":{"lower_quartile":2,"median":3,"upper_quartile":4}}}`},
		"tv": {[]string{ObservedColumn, AnswerColumn}, `{}`}, // not of that time
	} {
		r := &Record{Job: job}
		for k, name := range c.columns {
			x := float64(k + 1)
			q := &Quality{PSNR: Some(x), RMSE: Some(x / 2)}
			if job == "psf" {
				q = &Quality{StampPSNR: quartiles(Number(x))}
			}
			r.Measured(name, q)
		}
		r.earlier()
		got, err := json.Marshal(r.Earlier)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != c.want {
			t.Errorf("%s: %s, want %s", job, got, c.want)
		}
		blank := &Record{Job: job} // without a truth
		blank.earlier()
		if got, err := json.Marshal(blank.Earlier); err != nil || string(got) != "{}" {
			t.Errorf("%s without a truth: %s, %v", job, got, err)
		}
	}
}
