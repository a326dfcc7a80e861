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
	"tessera/tikhonov/image/layers"
	"tessera/tikhonov/image/literal"
)

// channel is one channel of an observation whose channels have different weights.
func channel(o *frames.Observation, k int) *frames.Observation {
	n := len(o.Data) / o.Channels
	one := *o
	one.Channels, one.Data, one.Weights = 1, o.Data[k*n:(k+1)*n], o.Weights[k*n:(k+1)*n]
	one.Truth = nil
	return &one
}

// missingChannel are the values of a channel that nothing was observed of.
func missingChannel(o *frames.Observation) []float64 {
	return slices.Repeat([]float64{math.NaN()}, len(o.Data)/o.Channels)
}

// solveChannels restores every channel with its own weights, all with the same lambda: where a
// rule finds it, that of the channel with the most observed pixels. A channel without any is NaN.
// The result joins the channels: the largest iterations, residual, error bound and bias, the sum
// of objective, time and tiles. one solves a channel. Collective, with the errors of one.
func (c *settings) solveChannels(ctx context.Context, comm ranks.Comm, o *frames.Observation, psf forward.PSF, options image.Options,
	one func(k int, p *image.Problem, o image.Options) (*image.Result, *literal.Bias, error)) (*image.Result, *literal.Bias, error) {
	counts, err := o.Observed(comm)
	if err != nil {
		return nil, nil, err
	}
	all := &image.Result{Lambda: options.Lambda, Certified: true, Converged: true, Status: krylov.Converged}
	if options.Rule != image.Fixed {
		fullest := channel(o, slices.Index(counts, slices.Max(counts)))
		lambda, search, err := image.ChooseLambda(ctx, comm, fullest.Problem(psf), choosing(options))
		if err != nil {
			return nil, nil, err
		}
		all.Lambda, all.Search = lambda, search
		options.Rule, options.Lambda = image.Fixed, lambda
	}
	var unfinished error
	var worst *literal.Bias
	for k := range o.Channels {
		if counts[k] == 0 {
			all.Solution = append(all.Solution, missingChannel(o)...)
			continue
		}
		r, bias, err := one(k, channel(o, k).Problem(psf), options)
		if r == nil {
			return nil, nil, err
		}
		if err != nil {
			unfinished = errors.Join(unfinished, err)
		}
		join(all, r)
		if worst == nil {
			worst = bias
		} else if bias != nil {
			worst = &literal.Bias{
				Owner: max(worst.Owner, bias.Owner), Averaged: max(worst.Averaged, bias.Averaged),
				PlainSum: max(worst.PlainSum, bias.PlainSum), ArgMin: max(worst.ArgMin, bias.ArgMin),
			}
		}
	}
	return all, worst, unfinished
}

// join adds the result of one more channel.
func join(all, r *image.Result) {
	all.Solution = append(all.Solution, r.Solution...)
	if all.Method == "" || r.Residual >= all.Residual {
		all.Residual, all.History = r.Residual, r.History
	}
	all.Boxes = max(all.Boxes, r.Boxes)
	// What is said of the method is that of the channel with the most iterations.
	if all.Method == "" || r.Iterations > all.Iterations {
		all.Method, all.Fallback, all.Local, all.Overlap = r.Method, r.Fallback, r.Local, r.Overlap
	}
	if !r.Converged {
		all.Status, all.Converged = r.Status, false
	}
	all.Iterations = max(all.Iterations, r.Iterations)
	all.ErrorBound = max(all.ErrorBound, r.ErrorBound)
	all.Certified = all.Certified && r.Certified
	all.Rounding = all.Rounding || r.Rounding
	all.Objective += r.Objective
	all.Misfit += r.Misfit
	all.Setup += r.Setup
	all.Solve += r.Solve
	all.FactorBytes = max(all.FactorBytes, r.FactorBytes)
	all.TilesShared += r.TilesShared
	all.TilesExact += r.TilesExact
}

// solveLayers restores both layers: of all channels at once, or of every channel with its own
// weights, joined as solveChannels does it. Collective, with the errors of layers.Solve.
func solveLayers(ctx context.Context, comm ranks.Comm, o *frames.Observation, first, second forward.PSF, options layers.Options) (*layers.Result, error) {
	if !o.ApartChannels() {
		return layers.Solve(ctx, comm, layersProblem(o, first, second), options)
	}
	counts, err := o.Observed(comm)
	if err != nil {
		return nil, err
	}
	all := &layers.Result{Converged: true, Status: krylov.Converged}
	var unfinished error
	for k := range o.Channels {
		if counts[k] == 0 {
			all.First, all.Second = append(all.First, missingChannel(o)...), append(all.Second, missingChannel(o)...)
			continue
		}
		r, err := layers.Solve(ctx, comm, layersProblem(channel(o, k), first, second), options)
		if r == nil {
			return nil, err
		}
		if err != nil {
			unfinished = errors.Join(unfinished, err)
		}
		all.First, all.Second = append(all.First, r.First...), append(all.Second, r.Second...)
		if all.History == nil || r.Residual >= all.Residual {
			all.Residual, all.History = r.Residual, r.History
		}
		if !r.Converged {
			all.Status, all.Converged = r.Status, false
		}
		all.Iterations = max(all.Iterations, r.Iterations)
		all.ErrorBound = max(all.ErrorBound, r.ErrorBound)
		all.Objective += r.Objective
		all.Misfit += r.Misfit
		all.Setup += r.Setup
		all.Solve += r.Solve
		all.FactorBytes = max(all.FactorBytes, r.FactorBytes)
		all.Tiles += r.Tiles
		all.Factors += r.Factors
	}
	return all, unfinished
}
