package mlpatch

import (
	"context"
	"errors"
	"math"

	"tessera/forward"
	"tessera/krylov"
	"tessera/ranks"
)

// Quadratic is a restoration by a quadratic penalty, to stand beside a learned one:
//
//	x = argmin ||W^(1/2) (A x - y)||^2 + lambda ||Q x||^2
//
// by conjugate gradients for (A'WA + lambda Q'Q) x = A'W y. Q = nil is the identity.
type Quadratic struct {
	Problem       *Problem // operator, data and weights
	Penalty       forward.Operator
	Tolerance     float64 // 0 = 1e-4
	MaxIterations int     // 0 = 200
	Iterations    int     // of all solves
}

// penalised is A'WA + lambda Q'Q.
type penalised struct {
	normal
	gram   *forward.Gram
	part   []float64
	lambda float64
}

func (q *penalised) Apply(dst, src []float64) error {
	if err := q.normal.Apply(dst, src); err != nil || q.gram == nil {
		return err
	}
	if err := q.gram.Apply(q.part, src); err != nil {
		return err
	}
	for i, v := range q.part {
		dst[i] += q.lambda * v
	}
	return nil
}

// Solve is x for a lambda of more than 0. Conjugate gradients that have not reached the tolerance are no error. Collective.
func (s *Quadratic) Solve(ctx context.Context, comm ranks.Comm, lambda float64) ([]float64, error) {
	p := s.Problem
	m, n := p.Operator.Dims()
	q := &penalised{normal: normal{a: p.Operator, w: p.Weights, alpha: lambda, data: make([]float64, m)}}
	if s.Penalty != nil {
		q.normal.alpha, q.lambda = 0, lambda
		q.gram, q.part = forward.NewGram(s.Penalty), make([]float64, n)
	}
	data := append([]float64(nil), p.Data...)
	for i := range data {
		if p.Weights.Missing(i) {
			data[i] = 0
		}
	}
	p.Weights.Apply(data)
	b, x := make([]float64, n), make([]float64, n)
	if err := p.Operator.Adjoint(b, data); err != nil {
		return nil, err
	}
	c := krylov.Control{Tolerance: s.Tolerance, MaxIterations: s.MaxIterations}
	if c.Tolerance == 0 {
		c.Tolerance = 1e-4
	}
	if c.MaxIterations == 0 {
		c.MaxIterations = 200
	}
	report, err := krylov.ConjugateGradients(ctx, comm, q, nil, x, b, c)
	if report != nil {
		s.Iterations += report.Iterations
	}
	if err != nil && !errors.As(err, new(*krylov.NotConvergedError)) {
		return nil, err
	}
	return x, nil
}

// Misfit is ||W^(1/2) (A x - y)||^2 and the number of data, on all ranks. Collective.
func (s *Quadratic) Misfit(comm ranks.Comm, x []float64) (square, count float64, err error) {
	p := s.Problem
	m, _ := p.Operator.Dims()
	data := make([]float64, m)
	if err := p.Operator.Apply(data, x); err != nil {
		return 0, 0, err
	}
	sums := []float64{0, 0}
	for i, v := range data {
		if !p.Weights.Missing(i) {
			d := v - p.Data[i]
			sums[0] += p.Weights.At(i) * d * d
			sums[1]++
		}
	}
	err = comm.Allreduce(sums, sums, ranks.Sum)
	return sums[0], sums[1], err
}

// Search is the solution whose lambda makes judge the least, from low to high: so many values in a constant ratio, and
// then golden sections of the three around the best. judge gives the same number on all ranks. Collective.
func (s *Quadratic) Search(ctx context.Context, comm ranks.Comm, low, high float64, judge func(x []float64) (float64, error)) (x []float64, lambda float64, err error) {
	const first, sections = 7, 5
	least := math.Inf(1)
	try := func(log float64) (float64, error) {
		y, err := s.Solve(ctx, comm, math.Exp(log))
		if err != nil {
			return 0, err
		}
		v, err := judge(y)
		if err == nil && (v < least || x == nil) {
			x, lambda, least = y, math.Exp(log), v
		}
		return v, err
	}
	step := math.Log(high/low) / (first - 1)
	for i := range first {
		if _, err := try(math.Log(low) + float64(i)*step); err != nil {
			return nil, 0, err
		}
	}
	a, b := math.Log(lambda)-step, math.Log(lambda)+step
	ratio := (math.Sqrt(5) - 1) / 2
	c, d := b-ratio*(b-a), a+ratio*(b-a)
	vc, err := try(c)
	if err != nil {
		return nil, 0, err
	}
	vd, err := try(d)
	for range sections {
		if err != nil {
			return nil, 0, err
		}
		if vc < vd {
			b, d, vd = d, c, vc
			c = b - ratio*(b-a)
			vc, err = try(c)
		} else {
			a, c, vc = c, d, vd
			d = a + ratio*(b-a)
			vd, err = try(d)
		}
	}
	return x, lambda, err
}
