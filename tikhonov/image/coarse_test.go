package image

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"tessera/forward"
	"tessera/halo"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/oracle"
	"tessera/tikhonov/image/internal/tiles"
)

// naiveBasis is node i of a grid of nodes on an axis of n pixels, at pixel p: one at
// the centre of cell i, falling to zero at the centres of the next ones, constant
// outwards of the first and the last.
func naiveBasis(i, nodes, p, n int, border halo.Border) float64 {
	side := float64(n) / float64(nodes)
	x := (float64(p)+0.5)/side - 0.5 // in nodes
	if border != halo.Periodic {
		x = min(max(x, 0), float64(nodes-1))
		return math.Max(0, 1-math.Abs(x-float64(i)))
	}
	sum := 0.0
	for turn := -3; turn <= 3; turn++ { // one node or two are their own neighbours
		sum += math.Max(0, 1-math.Abs(x-float64(i+turn*nodes)))
	}
	return sum
}

func TestBasis(t *testing.T) {
	for _, border := range oracle.Borders {
		for _, s := range []struct{ n, nodes int }{{1, 1}, {5, 1}, {6, 2}, {7, 3}, {16, 4}, {23, 5}, {9, 9}, {50, 7}} {
			h := newBasis(s.n, s.nodes, border)
			for p := range s.n {
				sum := 0.0
				for i := range s.nodes {
					v := h.at(i, p)
					sum += v
					if want := naiveBasis(i, s.nodes, p, s.n, border); math.Abs(v-want) > 1e-13 {
						t.Errorf("%v, %d nodes on %d: node %d at %d is %g, want %g", border, s.nodes, s.n, i, p, v, want)
					}
					if v == 0 {
						continue
					}
					inside := p >= h.support[i].Lo && p < h.support[i].Hi
					for _, shift := range []int{-s.n, s.n} {
						inside = inside || border == halo.Periodic && p+shift >= h.support[i].Lo && p+shift < h.support[i].Hi
					}
					if !inside {
						t.Errorf("%v, %d nodes on %d: node %d lives at %d, outside of %v", border, s.nodes, s.n, i, p, h.support[i])
					}
				}
				if math.Abs(sum-1) > 1e-14 {
					t.Errorf("%v, %d nodes on %d: the functions add up to %g at %d", border, s.nodes, s.n, sum, p)
				}
			}
			for lo := range s.n {
				for hi := lo + 1; hi <= s.n; hi++ {
					h.checkSpan(t, tiles.Span{Lo: lo, Hi: hi}, border)
				}
			}
		}
	}
}

// checkSpan holds touched and near of one span of pixels to their definitions.
func (h *basis) checkSpan(t *testing.T, s tiles.Span, border halo.Border) {
	t.Helper()
	touched := h.over(h.pixels(s, 0, halo.Zero))
	for i := range h.nodes {
		lives := false
		for p := s.Lo; p < s.Hi; p++ {
			lives = lives || h.at(i, p) > 0
		}
		if lives && !slices.Contains(touched, i) {
			t.Errorf("%v, %d nodes on %d: node %d lives on %v, not listed", border, h.nodes, h.n, i, s)
		}
	}
	if !slices.IsSorted(touched) || len(slices.Compact(slices.Clone(touched))) != len(touched) {
		t.Errorf("%v, %d nodes on %d: nodes %v of %v are not ascending", border, h.nodes, h.n, touched, s)
	}
	for i := range h.nodes {
		for _, reach := range []int{0, 1, 4} {
			listed := map[int]int{}
			for _, part := range h.near(i, reach, s) {
				for p := part.Lo; p < part.Hi; p++ {
					listed[p]++
				}
			}
			for p := s.Lo; p < s.Hi; p++ {
				within := false
				for q := p - reach; q <= p+reach; q++ {
					if k := oracle.Source(q, h.n, border); k >= 0 && h.at(i, k) > 0 {
						within = true
					}
				}
				if within && listed[p] != 1 || listed[p] > 1 {
					t.Errorf("%v, %d nodes on %d: pixel %d of %v within %d of node %d is listed %d times", border, h.nodes, h.n, p, s, reach, i, listed[p])
				}
			}
			for p := range listed {
				if p < s.Lo || p >= s.Hi {
					t.Errorf("%v, %d nodes on %d: pixel %d is not in %v", border, h.nodes, h.n, p, s)
				}
			}
		}
	}
}

// Z E^-1 Z' against explicit products, E = Z'MZ with the M that is applied.
func TestCoarseSpace(t *testing.T) {
	t.Parallel()
	for name, k := range oracle.PSFs(t) {
		for _, s := range oracle.Tilings {
			for _, border := range oracle.Borders {
				for _, q := range oracle.Regularisers {
					f := randomFrame(2, s.Rows, s.Cols, 1)
					if f.PSF = k; q != forward.Laplacian && name != "none" && name != "comet 5x5" {
						continue
					}
					f.Patchwork(8)
					o := Options{Regulariser: q, Border: border, Lambda: 0.3, Tile: s.Tile}
					got := f.apply(t, s.Ranks, f.Y, func(c ranks.Comm, p *Problem, dst, src []float64) error {
						m, err := preparedOperator(c, p, &o)
						if err != nil {
							return err
						}
						space, err := newCoarse(m, &o)
						if err != nil {
							return err
						}
						return space.Apply(dst, src)
					})
					want := f.coarseProduct(f.Dense(o.equations()), s.Tile, border)
					if d := oracle.Largest(got, want); !(d <= 1e-10) {
						t.Errorf("%s, %s, %v, %+v: off by %.3g", name, q, border, s, d)
					}
				}
			}
		}
	}
}

// coarseProduct is Z (Z'MZ)^-1 Z' y, channel by channel.
func (f *frame) coarseProduct(m *mat.SymDense, tile int, border halo.Border) []float64 {
	n := f.Rows * f.Cols
	nr := max(1, int(math.Round(float64(f.Rows)/float64(tile))))
	nc := max(1, int(math.Round(float64(f.Cols)/float64(tile))))
	z := mat.NewDense(n, nr*nc, nil)
	for p := range n {
		for i := range nr {
			for j := range nc {
				z.Set(p, i*nc+j, naiveBasis(i, nr, p/f.Cols, f.Rows, border)*naiveBasis(j, nc, p%f.Cols, f.Cols, border))
			}
		}
	}
	var mz, e mat.Dense
	mz.Mul(m, z)
	e.Mul(z.T(), &mz)
	var out []float64
	for c := range f.Channels {
		var r, x, w mat.VecDense
		r.MulVec(z.T(), mat.NewVecDense(n, f.Y[c*n:(c+1)*n]))
		if err := x.SolveVec(&e, &r); err != nil {
			panic(fmt.Sprintf("oracle: %v", err))
		}
		w.MulVec(z, &x)
		out = append(out, w.RawVector().Data...)
	}
	return out
}
