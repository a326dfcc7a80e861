package tv

import (
	"context"
	"errors"
	"fmt"
	"math"

	"tessera/krylov"
	"tessera/ranks"
)

// Solve finds this rank's part of the minimiser; see the package's comment.
//
// Collective: every rank calls it with its part of the problem and the same options, and
// every rank returns an error if one does. On a *NotConvergedError the Result still says how
// far the iteration came; on any other error it is nil. Once ctx is cancelled on one rank, all
// ranks return its error from the same iteration.
func Solve(ctx context.Context, comm ranks.Comm, p *Problem, o Options) (*Result, error) {
	o = o.withDefaults()
	if err := agree(comm, p, o); err != nil {
		return nil, err
	}
	p, o, unit, err := inUnit(comm, p, o)
	if err != nil {
		return nil, err
	}
	s, err := newSolver(ctx, comm, p, o)
	if err != nil {
		return nil, err
	}
	var r *Result
	if o.Rule == Fixed {
		r, err = s.solve(ctx, o.Lambda, "solve")
	} else {
		r, err = s.search(ctx)
	}
	if r != nil {
		r.inUnit(unit, o.Rule)
	}
	return r, err
}

// agree checks the input of all ranks. Collective.
func agree(comm ranks.Comm, p *Problem, o Options) error {
	if err := ranks.AgreeError(comm, errors.Join(o.check(), p.check(comm, &o))); err != nil {
		return err
	}
	bounds := Bounds{math.Inf(-1), math.Inf(1)}
	if o.Bounds != nil {
		bounds = *o.Bounds
	}
	o.Progress, o.Truth, o.Bounds = nil, nil, nil
	return krylov.Same(comm, "tv: the options, frame, channels and kind of operator", o, bounds, p.Channels, p.Periodic, p.Operator == nil,
		p.Frame.Domain().Shape())
}

// check finds what is wrong with this rank's part of the problem.
func (p *Problem) check(comm ranks.Comm, o *Options) error {
	switch {
	case p == nil:
		return errors.New("tv: no problem")
	case p.Frame == nil:
		return errors.New("tv: no frame")
	case p.Frame.Ranks() != comm.Size():
		return fmt.Errorf("tv: the frame is cut for %d ranks, the communicator has %d", p.Frame.Ranks(), comm.Size())
	case p.Channels < 1:
		return fmt.Errorf("tv: %d channels, want 1 or more", p.Channels)
	}
	if axes := len(p.Frame.Domain().Shape()); o.Method == ADMM && axes != 2 {
		return fmt.Errorf("tv: a frame of %d axes, of which the method %q has no transform: use the method %q", axes, ADMM, PrimalDual)
	}
	n := p.Channels * p.Frame.Owned(comm.Rank()).Size()
	m := n
	if p.Operator != nil {
		takes := 0
		if m, takes = p.Operator.Dims(); takes != n {
			return fmt.Errorf("tv: the operator takes %d values, this rank's part of the image has %d", takes, n)
		}
	}
	switch {
	case len(p.Data) != m:
		return fmt.Errorf("tv: %d data values, want %d", len(p.Data), m)
	case p.Weights != nil && (len(p.Weights) == 0 && m > 0 || len(p.Weights) > 0 && m%len(p.Weights) != 0):
		return fmt.Errorf("tv: %d weights for %d data values, want as many, or one plane for all channels", len(p.Weights), m)
	case o.Rule == Oracle && len(o.Truth) != n:
		return fmt.Errorf("tv: the truth has %d values, want %d", len(o.Truth), n)
	}
	channels := 1
	if len(p.Weights) > 0 {
		channels = m / len(p.Weights)
	}
	if err := p.Weights.Check(p.Data, channels); err != nil {
		return fmt.Errorf("tv: %w", err)
	}
	return nil
}

// solver holds what does not depend on lambda.
type solver struct {
	comm     ranks.Comm
	p        *Problem
	o        Options
	fid      *fidelity
	field    *field
	gauge    *gauge
	pairs    float64   // of all ranks
	start    []float64 // where the next solve begins
	dual     []float64 // the multipliers of the last solve by PrimalDual, on the extended box
	split    *split    // the state of the last solve by ADMM
	inverse  *inverse  // of ADMM; else nil
	fixed    int       // iterations to do without looking at the gap; 0 = until the gap is small enough
	settling *settling // of the misfit, which then ends a solve by ADMM in place of the gap; else nil
	all      int       // iterations of all solves
	gaps     int       // duality gaps of all solves
	setup    float64   // seconds
}

func newSolver(ctx context.Context, comm ranks.Comm, p *Problem, o Options) (*solver, error) {
	begin := comm.Wtime()
	fid, err := newFidelity(ctx, comm, p)
	if err != nil {
		return nil, err
	}
	if fid.bound == 0 {
		return nil, errors.New("tv: nothing was observed: all weights are 0, or the operator is")
	}
	f, err := newField(comm, p.Frame, p.Channels, p.Periodic)
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, err
	}
	s := &solver{comm: comm, p: p, o: o, fid: fid, field: f}
	if s.gauge, err = newGauge(comm, p, &o, fid, f); err != nil {
		return nil, err
	}
	pairs := []float64{f.pairs(p.Periodic, o.Coupled)}
	if err := comm.Allreduce(pairs, pairs, ranks.Sum); err != nil {
		return nil, err
	}
	s.pairs = pairs[0]
	if o.Method == ADMM {
		if s.inverse, err = newInverse(ctx, comm, p, fid); err != nil {
			return nil, err
		}
	}
	if s.start, err = s.backProjection(); err != nil {
		return nil, err
	}
	s.setup = comm.Wtime() - begin
	return s, nil
}

// backProjection is A'W y divided by A'W A 1, a start in the units of the image; the mean of
// the others where the divisor is nothing. Collective.
func (s *solver) backProjection() ([]float64, error) {
	n := s.p.Channels * s.field.cells
	x, ones, data := make([]float64, n), make([]float64, n), append([]float64(nil), s.p.Data...)
	s.p.Weights.Apply(data)
	if err := s.fid.adjoint(x, data); err != nil {
		return nil, err
	}
	for i := range ones {
		ones[i] = 1
	}
	if err := s.fid.apply(data, ones); err != nil {
		return nil, err
	}
	s.p.Weights.Apply(data)
	if err := s.fid.adjoint(ones, data); err != nil {
		return nil, err
	}
	sums, most := []float64{0, 0}, []float64{0}
	for i, d := range ones {
		most[0] = max(most[0], d)
		sums[0] += x[i]
		sums[1] += d
	}
	if err := s.comm.Allreduce(most, most, ranks.Max); err != nil {
		return nil, err
	}
	if err := s.comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return nil, err
	}
	mean := 0.0
	if sums[1] > 0 {
		mean = sums[0] / sums[1]
	}
	for i, d := range ones {
		if d > 1e-3*most[0] {
			x[i] /= d
		} else {
			x[i] = mean
		}
		if b := s.o.Bounds; b != nil {
			x[i] = min(max(x[i], b.Lower), b.Upper)
		}
	}
	return x, nil
}

// solve runs the method at one lambda. Collective.
func (s *solver) solve(ctx context.Context, lambda float64, phase string) (*Result, error) {
	begin := s.comm.Wtime()
	if s.fixed > 0 {
		s.dual, s.split = nil, nil
	}
	r := &Result{Lambda: lambda, Norm: s.fid.bound}
	var err error
	switch s.o.Method {
	case PrimalDual:
		err = s.primalDual(ctx, r, phase)
	case ADMM:
		err = s.admm(ctx, r, phase)
	default:
		err = s.fppa(ctx, r, phase)
	}
	r.Setup, r.Solve = s.setup, s.comm.Wtime()-begin
	s.all += r.Iterations
	s.gaps += len(r.Checked)
	r.All, r.Gaps, r.Poisson = s.all, s.gaps, s.gauge.solved
	r.Applied, r.Layers = s.fid.applied, s.field.filled
	if s.inverse != nil {
		r.Transforms = s.inverse.solved / s.p.Channels
	}
	if err != nil {
		return nil, err
	}
	s.start = r.Solution
	if r.Converged = r.Status == krylov.Converged; !r.Converged {
		return r, &NotConvergedError{r.Status, r.Iterations, r.RelativeGap, s.o.Tolerance}
	}
	return r, nil
}

// note puts what the gauge found of the iterate into the result.
func (r *Result) note(t int, s *standing) {
	r.Cost, r.Misfit, r.TV, r.Gap = s.cost, s.misfit, s.tv, s.gap
	if r.RelativeGap = s.gap / s.cost; s.cost == 0 {
		r.RelativeGap = 0
	}
	r.History, r.Checked = append(r.History, r.RelativeGap), append(r.Checked, t)
}

// progress tells the caller of an iteration, on rank 0.
func (s *solver) progress(phase string, t int, r *Result) {
	if s.o.Progress == nil || s.comm.Rank() != 0 {
		return
	}
	gap := 1.0
	if len(r.History) > 0 {
		gap = r.RelativeGap
	}
	s.o.Progress(krylov.Progress{Phase: phase, Iteration: t, Of: s.o.MaxIterations, Residual: gap, Target: s.o.Tolerance})
}

// nextCheck is the iteration after t at which the gap is computed again.
func nextCheck(t int) int { return t + max(20, t/4) }

// together adds up numbers over the ranks, and returns the error of a cancelled context on
// all of them. Collective.
func together(ctx context.Context, comm ranks.Comm, sums []float64) error {
	last := len(sums) - 1
	sums[last] = 0
	if ctx.Err() != nil {
		sums[last] = 1
	}
	if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	if sums[last] > 0 {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		return context.Canceled
	}
	return nil
}
