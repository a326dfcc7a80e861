package krylov

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// constants is Q = Z E^-1 Z' with Z one constant a subdomain's owned indices.
type constants struct {
	*rows
	domains []subdomain
	inverse *mat.Dense // E^-1
}

func (r *rows) constants(d []subdomain) *constants {
	e := mat.NewDense(len(d), len(d), nil)
	for i := range d {
		for j := range d {
			for _, p := range d[i].owned {
				for _, q := range d[j].owned {
					e.Set(i, j, e.At(i, j)+r.m.At(p, q))
				}
			}
		}
	}
	if err := e.Inverse(e); err != nil {
		panic(err)
	}
	return &constants{r, d, e}
}

func (c *constants) Apply(dst, src []float64) error {
	r, err := c.whole(src)
	z := make([]float64, len(r))
	for i := range c.domains {
		for j := range c.domains {
			for _, q := range c.domains[j].owned {
				for _, p := range c.domains[i].owned {
					z[p] += c.inverse.At(i, j) * r[q]
				}
			}
		}
	}
	copy(dst, z[c.lo:c.hi])
	return err
}

// A line of sparsely observed cells, correlated over 45 of them: with one level the
// iterations grow with the subdomains, with two they do not.
func TestTwoLevel(t *testing.T) {
	two := func(d []subdomain) method {
		return func(ctx context.Context, r *rows, x []float64, c Control) (*Report, error) {
			l := &Deflated{A: r, P: r.schwarz(d, false, 0), Coarse: r.constants(d)}
			b := r.b[r.lo:r.hi]
			if err := l.Start(x, b); err != nil {
				return nil, err
			}
			return ConjugateGradients(ctx, r.comm, r, l, x, b, c)
		}
	}
	var one, with []int
	for _, parts := range []int{8, 16, 32} {
		n := 16 * parts
		weights := make([]float64, n)
		for i := range weights {
			if i%20 == 3 {
				weights[i] = 1
			}
		}
		s := &system{m: chain(n, []float64{1}, weights, 100, false), b: random(rand.New(rand.NewPCG(1, 14)), n)}
		d := strips(n, parts, 2)
		exact := s.exact()
		for _, size := range []int{1, 4} {
			a, b := s.run(t, size, methods(d)["as-cg"], nil, Control{}), s.run(t, size, two(d), nil, Control{})
			for _, o := range []outcome{a, b} {
				if e := distance(o.x, exact); o.err != nil || e > 1e-7 {
					t.Errorf("%d parts: %v, error %.3g", parts, o.err, e)
				}
			}
			if size == 1 {
				one, with = append(one, a.report.Iterations), append(with, b.report.Iterations)
			}
		}
	}
	// One level: two iterations for each subdomain that information has to cross.
	if one[2] < one[1]*18/10 || with[2] > with[1]+4 || 2*with[2] > one[2] {
		t.Errorf("8, 16, 32 parts: one level %v, two levels %v iterations", one, with)
	}
}

// From its start the coarse residual Z'(b - Ax) is zero and stays so, which is what
// makes the cheap form equal to the balanced one.
func TestTwoLevelKeepsCoarseResidualZero(t *testing.T) {
	const n = 48
	s := &system{m: chain(n, gauss5(), nil, 1, false), b: random(rand.New(rand.NewPCG(2, 14)), n)}
	d := strips(n, 4, 1)
	check := func(k int, x []float64) {
		r := mat.NewVecDense(n, nil)
		r.MulVec(s.m, mat.NewVecDense(n, x))
		for _, part := range d {
			sum := 0.0
			for _, i := range part.owned {
				sum += s.b[i] - r.AtVec(i)
			}
			if math.Abs(sum) > 1e-10 {
				t.Errorf("iteration %d: coarse residual %g", k, sum)
			}
		}
	}
	o := s.run(t, 1, func(ctx context.Context, r *rows, x []float64, c Control) (*Report, error) {
		l := &Deflated{A: r, P: r.schwarz(d, false, 0), Coarse: r.constants(d)}
		if err := l.Start(x, s.b); err != nil {
			return nil, err
		}
		check(0, x)
		return ConjugateGradients(ctx, r.comm, r, l, x, s.b, c)
	}, nil, Control{Monitor: func(k int, x []float64) (bool, error) {
		check(k, x)
		return false, nil
	}})
	if o.err != nil || distance(o.x, s.exact()) > 1e-8 {
		t.Errorf("%v, error %.3g", o.err, distance(o.x, s.exact()))
	}
}

// Apply against the formula with explicit matrices.
func TestTwoLevelApply(t *testing.T) {
	s := randomSystem(rand.New(rand.NewPCG(3, 14)), 12, 50)
	d := strips(12, 3, 1)
	o := s.run(t, 3, func(_ context.Context, r *rows, x []float64, _ Control) (*Report, error) {
		l := &Deflated{A: r, P: r.schwarz(d, false, 0), Coarse: r.constants(d)}
		return &Report{}, l.Apply(x, s.b[r.lo:r.hi])
	}, nil, Control{})
	if o.err != nil {
		t.Fatal(o.err)
	}
	z := mat.NewDense(12, 3, nil)
	p := mat.NewDense(12, 12, nil)
	for k, part := range d {
		for _, i := range part.owned {
			z.Set(i, k, 1)
		}
		local := mat.NewDense(len(part.ids), len(part.ids), nil)
		for i, a := range part.ids {
			for j, b := range part.ids {
				local.Set(i, j, s.m.At(a, b))
			}
		}
		if err := local.Inverse(local); err != nil {
			t.Fatal(err)
		}
		for i, a := range part.ids {
			for j, b := range part.ids {
				p.Set(a, b, p.At(a, b)+local.At(i, j))
			}
		}
	}
	var e, q, b mat.Dense
	e.Product(z.T(), s.m, z)
	if err := e.Inverse(&e); err != nil {
		t.Fatal(err)
	}
	q.Product(z, &e, z.T())
	b.Product(&q, s.m, p)
	b.Sub(p, &b)
	b.Add(&b, &q)
	want := mat.NewVecDense(12, nil)
	want.MulVec(&b, mat.NewVecDense(12, s.b))
	if e := distance(o.x, want.RawVector().Data); e > 1e-12 {
		t.Errorf("relative difference %.3g", e)
	}
}
