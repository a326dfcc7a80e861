package tikhonov

import (
	"context"
	"errors"
	"math"
	"slices"

	"tessera/forward"
	"tessera/internal/frames"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image"
)

// perChannel tells whether the job restores channels with weights of their own. The printed
// method and the error map have one plane of weights for all.
func (c *settings) perChannel() bool {
	return c.Tikhonov.Method != methodLiteral && c.Output.Errors == errorsNone
}

// channel is one channel of an observation whose channels have different weights.
func channel(o *frames.Observation, k int) *frames.Observation {
	n := len(o.Data) / o.Channels
	one := *o
	one.Channels, one.Data, one.Weights = 1, o.Data[k*n:(k+1)*n], o.Weights[k*n:(k+1)*n]
	one.Truth = nil
	return &one
}

// solveChannels restores every channel with its own weights, all with the same lambda: where a
// rule finds it, that of the channel with the most observed pixels. A channel without any is NaN.
// The result joins the channels: the largest iterations, residual and error bound, the sum of
// objective, time and tiles. Collective, with the errors of image.Solve.
func (c *settings) solveChannels(ctx context.Context, comm ranks.Comm, o *frames.Observation, psf forward.PSF, options image.Options) (*image.Result, error) {
	observed, err := o.Observed(comm)
	if err != nil {
		return nil, err
	}
	all := &image.Result{Lambda: options.Lambda, Certified: true, Converged: true, Status: krylov.Converged}
	if options.Rule != image.Fixed {
		fullest := channel(o, slices.Index(observed, slices.Max(observed)))
		lambda, search, err := image.ChooseLambda(ctx, comm, fullest.Problem(psf), options)
		if err != nil {
			return nil, err
		}
		all.Lambda, all.Search = lambda, search
		options.Rule, options.Lambda = image.Fixed, lambda
	}
	var unfinished error
	for k := range o.Channels {
		part := channel(o, k)
		if observed[k] == 0 {
			for range part.Data {
				all.Solution = append(all.Solution, math.NaN())
			}
			continue
		}
		r, err := image.Solve(ctx, comm, part.Problem(psf), options)
		if r == nil {
			return nil, err
		}
		if err != nil {
			unfinished = errors.Join(unfinished, err)
		}
		join(all, r)
	}
	return all, unfinished
}

// join adds the result of one more channel.
func join(all, r *image.Result) {
	all.Solution = append(all.Solution, r.Solution...)
	if all.Method == "" || r.Residual >= all.Residual {
		all.Residual, all.History = r.Residual, r.History
	}
	all.Method, all.Fallback, all.Local, all.Overlap = r.Method, r.Fallback, r.Local, r.Overlap
	if !r.Converged {
		all.Status, all.Converged = r.Status, false
	}
	all.Iterations = max(all.Iterations, r.Iterations)
	all.ErrorBound = max(all.ErrorBound, r.ErrorBound)
	all.Certified = all.Certified && r.Certified
	all.Objective += r.Objective
	all.Misfit += r.Misfit
	all.Setup += r.Setup
	all.Solve += r.Solve
	all.FactorBytes = max(all.FactorBytes, r.FactorBytes)
	all.TilesShared += r.TilesShared
	all.TilesExact += r.TilesExact
}
