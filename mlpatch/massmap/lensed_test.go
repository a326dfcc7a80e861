package massmap

import (
	"context"
	"math"
	"testing"

	"tessera/mlpatch"
	"tessera/ranks"
)

// Skies have the spectrum that is given, are above the shift, and lean to high peaks.
func TestSkies(t *testing.T) {
	const rows, cols = 64, 60
	spectrum := &Spectrum{[]float64{100, 1000, 10000}, []float64{3e-9, 1e-9, 1e-10}}
	launch(t, 1, func(_ context.Context, comm ranks.Comm) error {
		for _, shift := range []float64{0.7, 3} {
			s := &Skies{rows, cols, 2 * arcmin, spectrum, shift, shift, 4}
			if err := s.Check(); err != nil {
				return err
			}
			sum, wanted := map[float64]float64{}, map[float64]float64{}
			square, cube, least := 0.0, 0.0, 0.0
			const skies = 40
			m, _, err := field(comm, rows, cols, 1)
			if err != nil {
				return err
			}
			for k := range skies {
				x := s.Draw(k)
				p, err := spectrumOf(comm, m, x)
				if err != nil {
					return err
				}
				for i, l := range p.Ell {
					sum[l] += p.Power[i] / skies
					wanted[l] = spectrum.At(l)
				}
				for _, v := range x {
					square, cube, least = square+v*v, cube+v*v*v, min(least, v)
				}
			}
			for l, p := range sum {
				if l > 600 && math.Abs(p/wanted[l]-1) > 0.15 { // bands below have few modes
					t.Errorf("shift %g: power %g at %g, want %g", shift, p, l, wanted[l])
				}
			}
			n := float64(skies * rows * cols)
			rms := math.Sqrt(square / n)
			skew := cube / n / rms / rms / rms
			if want := 3/shift + 1/shift/shift/shift; math.Abs(skew/want-1) > 0.3 || least < -1.1*shift*rms {
				t.Errorf("shift %g: skewness %g, want %g; least %g of the root mean square", shift, skew, want, least/rms)
			}
		}
		return nil
	})
}

// A set of simulated skies is the same on any number of ranks, and a block of it has the maps around its pixels.
func TestLensed(t *testing.T) {
	const rows, cols = 18, 20
	weights := make([]float64, 2*rows*cols)
	for i := range weights {
		if p := i % (rows * cols); p%cols > 4 {
			weights[i] = 1e3 * float64(1+p%3)
		}
	}
	s := &Survey{Skies: Skies{rows, cols, 2 * arcmin, &Spectrum{[]float64{100, 10000}, []float64{1e-9, 1e-10}}, 1, 2, 4}, Weights: weights, Wiener: Options{Tolerance: 1e-9}}
	var want *Lensed
	for _, n := range []int{1, 2, 3} {
		launch(t, n, func(ctx context.Context, comm ranks.Comm) error {
			d, err := s.Draw(ctx, comm, 4, 1, nil)
			if err != nil || comm.Rank() != 0 {
				return err
			}
			if want == nil {
				want = d
			}
			for k := range want.Truth {
				for i, v := range want.Wiener[k] {
					if d.Wiener[k][i] != v || d.Truth[k][i] != want.Truth[k][i] || d.KS[k][i] != want.KS[k][i] {
						t.Fatalf("%d ranks: sky %d differs at pixel %d", n, k, i)
					}
				}
			}
			return nil
		})
	}
	net := &mlpatch.Network{Planes: Planes, Geometry: mlpatch.Geometry{Kind: mlpatch.Square, Side: 3}, Chunks: 1, Residual: true}
	b := mlpatch.NewBlock[float32](net, 4)
	seen := map[float32]bool{}
	for _, v := range want.Truth[3] {
		seen[v] = true
	}
	for i := range 20 {
		want.Draw(-1, i, b)
		for _, v := range b.Truth {
			if !seen[v] {
				t.Fatalf("block %d of the validation has a value that the last sky has not", i)
			}
		}
	}
}
