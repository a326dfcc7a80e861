package krylov

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"tessera/ranks"
)

// system is a small problem M x = b that every rank holds whole: the naive oracle
// of this package. Rank r owns the contiguous share r of the unknowns.
type system struct {
	m *mat.SymDense
	b []float64
}

func (s *system) n() int { return len(s.b) }

// exact is M^-1 b by dense Cholesky.
func (s *system) exact() []float64 {
	var c mat.Cholesky
	if !c.Factorize(s.m) {
		panic("test matrix is not positive definite")
	}
	x := mat.NewVecDense(s.n(), nil)
	if err := c.SolveVecTo(x, mat.NewVecDense(s.n(), s.b)); err != nil {
		panic(err)
	}
	return x.RawVector().Data
}

// objective is x'Mx - 2 b'x, which differs from J by a constant.
func (s *system) objective(x []float64) float64 {
	v := mat.NewVecDense(len(x), x)
	return mat.Inner(v, s.m, v) - 2*mat.Dot(mat.NewVecDense(len(x), s.b), v)
}

// extremes are the ends of the spectrum of M.
func (s *system) extremes() (least, largest float64) {
	var e mat.EigenSym
	if !e.Factorize(s.m, false) {
		panic("no eigenvalues")
	}
	v := e.Values(nil)
	return v[0], v[len(v)-1]
}

// rows is one rank's part of a system: an Operator.
type rows struct {
	*system
	comm   ranks.Comm
	counts []int
	lo, hi int
}

func (s *system) on(comm ranks.Comm) *rows {
	r := &rows{system: s, comm: comm}
	for rank, at := 0, 0; rank < comm.Size(); rank++ {
		next := s.n() * (rank + 1) / comm.Size()
		if rank == comm.Rank() {
			r.lo, r.hi = at, next
		}
		r.counts = append(r.counts, next-at)
		at = next
	}
	return r
}

func (r *rows) Len() int { return r.hi - r.lo }

func (r *rows) whole(part []float64) ([]float64, error) {
	all := make([]float64, r.n())
	err := r.comm.Allgatherv(all, r.counts, part)
	return all, err
}

func (r *rows) Apply(dst, src []float64) error {
	x, err := r.whole(src)
	for i := range dst {
		dst[i] = 0
		for j, v := range x {
			dst[i] += r.m.At(r.lo+i, j) * v
		}
	}
	return err
}

// subdomain is an index set of which some indices are its own.
type subdomain struct{ ids, owned []int }

// span is lo, lo+1, ..., hi-1.
func span(lo, hi int) []int {
	var s []int
	for i := lo; i < hi; i++ {
		s = append(s, i)
	}
	return s
}

// strips cuts n unknowns into parts with an overlap on either side.
func strips(n, parts, overlap int) []subdomain {
	var d []subdomain
	for p := range parts {
		lo, hi := n*p/parts, n*(p+1)/parts
		d = append(d, subdomain{span(max(0, lo-overlap), min(n, hi+overlap)), span(lo, hi)})
	}
	return d
}

// schwarz is sum_i R_i' D_i (M_i + mu E_i)^-1 R_i on subdomains of a system, E_i one
// on the overlap; D_i = I, or owned indices only. Each subdomain is a colour of its
// own. Every rank computes all of it.
type schwarz struct {
	*rows
	restricted bool
	domains    []subdomain
	inverse    []*mat.Dense
}

func (r *rows) schwarz(domains []subdomain, restricted bool, mu float64) *schwarz {
	s := &schwarz{rows: r, restricted: restricted, domains: domains}
	covers := map[int]int{}
	for _, d := range domains {
		for _, i := range d.ids {
			covers[i]++
		}
	}
	for _, d := range domains {
		a := mat.NewDense(len(d.ids), len(d.ids), nil)
		for i, p := range d.ids {
			for j, q := range d.ids {
				a.Set(i, j, r.m.At(p, q))
			}
			if covers[p] > 1 {
				a.Set(i, i, a.At(i, i)+mu)
			}
		}
		if err := a.Inverse(a); err != nil {
			panic(err)
		}
		s.inverse = append(s.inverse, a)
	}
	return s
}

func (s *schwarz) Colours() int { return len(s.domains) }

func (s *schwarz) ApplyColour(colour int, dst, src []float64) error {
	return s.sum(dst, src, colour, colour+1)
}

func (s *schwarz) Apply(dst, src []float64) error { return s.sum(dst, src, 0, len(s.domains)) }

func (s *schwarz) sum(dst, src []float64, first, last int) error {
	r, err := s.whole(src)
	z := make([]float64, len(r))
	for k, d := range s.domains[first:last] {
		own := map[int]bool{}
		for _, i := range d.owned {
			own[i] = true
		}
		for i, p := range d.ids {
			if s.restricted && !own[p] {
				continue
			}
			for j, q := range d.ids {
				z[p] += s.inverse[first+k].At(i, j) * r[q]
			}
		}
	}
	copy(dst, z[s.lo:s.hi])
	return err
}

// method is a way to call the package on a system; apart from that it is what
// every rank does.
type method func(ctx context.Context, r *rows, x []float64, c Control) (*Report, error)

func methods(d []subdomain) map[string]method {
	return map[string]method{
		"ras-gmres": func(ctx context.Context, r *rows, x []float64, c Control) (*Report, error) {
			return GMRES(ctx, r.comm, r, r.schwarz(d, true, 0), x, r.b[r.lo:r.hi], c)
		},
		"as-cg": func(ctx context.Context, r *rows, x []float64, c Control) (*Report, error) {
			return ConjugateGradients(ctx, r.comm, r, r.schwarz(d, false, 0), x, r.b[r.lo:r.hi], c)
		},
		"cg": func(ctx context.Context, r *rows, x []float64, c Control) (*Report, error) {
			return ConjugateGradients(ctx, r.comm, r, nil, x, r.b[r.lo:r.hi], c)
		},
		"ras": func(ctx context.Context, r *rows, x []float64, c Control) (*Report, error) {
			return Stationary(ctx, r.comm, r, r.schwarz(d, true, 0), x, r.b[r.lo:r.hi], c)
		},
		"mult": func(ctx context.Context, r *rows, x []float64, c Control) (*Report, error) {
			return Multiplicative(ctx, r.comm, r, r.schwarz(d, false, 0), x, r.b[r.lo:r.hi], c)
		},
	}
}

// outcome is what one rank got.
type outcome struct {
	x      []float64 // whole
	report *Report
	err    error
}

// run calls a method on so many in-process ranks from the start x0 (nil: zero). It
// fails the test if the ranks disagree.
func (s *system) run(t testing.TB, size int, f method, x0 []float64, c Control) outcome {
	t.Helper()
	all := make([]outcome, size)
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: size}, func(ctx context.Context, comm ranks.Comm) error {
		r := s.on(comm)
		x := make([]float64, r.Len())
		if x0 != nil {
			copy(x, x0[r.lo:r.hi])
		}
		cc := c
		if c.Monitor != nil {
			cc.Monitor = func(k int, x []float64) (bool, error) {
				w, err := r.whole(x)
				if err != nil {
					return false, err
				}
				stop := []float64{0}
				if comm.Rank() == 0 { // one call, so that a test may keep what it sees
					ok, err := c.Monitor(k, w)
					if err != nil {
						return false, err
					}
					if ok {
						stop[0] = 1
					}
				}
				err = comm.Bcast(stop, 0)
				return stop[0] > 0, err
			}
		}
		report, err := f(ctx, r, x, cc)
		w, gerr := r.whole(x)
		all[comm.Rank()] = outcome{w, report, err}
		return gerr
	})
	if err != nil {
		t.Fatal(err)
	}
	for rank, o := range all {
		if fmt.Sprint(o.err) != fmt.Sprint(all[0].err) || fmt.Sprint(o.report) != fmt.Sprint(all[0].report) {
			t.Fatalf("rank %d reports %+v, %v\nrank 0 reports %+v, %v", rank, o.report, o.err, all[0].report, all[0].err)
		}
	}
	return all[0]
}

// chain is H'H + lambda D'D with H a blur along a line of n cells and D the first
// difference: one-dimensional Tikhonov. weights are those of the data.
func chain(n int, blur []float64, weights []float64, lambda float64, identity bool) *mat.SymDense {
	m := mat.NewSymDense(n, nil)
	r := len(blur) / 2
	for q := range n {
		w := 1.0
		if weights != nil {
			w = weights[q]
		}
		for i := max(0, q-r); i <= min(n-1, q+r); i++ {
			for j := i; j <= min(n-1, q+r); j++ {
				m.SetSym(i, j, m.At(i, j)+w*blur[q-i+r]*blur[q-j+r])
			}
		}
	}
	for i := range n {
		switch {
		case identity:
			m.SetSym(i, i, m.At(i, i)+lambda)
		case i+1 < n:
			m.SetSym(i, i, m.At(i, i)+lambda)
			m.SetSym(i+1, i+1, m.At(i+1, i+1)+lambda)
			m.SetSym(i, i+1, m.At(i, i+1)-lambda)
		}
	}
	return m
}

// gauss5 is the 5 tap Gaussian of sigma 1.
func gauss5() []float64 {
	h, sum := make([]float64, 5), 0.0
	for i := range h {
		h[i] = math.Exp(-float64((i-2)*(i-2)) / 2)
		sum += h[i]
	}
	for i := range h {
		h[i] /= sum
	}
	return h
}

// randomSystem has n unknowns and a spectrum spread evenly in the logarithm from 1
// to cond, in a random basis.
func randomSystem(rng *rand.Rand, n int, cond float64) *system {
	g := mat.NewDense(n, n, random(rng, n*n))
	var qr mat.QR
	qr.Factorize(g)
	var q mat.Dense
	qr.QTo(&q)
	m := mat.NewSymDense(n, nil)
	for k := range n {
		v := mat.Col(nil, k, &q)
		m.SymRankOne(m, math.Pow(cond, float64(k)/float64(max(1, n-1))), mat.NewVecDense(n, v))
	}
	return &system{m: m, b: random(rng, n)}
}

func random(rng *rand.Rand, n int) []float64 {
	a := make([]float64, n)
	for i := range a {
		a[i] = rng.NormFloat64()
	}
	return a
}

// distance is ||a - b|| / ||b||.
func distance(a, b []float64) float64 {
	d, n := 0.0, 0.0
	for i := range b {
		d += (a[i] - b[i]) * (a[i] - b[i])
		n += b[i] * b[i]
	}
	return math.Sqrt(d / n)
}
