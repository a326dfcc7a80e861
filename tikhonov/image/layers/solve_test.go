package layers

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"tessera/forward"
	"tessera/halo"
	"tessera/krylov"
	"tessera/ranks"
)

// convolution is H as a matrix, by its definition.
func convolution(rows, cols int, k forward.PSF, border halo.Border) *mat.Dense {
	h := mat.NewDense(rows*cols, rows*cols, nil)
	for r := range rows {
		for c := range cols {
			for i := range k.Rows {
				for j := range k.Cols {
					y, x := border.Source(r-i+k.Rows/2, rows), border.Source(c-j+k.Cols/2, cols)
					if y >= 0 && x >= 0 {
						at := y*cols + x
						h.Set(r*cols+c, at, h.At(r*cols+c, at)+k.Values[i*k.Cols+j])
					}
				}
			}
		}
	}
	return h
}

// dense is M and the solution for one channel.
func dense(rows, cols int, o Options, first, second forward.PSF, w, y []float64) (*mat.SymDense, []float64) {
	o = o.withDefaults()
	n := rows * cols
	h1, h2 := convolution(rows, cols, first, o.Border), convolution(rows, cols, second, o.Border)
	m := mat.NewDense(2*n, 2*n, nil)
	block := func(i, j int) *mat.Dense { return m.Slice(i*n, (i+1)*n, j*n, (j+1)*n).(*mat.Dense) }
	var wh, a mat.Dense
	wh.Mul(mat.NewDiagDense(n, w), h1)
	a.Mul(h1.T(), &wh)
	block(0, 0).Copy(&a)
	for i := range n {
		m.Set(i, i, m.At(i, i)+o.Lambda1+o.Coupling)
	}
	a.Reset()
	a.Scale(-o.Coupling, h2)
	block(0, 1).Copy(&a)
	block(1, 0).Copy(a.T())
	a.Reset()
	a.Mul(h2.T(), h2)
	a.Scale(o.Coupling, &a)
	for _, k := range differences(o.Regulariser) {
		q := convolution(rows, cols, k, edge(o.Border))
		var qq mat.Dense
		qq.Mul(q.T(), q)
		qq.Scale(o.Lambda2, &qq)
		a.Add(&a, &qq)
	}
	block(1, 1).Copy(&a)
	s := mat.NewSymDense(2*n, nil)
	for i := range 2 * n {
		for j := range i + 1 {
			s.SetSym(i, j, (m.At(i, j)+m.At(j, i))/2)
		}
	}
	b := mat.NewVecDense(2*n, nil)
	var wy mat.VecDense
	wy.MulElemVec(mat.NewVecDense(n, w), mat.NewVecDense(n, y))
	b.SliceVec(0, n).(*mat.VecDense).MulVec(h1.T(), &wy)
	var chol mat.Cholesky
	if !chol.Factorize(s) {
		panic("not positive definite")
	}
	x := mat.NewVecDense(2*n, nil)
	if err := chol.SolveVecTo(x, b); err != nil {
		panic(err)
	}
	return s, x.RawVector().Data
}

// frame is a frame with its data, seen whole.
type frame struct {
	rows, cols, channels int
	data, weights        []float64
}

func newFrame(rows, cols, channels int, missing float64) *frame {
	f := &frame{rows: rows, cols: cols, channels: channels}
	rng := rand.New(rand.NewPCG(1, 2))
	for range rows * cols {
		w := 1 + 0.2*rng.Float64()
		if rng.Float64() < missing {
			w = 0
		}
		f.weights = append(f.weights, w)
	}
	for i := range channels * rows * cols {
		v := rng.NormFloat64()
		if f.weights[i%(rows*cols)] == 0 {
			v = math.NaN()
		}
		f.data = append(f.data, v)
	}
	return f
}

// run solves on some ranks and gathers both layers.
func (f *frame) run(t *testing.T, size int, first, second forward.PSF, o Options, even bool) (u1, u2 []float64, r *Result) {
	t.Helper()
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: size}, func(ctx context.Context, c ranks.Comm) error {
		d, err := halo.Decompose([]int{f.rows, f.cols}, size)
		if err != nil {
			return err
		}
		p := &Problem{Channels: f.channels, Frame: d, First: first, Second: second}
		if p.Data, err = d.ScatterFrom(c, 0, f.data, f.channels); err != nil {
			return err
		}
		if !even {
			if p.Weights, err = d.ScatterFrom(c, 0, f.weights, 1); err != nil {
				return err
			}
		}
		result, err := Solve(ctx, c, p, o)
		if err != nil {
			return err
		}
		a, err := d.GatherTo(c, 0, result.First, f.channels)
		if err != nil {
			return err
		}
		b, err := d.GatherTo(c, 0, result.Second, f.channels)
		if c.Rank() == 0 {
			u1, u2, r = a, b, result
		}
		return err
	})
	if err != nil {
		t.Fatalf("%d ranks, %+v: %v", size, o, err)
	}
	return u1, u2, r
}

func kernels(t *testing.T) (first, second forward.PSF) {
	t.Helper()
	first, err := forward.Gaussian(5, 1)
	if err != nil {
		t.Fatal(err)
	}
	second, err = forward.Gaussian(3, 0.7)
	if err != nil {
		t.Fatal(err)
	}
	return first, second
}

func apart(a, b []float64) float64 {
	s, n := 0.0, 0.0
	for i := range b {
		s, n = math.Hypot(s, a[i]-b[i]), math.Hypot(n, b[i])
	}
	return s / n
}

func TestSolveIsTheDenseSolution(t *testing.T) {
	first, second := kernels(t)
	denseSolution(t, newFrame(13, 11, 2, 0.2), first, second)
}

// PSFs of more than twice the frame, one of them without symmetry.
func TestPSFsLargerThanTheFrame(t *testing.T) {
	first, err := forward.Moffat(13, 3, 2.5)
	if err != nil {
		t.Fatal(err)
	}
	rng, values := rand.New(rand.NewPCG(3, 4)), make([]float64, 9*11)
	for i := range values {
		values[i] = rng.Float64()
	}
	second, err := forward.NewPSF(9, 11, values)
	if err != nil {
		t.Fatal(err)
	}
	denseSolution(t, newFrame(4, 3, 2, 0.2), first, second)
}

// denseSolution holds every method, on several numbers of ranks, to the dense solution for
// every border and regulariser.
func denseSolution(t *testing.T, f *frame, first, second forward.PSF) {
	n := f.rows * f.cols
	for _, border := range []halo.Border{halo.Zero, halo.Reflect, halo.Periodic} {
		for _, q := range []forward.Regulariser{forward.Gradient, forward.Laplacian, forward.Identity} {
			o := Options{Border: border, Regulariser: q, Tile: 5, Overlap: 3, Tolerance: 1e-10, Lambda2: 0.05}
			var want [2][]float64
			for c := range 2 {
				y := make([]float64, n)
				for i := range y {
					if f.weights[i] > 0 {
						y[i] = f.data[c*n+i]
					}
				}
				_, x := dense(f.rows, f.cols, o, first, second, f.weights, y)
				for l := range want {
					want[l] = append(want[l], x[l*n:(l+1)*n]...)
				}
			}
			for _, size := range []int{1, 2, 3, 4, 7} {
				for _, method := range []krylov.Method{krylov.RASGMRES, krylov.ASCG, krylov.CG} {
					o.Method, o.MaxIterations = method, 1000
					u1, u2, r := f.run(t, size, first, second, o, false)
					if e := max(apart(u1, want[0]), apart(u2, want[1])); e > 1e-8 {
						t.Errorf("%v, %s, %d ranks, %s: differs by %.2g after %d iterations", border, q, size, method, e, r.Iterations)
					}
				}
			}
		}
	}
}

// A tile that is the whole frame has the matrix of the whole frame, and one inside
// it the rows and columns of its pixels.
func TestTileMatrix(t *testing.T) {
	first, second := kernels(t)
	const rows, cols = 9, 8
	w := make([]float64, rows*cols)
	for i := range w {
		w[i] = 0.5
	}
	for _, border := range []halo.Border{halo.Zero, halo.Reflect, halo.Periodic} {
		for _, q := range []forward.Regulariser{forward.Gradient, forward.Laplacian, forward.Identity} {
			o := Options{Border: border, Regulariser: q}.withDefaults()
			m, _ := dense(rows, cols, o, first, second, w, w)
			d, err := halo.Decompose([]int{rows, cols}, 1)
			if err != nil {
				t.Fatal(err)
			}
			a := newAssembler(&Problem{Frame: d, First: first, Second: second}, &o)
			for _, b := range []halo.Box{d.Domain(), {Lo: []int{2, 1}, Hi: []int{6, 5}}, {Lo: []int{0, 4}, Hi: []int{5, 8}}} {
				got := a.matrix(b, 0.5)
				shape := b.Shape()
				n := b.Size()
				unknown := func(p int) int {
					l, i := p/n, p%n
					return l*rows*cols + (b.Lo[0]+i/shape[1])*cols + b.Lo[1] + i%shape[1]
				}
				for p := range 2 * n {
					for k := range p + 1 {
						if want := m.At(unknown(p), unknown(k)); math.Abs(got[p*2*n+k]-want) > 1e-14 {
							t.Fatalf("%v, %s, tile %v: element (%d, %d) is %v, want %v", border, q, b, p, k, got[p*2*n+k], want)
						}
					}
				}
			}
		}
	}
}

// The published iteration counts: 64 x 64, 8 x 8 tiles of 8, overlap 4, to a true
// relative error of 1e-8.
func TestPublishedCounts(t *testing.T) {
	first, second := kernels(t)
	f := newFrame(64, 64, 1, 0)
	for i, c := range []struct {
		mu, lambda1, lambda2 float64
		want                 map[krylov.Method]int
	}{
		{1, 1e-3, 1e-2, map[krylov.Method]int{krylov.CG: 82, krylov.ASCG: 19, krylov.RAS: 6}},
		{.1, 1e-2, 1e-2, map[krylov.Method]int{krylov.CG: 57, krylov.ASCG: 17, krylov.RAS: 5}},
	} {
		if i == 0 && testing.Short() {
			continue
		}
		var exact []float64
		for method, want := range c.want {
			o := Options{Coupling: c.mu, Lambda1: c.lambda1, Lambda2: c.lambda2, Tile: 8, Overlap: 4}
			err := ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(ctx context.Context, comm ranks.Comm) error {
				d, err := halo.Decompose([]int{64, 64}, 1)
				if err != nil {
					return err
				}
				p := &Problem{Channels: 1, Frame: d, Data: f.data, First: first, Second: second}
				o.Tolerance = 1e-13
				if exact == nil {
					r, err := solve(ctx, comm, p, o, nil)
					if r == nil {
						return err
					}
					exact = slices.Concat(r.First, r.Second)
				}
				o.Method = method
				r, err := solve(ctx, comm, p, o, func(_ int, u []float64) (bool, error) { return apart(u, exact) <= 1e-8, nil })
				if err != nil {
					return err
				}
				t.Logf("mu %v, %s: %d iterations, published %d", c.mu, method, r.Iterations, want)
				slack := 2
				if method == krylov.CG {
					slack = want * 15 / 100 // it follows the data
				}
				if r.Iterations < want-slack || r.Iterations > want+slack {
					return fmt.Errorf("mu %v, %s: %d iterations, want %d", c.mu, method, r.Iterations, want)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
}

// J is convex: nowhere near the solution is it lower. And a stiff coupling leaves one
// layer with both blurs.
func TestObjectiveAndStiffCoupling(t *testing.T) {
	first, second := kernels(t)
	f := newFrame(20, 20, 1, 0.1)
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(ctx context.Context, c ranks.Comm) error {
		d, err := halo.Decompose([]int{20, 20}, 1)
		if err != nil {
			return err
		}
		p := &Problem{Channels: 1, Frame: d, Data: f.data, Weights: f.weights, First: first, Second: second}
		o := Options{Coupling: 1e4}
		r, err := Solve(ctx, c, p, o)
		if err != nil {
			return err
		}
		o = o.withDefaults()
		m, err := newOperator(c, p, &o)
		if err != nil {
			return err
		}
		u := append(append([]float64(nil), r.First...), r.Second...)
		rng := rand.New(rand.NewPCG(3, 3))
		for range 20 {
			v := append([]float64(nil), u...)
			for i := range v {
				v[i] += 1e-3 * rng.NormFloat64()
			}
			if j, _, err := m.objective(c, v); err != nil || j <= r.Objective {
				return fmt.Errorf("J = %v beside the solution, %v at it (%v)", j, r.Objective, err)
			}
		}
		blurred := make([]float64, 400)
		if err := m.second.Apply(blurred, r.Second); err != nil {
			return err
		}
		if e := apart(r.First, blurred); e > 1e-3 {
			return fmt.Errorf("u1 and H2 u2 differ by %v", e)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestRefuses(t *testing.T) {
	first, second := kernels(t)
	for want, change := range map[string]func(*Problem, *Options){
		"layers: coupling -1: want more than 0":                                                       func(_ *Problem, o *Options) { o.Coupling = -1 },
		`layers: method "mult": want ras-gmres, as-cg, ras or cg`:                                     func(_ *Problem, o *Options) { o.Method = krylov.Mult },
		"layers: rank 1: weight -1 at row 4, column 3, want 0 or more":                                func(p *Problem, _ *Options) { p.Weights[3] = -1 },
		"layers: rank 1: data value NaN at row 4, column 0, which the weights do not mark as missing": func(p *Problem, _ *Options) { p.Data[0] = math.NaN() },
		"layers: rank 1: 31 data values, want 1 x 32":                                                 func(p *Problem, _ *Options) { p.Data = p.Data[1:] },
	} {
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, c ranks.Comm) error {
			d, err := halo.Decompose([]int{8, 8}, 2)
			if err != nil {
				return err
			}
			p := &Problem{Channels: 1, Frame: d, Data: make([]float64, 32), Weights: make([]float64, 32), First: first, Second: second}
			for i := range p.Weights {
				p.Weights[i] = 1
			}
			var o Options
			if c.Rank() == 1 {
				change(p, &o)
			}
			_, err = Solve(ctx, c, p, o)
			return err
		})
		if err == nil || err.Error() != "rank 1: "+want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
