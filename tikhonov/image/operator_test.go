package image

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/floats"

	"tessera/forward"
	"tessera/halo"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/oracle"
)

// shapes of small frames: square and not, thin, smaller than a kernel's reach; and
// on how many ranks.
var smallFrames = []struct{ rows, cols, ranks int }{
	{12, 14, 1}, {12, 14, 4}, {13, 17, 7}, {5, 9, 1}, {5, 9, 3}, {1, 23, 3}, {23, 1, 4}, {40, 44, 4},
}

// preparedOperator is M, ready to apply.
func preparedOperator(c ranks.Comm, p *Problem, o *Options) (*operator, error) {
	m := newOperator(c, p, o)
	return m, m.prepare()
}

// apply runs f on every rank's part of a and returns the whole result.
func (f *frame) apply(t *testing.T, n int, a []float64, body func(c ranks.Comm, p *Problem, dst, src []float64) error) []float64 {
	t.Helper()
	var whole []float64
	err := f.launch(n, func(_ context.Context, c ranks.Comm, p *Problem) error {
		src, err := p.Frame.ScatterFrom(c, 0, a, f.Channels)
		if err != nil {
			return err
		}
		dst := make([]float64, len(src))
		if err := body(c, p, dst, src); err != nil {
			return err
		}
		full, err := p.Frame.GatherTo(c, 0, dst, f.Channels)
		if c.Rank() == 0 {
			whole = full
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return whole
}

// Blur against H from its definition, and <H x, y> = <x, H'y>.
func TestBlur(t *testing.T) {
	t.Parallel()
	for name, k := range oracle.PSFs(t) {
		for _, s := range smallFrames {
			for _, border := range oracle.Borders {
				f := randomFrame(2, s.rows, s.cols, 1)
				f.PSF = k
				what := fmt.Sprintf("%s, %d x %d, %v, %d ranks", name, s.rows, s.cols, border, s.ranks)
				x, y := f.Y, oracle.Noise(rand.New(rand.NewPCG(1, 3)), len(f.Y))
				hx := f.apply(t, s.ranks, x, func(c ranks.Comm, p *Problem, dst, src []float64) error {
					b, err := forward.NewBlur(c, p.Frame, 2, k, border)
					if err != nil {
						return err
					}
					if err := b.Apply(dst, src); err != nil {
						return err
					}
					b.Release() // and again, from nothing
					return b.Apply(dst, src)
				})
				hy := f.apply(t, s.ranks, y, func(c ranks.Comm, p *Problem, dst, src []float64) error {
					b, err := forward.NewBlur(c, p.Frame, 2, k, border)
					if err != nil {
						return err
					}
					if err := b.Adjoint(dst, src); err != nil {
						return err
					}
					return b.Adjoint(dst, src)
				})
				h, n := f.BlurRows(border), s.rows*s.cols
				if want := append(oracle.Multiply(h, x[:n]), oracle.Multiply(h, x[n:])...); oracle.Largest(hx, want) > 1e-13 {
					t.Errorf("%s: H x is off by %.3g", what, oracle.Largest(hx, want))
				}
				a, b := floats.Dot(hx, y), floats.Dot(x, hy)
				if scale := floats.Norm(x, 2) * floats.Norm(y, 2); math.Abs(a-b) > 1e-13*scale {
					t.Errorf("%s: <Hx, y> = %.15g, <x, H'y> = %.15g", what, a, b)
				}
			}
		}
	}
}

// M against its definition: every kernel, regulariser, border and a weight map, on
// frames small and thin.
func TestOperator(t *testing.T) {
	t.Parallel()
	for name, k := range oracle.PSFs(t) {
		for _, s := range smallFrames {
			for _, border := range oracle.Borders {
				f := randomFrame(2, s.rows, s.cols, 2)
				f.PSF = k
				h, n := f.BlurRows(border), s.rows*s.cols
				for _, weighted := range []bool{false, true} {
					f.Weights = nil
					if weighted {
						f.Patchwork(3)
					}
					for _, q := range oracle.Regularisers {
						o := Options{Regulariser: q, Border: border, Lambda: 0.3}
						what := fmt.Sprintf("%s, %s, %d x %d, %v, weights %v, %d ranks", name, q, s.rows, s.cols, border, weighted, s.ranks)
						got := f.apply(t, s.ranks, f.Y, func(c ranks.Comm, p *Problem, dst, src []float64) error {
							m, err := preparedOperator(c, p, &o)
							if err != nil {
								return err
							}
							return m.Apply(dst, src)
						})
						pen := f.PenaltyRows(q, border)
						var want []float64
						for c := range 2 {
							x := f.Y[c*n : (c+1)*n]
							hx := oracle.Multiply(h, x)
							for i := range hx {
								hx[i] *= f.Weight(i)
							}
							v := oracle.Transposed(h, hx, n)
							floats.AddScaled(v, o.Lambda, oracle.Transposed(pen, oracle.Multiply(pen, x), n))
							want = append(want, v...)
						}
						if d := oracle.Largest(got, want); !(d <= 1e-13) {
							t.Errorf("%s: M x is off by %.3g", what, d)
						}
					}
				}
			}
		}
	}
}

// A rank may leave out its weights where all are one, though its neighbours do not.
func TestWeightsLeftOut(t *testing.T) {
	for _, border := range oracle.Borders {
		f := randomFrame(1, 20, 20, 5)
		f.PSF = oracle.Gaussian5(t)
		f.Weights = make([]float64, 400)
		for i := range f.Weights {
			f.Weights[i] = 1
		}
		f.Weights[3] = 0 // rank 0's
		o := Options{Border: border, Lambda: 0.1, Overlap: 2, Tile: 5, Tolerance: 1e-10}
		solve := func(leave bool) []float64 {
			return f.apply(t, 4, f.Y, func(c ranks.Comm, p *Problem, dst, _ []float64) error {
				if leave && c.Rank() != 0 {
					p.Weights = nil
				}
				r, err := Solve(context.Background(), c, p, o)
				if err == nil {
					copy(dst, r.Solution)
				}
				return err
			})
		}
		if d := oracle.Largest(solve(true), solve(false)); d > 1e-9 {
			t.Errorf("%v: solutions differ by %.3g", border, d)
		}
	}
}

// b = H'W y and J, also where missing pixels hold values that must have no effect.
func TestRightHandSideAndObjective(t *testing.T) {
	for name, k := range oracle.PSFs(t) {
		for _, border := range oracle.Borders {
			f := randomFrame(2, 22, 23, 6)
			f.PSF = k
			f.Patchwork(6)
			for i := range f.Y {
				if f.Weight(i%(22*23)) == 0 {
					f.Y[i] = math.NaN()
				}
			}
			want := f.RHS(border)
			w := oracle.Noise(rand.New(rand.NewPCG(2, 3)), len(f.Y))
			for _, q := range oracle.Regularisers {
				o := Options{Border: border, Regulariser: q, Lambda: 0.7}
				misfit, penalty := f.Objective(o.equations(), w)
				b := f.apply(t, 4, w, func(c ranks.Comm, p *Problem, dst, src []float64) error {
					m, err := preparedOperator(c, p, &o)
					if err != nil {
						return err
					}
					b, err := m.RightSide(p.Data)
					if err != nil {
						return err
					}
					copy(dst, b)
					fit, pen, err := m.Objective(src, p.Data)
					if math.Abs(fit-misfit) > 1e-11*misfit || math.Abs(pen-penalty) > 1e-11*penalty {
						t.Errorf("%s, %v, %s, rank %d: J = %.12g + %.12g, want %.12g + %.12g", name, border, q, c.Rank(), fit, pen, misfit, penalty)
					}
					return err
				})
				if d := oracle.Largest(b, want); !(d <= 1e-13) {
					t.Errorf("%s, %v: b is off by %.3g", name, border, d)
				}
			}
		}
	}
}

func TestBlurShapes(t *testing.T) {
	f := randomFrame(1, 8, 8, 7)
	err := f.launch(1, func(_ context.Context, c ranks.Comm, p *Problem) error {
		b, err := forward.NewBlur(c, p.Frame, 1, oracle.Gaussian5(t), halo.Zero)
		if err != nil {
			return err
		}
		for _, call := range []func(dst, src []float64) error{b.Apply, b.Adjoint} {
			if call(make([]float64, 63), make([]float64, 64)) == nil || call(make([]float64, 64), make([]float64, 65)) == nil {
				t.Error("arrays of the wrong size pass")
			}
		}
		if _, err := forward.NewBlur(c, p.Frame, 1, forward.PSF{Rows: 2, Cols: 1, Values: []float64{1, 1}}, halo.Zero); err == nil {
			t.Error("an even kernel passes")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
