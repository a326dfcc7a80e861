package tikhonov

import (
	"context"
	"errors"

	"tessera/krylov"
	"tessera/tikhonov/image"
	"tessera/tikhonov/image/literal"
)

// restore solves the frame, and makes the error map that the config asks for with the
// factors of the solve. Channels with weights of their own are restored and have errors one by
// one. Collective.
func (r *run) restore(ctx context.Context, o image.Options) (*image.Result, *literal.Bias, error) {
	mapped := r.c.Output.Errors != errorsNone
	if !r.Obs.ApartChannels() {
		if !mapped {
			return r.c.solveFrame(ctx, r.Comm, r.Obs.Problem(r.psf), o)
		}
		result, steps, m, err := r.restoreMapped(ctx, r.Obs.Problem(r.psf), o)
		r.steps, r.sigma = []*image.Restoration{steps}, m
		return result, nil, err
	}
	r.steps = make([]*image.Restoration, r.Obs.Channels)
	maps := make([]*image.Errors, r.Obs.Channels)
	result, bias, err := r.c.solveChannels(ctx, r.Comm, r.Obs, r.psf, o, func(k int, p *image.Problem, o image.Options) (*image.Result, *literal.Bias, error) {
		if !mapped {
			return r.c.solveFrame(ctx, r.Comm, p, o)
		}
		result, steps, m, err := r.restoreMapped(ctx, p, o)
		if maps[k] = m; r.Obs.Truth != nil {
			r.steps[k] = steps
		}
		return result, nil, err
	})
	if result == nil || !mapped {
		r.steps = nil
		return result, bias, err
	}
	all, joinErr := image.JoinErrors(r.Comm, maps, len(r.Obs.Data)/r.Obs.Channels)
	if joinErr != nil {
		return nil, nil, joinErr
	}
	r.sigma = all
	return result, nil, err
}

// restoreMapped solves a problem and makes its error map. The result and the map are nil where
// one of them was not made. Collective.
func (r *run) restoreMapped(ctx context.Context, p *image.Problem, o image.Options) (*image.Result, *image.Restoration, *image.Errors, error) {
	steps, err := image.NewRestoration(r.Comm, p, o)
	if err != nil {
		return nil, nil, nil, err
	}
	if _, err := steps.Noise(); err != nil { // before the time for the solve is spent
		stated, e := r.NoiseStated()
		if e != nil || !stated {
			return nil, nil, nil, errors.Join(err, e)
		}
		o.Noise, o.NoiseUnit = 1, image.OfWeight // the data show none: whole numbers hide it
		if steps, err = image.NewRestoration(r.Comm, p, o); err != nil {
			return nil, nil, nil, err
		}
	}
	result, err := steps.Solve(ctx)
	if result == nil {
		return nil, nil, nil, err
	}
	e := r.c.errorOptions()
	if r.Comm.Rank() == 0 {
		e.Progress = func(p krylov.Progress) { r.Progress.Count(p.Phase, p.Iteration, p.Of, "samples") }
	}
	m, mapErr := steps.ErrorMap(ctx, e)
	if m == nil {
		return nil, nil, nil, mapErr
	}
	if err == nil {
		err = mapErr
	}
	return result, steps, m, err
}
