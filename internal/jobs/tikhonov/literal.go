package tikhonov

import (
	"context"

	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image"
	"tessera/tikhonov/image/literal"
)

// methodLiteral is the value of tikhonov.method that asks for the printed method.
const methodLiteral = "literal"

// choosing are the options by which lambda is found: the printed method has no rule of its own,
// and gets its default tile and overlap.
func choosing(o image.Options) image.Options {
	if o.Method != methodLiteral {
		return o
	}
	o.Method = krylov.RASGMRES
	if o.Tile == 0 {
		o.Tile = 16
	}
	if o.Overlap == 0 {
		o.Overlap = 4
	}
	return o
}

// solveFrame restores a frame by the method of the config. For the printed method
// the other methods choose lambda, and its bias is returned as well. Collective.
func (c *settings) solveFrame(ctx context.Context, comm ranks.Comm, p *image.Problem, o image.Options) (*image.Result, *literal.Bias, error) {
	if o.Method != methodLiteral {
		result, err := image.Solve(ctx, comm, p, o)
		return result, nil, err
	}
	o = choosing(o)
	lambda, search, err := image.ChooseLambda(ctx, comm, p, o)
	if err != nil {
		return nil, nil, err
	}
	r, err := literal.Solve(ctx, comm, p, literal.Options{
		Lambda: lambda, Regulariser: o.Regulariser, Border: o.Border, Omega: c.Tikhonov.Omega, Tile: o.Tile, Overlap: o.Overlap,
		Tolerance: o.Tolerance, MaxIterations: o.MaxIterations, Progress: o.Progress,
	})
	if r == nil {
		return nil, nil, err
	}
	return &image.Result{
		Solution: r.Solution, Lambda: lambda, Search: search, Method: methodLiteral, Overlap: max(0, o.Overlap), Iterations: r.Iterations, Residual: r.Residual, ErrorBound: r.Bias.Owner,
		Objective: r.Objective, Misfit: r.Misfit, Status: r.Status, Converged: r.Converged, History: r.History,
		Setup: r.Setup, Solve: r.Solve, TilesExact: r.Tiles,
	}, &r.Bias, err
}
