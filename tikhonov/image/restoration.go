package image

import (
	"context"

	"tessera/ranks"
)

// Restoration is one problem with its operator and, after Solve, its local factors, for
// several results: the solution, error maps, the part of the noise in the solution. It
// serves one goroutine of each rank.
type Restoration struct {
	s      *solver
	lambda float64 // of the last Solve, or chosen by the rule; 0 = not known yet
	noise  float64 // of Noise; 0 = not known yet
}

// NewRestoration checks the input of all ranks and prepares the operator. Collective, with
// the errors of Solve.
func NewRestoration(comm ranks.Comm, p *Problem, o Options) (*Restoration, error) {
	o = o.withDefaults()
	if err := agree(comm, p, o); err != nil {
		return nil, err
	}
	s, err := newSolver(comm, p, o)
	if err != nil {
		return nil, err
	}
	return &Restoration{s: s}, nil
}

// Solve is the function Solve on the problem and the options of r. Collective, with the
// same errors on all ranks.
func (r *Restoration) Solve(ctx context.Context) (*Result, error) {
	lambda, err := r.chosen(ctx)
	if err != nil {
		return nil, err
	}
	return r.s.solve(ctx, lambda, r.s.o)
}

// Noise is the standard deviation of the noise of a pixel of weight 1, in the unit of the
// data times the square root of that of a weight: Options.Noise, or estimated from the data.
// Collective; where it cannot be estimated all ranks get the same error.
func (r *Restoration) Noise() (float64, error) {
	if r.noise == 0 {
		r.noise = r.s.o.Noise
	}
	if r.noise > 0 {
		return r.noise, nil
	}
	noise, err := r.s.estimateNoise()
	if err == nil {
		r.noise = noise
	}
	return noise, err
}

// chosen is lambda by the rule of the options, which is applied once. Collective.
func (r *Restoration) chosen(ctx context.Context) (float64, error) {
	if r.lambda > 0 {
		return r.lambda, nil
	}
	lambda, err := r.s.chooseLambda(ctx)
	if err == nil {
		r.lambda = lambda
	}
	return lambda, err
}
