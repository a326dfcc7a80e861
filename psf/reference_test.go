package psf

import (
	"math"
	"testing"

	"tessera/internal/imageio"
)

// TestCompatible compares Options.Compatible with the arrays of testdata, which a second
// implementation made (testdata/README.md). TestParity compares it with the output of
// sf_deconvolve itself.
func TestCompatible(t *testing.T) {
	read := func(name string) []float64 {
		t.Helper()
		a, err := imageio.ReadNpy("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return a.Data
	}
	sizes := []int{1, 2, 3, 4}
	if testing.Short() {
		sizes = []int{3}
	}
	s := &Stack{Side: 21, Total: 3, PSFSide: 9, Data: read("observed.npy"), PSFs: read("psfs.npy")}
	for name, o := range map[string]Options{
		"sparse-5+5.npy": {MaxIterations: 5, Reweightings: 1},
		"low-rank-5.npy": {MaxIterations: 5, Mode: LowRank},
	} {
		want := read(name)
		o.Compatible, o.CheckEvery = true, 1
		for _, size := range sizes {
			r := solve(t, size, s, o)
			worst, top := 0.0, 0.0
			for i, v := range want {
				worst, top = max(worst, math.Abs(v-r.Data[i])), max(top, math.Abs(v))
			}
			if worst > 1e-9*top {
				t.Errorf("%s on %d ranks: largest difference %.2e of the largest value", name, size, worst/top)
			}
		}
	}
}
