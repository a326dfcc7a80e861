package layers

import (
	"context"
	"errors"

	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/tiles"
)

// Result is what Solve leaves on each rank. Numbers are global and the same on
// every rank but for the last two.
type Result struct {
	First, Second []float64 // u1 and u2 on the owned box, as Problem.Data

	Iterations   int
	Residual     float64       // ||b - M u|| / ||b||
	ErrorBound   float64       // estimated relative error of (u1, u2)
	Objective    float64       // J
	Misfit       float64       // its first term
	Status       krylov.Status // why the iteration stopped
	Converged    bool          // Status is krylov.Converged
	History      []float64
	Setup, Solve float64 // seconds
	FactorBytes  int64   // of this rank
	Tiles        int     // of this rank
	Factors      int     // of this rank: Cholesky factors, each of which serves all tiles of a class
}

// Solve finds this rank's part of the minimiser. Collective. On a
// *krylov.NotConvergedError the Result still tells how far it came; on any other error it is nil.
func Solve(ctx context.Context, comm ranks.Comm, p *Problem, o Options) (*Result, error) {
	return solve(ctx, comm, p, o, nil)
}

func solve(ctx context.Context, comm ranks.Comm, p *Problem, o Options, monitor func(int, []float64) (bool, error)) (*Result, error) {
	o = o.withDefaults()
	if err := ranks.AgreeError(comm, errors.Join(o.check(), p.check(comm))); err != nil {
		return nil, err
	}
	same := o
	same.Progress = nil
	if err := krylov.Same(comm, "layers: the options, channels, frame and PSFs", same, p.Channels, tiles.Describe(p.Frame), p.First, p.Second); err != nil {
		return nil, err
	}
	start := comm.Wtime()
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
	r.Solve = comm.Wtime() - start
	return r, err
}
