package literal

import (
	"context"
	"errors"
	"fmt"
	"math"

	"tessera/internal/linalg"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image"
	"tessera/tikhonov/image/internal/tiles"
)

// Solve runs the printed method and measures its bias against the minimiser of J.
// Collective: every rank calls it with its part of the problem and the same options.
// On a *krylov.NotConvergedError, whose ErrorBound is Bias.Owner, the Result still tells
// how far the sweeps came; on any other error it is nil. Every rank returns an error if one does.
func Solve(ctx context.Context, comm ranks.Comm, p *image.Problem, o Options) (*Result, error) {
	o = o.withDefaults()
	if err := ranks.AgreeError(comm, errors.Join(o.check(), check(comm, p, o.Overlap))); err != nil {
		return nil, err
	}
	same := o
	same.Progress = nil
	if err := krylov.Same(comm, "literal: the options, channels, frame and PSF", same, p.Channels, tiles.Describe(p.Frame), p.PSF); err != nil {
		return nil, err
	}
	start := comm.Wtime()
	own := *p
	data, unit, err := tiles.Unit(comm, p.Channels, p.Data, p.Weights)
	if err != nil {
		return nil, err
	}
	own.Data = data
	l, err := newMethod(comm, &own, &o)
	if err != nil {
		return nil, err
	}
	res := &Result{Setup: comm.Wtime() - start, Tiles: len(l.tiles)}
	start = comm.Wtime()
	if err := l.sweeps(ctx, res); err != nil {
		return nil, err
	}
	res.Converged = res.Status == krylov.Converged
	res.Solve = comm.Wtime() - start
	res.Solution = l.owner()
	if err := l.measure(res); err != nil {
		return nil, err
	}
	exact, err := l.minimiser(ctx)
	if err != nil {
		return nil, fmt.Errorf("literal: the minimiser, against which the bias is measured: %w", err)
	}
	bias, err := l.bias(res.Solution, exact)
	if err != nil {
		return nil, err
	}
	res.Bias = *bias
	if unit != 1 {
		linalg.Scale(unit, res.Solution)
		res.Objective, res.Misfit = res.Objective*unit*unit, res.Misfit*unit*unit
	}
	if err := tiles.CheckFinite(comm, res.Solution); err != nil {
		return nil, fmt.Errorf("literal: %w", err)
	}
	if res.Converged {
		return res, nil
	}
	return res, fmt.Errorf("literal: the tiles still move by %.3g of their length: %w", res.History[res.Iterations-1],
		&krylov.NotConvergedError{Status: res.Status, Iterations: res.Iterations, Residual: res.Residual, ErrorBound: res.Bias.Owner})
}

// check finds what is wrong with this rank's part of the problem.
func check(comm ranks.Comm, p *image.Problem, overlap int) error {
	if p == nil {
		return errors.New("literal: no problem")
	}
	if p.Varying != nil {
		return errors.New("literal: a PSF that varies: the printed method has one PSF for the whole frame")
	}
	if err := tiles.Check(comm, p.Frame, p.Channels, p.Data, p.Weights, p.PSF); err != nil {
		return fmt.Errorf("literal: %w", err)
	}
	if err := tiles.CheckOverlap(p.Frame, overlap); err != nil {
		return fmt.Errorf("literal: %w", err)
	}
	return nil
}

// measure finds the residual and the objective of the solution. Collective.
func (l *method) measure(res *Result) error {
	r := make([]float64, l.m.Len())
	if err := l.m.Apply(r, res.Solution); err != nil {
		return err
	}
	norms := make([]float64, 2)
	for i, b := range l.b {
		norms[0] += (b - r[i]) * (b - r[i])
		norms[1] += b * b
	}
	if err := l.comm.Allreduce(norms, norms, ranks.Sum); err != nil {
		return err
	}
	if norms[1] > 0 {
		res.Residual = math.Sqrt(norms[0] / norms[1])
	}
	misfit, penalty, err := l.m.Objective(res.Solution, l.p.Data)
	res.Misfit, res.Objective = misfit, misfit+penalty
	return err
}

// attainable is a tolerance that rounding allows the minimiser to reach; a smaller one is
// for the sweeps.
const attainable = 1e-13

// minimiser is w*, on the owned box, by package image. Collective.
func (l *method) minimiser(ctx context.Context) ([]float64, error) {
	overlap := l.o.Overlap
	if overlap == 0 {
		overlap = -1 // none; 0 would be the default
	}
	o := image.Options{
		Regulariser: l.o.Regulariser, Border: l.o.Border, Lambda: l.o.Lambda, Tile: l.o.Tile, Overlap: overlap,
		Tolerance: max(l.o.Tolerance, attainable), MaxIterations: max(l.o.MaxIterations, 500), // the caller's number is for the sweeps
	}
	if l.o.Progress != nil {
		o.Progress = func(p krylov.Progress) {
			if p.Phase == "solve" {
				p.Phase = "the true minimiser"
			}
			l.o.Progress(p)
		}
	}
	exact, err := image.Solve(ctx, l.comm, l.p, o)
	if err != nil {
		return nil, err
	}
	return exact.Solution, nil
}
