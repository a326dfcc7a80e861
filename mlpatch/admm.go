package mlpatch

import (
	"context"
	"errors"
	"fmt"
	"math"

	"tessera/forward"
	"tessera/internal/linalg"
	"tessera/internal/random"
	"tessera/krylov"
	"tessera/ranks"
)

// Problem is what a reconstruction starts from, on this rank.
type Problem struct {
	Operator forward.Operator // A
	Data     []float64        // y; values of weight 0 may be NaN
	Weights  forward.Weights  // W, of the data; nil = all ones
	Start    []float64        // x before the first iteration
	// Denoise sets dst to D(src) for noise with this standard deviation. Collective.
	Denoise func(dst, src []float64, level float64) error
	Seed    uint64 // of the direction in which the Lipschitz constant is looked for
}

// Options of Reconstruct, the same on every rank but for Progress. The zero value of every field but
// Level is the documented default.
type Options struct {
	Level         float64 // standard deviation that D is told, in the unit of x
	First         float64 // in the first iteration; it falls to Level in a constant ratio over Falling iterations; 0 = Level
	Falling       int
	Alpha         float64 // alpha in units of L = ||W^(1/2) A||^2; 0 = 0.03
	Damping       float64 // v = x + u + Damping (D(x + u) - x - u), more than 0 and at most 1; 0 = 1
	Tolerance     float64 // of both residuals, once the level has fallen; 0 = 1e-3
	MaxIterations int     // 0 = 60
	Inner         float64 // relative accuracy of x; 0 = 1e-4
	MostInner     int     // iterations of conjugate gradients; 0 = 100
	Progress      func(krylov.Progress)
}

// Result is what Reconstruct leaves; all but Solution is the same on all ranks.
type Result struct {
	Solution   []float64 // v
	Iterations int
	Converged  bool      // both residuals are at most Tolerance
	Primal     []float64 // ||x - v|| / max(||x||, ||v||), after each iteration
	Dual       []float64 // ||v - v of the iteration before|| / ||v||
	Inner      int       // iterations of conjugate gradients in all
	Bound      float64   // L
	Lipschitz  float64   // of D - I near the solution, from below: less than 1 makes the iteration a contraction where A has a bound from below
}

func (o *Options) defaults() {
	set := func(v *float64, d float64) {
		if *v == 0 {
			*v = d
		}
	}
	set(&o.First, o.Level)
	set(&o.Alpha, 0.03)
	set(&o.Damping, 1)
	set(&o.Tolerance, 1e-3)
	set(&o.Inner, 1e-4)
	if o.MaxIterations == 0 {
		o.MaxIterations = 60
	}
	if o.MostInner == 0 {
		o.MostInner = 100
	}
}

func (o *Options) check(p *Problem) error {
	m, n := p.Operator.Dims()
	switch {
	case len(p.Data) != m || len(p.Start) != n || p.Denoise == nil:
		return fmt.Errorf("mlpatch: %d data values and a start of %d, want %d and %d", len(p.Data), len(p.Start), m, n)
	case !(o.Level > 0) || !(o.First >= o.Level) || o.Falling < 0:
		return fmt.Errorf("mlpatch: levels from %g to %g, want more than 0, falling", o.First, o.Level)
	case !(o.Alpha > 0) || !(o.Damping > 0) || o.Damping > 1 || !(o.Tolerance > 0) || !(o.Inner > 0) || o.Inner >= 1:
		return fmt.Errorf("mlpatch: alpha %g, damping %g, tolerance %g, inner accuracy %g: want more than 0, damping at most 1", o.Alpha, o.Damping, o.Tolerance, o.Inner)
	}
	return nil
}

// level is that of an iteration, counted from 0.
func (o *Options) level(k int) float64 {
	if k >= o.Falling {
		return o.Level
	}
	return o.First * math.Pow(o.Level/o.First, float64(k)/float64(o.Falling))
}

// normal is A'WA + alpha.
type normal struct {
	a     forward.Operator
	w     forward.Weights
	alpha float64
	data  []float64
}

func (q *normal) Len() int { _, n := q.a.Dims(); return n }

func (q *normal) Apply(dst, src []float64) error {
	if err := q.a.Apply(q.data, src); err != nil {
		return err
	}
	q.w.Apply(q.data)
	if err := q.a.Adjoint(dst, q.data); err != nil {
		return err
	}
	for i, v := range src {
		dst[i] += q.alpha * v
	}
	return nil
}

// Reconstruct is plug-and-play ADMM: a denoiser D takes the place of the proximal map of a penalty,
//
//	x = argmin 1/2 ||W^(1/2) (A x - y)||^2 + alpha/2 ||x - v + u||^2   by conjugate gradients from the last x
//	v = D(x + u),    u = u + x - v.
//
// It stops when the primal residual x - v and the dual one, the change of v, are small. The error that it
// did not is none: the result says so. Collective; the error is the same on all ranks. Source:
// Venkatakrishnan, Bouman and Wohlberg, GlobalSIP 2013; Ryu et al., ICML 2019 (when it converges).
func Reconstruct(ctx context.Context, comm ranks.Comm, p *Problem, o Options) (*Result, error) {
	o.defaults()
	if err := ranks.AgreeError(comm, o.check(p)); err != nil {
		return nil, err
	}
	r := &Result{}
	var err error
	if r.Bound, err = boundOf(ctx, comm, p); err != nil {
		return nil, err
	}
	m, n := p.Operator.Dims()
	q := &normal{p.Operator, p.Weights, o.Alpha * r.Bound, make([]float64, m)}
	data := append([]float64(nil), p.Data...)
	for i := range data {
		if p.Weights.Missing(i) {
			data[i] = 0
		}
	}
	p.Weights.Apply(data)
	back, b, z, u := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	if err := p.Operator.Adjoint(back, data); err != nil {
		return nil, err
	}
	x, v, before := append([]float64(nil), p.Start...), append([]float64(nil), p.Start...), make([]float64, n)
	control := krylov.Control{Tolerance: o.Inner, MaxIterations: o.MostInner, LambdaMin: q.alpha}
	for r.Iterations < o.MaxIterations {
		for i := range b {
			b[i] = back[i] + q.alpha*(v[i]-u[i])
		}
		report, err := krylov.ConjugateGradients(ctx, comm, q, nil, x, b, control)
		if err != nil && !errors.As(err, new(*krylov.NotConvergedError)) {
			return nil, err
		}
		if report != nil {
			r.Inner += report.Iterations
		}
		for i := range z {
			z[i] = x[i] + u[i]
		}
		v, before = before, v
		if err := p.Denoise(v, z, o.level(r.Iterations)); err != nil {
			return nil, err
		}
		sums := make([]float64, 4) // ||x - v||^2, ||v - before||^2, ||x||^2, ||v||^2
		for i, d := range v {
			d = z[i] + o.Damping*(d-z[i])
			v[i] = d
			u[i] += x[i] - d
			sums[0] += (x[i] - d) * (x[i] - d)
			sums[1] += (d - before[i]) * (d - before[i])
			sums[2] += x[i] * x[i]
			sums[3] += d * d
		}
		if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
			return nil, err
		}
		tiny := math.SmallestNonzeroFloat64
		primal, dual := math.Sqrt(sums[0]/max(sums[2], sums[3], tiny)), math.Sqrt(sums[1]/max(sums[3], tiny))
		r.Primal, r.Dual = append(r.Primal, primal), append(r.Dual, dual)
		r.Iterations++
		if o.Progress != nil && comm.Rank() == 0 {
			o.Progress(krylov.Progress{Phase: "ADMM", Iteration: r.Iterations, Residual: max(primal, dual), Target: o.Tolerance})
		}
		if r.Iterations > o.Falling && max(primal, dual) <= o.Tolerance {
			r.Converged = true
			break
		}
	}
	r.Solution = v
	r.Lipschitz, err = lipschitz(comm, p, v, o.Level)
	return r, err
}

// Bound is ||W^(1/2) A||^2, or a bound of it. Collective; the error is the same on all ranks.
func Bound(ctx context.Context, comm ranks.Comm, p *Problem) (float64, error) {
	return boundOf(ctx, comm, p)
}

// boundOf is L. Collective.
func boundOf(ctx context.Context, comm ranks.Comm, p *Problem) (float64, error) {
	m, _ := p.Operator.Dims()
	largest := []float64{0}
	for i := range m {
		largest[0] = max(largest[0], p.Weights.At(i))
	}
	if err := comm.Allreduce(largest, largest, ranks.Max); err != nil {
		return 0, err
	}
	var norm float64
	if b, ok := p.Operator.(forward.Bounded); ok {
		norm = b.NormBound()
	} else {
		var err error
		if norm, err = forward.Norm(ctx, comm, p.Operator, forward.NormOptions{Tolerance: 1e-3}); err != nil {
			return 0, err
		}
	}
	if largest[0]*norm == 0 {
		return 0, errors.New("mlpatch: nothing was observed: all weights are 0, or the operator is")
	}
	return largest[0] * norm * norm, nil
}

const (
	forLipschitz = 34 // the purpose of the random numbers
	lookedFor    = 6  // steps of the power iteration
)

// lipschitz is the largest growth of a difference by D - I that a few steps of the power iteration find near x. Collective.
func lipschitz(comm ranks.Comm, p *Problem, x []float64, level float64) (float64, error) {
	n := len(x)
	residual := func(z []float64) ([]float64, error) {
		d := make([]float64, n)
		if err := p.Denoise(d, z, level); err != nil {
			return nil, err
		}
		for i := range d {
			d[i] -= z[i]
		}
		return d, nil
	}
	norm := func(d []float64) (float64, error) {
		sums := []float64{linalg.Dot(d, d), float64(n)}
		err := comm.Allreduce(sums, sums, ranks.Sum)
		return math.Sqrt(sums[0] / max(sums[1], 1)), err
	}
	at, err := residual(x)
	if err != nil {
		return 0, err
	}
	d := make([]float64, n)
	draw := random.New(p.Seed, forLipschitz, uint64(comm.Rank()))
	for i := range d {
		d[i] = draw.Normal(uint64(i))
	}
	most := 0.0
	for range lookedFor {
		size, err := norm(d)
		if err != nil || size == 0 {
			return most, err
		}
		moved := make([]float64, n)
		h := level / 10 / size
		for i := range moved {
			moved[i] = x[i] + h*d[i]
		}
		next, err := residual(moved)
		if err != nil {
			return 0, err
		}
		for i := range next {
			d[i] = (next[i] - at[i]) / (h * size)
		}
		grown, err := norm(d)
		if err != nil {
			return 0, err
		}
		most = max(most, grown)
	}
	return most, nil
}
