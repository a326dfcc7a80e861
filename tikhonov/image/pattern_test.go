package image

import (
	"context"
	"fmt"
	"testing"

	"gonum.org/v1/gonum/mat"

	"tessera/forward"
	"tessera/halo"
	"tessera/ranks"
)

// tilings of small frames: tiles that divide them and tiles that do not, frames of
// one tile, overlaps up to and beyond the frame, axes just around the length at
// which a stencil begins to reach around them.
var tilings = []struct{ rows, cols, ranks, tile, overlap int }{
	{16, 16, 1, 8, 2},
	{17, 23, 4, 5, 3},
	{5, 9, 1, 16, 4},
	{5, 9, 2, 3, 1},
	{21, 21, 1, 10, 4},
	{20, 21, 2, 10, 4},
	{16, 13, 3, 16, 2},
	{1, 23, 2, 6, 2},
	{12, 2, 3, 4, 5},
	{14, 30, 2, 7, 0},
}

// pixels of an extended tile in the frame, row by row.
func (t *tile) pixels(rows, cols int, border halo.Border) []int {
	var p []int
	for i := t.ext[0].lo; i < t.ext[0].hi; i++ {
		for j := t.ext[1].lo; j < t.ext[1].hi; j++ {
			p = append(p, naiveSource(i, rows, border)*cols+naiveSource(j, cols, border))
		}
	}
	return p
}

// restrict is R M R' on the pixels.
func restrict(m *mat.SymDense, pixels []int) *mat.SymDense {
	r := mat.NewSymDense(len(pixels), nil)
	for i, p := range pixels {
		for j, q := range pixels[:i+1] {
			r.SetSym(i, j, m.At(p, q))
		}
	}
	return r
}

// The local matrices are R_i M R_i' of the M that is applied, element by element:
// banded with the frame's weights, dense with one weight everywhere, and as a
// quadratic form.
func TestLocalMatrices(t *testing.T) {
	t.Parallel()
	for name, k := range kernels(t) {
		for _, s := range tilings {
			for _, border := range borders {
				for _, q := range regularisers {
					f := randomFrame(1, s.rows, s.cols, 1)
					if f.kernel = k; !f.fits(k) || q != forward.Laplacian && name != "none" && name != "gaussian 5x5" {
						continue // Q is added whatever the kernel
					}
					f.patchwork(1)
					o := Options{Regulariser: q, Border: border, Lambda: 0.3, Tile: s.tile, Overlap: s.overlap}
					weighted := f.dense(o)
					plain := *f
					plain.weights = nil
					uniform := plain.dense(o)
					what := fmt.Sprintf("%s, %s, %v, %+v", name, q, border, s)
					err := f.launch(s.ranks, func(_ context.Context, c ranks.Comm, p *Problem) error {
						m, err := newOperator(c, p, &o)
						if err != nil {
							return err
						}
						around, err := m.weightsAround(&o)
						if err != nil {
							return err
						}
						for _, tl := range cutTiles(p.Frame.Owned(c.Rank()), []int{s.rows, s.cols}, s.tile, s.overlap, border) {
							pat := newPattern(&tl, []int{s.rows, s.cols}, m.kernel, m.q, border)
							checkLocal(t, what, pat, restrict(weighted, tl.pixels(s.rows, s.cols, border)), restrict(uniform, tl.pixels(s.rows, s.cols, border)), around.at(&tl, pat), o.Lambda)
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

func checkLocal(t *testing.T, what string, p *pattern, weighted, uniform *mat.SymDense, weight func(q int) float64, lambda float64) {
	t.Helper()
	m := p.rows * p.cols
	if m != weighted.SymmetricDim() {
		t.Errorf("%s: local matrix of %d rows, want %d", what, m, weighted.SymmetricDim())
		return
	}
	scale := 0.0
	for i := range m {
		scale = max(scale, weighted.At(i, i), uniform.At(i, i))
	}
	low := make([]float64, m*(p.band+1))
	p.banded(low, lambda, weight)
	full := p.dense(lambda, 1)
	x, sum := make([]float64, m), 0.0
	for i := range x {
		x[i] = float64(i%7) - 2.5
	}
	for i := range m {
		for j := range i + 1 {
			got := 0.0
			if i-j <= p.band {
				got = low[i*(p.band+1)+p.band-(i-j)]
			}
			if want := weighted.At(i, j); !near0(got-want, 1e-13*scale) {
				t.Errorf("%s: %d x %d tile: banded (%d, %d) is %.15g, want %.15g", what, p.rows, p.cols, i, j, got, want)
				return
			}
			if want := uniform.At(i, j); !near0(full[i*m+j]-want, 1e-13*scale) {
				t.Errorf("%s: %d x %d tile: dense (%d, %d) is %.15g, want %.15g", what, p.rows, p.cols, i, j, full[i*m+j], want)
				return
			}
			if sum += weighted.At(i, j) * x[i] * x[j]; i != j {
				sum += weighted.At(i, j) * x[i] * x[j]
			}
		}
	}
	if got := p.quadratic(lambda, weight, x); !near0(got-sum, 1e-11*scale*float64(m)) {
		t.Errorf("%s: x'Mx = %.15g, want %.15g", what, got, sum)
	}
}

func near0(x, tolerance float64) bool { return x <= tolerance && x >= -tolerance }
