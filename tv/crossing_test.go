package tv

import (
	"context"
	"math"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/random"
	"tessera/ranks"
)

// Discrepancy by ADMM finds the lambda of an accurate solve again from its misfit, for every scene of the method: to a
// percent, or with bounds, where the misfit hardly changes with lambda, with a misfit to a percent. Without them it takes
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
			if c := r.Misfit / accurate.Misfit; math.Abs(c-1) > closeTo1 || s.options.Bounds == nil {
				t.Errorf("%s: lambda %v, want %v; its misfit is %v of that wanted", name, r.Lambda, accurate.Lambda, c)
			}
		}
		t.Logf("%s: lambda %.4g of %.4g, %d iterations of all, %d of one solve, %+v", name, r.Lambda, accurate.Lambda, r.All, one.Iterations, r.Search.Trials)
		if most := 3*one.Iterations + 4*settleEvery*len(r.Search.Trials); r.All > most && s.options.Bounds == nil {
			t.Errorf("%s: %d iterations, want at most %d", name, r.All, most)
		}
	}
}

// Stars on an empty sky that may not be negative: no iterate of ADMM is near the bounds before the last ones, and the
// lambda found is that of the noise nevertheless.
func TestDiscrepancyOfStarsWithinBounds(t *testing.T) {
	const side, sigma = 28, 1.0
	psf, err := forward.Gaussian(9, 1.5)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]float64, side*side)
	noise := random.New(5)
	for i := range data {
		data[i] = sigma * noise.Normal(uint64(i))
	}
	for k, flux := range []float64{3000, 500, 120} {
		r, c := 7+7*k, 20-6*k
		for i, v := range psf.Values {
			data[(r+i/9-4)*side+c+i%9-4] += flux * v
		}
	}
	onRanks(t, 2, func(comm ranks.Comm) error {
		frame, err := halo.Decompose([]int{side, side}, comm.Size())
		if err != nil {
			return err
		}
		box := frame.Owned(comm.Rank())
		var own []float64
		for i := box.Lo[0]; i < box.Hi[0]; i++ {
			own = append(own, data[i*side+box.Lo[1]:i*side+box.Hi[1]]...)
		}
		blur, err := forward.NewBlur(comm, frame, 1, psf, halo.Reflect)
		if err != nil {
			return err
		}
		p := &Problem{Frame: frame, Channels: 1, Operator: blur, Data: own}
		o := Options{Method: ADMM, Rule: Discrepancy, Noise: sigma, Bounds: &Bounds{0, math.Inf(1)}, Tolerance: 1e-2, MaxIterations: 1000}
		r, err := Solve(context.Background(), comm, p, o)
		if r == nil { // the last per cent of the gap takes long
			return err
		}
		if comm.Rank() == 0 && (r.Search.Unmet != "" || math.Abs(r.Misfit/(sigma*sigma*side*side)-1) > 0.02) {
			t.Errorf("lambda %g with a misfit of %g times the noise; %s", r.Lambda, r.Misfit/(sigma*sigma*side*side), r.Search.Unmet)
		}
		return nil
	})
}
