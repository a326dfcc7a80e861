package tikhonov

import (
	"testing"

	"tessera/forward"
	"tessera/internal/jobs/jobtest"
)

// The layers do not depend on the number of ranks, and each comes closer to the truth than
// the one before it. The metrics are complete.
func TestTwoLayerJob(t *testing.T) {
	var first []float64
	for _, n := range []int{1, 3, 7} {
		dir, err := jobtest.Run(t, LoadTwoLayer, n, `
job = "two-layer"
[simulate]
rows = 60
cols = 48
channels = 2
noise = 0.0005
missing = 0.05
[second]
sigma = 1.0
`)
		if err != nil {
			t.Fatal(err)
		}
		u := append(jobtest.ReadNpy(t, dir, "solution.npy"), jobtest.ReadNpy(t, dir, "layer1.npy")...)
		if first == nil {
			first = u
		}
		if d := jobtest.Farthest(u, first); d > 1e-7 {
			t.Errorf("%d ranks: the layers differ by %g", n, d)
		}
		m := jobtest.Metrics(t, dir)
		if did, _ := m["ranks_did"].([]any); len(did) != n || m["missing_pixels"].(float64) < 60 || n > 1 && m["bytes_sent"].(float64) < 1e4 {
			t.Errorf("%d ranks: ranks_did %v, missing_pixels %v, bytes_sent %v", n, did, m["missing_pixels"], m["bytes_sent"])
		}
		s := m["seconds"].(map[string]any)
		for _, phase := range []string{"read", "setup", "solve", "gather", "write", "total"} {
			if s[phase].(float64) <= 0 {
				t.Errorf("%d ranks: seconds.%s is %v", n, phase, s[phase])
			}
		}
		psnr := func(column string) float64 { return jobtest.Quality(t, m, column, "psnr_db") }
		if psnr("layer1") < psnr("observed") || psnr("solution") < psnr("layer1") {
			t.Errorf("%d ranks: PSNR %v", n, m["quality"])
		}
	}
}

// The PSF of two blurs, one after the other, is the convolution of their PSFs.
func TestComposed(t *testing.T) {
	a := forward.PSF{Rows: 1, Cols: 3, Values: []float64{1, 2, 3}}
	b := forward.PSF{Rows: 3, Cols: 1, Values: []float64{4, 5, 6}}
	k := composed(a, b)
	want := []float64{4, 8, 12, 5, 10, 15, 6, 12, 18}
	if k.Rows != 3 || k.Cols != 3 || jobtest.Farthest(k.Values, want) > 0 {
		t.Errorf("%+v, want %v", k, want)
	}
	if composed(forward.PSF{}, b).Rows != 3 || composed(a, forward.PSF{}).Cols != 3 {
		t.Error("a blur composed with no blur is not itself")
	}
}
