package psf

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"tessera/ranks"
)

// The result is the same on any number of ranks: to the last bit in the sparse form,
// where stamps do not depend on each other, to 1e-10 in the low-rank form.
func TestRanks(t *testing.T) {
	sizes := []int{2, 3, 4, 7, 11}
	if testing.Short() {
		sizes = []int{3, 11} // more ranks than stamps
	}
	for _, o := range []Options{
		{Mode: Sparse, Reweightings: 1},
		{Mode: Sparse, Border: Wrap, Precision: Double, Noise: MADPerStamp},
		{Mode: Sparse, Start: FromWiener, StampTolerance: 1e-2, Balance: true},
		{Mode: LowRank, Precision: Double, Block: 4},
		{Mode: LowRank, Precision: Double, Threshold: Hard, Compatible: true},
	} {
		o.MaxIterations, o.CheckEvery = 20, 5
		s := smallStack(5, 9, 12, 7, false)
		one := solve(t, 1, s, o)
		for _, size := range sizes {
			r := solve(t, size, s, o)
			if o.Mode == Sparse && !slices.Equal(one.Data, r.Data) {
				t.Errorf("%+v: %d ranks differ from one", o, size)
			}
			for i, v := range one.Data {
				if math.Abs(v-r.Data[i]) > 1e-10 {
					t.Fatalf("%+v: %d ranks: number %d off by %.2e", o, size, i, math.Abs(v-r.Data[i]))
				}
			}
			if !slices.Equal(one.StampIterations, r.StampIterations) {
				t.Errorf("%+v: %d ranks: iterations %v, on one %v", o, size, r.StampIterations, one.StampIterations)
			}
		}
	}
}

// The norm of the blur and lambda do not depend on the number of ranks, nor on the
// weights of a rank that has no stamps.
func TestNormsOnRanks(t *testing.T) {
	for _, o := range []Options{
		{Mode: LowRank, Precision: Double, MaxIterations: 6},
		{Mode: LowRank, Compatible: true, Threshold: Soft, MaxIterations: 6},
	} {
		s := smallStack(5, 3, 9, 5, true)
		for i := range s.Weights {
			s.Weights[i] *= 3
		}
		if o.Compatible {
			s = smallStack(5, 3, 9, 5, false)
		}
		one := solve(t, 1, s, o)
		for _, size := range []int{2, 5} {
			r := solve(t, size, s, o)
			if math.Abs(r.Beta-one.Beta) > 1e-13 || math.Abs(r.Lambda-one.Lambda) > 1e-13 {
				t.Errorf("%d ranks: beta %g, lambda %g; on one %g, %g", size, r.Beta, r.Lambda, one.Beta, one.Lambda)
			}
		}
	}
}

// Half of the stamps converge early. With Balance the others are divided among all
// ranks, which does not change the result.
func TestBalance(t *testing.T) {
	s := smallStack(8, 40, 9, 5, true)
	for i := range s.Data[:len(s.Data)/2] { // nothing to restore in the first half
		s.Data[i] = 0
	}
	o := Options{MaxIterations: 200, CheckEvery: 5, StampTolerance: 1e-4, Noise: Given, Sigma: 0.05, Reweightings: 1}
	plain := solve(t, 4, s, o)
	o.Balance = true
	r := solve(t, 4, s, o)
	if !slices.Equal(plain.Data, r.Data) || !slices.Equal(plain.StampIterations, r.StampIterations) {
		t.Error("balancing changes the result")
	}
	if r.Moved == 0 {
		t.Errorf("no stamp moved, iterations %v", r.StampIterations)
	}
	if slices.Min(r.StampIterations) >= 100 || slices.Max(r.StampIterations) < 200 {
		t.Errorf("iterations %v", r.StampIterations)
	}
}

func TestPrecisions(t *testing.T) {
	count, iterations := 20, 30
	if testing.Short() {
		count, iterations = 6, 12
	}
	s, _ := survey(count, 5, 2, 9)
	for _, mode := range []Mode{Sparse, LowRank} {
		single := solve(t, 2, s, Options{Mode: mode, MaxIterations: iterations})
		double := solve(t, 2, s, Options{Mode: mode, MaxIterations: iterations, Precision: Double})
		top := slices.Max(double.Data)
		for i, v := range double.Data {
			if math.Abs(v-single.Data[i]) > 1e-3*top {
				t.Fatalf("%s: number %d: %g in single precision, %g in double", mode, i, single.Data[i], v)
			}
		}
	}
}

func TestTolerance(t *testing.T) {
	s, _ := survey(4, 4, 2, 9)
	r := solve(t, 2, s, Options{MaxIterations: 400, Tolerance: 1e-3})
	if !r.Converged || r.Iterations >= 400 || r.Iterations%10 != 0 {
		t.Errorf("converged %v after %d iterations", r.Converged, r.Iterations)
	}
	r = solve(t, 2, s, Options{MaxIterations: 400, Tolerance: 3e-2, CheckEvery: 1, Compatible: true})
	if !r.Converged || r.Iterations >= 400 || r.Iterations%4 != 0 {
		t.Errorf("as sf_deconvolve: converged %v after %d iterations", r.Converged, r.Iterations)
	}
}

func TestNoise(t *testing.T) {
	s := smallStack(2, 11, 9, 5, true)
	var all []float64
	for i := range s.Total {
		all = unmasked(all, s, i)
	}
	want := mad(slices.Clone(all))
	for _, size := range []int{1, 2, 5} {
		if r := solve(t, size, s, Options{MaxIterations: 1}); r.Noise != want && math.Abs(r.Noise-want) > 1e-15 {
			t.Errorf("%d ranks: noise %g, want %g", size, r.Noise, want)
		}
	}
	// Weights that are inverse variances determine the noise.
	for i := range s.Weights {
		s.Weights[i] *= 400
	}
	weighted := solve(t, 2, s, Options{MaxIterations: 20, Noise: FromWeights})
	if math.Abs(weighted.Noise-0.05) > 1e-12 {
		t.Errorf("noise %g of weights 400, want 0.05", weighted.Noise)
	}
	for i := range s.Weights {
		s.Weights[i] /= 400
	}
	given := solve(t, 2, s, Options{MaxIterations: 20, Noise: Given, Sigma: weighted.Noise})
	if !slices.Equal(given.Data, weighted.Data) {
		t.Error("weights of 400 and a noise of 0.05 differ")
	}
}

// A stamp whose pixels are all masked gives no NaN; one PSF serves all stamps.
func TestMaskedStamp(t *testing.T) {
	s := smallStack(2, 5, 9, 5, true)
	clear(s.Weights[2*81 : 3*81])
	s.PSFs = s.PSFs[:25]
	for _, noise := range []NoiseRule{MAD, MADPerStamp, FromWeights} {
		for _, mode := range []Mode{Sparse, LowRank} {
			r := solve(t, 2, s, Options{Mode: mode, Noise: noise, MaxIterations: 10})
			for i, v := range r.Data {
				if math.IsNaN(v) || mode == Sparse && i/81 == 2 && v != 0 {
					t.Fatalf("%s, %s: number %d is %g", mode, noise, i, v)
				}
			}
		}
	}
}

func TestErrors(t *testing.T) {
	good := func() *Stack { return smallStack(1, 4, 5, 3, false) }
	for name, c := range map[string]struct {
		change func(*Stack, *Options)
		want   string
	}{
		"NaN":        {func(s *Stack, _ *Options) { s.Data[60] = math.NaN() }, "stamp 2: NaN at row 2, column 0"},
		"empty":      {func(s *Stack, _ *Options) { s.Total, s.Data, s.PSFs = 0, nil, s.PSFs[:9] }, "an empty stack"},
		"sum":        {func(s *Stack, _ *Options) { s.PSFs[9] += 0.1 }, "PSF 1: its pixels sum to 1.1"},
		"few PSFs":   {func(s *Stack, _ *Options) { s.PSFs = s.PSFs[:18] }, "2 PSFs for 4 stamps"},
		"ragged":     {func(s *Stack, _ *Options) { s.Data = s.Data[:99] }, "not stamps of 5 x 5"},
		"weights":    {func(s *Stack, _ *Options) { s.Weights = make([]float64, 7) }, "7 weights for 100 pixels"},
		"bad weight": {func(s *Stack, _ *Options) { s.Weights = slices.Repeat([]float64{1}, 100); s.Weights[99] = -1 }, "stamp 3: weight -1 at row 4, column 4"},
		"index":      {func(s *Stack, _ *Options) { s.PSFOf = []int{0, 1, 4, 0} }, "stamp 2: PSF number 4 of 4"},
		"tau":        {func(_ *Stack, o *Options) { o.Tau = 3 }, "need not converge"},
		"rho":        {func(_ *Stack, o *Options) { o.Rho = 1.99; o.Tau, o.SigmaDual = 0.5, 0.5 }, "need not converge"},
		"mode":       {func(_ *Stack, o *Options) { o.Mode = "fast" }, `mode "fast"`},
		"start":      {func(_ *Stack, o *Options) { o.Start = FromGiven }, "a start of 0 numbers"},
		"thresholds": {func(_ *Stack, o *Options) { o.Thresholds = []float64{1} }, "1 thresholds for 3 scales"},
		"constant":   {func(s *Stack, _ *Options) { clear(s.Data) }, "the noise of the stack comes out as 0"},
		"sigma":      {func(_ *Stack, o *Options) { o.Noise = Given }, "noise of standard deviation 0"},
	} {
		s, o := good(), Options{MaxIterations: 2}
		c.change(s, &o)
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(ctx context.Context, comm ranks.Comm) error {
			_, err := Deconvolve(ctx, comm, s, o)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want one that says %q", name, err, c.want)
		}
	}
	// Parts that do not fit together.
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, c ranks.Comm) error {
		_, err := Deconvolve(ctx, c, good(), Options{})
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "rank 1 begins with stamp 0, want 4") {
		t.Errorf("both ranks with the whole stack: %v", err)
	}
}
