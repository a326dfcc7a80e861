package image

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/linalg"
	"tessera/internal/stencil"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/oracle"
	"tessera/tikhonov/image/internal/tiles"
)

// explicit is sum_i R_i' D_i M_i^-1 R_i src in a mode, on the tiles given, M whole.
func (f *frame) explicit(m *mat.SymDense, parts []tiles.Tile, md mode, border halo.Border, src []float64) []float64 {
	n := f.Rows * f.Cols
	covers := make([]float64, n)
	for i := range parts {
		for _, p := range oracle.Pixels(&parts[i], f.Rows, f.Cols, border) {
			covers[p]++
		}
	}
	out := make([]float64, len(src))
	for i := range parts {
		at := oracle.Pixels(&parts[i], f.Rows, f.Cols, border)
		var chol mat.Cholesky
		if !chol.Factorize(oracle.Restrict(m, at)) {
			panic("oracle: local matrix not positive definite")
		}
		own, owned := map[int]bool{}, tiles.Tile{Ext: parts[i].Owned}
		for _, p := range oracle.Pixels(&owned, f.Rows, f.Cols, border) {
			own[p] = true
		}
		scale := func(p int) float64 {
			if md == weighted {
				return 1 / math.Sqrt(covers[p])
			}
			return 1
		}
		for c := range f.Channels {
			x := mat.NewVecDense(len(at), nil)
			for k, p := range at {
				x.SetVec(k, src[c*n+p]*scale(p))
			}
			if err := chol.SolveVecTo(x, x); err != nil {
				panic(err)
			}
			for k, p := range at {
				if md != restricted || own[p] {
					out[c*n+p] += x.AtVec(k) * scale(p)
				}
			}
		}
	}
	return out
}

// build is newSchwarz in either precision, as Solve has it. exact tells whether
// every tile's local solve is that of its own matrix: where a factor of its own is
// out of reach a tile is served by the nominal one.
func build(m *operator, o *Options, md mode, single bool) (local localSolver, exact bool, err error) {
	if single {
		s, err := newSchwarz[float32](context.Background(), m, o, md, false)
		return s, err == nil && allAffordable(s.classes), err
	}
	s, err := newSchwarz[float64](context.Background(), m, o, md, false)
	return s, err == nil && allAffordable(s.classes), err
}

func allAffordable[T linalg.Float](classes []*tileClass[T]) bool {
	for _, k := range classes {
		if !k.affordable() {
			return false
		}
	}
	return true
}

// The preconditioner in every mode against its definition: tiles served by a shared
// factor, with corrections and without, and by factors of their own. The plain Go build
// takes three problems of five.
func TestSchwarz(t *testing.T) {
	t.Parallel()
	weights := []struct {
		name string
		set  func(f *frame)
	}{
		{"all observed", func(*frame) {}},
		{"2% missing", func(f *frame) { f.Mask(0.02, 9) }},
		{"30% missing", func(f *frame) { f.Mask(0.3, 9) }},
		{"patchwork", func(f *frame) { f.Patchwork(9) }},
	}
	turn, sawShared, sawOwn, approximate := 0, 0, 0, 0
	for _, name := range []string{"none", "gaussian 5x5", "comet 5x5"} {
		for _, s := range oracle.Tilings {
			for _, border := range oracle.Borders {
				for _, w := range weights {
					if quick() && (turn+turn/120)%5 > 2 { // other problems for each PSF
						turn++
						continue
					}
					f := randomFrame(2, s.Rows, s.Cols, 3)
					f.PSF = oracle.PSFs(t)[name]
					w.set(f)
					o := Options{Regulariser: forward.Gradient, Border: border, Lambda: 0.2, Tile: s.Tile, Overlap: s.Overlap}
					m := f.Dense(o.equations())
					tiles := f.AllTiles(t, s.Ranks, o.Tile, o.Overlap, o.Border)
					md := mode(turn % 3) // each mode in turn
					turn++
					want := f.explicit(m, tiles, md, border, f.Y)
					for _, single := range []bool{false, true} {
						tolerance := 1e-11
						if single {
							tolerance = 1e-4
						}
						var all [1]float64
						got := f.apply(t, s.Ranks, f.Y, func(c ranks.Comm, p *Problem, dst, src []float64) error {
							m, err := preparedOperator(c, p, &o)
							if err != nil {
								return err
							}
							local, exact, err := build(m, &o, md, single)
							if err != nil {
								return err
							}
							count := []float64{0, 0, 0}
							shared, own := local.counts()
							if !exact && own == 0 {
								count[2] = 1
							}
							count[0], count[1] = float64(shared), float64(own)
							if err := c.Allreduce(count, count, ranks.Sum); err != nil {
								return err
							}
							if c.Rank() == 0 {
								if int(count[0]+count[1]) != len(tiles) {
									t.Errorf("%g shared + %g own factors for %d tiles", count[0], count[1], len(tiles))
								}
								sawShared, sawOwn, all[0] = sawShared+int(count[0]), sawOwn+int(count[1]), count[2]
							}
							return local.Apply(dst, src)
						})
						if all[0] > 0 && f.Weights != nil {
							approximate++
							continue
						}
						if d := oracle.Largest(got, want); !(d <= tolerance) {
							t.Errorf("%s, %s, mode %d, %v, %+v, single %v: off by %.3g", name, w.name, md, border, s, single, d)
						}
					}
				}
			}
		}
	}
	t.Logf("tiles served by a shared factor: %d, by their own: %d; %d cases approximate", sawShared, sawOwn, approximate)
	if sawShared == 0 || sawOwn == 0 {
		t.Error("one of the two ways was not tested")
	}
}

// The colours add up to the whole, and each is the sum over its tiles.
func TestApplyColour(t *testing.T) {
	for _, border := range oracle.Borders {
		f := randomFrame(1, 26, 31, 4)
		f.PSF = oracle.Gaussian5(t)
		f.Mask(0.02, 4)
		o := Options{Border: border, Lambda: 0.2, Tile: 6, Overlap: 1}
		m := f.Dense(o.equations())
		const n = 3
		byColour := map[int][]tiles.Tile{}
		f.eachTile(t, n, o, func(_ ranks.Comm, tl *tiles.Tile, colour, _ int) { byColour[colour] = append(byColour[colour], *tl) })
		for colour := range len(byColour) {
			want := f.explicit(m, byColour[colour], additive, border, f.Y)
			got := f.apply(t, n, f.Y, func(c ranks.Comm, p *Problem, dst, src []float64) error {
				m, err := preparedOperator(c, p, &o)
				if err != nil {
					return err
				}
				s, err := newSchwarz[float64](context.Background(), m, &o, additive, true)
				if err != nil {
					return err
				}
				if s.Colours() != len(byColour) {
					t.Errorf("%v: %d colours, want %d", border, s.Colours(), len(byColour))
				}
				return s.ApplyColour(colour, dst, src)
			})
			if d := oracle.Largest(got, want); !(d <= 1e-11) {
				t.Errorf("%v, colour %d: off by %.3g", border, colour, d)
			}
		}
	}
}

// Corrections for pixels of less weight, zero included, make the shared inverse that
// of the tile's own matrix, whatever their number.
func TestWoodburyCorrection(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	t9 := &tiles.Tile{Owned: [2]tiles.Span{{Lo: 4, Hi: 9}, {Lo: 3, Hi: 9}}, Ext: [2]tiles.Span{{Lo: 2, Hi: 11}, {Lo: 1, Hi: 11}}}
	f := randomFrame(1, 30, 30, 5)
	f.PSF = oracle.Gaussian5(t)
	p := tiles.New(t9, []int{30, 30}, stencil.New(5, 5, f.PSF.Values), stencil.Gradient, halo.Reflect)
	m := p.Rows * p.Cols
	for _, missing := range []int{0, 1, 5, 40, len(p.Data) / 2} {
		k := &tileClass[float64]{pattern: p, before: [2]int{2, 2}, ownRows: 5, ownCols: 6, nominal: 1.5}
		if err := k.factor(0.1); err != nil {
			t.Fatal(err)
		}
		weights := make([]float64, len(p.Data))
		for i := range weights {
			weights[i] = 1.5
		}
		var pixels []int
		for _, q := range rng.Perm(len(p.Data))[:missing] {
			weights[q] = []float64{0, 1.2 * rng.Float64()}[rng.IntN(2)]
			pixels = append(pixels, q)
		}
		c, err := k.correct(pixels, func(q int) float64 { return weights[q] })
		if err != nil {
			t.Fatalf("%d pixels: %v", missing, err)
		}
		x, full, owned := oracle.Noise(rng, m), make([]float64, m), make([]float64, 30)
		linalg.Gemm(false, true, 1, m, m, 1, x, m, k.inverse, m, 0, full, m)
		linalg.Gemm(false, true, 1, 30, m, 1, x, m, k.restricted, m, 0, owned, 30)
		if missing > 0 {
			work := make([]float64, 2*missing)
			c.apply(k, full, x, work, true)
			c.apply(k, owned, x, work, false)
		}

		low := make([]float64, m*(p.Band+1))
		p.Banded(low, 0.1, func(q int) float64 { return weights[q] })
		a := mat.NewSymDense(m, nil)
		for i := range m {
			for j := max(0, i-p.Band); j <= i; j++ {
				a.SetSym(i, j, low[i*(p.Band+1)+p.Band-(i-j)])
			}
		}
		var want mat.VecDense
		if err := want.SolveVec(a, mat.NewVecDense(m, x)); err != nil {
			t.Fatal(err)
		}
		exact := want.RawVector().Data
		if d := oracle.Largest(full, exact); d > 1e-11 {
			t.Errorf("%d pixels: the whole tile is off by %.3g", missing, d)
		}
		var own []float64
		for i := range 5 {
			own = append(own, exact[(2+i)*p.Cols+2:(2+i)*p.Cols+8]...)
		}
		if d := oracle.Largest(owned, own); d > 1e-11 {
			t.Errorf("%d pixels: the owned pixels are off by %.3g", missing, d)
		}
	}
}

// The same frame through shared factors and through factors of the tiles' own.
func TestSharedAgreesWithOwn(t *testing.T) {
	f := randomFrame(1, 40, 40, 6)
	f.PSF = oracle.Gaussian5(t)
	f.Mask(0.02, 6)
	o := Options{Lambda: 0.1, Tile: 10, Overlap: 3, Border: halo.Reflect}
	for md, name := range map[mode]string{restricted: "restricted", additive: "additive", weighted: "weighted"} {
		with := func(weight float64) []float64 {
			g := *f
			g.Weights = make([]float64, len(f.Weights))
			for i, w := range f.Weights {
				// Uneven by a rounding error, so that no weight has a majority.
				g.Weights[i] = w * (1 + weight*float64(i))
			}
			return g.apply(t, 2, f.Y, func(c ranks.Comm, p *Problem, dst, src []float64) error {
				m, err := preparedOperator(c, p, &o)
				if err != nil {
					return err
				}
				s, err := newSchwarz[float64](context.Background(), m, &o, md, false)
				if err != nil {
					return err
				}
				if shared, own := s.counts(); weight == 0 && own > 0 || weight > 0 && shared > 0 {
					return fmt.Errorf("%d shared, %d own factors", shared, own)
				}
				return s.Apply(dst, src)
			})
		}
		if d := oracle.Largest(with(1e-15), with(0)); d > 1e-10 {
			t.Errorf("%s: they differ by %.3g", name, d)
		}
	}
}
