package image

import (
	"context"
	"fmt"
	"testing"

	"gonum.org/v1/gonum/mat"

	"tessera/forward"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/oracle"
	"tessera/tikhonov/image/internal/tiles"
)

// The local matrices are R_i M R_i' of the M that is applied, element by element:
// banded with the frame's weights, dense with one weight everywhere, and as a
// quadratic form.
func TestLocalMatrices(t *testing.T) {
	t.Parallel()
	for name, k := range oracle.PSFs(t) {
		for _, s := range oracle.Tilings {
			for _, border := range oracle.Borders {
				for _, q := range oracle.Regularisers {
					f := randomFrame(1, s.Rows, s.Cols, 1)
					if f.PSF = k; q != forward.Laplacian && name != "none" && name != "gaussian 5x5" {
						continue // Q is added whatever the kernel
					}
					f.Patchwork(1)
					o := Options{Regulariser: q, Border: border, Lambda: 0.3, Tile: s.Tile, Overlap: s.Overlap}
					weighted := f.Dense(o.equations())
					plain := *f
					plain.Weights = nil
					uniform := plain.Dense(o.equations())
					what := fmt.Sprintf("%s, %s, %v, %+v", name, q, border, s)
					err := f.launch(s.Ranks, func(_ context.Context, c ranks.Comm, p *Problem) error {
						m, err := preparedOperator(c, p, &o)
						if err != nil {
							return err
						}
						around, err := m.weightsAround(&o)
						if err != nil {
							return err
						}
						for _, tl := range tiles.Cut(p.Frame.Owned(c.Rank()), []int{s.Rows, s.Cols}, s.Tile, s.Overlap, border) {
							pat := tiles.New(&tl, []int{s.Rows, s.Cols}, m.kernel, m.q, border)
							checkLocal(t, what, pat, oracle.Restrict(weighted, oracle.Pixels(&tl, s.Rows, s.Cols, border)), oracle.Restrict(uniform, oracle.Pixels(&tl, s.Rows, s.Cols, border)), around.At(&tl, pat), o.Lambda)
						}
						return nil
					})
					if err != nil {
						t.Errorf("%s: %v", what, err)
					}
				}
			}
		}
	}
}

func checkLocal(t *testing.T, what string, p *tiles.Pattern, weighted, uniform *mat.SymDense, weight func(q int) float64, lambda float64) {
	t.Helper()
	m := p.Rows * p.Cols
	if m != weighted.SymmetricDim() {
		t.Errorf("%s: local matrix of %d rows, want %d", what, m, weighted.SymmetricDim())
		return
	}
	scale := 0.0
	for i := range m {
		scale = max(scale, weighted.At(i, i), uniform.At(i, i))
	}
	low := make([]float64, m*(p.Band+1))
	p.Banded(low, lambda, weight)
	full := p.Dense(lambda, 1)
	x, sum := make([]float64, m), 0.0
	for i := range x {
		x[i] = float64(i%7) - 2.5
	}
	for i := range m {
		for j := range i + 1 {
			got := 0.0
			if i-j <= p.Band {
				got = low[i*(p.Band+1)+p.Band-(i-j)]
			}
			if want := weighted.At(i, j); !near0(got-want, 1e-13*scale) {
				t.Errorf("%s: %d x %d tile: banded (%d, %d) is %.15g, want %.15g", what, p.Rows, p.Cols, i, j, got, want)
				return
			}
			if want := uniform.At(i, j); !near0(full[i*m+j]-want, 1e-13*scale) {
				t.Errorf("%s: %d x %d tile: dense (%d, %d) is %.15g, want %.15g", what, p.Rows, p.Cols, i, j, full[i*m+j], want)
				return
			}
			if sum += weighted.At(i, j) * x[i] * x[j]; i != j {
				sum += weighted.At(i, j) * x[i] * x[j]
			}
		}
	}
	if got := p.Quadratic(lambda, weight, x); !near0(got-sum, 1e-11*scale*float64(m)) {
		t.Errorf("%s: x'Mx = %.15g, want %.15g", what, got, sum)
	}
}

func near0(x, tolerance float64) bool { return x <= tolerance && x >= -tolerance }
