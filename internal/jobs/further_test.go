package jobs

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tessera/internal/jobs/jobtest"
)

// unsolved are for each kind of job the section whose key max_iterations is too small, with the sets that make it so; "" for
// jobs that end with 0 where their steps are used up, or solve nothing: which key of theirs says that, or why there is none.
var unsolved = map[string]struct {
	section string
	sets    []string
	why     string
}{
	"tikhonov":         {section: "tikhonov", sets: []string{"tikhonov.lambda=1e-4", "tikhonov.method=cg", "blur.kind=gaussian", "blur.size=9"}},
	"two-layer":        {section: "layers"},
	"kernel":           {section: "kernel", sets: []string{"simulate.count=300", "kernel.choose=none", "kernel.lambda=1e-6", "kernel.width=0.5", "evaluate.shape=[4, 4]"}},
	"tv":               {section: "tv", sets: []string{"tv.lambda=0.01"}},
	"tppa":             {section: "tv"},
	"mlpatch-denoise":  {section: "tv"},
	"mlpatch-admm":     {section: "tv", sets: []string{"admm.max_iterations=2", "admm.falling=1"}},
	"deep-kernel":      {why: "deep.steps, TestDeepChoice"},
	"psf":              {why: "ends with the iterations that psf.iterations allows"},
	"scdl-train":       {why: "ends with the iterations that scdl.iterations allows"},
	"scdl-spectra":     {why: "solves without a limit"},
	"scdl-upscale":     {why: "solves without a limit"},
	"tppa-train":       {why: "ends with the steps that tppa.steps allows"},
	"mlpatch-train":    {why: "ends with the steps that mlpatch.steps allows"},
	"mlpatch-superres": {why: "ends with the steps that mlpatch.steps allows"},
	"darkmatter":       {why: "ends with the iterations that wiener.max_iterations allows"},
}

// A solve that does not converge ends with an error that names the keys, with values, that let it come further.
func TestFurther(t *testing.T) {
	for _, k := range Kinds() {
		c, known := unsolved[k.Name]
		if !known || (c.section == "") == (c.why == "") {
			t.Errorf("job %s: which key lets it come further?", k.Name)
		}
		if c.section == "" {
			continue
		}
		t.Run(k.Name, func(t *testing.T) {
			sets := slices.Clone(c.sets)
			switch k.Name {
			case "tppa":
				sets = append(sets, model(t, t.TempDir())...)
			case "mlpatch-denoise", "mlpatch-admm":
				sets = append(sets, patchModel(t, t.TempDir())...)
			}
			if k.Name != "kernel" {
				sets = append(sets, "simulate.rows=48", "simulate.cols=40", "simulate.missing=0.2")
			}
			sets = append(sets, c.section+".max_iterations=1", c.section+".tolerance=1e-9")
			_, err := jobtest.Run(t, k.Load, 1, fmt.Sprintf("job = %q", k.Name), sets...)
			if err == nil {
				t.Fatal("it has converged")
			}
			for _, want := range []string{"-set " + c.section + ".max_iterations=2 allows more", "-set " + c.section + ".tolerance=1e-08 ends earlier"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q, want %q in it", err, want)
				}
			}
		})
	}
}
