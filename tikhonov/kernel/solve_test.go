package kernel

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"gonum.org/v1/gonum/mat"

	"tessera/krylov"
	"tessera/ranks"
)

// clustered is n observations, half of them in three clusters, of a smooth function
// with noise.
func clustered(n, dim int, seed uint64) *Observations {
	o := &Observations{Dim: dim}
	for i := range n {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		y := 0.0
		for k := range dim {
			x := rng.Float64()
			if i%2 == 0 {
				x = 0.2 + 0.3*float64(i/2%3) + 0.03*rng.NormFloat64()
			}
			o.X = append(o.X, x)
			y += math.Sin(5*x + float64(k))
		}
		o.Sigma = append(o.Sigma, 0.5+rng.Float64())
		o.Y = append(o.Y, y+0.1*rng.NormFloat64())
	}
	return o
}

// part is rank r's share: every size-th observation, in an order of its own.
func (o *Observations) part(r, size int) *Observations {
	p := &Observations{Dim: o.Dim}
	lo, hi := len(o.Y)*r/size, len(o.Y)*(r+1)/size
	p.X, p.Y = o.X[lo*o.Dim:hi*o.Dim], o.Y[lo:hi]
	if o.Sigma != nil {
		p.Sigma = o.Sigma[lo:hi]
	}
	return p
}

// dense solves (K + Lambda) a = y by Cholesky.
func dense(o *Observations, k Kernel, lambda float64) (a *mat.VecDense, chol *mat.Cholesky) {
	n := len(o.Y)
	m := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			r := math.Sqrt(distance2(o.X[i*o.Dim:(i+1)*o.Dim], o.X[j*o.Dim:(j+1)*o.Dim]))
			m.SetSym(i, j, k.At(r))
		}
		s := 1.0
		if o.Sigma != nil {
			s = o.Sigma[i]
		}
		m.SetSym(i, i, 1+lambda*s*s)
	}
	chol = new(mat.Cholesky)
	if !chol.Factorize(m) {
		panic("not positive definite")
	}
	a = mat.NewVecDense(n, nil)
	if err := chol.SolveVecTo(a, mat.NewVecDense(n, o.Y)); err != nil {
		panic(err)
	}
	return a, chol
}

// fitted runs Solve on some ranks and collects the coefficients by number and the
// predictions, of which every rank asks for its share.
func fitted(t testing.TB, obs *Observations, size int, o Options, targets []float64) (a, f []float64, fits []*Fit) {
	t.Helper()
	a = make([]float64, len(obs.Y))
	m := len(targets) / obs.Dim
	f = make([]float64, m)
	fits = make([]*Fit, size)
	var mu sync.Mutex
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: size}, func(ctx context.Context, c ranks.Comm) error {
		fit, err := Solve(ctx, c, obs.part(c.Rank(), size), o)
		if err != nil {
			return err
		}
		lo, hi := m*c.Rank()/size, m*(c.Rank()+1)/size
		p, err := fit.Predict(targets[lo*obs.Dim : hi*obs.Dim])
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		copy(f[lo:hi], p)
		for i, id := range fit.Points.ID {
			a[id] = fit.Coefficients[i]
		}
		fits[c.Rank()] = fit
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return a, f, fits
}

// apart is ||a - b|| / ||b||.
func apart(a, b []float64) float64 {
	s, n := 0.0, 0.0
	for i := range b {
		s = math.Hypot(s, a[i]-b[i])
		n = math.Hypot(n, b[i])
	}
	return s / n
}

func TestFitIsTheDenseSolution(t *testing.T) {
	sizes := []int{1, 2, 3, 4, 7, 16}
	if testing.Short() {
		sizes = []int{3, 16}
	}
	for dim := 1; dim <= 3; dim++ {
		obs := clustered(300, dim, uint64(dim))
		targets := make([]float64, 0, 50*dim)
		rng := rand.New(rand.NewPCG(1, 1))
		for range 50 * dim {
			targets = append(targets, 1.4*rng.Float64()-0.2)
		}
		for _, family := range Families() {
			k := Kernel{Family: family, Width: 0.15 * math.Sqrt(float64(dim))}
			if !k.compact() {
				k.Width /= 4
			}
			lambda := 0.01
			want, _ := dense(obs, k, lambda)
			values := make([]float64, 50)
			for i := range values {
				for j := range obs.Y {
					r2 := distance2(targets[i*dim:(i+1)*dim], obs.X[j*dim:(j+1)*dim])
					values[i] += k.At(math.Sqrt(r2)) * want.AtVec(j)
				}
			}
			for _, size := range sizes {
				for _, balance := range []Balance{Never, ByCount, ByWork} {
					if testing.Short() && balance == ByWork {
						continue
					}
					a, f, fits := fitted(t, obs, size, Options{Kernel: k, Lambda: lambda, Balance: balance, Tolerance: 1e-10}, targets)
					if e := apart(a, want.RawVector().Data); e > 1e-8 {
						t.Errorf("%s, %d-D, %d ranks, balance %s: coefficients differ by %.2g after %d iterations", family, dim, size, balance, e, fits[0].Iterations)
					}
					if e := apart(f, values); e > 1e-8 {
						t.Errorf("%s, %d-D, %d ranks, balance %s: predictions differ by %.2g", family, dim, size, balance, e)
					}
					if r := fits[0].Balanced; balance == ByCount && r.E != r.Best {
						t.Errorf("E = %v, best %v", r.E, r.Best)
					}
				}
			}
		}
	}
}

// The published iteration counts: 3000 uniform points of the unit square, 8 x 8
// cells, one block each, until the true error is 1e-8.
func TestPublishedCounts(t *testing.T) {
	const n, size = 3000, 64
	obs := &Observations{Dim: 2}
	rng := rand.New(rand.NewPCG(0, 0))
	for range n {
		obs.X = append(obs.X, rng.Float64(), rng.Float64())
		obs.Y = append(obs.Y, rng.NormFloat64())
	}
	for _, c := range []struct {
		rho, lambda, overlap float64
		ras, gmres, as       int // -1: diverges
	}{
		{.08, 1e-1, -1, -1, 58, 57},
		{.08, 1e-1, .5, 7, 6, 18},
		{.08, 1e-2, .5, 7, 7, 18},
		{.08, 1e-4, .5, 7, 7, 18},
		{.08, 1e-4, 1, 5, 5, 20},
		{.2, 1e-2, .5, 8, 8, 29},
		{.2, 1e-4, .5, 8, 8, 29},
		{.2, 1e-4, 1, 7, 8, 21},
	} {
		if testing.Short() && (c.rho > .1 || c.lambda < 1e-2 && c.overlap < 1) {
			continue
		}
		o := Options{Kernel: Kernel{Family: WendlandC2, Width: c.rho}, Lambda: c.lambda, OverlapRatio: c.overlap, Block: n, Balance: Never}
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: size}, func(ctx context.Context, comm ranks.Comm) error {
			pts, err := obs.part(comm.Rank(), size).Numbered(comm)
			if err != nil {
				return err
			}
			f := &Fit{lambda: o.Lambda}
			if err := f.place(comm, pts, &o); err != nil {
				return err
			}
			if err := f.build(ctx, comm, &o); err != nil {
				return err
			}
			s := f.system
			y := make([]float64, s.Len())
			for i := range y {
				y[i] = f.Points.Attr[2*i]
			}
			exact := make([]float64, s.Len())
			if _, err := s.Solve(ctx, exact, y, krylov.Control{Tolerance: 1e-10, MaxIterations: 1000}); err != nil {
				return err
			}
			count := func(method krylov.Method) (int, error) {
				s.method = method
				x := make([]float64, s.Len())
				report, err := s.Solve(ctx, x, y, krylov.Control{Tolerance: 1e-14, Monitor: func(_ int, x []float64) (bool, error) {
					sums := make([]float64, 2)
					for i, v := range exact {
						sums[0] += sq(x[i] - v)
						sums[1] += v * v
					}
					err := comm.Allreduce(sums, sums, ranks.Sum)
					return sums[0] <= 1e-16*sums[1], err
				}})
				if report == nil {
					return 0, err
				}
				return report.Iterations, err
			}
			for _, m := range []struct {
				method krylov.Method
				want   int
			}{{krylov.RAS, c.ras}, {krylov.RASGMRES, c.gmres}, {krylov.ASCG, c.as}} {
				got, err := count(m.method)
				if comm.Rank() != 0 {
					continue
				}
				name := fmt.Sprintf("rho %v, lambda %v, overlap %v, %s", c.rho, c.lambda, c.overlap, m.method)
				t.Logf("%s: %d, published %d (%v)", name, got, m.want, err)
				slack := 2
				if c.overlap < 0 {
					slack = 8 // without overlap the points themselves show
				}
				switch {
				case m.want < 0:
					if short := new(krylov.NotConvergedError); !errors.As(err, &short) || short.Status != krylov.Diverged {
						t.Errorf("%s: %v, want divergence", name, err)
					}
				case err != nil:
					t.Errorf("%s: %v", name, err)
				case got < m.want-slack || got > m.want+slack:
					t.Errorf("%s: %d iterations, want %d", name, got, m.want)
				}
			}
			return nil
		})
		if err != nil {
			t.Errorf("rho %v, lambda %v, overlap %v: %v", c.rho, c.lambda, c.overlap, err)
		}
	}
}
