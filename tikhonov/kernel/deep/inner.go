package deep

import (
	"context"
	"math"

	"tessera/internal/linalg"
	"tessera/loadbalance"
	"tessera/ranks"
	"tessera/tikhonov/kernel"
)

// inner is the layer f = K1(., X) A at this rank's observations. It does not change.
type inner struct {
	a    [][]float64 // d1 columns of n
	z    []float64   // K1 A, n x d1
	norm float64     // ||f||^2
}

// space is this rank's observations with the matrix K1 + l1 I, which all f share.
type space struct {
	comm ranks.Comm
	o    Options
	part *loadbalance.Partition
	pts  *loadbalance.Points // with y and sigma
	sys  *kernel.System      // K1 + l1 I
}

// layer is f with the coefficients a. Collective.
func (s *space) layer(a [][]float64) (*inner, error) {
	n, d := s.pts.Len(), len(a)
	f := &inner{a: a, z: make([]float64, n*d)}
	sum := []float64{0}
	ka := make([]float64, n)
	for k, col := range a {
		if err := s.sys.Apply(ka, col); err != nil {
			return nil, err
		}
		linalg.Axpy(-s.o.InnerLambda, col, ka)
		sum[0] += linalg.Dot(col, ka)
		for i, v := range ka {
			f.z[i*d+k] = v
		}
	}
	if err := s.comm.Allreduce(sum, sum, ranks.Sum); err != nil {
		return nil, err
	}
	f.norm = sum[0]
	return f, nil
}

// start is the f that fits start number j with the ridge l1. Collective.
func (s *space) start(ctx context.Context, j int, mid []float64, side float64) (*inner, error) {
	dim := s.pts.Dim
	a := make([][]float64, s.o.Features)
	u, b := make([]float64, dim), make([]float64, s.pts.Len())
	for k := range a {
		for i := range b {
			for e := range u {
				u[e] = (s.pts.X[i*dim+e] - mid[e]) / side
			}
			b[i] = initial(j, s.o.Starts, k, s.o.Features, u)
		}
		a[k] = make([]float64, len(b))
		if _, err := s.sys.SolveResidual(ctx, a[k], b, residual); err != nil {
			return nil, err
		}
	}
	return s.layer(a)
}

// features are the points of feature space with y and sigma.
func (s *space) features(f *inner) *loadbalance.Points {
	return &loadbalance.Points{Dim: len(f.a), X: f.z, ID: s.pts.ID, Cols: s.pts.Cols, Attr: s.pts.Attr}
}

// slopes is g at f's features, less y, and its gradient there.
type slopes struct {
	r, grad []float64 // n; n x d1
}

func (s *space) slopes(f *inner, g *outer) (*slopes, error) {
	r, grad, err := g.sys.Evaluate(f.z, g.beta, true)
	for i := range r {
		r[i] -= s.pts.Attr[2*i]
	}
	return &slopes{r, grad}, err
}

// step is the f-step from f with the damping mu: formulas in the package comment.
// Collective.
func (s *space) step(ctx context.Context, f *inner, l *slopes, mu float64) (next *inner, iterations int, err error) {
	n, d := s.pts.Len(), len(f.a)
	l1 := s.o.InnerLambda
	damped := l1 + mu
	noise, b := make([]float64, n), make([]float64, n)
	for i := range b {
		sigma := s.pts.Attr[2*i+1]
		noise[i] = damped * sigma * sigma
		b[i] = l1/damped*linalg.Dot(l.grad[i*d:(i+1)*d], f.z[i*d:(i+1)*d]) - l.r[i]
	}
	sys, err := kernel.NewSystem(ctx, s.comm, s.part, s.pts, kernel.SystemOptions{
		Kernel: s.o.Inner, Diagonal: noise, Scale: l.grad, Scales: d,
	})
	if err != nil {
		return nil, 0, err
	}
	gamma := make([]float64, n)
	report, err := sys.SolveResidual(ctx, gamma, b, residual)
	if err != nil {
		return nil, 0, err
	}
	a := make([][]float64, d)
	for k := range a {
		a[k] = make([]float64, n)
		for i := range a[k] {
			a[k][i] = (1-l1/damped)*f.a[k][i] + l.grad[i*d+k]*gamma[i]
		}
	}
	next, err = s.layer(a)
	return next, report.Iterations, err
}

// misfit is sum ((g(f(x_i)) - y_i) / sigma_i)^2 for a g of other centres.
func (s *space) misfit(f *inner, g *outer) (float64, error) {
	v, _, err := g.sys.Evaluate(f.z, g.beta, false)
	if err != nil {
		return 0, err
	}
	sum := []float64{0}
	for i := range v {
		r := (v[i] - s.pts.Attr[2*i]) / s.pts.Attr[2*i+1]
		sum[0] += r * r
	}
	err = s.comm.Allreduce(sum, sum, ranks.Sum)
	return sum[0], err
}

func (s *space) objective(misfit float64, f *inner, g *outer) float64 {
	return misfit + s.o.InnerLambda*f.norm + s.o.OuterLambda*g.norm
}

// newSpace places the observations in cells of equal count and factors K1 + l1 I.
// Collective.
func newSpace(ctx context.Context, comm ranks.Comm, part *loadbalance.Partition, pts *loadbalance.Points, o Options) (*space, error) {
	s := &space{comm: comm, o: o}
	pts, err := loadbalance.Distribute(comm, part, pts)
	if err != nil {
		return nil, err
	}
	if s.part, s.pts, _, err = loadbalance.Rebalance(comm, part, pts, loadbalance.Options{}); err != nil {
		return nil, err
	}
	ridge := make([]float64, s.pts.Len())
	for i := range ridge {
		ridge[i] = o.InnerLambda
	}
	s.sys, err = kernel.NewSystem(ctx, comm, s.part, s.pts, kernel.SystemOptions{Kernel: o.Inner, Diagonal: ridge})
	return s, err
}

// middle is the centre of a box and its longest side, 1 if it has none.
func middle(lo, hi []float64) (mid []float64, side float64) {
	mid = make([]float64, len(lo))
	for k := range lo {
		mid[k] = lo[k]/2 + hi[k]/2
		side = math.Max(side, hi[k]-lo[k])
	}
	if side == 0 {
		side = 1
	}
	return mid, side
}
