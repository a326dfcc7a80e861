package image

import (
	"fmt"
	"testing"
)

func TestTmp(t *testing.T) {
	f := randomFrame(1, 128, 128, 1)
	f.kernel = gaussian5(t)
	for _, md := range []float64{0, 0.01} {
		f.mask(md, 1)
		ref, _, err := f.run(t, 1, Options{Method: CG, Lambda: 1e-2, Tolerance: 1e-13, MaxIterations: 1000})
		fmt.Println(err)
		o := Options{Method: RASGMRES, Lambda: 1e-2, Overlap: 4, Tolerance: 1e-8}
		o.monitor = func(k int, x []float64) (bool, error) {
			fmt.Printf("  %d err %.2g\n", k, relative(x, ref))
			return false, nil
		}
		_, res, err := f.run(t, 2, o)
		if res == nil {
			t.Fatal(err)
		}
		fmt.Println(err, res.Iterations, res.ErrorBound, res.History)
	}
}
