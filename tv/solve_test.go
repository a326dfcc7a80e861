package tv

import (
	"math"
	"testing"
)

// farthest is the largest difference by the largest value.
func farthest(a, b []float64) float64 {
	most, top := 0.0, 0.0
	for i := range b {
		most, top = max(most, math.Abs(a[i]-b[i])), max(top, math.Abs(b[i]))
	}
	return most / top
}

// Every problem converges to the same solution on any number of ranks.
func TestRanks(t *testing.T) {
	for name, s := range scenes() {
		t.Run(name, func(t *testing.T) {
			s.options.Tolerance = 1e-2
			want, one, err := s.solve(t, 1)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range []int{2, 3, 4, 7} {
				got, r, err := s.solve(t, n)
				if err != nil {
					t.Fatal(err)
				}
				if d := farthest(got, want); d > 1e-12 || r.Iterations != one.Iterations {
					t.Errorf("%d ranks: differs by %.2g after %d iterations, one rank does %d", n, d, r.Iterations, one.Iterations)
				}
				if math.Abs(r.Gap-one.Gap) > 1e-8*one.Gap {
					t.Errorf("%d ranks: gap %v, one rank %v", n, r.Gap, one.Gap)
				}
			}
		})
	}
}

// The gap and, for FPPA, certificate and excess bound the distance from the minimum, which a
// long run of the primal-dual method finds.
func TestGapIsABound(t *testing.T) {
	for name, s := range scenes() {
		if testing.Short() && s.options.Method == ADMM && s.varying && name != "admm varying" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			best := s
			best.options.Method, best.options.Tolerance, best.options.MaxIterations = PrimalDual, 1e-5, 100000
			_, least, err := best.solve(t, 1)
			if err != nil {
				t.Fatalf("%v, %+v", err, least)
			}
			for _, iterations := range []int{20, 60, 3000} {
				s.options.MaxIterations, s.options.Tolerance = iterations, 1e-4
				_, r, _ := s.solve(t, 1)
				t.Logf("%d iterations: excess of the cost %.3g, gap %.3g, of which certificate %.3g, excess %.3g; restarts %d", r.Iterations, r.Cost/least.Cost-1, r.RelativeGap,
					r.Certificate/r.Cost, r.Excess/r.Cost, r.Restarts)
				if over := r.Cost - least.Cost; over > r.Gap*(1+1e-9) || over < -least.Gap*(1+1e-9) {
					t.Errorf("the cost is %.6g above the minimum, the gap %.6g", over, r.Gap)
				}
				if r.Excess > r.Certificate*(1+1e-12) {
					t.Errorf("excess %g above its bound %g", r.Excess, r.Certificate)
				}
				if over := r.Cost - least.Cost; iterations == 3000 && s.options.Method != PrimalDual && over > r.Excess+1e-3*r.Cost {
					t.Errorf("the cost is %.6g above the minimum, the excess %.6g", over, r.Excess)
				}
			}
		})
	}
}
