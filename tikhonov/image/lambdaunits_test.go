package image

import (
	"context"
	"fmt"
	"math"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/oracle"
)

var searchRules = []LambdaRule{Discrepancy, GCV, LCurve, MarginalLikelihood}

// inOtherUnits is the frame with its data times data and its weights times weight.
func (f *frame) inOtherUnits(data, weight float64) *frame {
	g := *f
	g.Y = append([]float64(nil), f.Y...)
	for i := range g.Y {
		g.Y[i] *= data
	}
	g.Weights = make([]float64, f.Rows*f.Cols)
	for i := range g.Weights {
		g.Weights[i] = f.Weight(i) * weight
	}
	return &g
}

// Data and noise in another unit, or weights in another unit, change nothing but the units
// of the answer: w has the unit of the data, lambda that of the weights, for every rule and
// regulariser, with missing pixels and uneven weights or without, on 1 to 3 ranks.
func TestUnitsOfLambda(t *testing.T) {
	t.Parallel()
	const sigma, rows, cols = 0.05, 18, 20
	turn := 0
	for _, rule := range append(searchRules, Fixed) {
		for _, q := range oracle.Regularisers {
			for _, weights := range [][]float64{nil, uneven(rows * cols)} {
				if rule == MarginalLikelihood && weights != nil {
					continue
				}
				f := skyFrame(t, 1, rows, cols, sigma, halo.Reflect, weights)
				o := Options{Rule: rule, Regulariser: q, Border: halo.Reflect, Overlap: 3, Tile: 8, Seed: 2}
				if rule == Fixed {
					o.Lambda = 0.03
				}
				for _, given := range []bool{false, true} {
					if given && rule != Discrepancy && rule != MarginalLikelihood {
						continue
					}
					o.Noise = 0
					if given {
						o.Noise = sigma
					}
					want, res, err := f.run(t, 1, o)
					if err != nil {
						t.Fatalf("%s, %s: %v", rule, q, err)
					}
					// Units and numbers of ranks take turns.
					turn++
					u, n := []units{{1, 1e3}, {1, 1e-18}, {100, 1}, {3e34, 1e-17}, {1e-50, 7e25}}[turn%5], 1+turn%3
					oo := o
					oo.Noise *= u.noise()
					if rule == Fixed {
						oo.Lambda *= u.weight
					}
					x, got, err := f.inOtherUnits(u.data, u.weight).run(t, n, oo)
					what := fmt.Sprintf("%s, %s, weights %v, noise %v, units %v, %d ranks", rule, q, weights != nil, given, u, n)
					if err != nil {
						t.Errorf("%s: %v", what, err)
						continue
					}
					for i := range x {
						x[i] /= u.data
					}
					if d := oracle.Relative(x, want); math.Abs(got.Lambda/u.weight/res.Lambda-1) > 2e-3 || d > 1e-3 {
						t.Errorf("%s: lambda %.6g, want %.6g; w differs by %.2g", what, got.Lambda/u.weight, res.Lambda, d)
					}
					if math.Abs(got.Misfit/u.misfit()/res.Misfit-1) > 2e-3 {
						t.Errorf("%s: misfit %.6g, want %.6g", what, got.Misfit/u.misfit(), res.Misfit)
					}
					if s := got.Search; s != nil && res.Search.Noise > 0 && math.Abs(s.Noise/u.noise()/res.Search.Noise-1) > 2e-3 {
						t.Errorf("%s: noise %.6g, want %.6g", what, s.Noise/u.noise(), res.Search.Noise)
					}
				}
			}
		}
	}
}

// With inverse variances as weights the noise of a pixel of weight 1 is 1, estimated as
// about 1; given as 1, or in the unit of the data for a pixel of median weight, the same
// lambda is found.
func TestOneMeaningOfNoise(t *testing.T) {
	t.Parallel()
	const rows, cols = 90, 100
	for _, sigma := range []float64{0.02, 7} {
		w := uneven(rows * cols)
		for i := range w {
			w[i] /= sigma * sigma
		}
		f := skyFrame(t, 1, rows, cols, 1, halo.Reflect, w)
		o := Options{Rule: Discrepancy, Regulariser: forward.Gradient, Border: halo.Reflect, Overlap: 4}
		find := func(noise float64, unit NoiseUnit) *Result {
			o.Noise, o.NoiseUnit = noise, unit
			_, res, err := f.run(t, 2, o)
			if err != nil {
				t.Fatal(err)
			}
			return res
		}
		if s := find(0, "").Search; math.Abs(s.Noise-1) > 0.05 || !s.Inferred {
			t.Errorf("sd %g: the noise of weight 1 is estimated as %.4g (from the data: %v), want about 1", sigma, s.Noise, s.Inferred)
		}
		one := find(1, OfWeight)
		if one.Search.Noise != 1 || one.Search.Inferred {
			t.Errorf("sd %g: noise 1 was taken as %+v", sigma, one.Search)
		}
		// uneven has weights of 0.5 to 1.5 on average 1, so the median is that within 3 %.
		data := find(sigma, OfData)
		if math.Abs(data.Search.Noise-1) > 0.03 || math.Abs(data.Lambda/find(data.Search.Noise, OfWeight).Lambda-1) > 1e-3 {
			t.Errorf("sd %g in the unit of the data was taken as %.4g for weight 1", sigma, data.Search.Noise)
		}
	}
}

// The median weight is found across ranks, over the positive weights, and exactly where
// they are all the same.
func TestTypicalWeight(t *testing.T) {
	f := randomFrame(1, 7, 9, 1)
	for _, c := range []struct {
		weight func(i int) float64
		want   float64
	}{
		{func(i int) float64 { return float64(i%3) * 0.7 }, 0.7}, // a third each of 0, 0.7 and 1.4
		{func(i int) float64 { return float64(i%2) * 0.3 }, 0.3},
		{func(i int) float64 { return 1 + float64(i) }, 32},
	} {
		f.Weights = make([]float64, 63)
		for i := range f.Weights {
			f.Weights[i] = c.weight(i)
		}
		for _, n := range []int{1, 4} {
			err := f.solver(t, n, Options{Lambda: 1}, func(_ context.Context, _ ranks.Comm, s *solver) error {
				if got, err := s.typicalWeight(); err != nil || math.Abs(got/c.want-1) > 1e-5 {
					return fmt.Errorf("%d ranks: median %.8g, want %g; %v", n, got, c.want, err)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
}

// Weights that are all the same are no weights: the same bits, with lambda in their unit.
func TestEqualWeightsAreNone(t *testing.T) {
	f := skyFrame(t, 2, 20, 22, 0.05, halo.Zero, nil)
	want, _, err := f.run(t, 2, Options{Lambda: 0.02, Method: krylov.ASCG})
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := f.inOtherUnits(1, 64).run(t, 2, Options{Lambda: 64 * 0.02, Method: krylov.ASCG})
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("pixel %d: %g, want %g", i, got[i], want[i])
		}
	}
}
