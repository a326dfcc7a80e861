package tv

import (
	"math"
	"testing"
)

// Discrepancy by ADMM finds the lambda of an accurate solve again from its misfit, for every scene of the method: to a
// percent, or with a misfit to a thousandth where the misfit hardly changes with lambda, as with bounds. It takes
// at most three times the iterations of one solve besides those that a trial takes at least.
func TestQuickTrials(t *testing.T) {
	for name, s := range scenes() {
		if s.options.Method != ADMM {
			continue
		}
		at := s
		_, one, err := at.solve(t, 1)
		if err != nil {
			t.Fatal(err)
		}
		at.options.Tolerance, at.options.MaxIterations = 1e-5, 20000
		_, accurate, err := at.solve(t, 1)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, w := s.whole(t)
		values := 0
		for i := range s.channels * s.shape[0] * s.shape[1] {
			if w == nil || w[i%len(w)] > 0 {
				values++
			}
		}
		found := s
		found.options.Rule, found.options.Lambda = Discrepancy, 0
		found.options.Noise = math.Sqrt(accurate.Misfit / float64(values))
		_, r, err := found.solve(t, 2)
		if err != nil || r.Search.Unmet != "" {
			t.Errorf("%s: %v, %+v", name, err, r)
			continue
		}
		if r.Lambda < 0.99*accurate.Lambda || r.Lambda > 1.01*accurate.Lambda {
			if c := r.Misfit / accurate.Misfit; math.Abs(c-1) > 1e-3 || s.options.Bounds == nil {
				t.Errorf("%s: lambda %v, want %v; its misfit is %v of that wanted", name, r.Lambda, accurate.Lambda, c)
			}
		}
		t.Logf("%s: lambda %.4g of %.4g, %d iterations of all, %d of one solve, %+v", name, r.Lambda, accurate.Lambda, r.All, one.Iterations, r.Search.Trials)
		if most := 3*one.Iterations + 4*settleEvery*len(r.Search.Trials); r.All > most {
			t.Errorf("%s: %d iterations, want at most %d", name, r.All, most)
		}
	}
}
