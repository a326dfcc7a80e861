package scdl

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"tessera/internal/linalg"
	"tessera/ranks"
)

// inUnits are samples in another unit.
func inUnits(s *Samples, c float64) *Samples {
	other := *s
	other.High, other.Low = slices.Clone(s.High), slices.Clone(s.Low)
	linalg.Scale(c, other.High)
	linalg.Scale(c, other.Low)
	return &other
}

// farthest is the largest difference of two arrays.
func farthest(a, b []float64) float64 {
	most := 0.0
	for i, v := range a {
		if d := math.Abs(v - b[i]); !(d <= most) {
			most = d
		}
	}
	return most
}

// The dictionaries do not depend on the unit of the samples, and errors have that unit, in
// both methods and precisions.
func TestUnits(t *testing.T) {
	s := spectra(300, 4)
	top := 0.0
	for _, x := range [][]float64{s.High, s.Low} {
		for _, v := range x {
			top = max(top, math.Abs(v))
		}
	}
	largest := math.MaxFloat64 / top * 0.99
	type train func(context.Context, ranks.Comm, *Samples, Options) (*Result, error)
	for name, method := range map[string]train{"admm": Train, "online": Online} {
		for _, precision := range []Precision{Single, Double} {
			o := Options{Atoms: 24, MaxIterations: 6, Seed: 2, Precision: precision, Batch: 128}
			run := func(size int, s *Samples) *Result {
				var all *Result
				err := ranks.Launch(t.Context(), ranks.Options{Ranks: size}, func(ctx context.Context, c ranks.Comm) error {
					r, err := method(ctx, c, portion(s, size, c.Rank()), o)
					if c.Rank() == 0 {
						all = r
					}
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				return all
			}
			want := run(1, s)
			limit := 1e-9
			if precision == Single {
				limit = 1e-3
			}
			for _, c := range []float64{1e-300, 1e-29, 1e-3, 255, 1e38, 1e150, largest} {
				got := run(2, inUnits(s, c))
				if d := farthest(want.High, got.High) + farthest(want.Low, got.Low); !(d <= limit) {
					t.Errorf("%s, %s, times %g: dictionaries differ by %.2g", name, precision, c, d)
				}
				for i, v := range want.ErrorHigh {
					if d := math.Abs(got.ErrorHigh[i]/c-v) / v; !(d < 1e-3) {
						t.Errorf("%s, %s, times %g: error %g, want %g", name, precision, c, got.ErrorHigh[i]/c, v)
					}
				}
			}
		}
	}
}

// portion is the part of one rank.
func portion(s *Samples, size, rank int) *Samples {
	lo, hi := Share(s.Total, size, rank)
	p := *s
	p.First, p.High, p.Low = lo, s.High[lo*s.P:hi*s.P], s.Low[lo*s.M:hi*s.M]
	return &p
}

// Online training in single precision gives the same on any number of ranks: the sums over
// tiles are in double precision.
func TestOnlineSingleRanks(t *testing.T) {
	s := spectra(1000, 4)
	var one *Pair
	for _, size := range []int{1, 2, 3, 7} {
		err := ranks.Launch(t.Context(), ranks.Options{Ranks: size}, func(ctx context.Context, c ranks.Comm) error {
			r, err := Online(ctx, c, portion(s, size, c.Rank()), Options{Atoms: 48, MaxIterations: 4, Seed: 2, Batch: 512})
			if err != nil || c.Rank() != 0 {
				return err
			}
			if one == nil {
				one = &r.Pair
			}
			if d := farthest(one.High, r.High); !(d < 1e-5) {
				return fmt.Errorf("%d ranks: dictionaries differ by %.2g", size, d)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// A lasso code predicts the same in all units of the samples.
func TestCodeUnit(t *testing.T) {
	s := spectra(100, 4)
	err := ranks.Launch(t.Context(), ranks.Options{Ranks: 1}, func(ctx context.Context, c ranks.Comm) error {
		p, err := RawAtoms(c, s, 30, 1)
		if err != nil {
			return err
		}
		want, err := p.Infer(ctx, s.Low, Code{Method: "lasso", Lambda: 1e-3})
		if err != nil {
			return err
		}
		for _, unit := range []float64{1e-300, 1e-161, 1e-20, 1e20, 1e150} {
			got, err := p.Infer(ctx, inUnits(s, unit).Low, Code{Method: "lasso", Lambda: 1e-3, Unit: unit})
			if err != nil {
				return err
			}
			linalg.Scale(1/unit, got)
			if d := farthest(want, got); !(d < 1e-9) {
				t.Errorf("unit %g: predictions differ by %.2g", unit, d)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// One number of another unit is refused, on the rank that has it and on all others.
func TestStrayedSample(t *testing.T) {
	s := inUnits(spectra(300, 4), 1)
	s.High[250*s.P+3] = 1e30
	for _, size := range []int{1, 3} {
		err := ranks.Launch(t.Context(), ranks.Options{Ranks: size}, func(ctx context.Context, c ranks.Comm) error {
			_, err := Train(ctx, c, portion(s, size, c.Rank()), Options{Atoms: 24, MaxIterations: 2})
			if err == nil || !strings.Contains(err.Error(), "high sample 250: number 3 is 1e+30") {
				t.Errorf("%d ranks: %v", size, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}
