package layers

import (
	"context"
	"errors"
	"fmt"

	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/tiles"
)

// Result is what Solve leaves on each rank. Numbers are global and the same on every
// rank but for the times and what is said to be of this rank.
type Result struct {
	First, Second []float64 // u1 and u2 on the owned box, shaped like Problem.Data

	Status       krylov.Status // why the iteration stopped
	Converged    bool          // Status is krylov.Converged
	Iterations   int
	Residual     float64   // ||b - M u|| / ||b||, recomputed at the end
	ErrorBound   float64   // estimated relative error of (u1, u2)
	Objective    float64   // J(u1, u2), weighted with W
	Misfit       float64   // ||W^(1/2) (H1 u1 - y)||^2, its first term
	History      []float64 // relative residual before the first iteration and after each
	Setup, Solve float64   // seconds
	FactorBytes  int64     // of the local factors of this rank
	Tiles        int       // of this rank
	Factors      int       // of this rank: Cholesky factors, each of which serves all tiles of a class
}

// Solve finds this rank's part of the minimiser of J. Collective: every rank calls it
// with its part of the problem and the same options, and every rank returns an error if
// one does. On a *krylov.NotConvergedError the Result still says how far the iteration
// came; on any other error it is nil.
func Solve(ctx context.Context, comm ranks.Comm, p *Problem, o Options) (*Result, error) {
	return solve(ctx, comm, p, o, nil)
}

func solve(ctx context.Context, comm ranks.Comm, p *Problem, o Options, monitor func(int, []float64) (bool, error)) (*Result, error) {
	o = o.withDefaults()
	if err := ranks.AgreeError(comm, errors.Join(o.check(), p.check(comm, o.Overlap))); err != nil {
		return nil, err
	}
	same := o
	same.Progress = nil
	if err := krylov.Same(comm, "layers: the options, channels, frame and PSFs", same, p.Channels, tiles.Describe(p.Frame), p.First, p.Second); err != nil {
		return nil, err
	}
	start := comm.Wtime()
	p, unit, err := inUnit(comm, p)
	if err != nil {
		return nil, err
	}
	m, err := newOperator(comm, p, &o)
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, err
	}
	b, err := m.right()
	if err != nil {
		return nil, err
	}
	r := &Result{}
	var t *subdomains
	if o.Method != krylov.CG {
		if t, err = newSubdomains(comm, p, &o); err != nil {
			return nil, err
		}
		r.Tiles, r.Factors, r.FactorBytes = len(t.list), len(t.factors), t.bytes
	}
	r.Setup = comm.Wtime() - start

	start = comm.Wtime()
	u := make([]float64, m.Len())
	c := krylov.Control{Tolerance: o.Tolerance, MaxIterations: o.MaxIterations, Monitor: monitor}
	if comm.Rank() == 0 {
		c.Progress = o.Progress
	}
	var report *krylov.Report
	switch o.Method {
	case krylov.CG:
		report, err = krylov.ConjugateGradients(ctx, comm, m, nil, u, b, c)
	case krylov.ASCG:
		report, err = krylov.ConjugateGradients(ctx, comm, m, as{t}, u, b, c)
	case krylov.RAS:
		report, err = krylov.Stationary(ctx, comm, m, ras{t}, u, b, c)
	default:
		report, err = krylov.GMRES(ctx, comm, m, ras{t}, u, b, c)
	}
	if err != nil && !errors.As(err, new(*krylov.NotConvergedError)) {
		return nil, err
	}
	r.Status, r.Converged = report.Status, report.Status == krylov.Converged
	r.Iterations, r.Residual, r.ErrorBound, r.History = report.Iterations, report.Residual, report.ErrorBound, report.History
	var e error
	if r.Objective, r.Misfit, e = m.objective(comm, u); e != nil {
		return nil, e
	}
	r.First, r.Second = u[:m.n], u[m.n:]
	r.inUnit(unit)
	if bad := tiles.CheckFinite(comm, r.First, r.Second); bad != nil {
		return nil, fmt.Errorf("layers: %w", bad)
	}
	r.Solve = comm.Wtime() - start
	return r, err
}
