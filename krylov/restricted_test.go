package krylov

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"tessera/ranks"
)

// restrictedSystem is a small M = A - H'DH, whole on every rank; rank r owns the share r
// of the elements of D that are not 0.
type restrictedSystem struct {
	a, h *mat.Dense
	b    []float64
	at   []int // the elements
	d    []float64
	fail error

	comm   ranks.Comm
	lo, hi int
	ainv   mat.Dense
	x0     *mat.VecDense
}

func newRestrictedSystem(rng *rand.Rand, n, elements int) *restrictedSystem {
	s := &restrictedSystem{a: mat.NewDense(n, n, nil), h: mat.NewDense(n, n, nil), b: random(rng, n), at: rng.Perm(n)[:elements]}
	for i := range n {
		for j := range n {
			s.h.Set(i, j, math.Exp(-math.Abs(float64(i-j))))
		}
	}
	s.a.Mul(s.h.T(), s.h)
	for i := range n {
		s.a.Set(i, i, s.a.At(i, i)+0.05)
	}
	for range elements {
		s.d = append(s.d, 0.95*rng.Float64()) // negative ones would be weights above the common one
	}
	if elements > 1 {
		s.d[0], s.d[1] = 1, -0.7
	}
	return s
}

// exact is M^-1 b.
func (s *restrictedSystem) exact() []float64 {
	n := len(s.b)
	m := mat.DenseCopyOf(s.a)
	for e, i := range s.at {
		for j := range n {
			for k := range n {
				m.Set(j, k, m.At(j, k)-s.h.At(i, j)*s.d[e]*s.h.At(i, k))
			}
		}
	}
	x := mat.NewVecDense(n, nil)
	if err := x.SolveVec(m, mat.NewVecDense(n, s.b)); err != nil {
		panic(err)
	}
	return x.RawVector().Data
}

func (s *restrictedSystem) on(comm ranks.Comm) *restrictedSystem {
	c := *s
	c.comm = comm
	c.lo, c.hi = len(s.at)*comm.Rank()/comm.Size(), len(s.at)*(comm.Rank()+1)/comm.Size()
	if err := c.ainv.Inverse(s.a); err != nil {
		panic(err)
	}
	c.x0 = mat.NewVecDense(len(s.b), nil)
	c.x0.MulVec(&c.ainv, mat.NewVecDense(len(s.b), s.b))
	return &c
}

func (s *restrictedSystem) Len() int { return s.hi - s.lo }

// solution is r = H'u and A^-1 r for the elements of all ranks.
func (s *restrictedSystem) solution(u []float64) (r, z *mat.VecDense, err error) {
	counts := make([]int, s.comm.Size())
	for k := range counts {
		counts[k] = len(s.at)*(k+1)/s.comm.Size() - len(s.at)*k/s.comm.Size()
	}
	all := make([]float64, len(s.at))
	if err := s.comm.Allgatherv(all, counts, u); err != nil {
		return nil, nil, err
	}
	full := mat.NewVecDense(len(s.b), nil)
	for e, i := range s.at {
		full.SetVec(i, all[e])
	}
	r, z = mat.NewVecDense(len(s.b), nil), mat.NewVecDense(len(s.b), nil)
	r.MulVec(s.h.T(), full)
	z.MulVec(&s.ainv, r)
	return r, z, s.fail
}

// image sets dst to H z on this rank's elements.
func (s *restrictedSystem) image(dst []float64, z *mat.VecDense) {
	h := mat.NewVecDense(len(s.b), nil)
	h.MulVec(s.h, z)
	for e, i := range s.at[s.lo:s.hi] {
		dst[e] = h.AtVec(i)
	}
}

func (s *restrictedSystem) Gram(dst, src []float64) (rr, zz float64, err error) {
	r, z, err := s.solution(src)
	if err != nil {
		return 0, 0, err
	}
	s.image(dst, z)
	p := float64(s.comm.Size())
	return mat.Dot(r, r) / p, mat.Dot(z, z) / p, nil
}

func (s *restrictedSystem) Norms() (h, z float64) {
	var product mat.Dense
	product.Mul(&s.ainv, s.h.T())
	return mat.Norm(s.h, 2), mat.Norm(&product, 2) // of Frobenius, which is not less
}

func (s *restrictedSystem) Image(dst, u []float64) (xx float64, err error) {
	_, z, err := s.solution(u)
	if err != nil {
		return 0, err
	}
	z.AddVec(z, s.x0)
	s.image(dst, z)
	return mat.Dot(z, z) / float64(s.comm.Size()), nil
}

// solve returns x, the same on every rank.
func (s *restrictedSystem) solve(ctx context.Context, comm ranks.Comm, start float64, c Control) ([]float64, *Report, error) {
	a := s.on(comm)
	u := make([]float64, a.Len())
	for i := range u {
		u[i] = start
	}
	bb := 0.0
	for _, v := range s.b {
		bb += v * v
	}
	report, err := RestrictedCG(ctx, comm, a, s.d[a.lo:a.hi], u, math.Sqrt(bb), c)
	if report == nil {
		return nil, nil, err
	}
	_, z, e := a.solution(u)
	if e != nil {
		return nil, nil, e
	}
	z.AddVec(z, a.x0)
	return z.RawVector().Data, report, err
}

// Any elements, any start, any number of ranks: the solution, in at most as many
// iterations as D has elements, and an error below its bound.
func TestRestrictedCG(t *testing.T) {
	for _, elements := range []int{0, 1, 2, 7, 30} {
		s := newRestrictedSystem(rand.New(rand.NewPCG(1, uint64(elements))), 30, elements)
		want := s.exact()
		for _, n := range []int{1, 2, 3, 4, 7} {
			for _, start := range []float64{0, 2} {
				for _, least := range []float64{0, 0.01} { // M is at least a tenth of lambda here: a true bound
					err := ranks.Launch(t.Context(), ranks.Options{Ranks: n}, func(ctx context.Context, comm ranks.Comm) error {
						x, report, err := s.solve(ctx, comm, start, Control{Tolerance: 1e-9, LambdaMin: least})
						if err != nil {
							return err
						}
						e, norm := 0.0, 0.0
						for i := range x {
							e += (x[i] - want[i]) * (x[i] - want[i])
							norm += want[i] * want[i]
						}
						if e = math.Sqrt(e / norm); e > max(report.ErrorBound, 1e-14) || report.ErrorBound > 1e-9 || report.Status != Converged || report.Certified != (least > 0) {
							t.Errorf("%d elements, %d ranks, start %g, bound %g: error %.2g, bound %.2g, %s, certified %v", elements, n, start, least, e, report.ErrorBound, report.Status, report.Certified)
						}
						if report.Iterations > elements+3 {
							t.Errorf("%d elements, %d ranks: %d iterations", elements, n, report.Iterations)
						}
						return nil
					})
					if err != nil {
						t.Errorf("%d elements, %d ranks: %v", elements, n, err)
					}
				}
			}
		}
	}
}

// What stops the iteration early is said: its limit, a tolerance below rounding, an error of the
// system, wrong lengths on one rank.
func TestRestrictedCGStops(t *testing.T) {
	s := newRestrictedSystem(rand.New(rand.NewPCG(3, 4)), 30, 20)
	for _, n := range []int{1, 3} {
		for name, c := range map[string]struct {
			control Control
			want    Status
		}{
			"limit":     {Control{MaxIterations: 2}, IterationLimit},
			"rounding":  {Control{Tolerance: 1e-12, Inverse: 1e6}, Stagnated}, // at least 4e-10
			"tolerance": {Control{Tolerance: 1e-300, MaxIterations: 500}, Stagnated},
		} {
			err := ranks.Launch(t.Context(), ranks.Options{Ranks: n}, func(ctx context.Context, comm ranks.Comm) error {
				_, report, err := s.solve(ctx, comm, 0, c.control)
				var short *NotConvergedError
				if !errors.As(err, &short) || report.Status != c.want || report.ErrorBound <= c.control.Tolerance {
					t.Errorf("%s, %d ranks: %v, %s", name, n, err, report.Status)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
		broken := *s
		broken.fail = errors.New("no transform")
		for name, f := range map[string]func(ctx context.Context, comm ranks.Comm) error{
			"error": func(ctx context.Context, comm ranks.Comm) error {
				_, _, err := broken.solve(ctx, comm, 0, Control{})
				return err
			},
			"length": func(ctx context.Context, comm ranks.Comm) error {
				a := s.on(comm)
				u := make([]float64, a.Len()+1-min(comm.Rank(), 1))
				_, err := RestrictedCG(ctx, comm, a, s.d[a.lo:a.hi], u, 1, Control{})
				return err
			},
		} {
			errs := make([]error, n)
			err := ranks.Launch(t.Context(), ranks.Options{Ranks: n, Sync: true}, func(ctx context.Context, comm ranks.Comm) error {
				errs[comm.Rank()] = f(ctx, comm)
				return nil
			})
			if err != nil {
				t.Errorf("%s, %d ranks: %v", name, n, err)
			}
			for r, e := range errs {
				if e == nil {
					t.Errorf("%s, %d ranks: rank %d has no error", name, n, r)
				}
			}
		}
	}
}
