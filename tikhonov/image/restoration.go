package image

import (
	"context"
	"fmt"

	"tessera/ranks"
	"tessera/tikhonov/image/internal/tiles"
)

// Restoration is one problem with its operator and, after Solve, its local factors, for
// several results: the solution, error maps, the part of the noise in the solution. It
// serves one goroutine of each rank.
type Restoration struct {
	s      *solver
	units  units   // of the solver's problem
	lambda float64 // chosen by the rule, in the solver's units
	search *Search // how; nil = not yet, or not needed
	noise  float64 // of Noise, in the solver's units; 0 = not known yet
}

// NewRestoration checks the input of all ranks and prepares the operator. Collective, with
// the errors of Solve.
func NewRestoration(comm ranks.Comm, p *Problem, o Options) (*Restoration, error) {
	o = o.withDefaults()
	if err := agree(comm, p, o); err != nil {
		return nil, err
	}
	p, o, u, err := inUnits(comm, p.withMiddle(), o)
	if err != nil {
		return nil, err
	}
	return &Restoration{s: newSolver(comm, p, o), units: u}, nil
}

// Solve is the function Solve on the problem and the options of r. Collective, with the
// same errors on all ranks.
func (r *Restoration) Solve(ctx context.Context) (*Result, error) {
	lambda, err := r.chosen(ctx)
	if err != nil {
		return nil, err
	}
	res, err := r.s.solve(ctx, lambda, r.s.o)
	if res != nil {
		res.Search = r.search
		res.inUnits(r.units)
		if bad := tiles.CheckFinite(r.s.comm, res.Solution); bad != nil {
			return nil, fmt.Errorf("image: %w", bad)
		}
	}
	return res, err
}

// Noise is the standard deviation of the noise of a pixel of weight 1, in the unit of the
// data times the square root of that of a weight: Options.Noise, or estimated from the data.
// Collective; where it cannot be estimated all ranks get the same error.
func (r *Restoration) Noise() (float64, error) {
	noise, err := r.ownNoise()
	return noise * r.units.noise(), err
}

// ownNoise is Noise in the solver's units.
func (r *Restoration) ownNoise() (noise float64, err error) {
	if r.noise > 0 {
		return r.noise, nil
	}
	noise, err = r.s.givenNoise()
	switch {
	case err != nil || noise > 0:
	case r.search != nil && r.search.Inferred && r.search.Noise > 0: // one noise in one run
		noise = r.search.Noise / r.units.noise()
	default:
		noise, err = r.s.estimateNoise()
	}
	if err == nil {
		r.noise = noise
	}
	return noise, err
}

// chosen is lambda by the rule of the options, which is applied once, in the solver's
// units. Collective.
func (r *Restoration) chosen(ctx context.Context) (float64, error) {
	if r.s.o.Rule == Fixed {
		return r.s.o.Lambda, nil
	}
	if r.search == nil {
		search, err := r.s.search(ctx, r.units)
		if err != nil {
			return 0, err
		}
		r.search, r.lambda = search, search.Lambda/r.units.weight
	}
	return r.lambda, nil
}
