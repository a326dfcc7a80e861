package tikhonov

import (
	"testing"

	"tessera/forward"
	"tessera/internal/jobs/jobtest"
)

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
		p := jobtest.Metrics(t, dir)["psnr_db"].(map[string]any)
		if p["layer1"].(float64) < p["observed"].(float64) || p["layer2"].(float64) < p["layer1"].(float64) {
			t.Errorf("%d ranks: PSNR %v", n, p)
		}
	}
}

func TestComposed(t *testing.T) {
	a := forward.PSF{Rows: 1, Cols: 3, Values: []float64{1, 2, 3}}
	b := forward.PSF{Rows: 3, Cols: 1, Values: []float64{4, 5, 6}}
	k := composed(a, b)
	want := []float64{4, 8, 12, 5, 10, 15, 6, 12, 18}
	if k.Rows != 3 || k.Cols != 3 || jobtest.Farthest(k.Values, want) > 0 {
		t.Errorf("%+v, want %v", k, want)
	}
	if composed(forward.PSF{}, b).Rows != 3 || composed(a, forward.PSF{}).Cols != 3 {
		t.Error("no blur changes a blur")
	}
}
