package kernel

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"gonum.org/v1/gonum/mat"

	"tessera/krylov"
	"tessera/loadbalance"
	"tessera/ranks"
)

// slope is the kernel's derivative over r.
func TestSlopes(t *testing.T) {
	for _, family := range Families() {
		k := Kernel{Family: family, Width: 0.7}
		p := k.profile()
		for _, r := range []float64{0.01, 0.1, 0.3, 0.5, 0.69} {
			const h = 1e-6
			want := (k.At(r+h) - k.At(r-h)) / (2 * h)
			if got := p.slope(r*r) * r; math.Abs(got-want) > 1e-7*(1+math.Abs(want)) {
				t.Errorf("%s: k'(%v) = %v, want %v", family, r, got, want)
			}
		}
		if k.At(0) != 1 {
			t.Errorf("%s: k(0) = %v", family, k.At(0))
		}
		if r := k.Radius(); k.compact() && k.At(r) != 0 || !k.compact() && math.Abs(k.At(r)-1e-12) > 1e-14 {
			t.Errorf("%s: k(%v) = %v at its radius", family, r, k.At(r))
		}
	}
}

func TestCellsFindAllNeighbours(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 0))
	for dim := 1; dim <= 3; dim++ {
		for _, distance := range []float64{1e-6, 0.05, 0.3, 9} {
			x := make([]float64, 120*dim)
			for i := range x {
				x[i] = math.Floor(40*rng.Float64()) / 20
			}
			c := newCells(dim, x, distance)
			for range 30 {
				lo, hi := make([]float64, dim), make([]float64, dim)
				for k := range dim {
					lo[k] = 4*rng.Float64() - 1
					hi[k] = lo[k] + rng.Float64()*float64(rng.IntN(2))
				}
				found := map[int32]bool{}
				for _, i := range c.within(lo, hi, distance) {
					if found[i] {
						t.Fatalf("point %d is listed twice", i)
					}
					found[i] = true
				}
				for i := range 120 {
					if near := boxDistance2(lo, hi, x[i*dim:(i+1)*dim]) <= distance*distance; near != found[int32(i)] {
						t.Fatalf("%d-D, distance %v: point %v and box %v, %v: found %v", dim, distance, x[i*dim:(i+1)*dim], lo, hi, found[int32(i)])
					}
				}
			}
		}
	}
}

// The system with scales against the dense one: A x, the solution, f and its
// gradient, on any number of ranks and for every method.
func TestSystemIsTheDenseOne(t *testing.T) {
	const n, m = 150, 2
	for dim := 1; dim <= 3; dim++ {
		obs := clustered(n, dim, 9)
		scale, diagonal, v := make([]float64, n*m), make([]float64, n), make([]float64, n)
		rng := rand.New(rand.NewPCG(3, 0))
		for i := range n {
			scale[2*i], scale[2*i+1] = rng.NormFloat64(), rng.NormFloat64()
			diagonal[i], v[i] = 0.1+rng.Float64(), rng.NormFloat64()
		}
		k := Kernel{Family: WendlandC2, Width: 0.5}
		a := mat.NewSymDense(n, nil)
		for i := range n {
			for j := range i + 1 {
				r := math.Sqrt(distance2(obs.X[i*dim:(i+1)*dim], obs.X[j*dim:(j+1)*dim]))
				a.SetSym(i, j, k.At(r)*(scale[2*i]*scale[2*j]+scale[2*i+1]*scale[2*j+1]))
			}
			a.SetSym(i, i, a.At(i, i)+diagonal[i])
		}
		var av, solution mat.VecDense
		av.MulVec(a, mat.NewVecDense(n, v))
		var chol mat.Cholesky
		if !chol.Factorize(a) {
			t.Fatal("not positive definite")
		}
		if err := chol.SolveVecTo(&solution, mat.NewVecDense(n, v)); err != nil {
			t.Fatal(err)
		}
		target := make([]float64, dim)
		f, df := 0.0, make([]float64, dim)
		for k := range target {
			target[k] = 0.45 + 0.1*float64(k)
		}
		for j := range n {
			d2 := distance2(target, obs.X[j*dim:(j+1)*dim])
			f += v[j] * k.At(math.Sqrt(d2))
			p := k.profile()
			for e := range dim {
				df[e] += v[j] * p.slope(d2) * (target[e] - obs.X[j*dim+e])
			}
		}
		for _, size := range []int{1, 2, 3, 4, 7} {
			for _, method := range []krylov.Method{krylov.RASGMRES, krylov.ASCG, krylov.CG} {
				product, x := make([]float64, n), make([]float64, n)
				var mu sync.Mutex
				err := ranks.Launch(context.Background(), ranks.Options{Ranks: size}, func(ctx context.Context, c ranks.Comm) error {
					pts, err := obs.part(c.Rank(), size).Numbered(c)
					if err != nil {
						return err
					}
					part, err := loadbalance.Strips(make([]float64, dim), []float64{1, 1, 1}[:dim], size)
					if err != nil {
						return err
					}
					if pts, err = loadbalance.Distribute(c, part, pts); err != nil {
						return err
					}
					o := SystemOptions{Kernel: k, Scales: m, Scale: []float64{}, Block: 30, Method: method}
					var mine []float64
					for _, id := range pts.ID {
						o.Scale = append(o.Scale, scale[2*id], scale[2*id+1])
						o.Diagonal = append(o.Diagonal, diagonal[id])
						mine = append(mine, v[id])
					}
					s, err := NewSystem(ctx, c, part, pts, o)
					if err != nil {
						return err
					}
					dst, y := make([]float64, s.Len()), make([]float64, s.Len())
					if err := s.Apply(dst, mine); err != nil {
						return err
					}
					if _, err := s.Solve(ctx, y, mine, krylov.Control{Tolerance: 1e-10}); err != nil {
						return err
					}
					got, slope, err := s.Evaluate(target, mine, true)
					if err != nil {
						return err
					}
					if math.Abs(got[0]-f) > 1e-12 || apart(slope, df) > 1e-12 {
						t.Errorf("%d-D, %d ranks: f = %v, gradient %v; want %v, %v", dim, size, got, slope, f, df)
					}
					mu.Lock()
					defer mu.Unlock()
					for i, id := range pts.ID {
						product[id], x[id] = dst[i], y[i]
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if e := apart(product, av.RawVector().Data); e > 1e-13 {
					t.Errorf("%d-D, %d ranks: A x differs by %.2g", dim, size, e)
				}
				if e := apart(x, solution.RawVector().Data); e > 1e-9 {
					t.Errorf("%d-D, %d ranks, %s: the solution differs by %.2g", dim, size, method, e)
				}
			}
		}
	}
}

// The variance of the blocks is never below the exact one, and within a few per
// cent of k(0) of it.
func TestVariance(t *testing.T) {
	const lambda = 0.05
	obs := clustered(400, 2, 4)
	k := Kernel{Family: Matern32, Width: 0.05, Truncate: 1e-9}
	_, chol := dense(obs, k, lambda)
	var targets []float64
	rng := rand.New(rand.NewPCG(5, 0))
	for range 80 {
		targets = append(targets, 1.2*rng.Float64()-0.1, 1.2*rng.Float64()-0.1)
	}
	exact := make([]float64, 80)
	for i := range exact {
		kx := mat.NewVecDense(400, nil)
		for j := range 400 {
			kx.SetVec(j, k.At(math.Sqrt(distance2(targets[2*i:2*i+2], obs.X[2*j:2*j+2]))))
		}
		var z mat.VecDense
		if err := chol.SolveVecTo(&z, kx); err != nil {
			t.Fatal(err)
		}
		exact[i] = (1 - mat.Dot(kx, &z)) / lambda
	}
	for _, size := range []int{1, 4, 7} {
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: size}, func(ctx context.Context, c ranks.Comm) error {
			f, err := Solve(ctx, c, obs.part(c.Rank(), size), Options{Kernel: k, Lambda: lambda, Block: 40})
			if err != nil {
				return err
			}
			v, err := f.Variance(targets)
			if err != nil {
				return err
			}
			for i := range v {
				if over := (v[i] - exact[i]) * lambda; over < -1e-5 || over > 0.03 {
					t.Errorf("%d ranks: variance %v at %v, exact %v", size, v[i], targets[2*i:2*i+2], exact[i])
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestSolveRefuses(t *testing.T) {
	good := func() *Observations {
		return &Observations{Dim: 2, X: []float64{0, 0, 1, 1, 2, 0}, Y: []float64{1, 2, 3}, Sigma: []float64{1, 1, 1}}
	}
	k := Kernel{Family: WendlandC2, Width: 1}
	for name, c := range map[string]struct {
		change func(*Observations, *Options)
		want   string
	}{
		"coordinate": {func(o *Observations, _ *Options) { o.X[3] = math.NaN() }, "rank 1: kernel: observation 4: coordinate 1 is NaN"},
		"value":      {func(o *Observations, _ *Options) { o.Y[2] = math.Inf(1) }, "observation 5: value +Inf"},
		"sigma":      {func(o *Observations, _ *Options) { o.Sigma[0] = 0 }, "observation 3: sigma 0"},
		"dimension":  {func(o *Observations, _ *Options) { o.Dim, o.X = 1, o.X[:3] }, "the dimensions of rank 1"},
		"lambda":     {func(_ *Observations, o *Options) { o.Lambda = 0 }, "lambda 0"},
		"width":      {func(_ *Observations, o *Options) { o.Kernel.Width = -1 }, "width -1"},
		"family":     {func(_ *Observations, o *Options) { o.Kernel.Family = "cubic" }, `unknown family "cubic"`},
		"balance":    {func(_ *Observations, o *Options) { o.Balance = "luck" }, `unknown balance "luck"`},
		"truncation": {func(_ *Observations, o *Options) { o.Kernel = Kernel{Gaussian, 1, 0.1} }, "want less than 0.002"},
	} {
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
			obs, o := good(), Options{Kernel: k, Lambda: 0.01}
			obs.X[0] += float64(comm.Rank())
			if comm.Rank() == 1 || name == "lambda" || name == "width" || name == "family" || name == "balance" || name == "truncation" {
				c.change(obs, &o)
			}
			_, err := Solve(ctx, comm, obs, o)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want ... %s", name, err, c.want)
		}
	}
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
		_, err := Solve(ctx, comm, &Observations{Dim: 2}, Options{Kernel: k, Lambda: 1})
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "no observations") {
		t.Errorf("nothing at all: %v", err)
	}
}

// Cancelling one rank ends all; ByTime balances by the clock and fits the same.
func TestCancelAndTime(t *testing.T) {
	obs := clustered(500, 2, 1)
	k := Kernel{Family: WendlandC2, Width: 0.2}
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 3}, func(ctx context.Context, c ranks.Comm) error {
		if c.Rank() == 1 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithCancel(ctx)
			cancel()
		}
		_, err := Solve(ctx, c, obs.part(c.Rank(), 3), Options{Kernel: k, Lambda: 0.01})
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	want, _, _ := fitted(t, obs, 1, Options{Kernel: k, Lambda: 0.01, Tolerance: 1e-10}, nil)
	got, _, fits := fitted(t, obs, 3, Options{Kernel: k, Lambda: 0.01, Tolerance: 1e-10, Balance: ByTime}, nil)
	if e := apart(got, want); e > 1e-8 || fits[0].Balanced == nil {
		t.Errorf("balanced by time: coefficients differ by %.2g", e)
	}
}

// Clusters far narrower than the support, with all observations within each other's
// reach, keep their blocks within bounds and converge.
func TestDenseCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("several seconds")
	}
	o := &Observations{Dim: 2}
	rng := rand.New(rand.NewPCG(6, 0))
	for range 4000 {
		o.X = append(o.X, 0.01*rng.NormFloat64(), 0.01*rng.NormFloat64())
		o.Y = append(o.Y, rng.NormFloat64())
	}
	_, _, fits := fitted(t, o, 2, Options{Kernel: Kernel{Family: WendlandC2, Width: 1}, Lambda: 0.1}, nil)
	if f := fits[0]; f.Largest > largestBlock || f.Iterations > 40 {
		t.Errorf("largest block %d, %d iterations", f.Largest, f.Iterations)
	}
}

// Neighbours among points of more than three coordinates are those that a search over all finds.
func TestCellsOfManyCoordinates(t *testing.T) {
	for dim := 1; dim <= loadbalance.MostAxes; dim++ {
		const n = 300
		r := rand.New(rand.NewPCG(1, uint64(dim)))
		x := make([]float64, n*dim)
		for i := range x {
			x[i] = r.Float64()
		}
		c := newCells(dim, x, 0.3)
		for i := range n {
			p := x[i*dim : (i+1)*dim]
			var want []int32
			for j := range n {
				if distance2(p, x[j*dim:(j+1)*dim]) <= 0.3*0.3 {
					want = append(want, int32(j))
				}
			}
			got := c.within(p, p, 0.3)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Fatalf("%d coordinates, point %d: neighbours %v, want %v", dim, i, got, want)
			}
		}
	}
}

// Wendland's kernels are refused where they are not positive definite.
func TestDimensionsOfFamilies(t *testing.T) {
	for _, f := range Families() {
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(ctx context.Context, comm ranks.Comm) error {
			obs := &Observations{Dim: 4, X: []float64{0, 0, 0, 0, 1, 0, 0, 1, 0, 1, 1, 0}, Y: []float64{1, 2, 3}}
			_, err := Solve(ctx, comm, obs, Options{Kernel: Kernel{Family: f, Width: 1}, Lambda: 0.1})
			return err
		})
		if refused := err != nil; refused != (f.Dimensions() == 3) || refused && !strings.Contains(err.Error(), "4 dimensions, want 3 at most") {
			t.Errorf("%s in 4 dimensions: %v", f, err)
		}
	}
}
