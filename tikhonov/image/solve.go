package image

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/linalg"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/tiles"
)

// Solve finds this rank's part of the minimiser of
//
//	J(w) = ||W^(1/2) (H w - y)||^2 + lambda ||Q w||^2.
//
// Collective: every rank calls it with its part of the problem and the same options,
// and every rank returns an error if one does. On a *krylov.NotConvergedError the Result
// still says how far the iteration came; on any other error it is nil.
func Solve(ctx context.Context, comm ranks.Comm, p *Problem, o Options) (*Result, error) {
	r, err := NewRestoration(comm, p, o)
	if err != nil {
		return nil, err
	}
	return r.Solve(ctx)
}

// ChooseLambda is the regularisation parameter by the rule of the options, as Solve
// finds it, and how it was found: with Fixed it is o.Lambda, and nil. Collective, with the
// same errors on all ranks as Solve.
func ChooseLambda(ctx context.Context, comm ranks.Comm, p *Problem, o Options) (float64, *Search, error) {
	o = o.withDefaults()
	if err := agree(comm, p, o); err != nil || o.Rule == Fixed {
		return o.Lambda, nil, err
	}
	p, o, u, err := inUnits(comm, p, o)
	if err != nil {
		return 0, nil, err
	}
	s, err := newSolver(comm, p, o)
	if err != nil {
		return 0, nil, err
	}
	search, err := s.search(ctx, u)
	if err != nil {
		return 0, nil, err
	}
	return search.Lambda, search, nil
}

// agree checks the input of all ranks. Collective.
func agree(comm ranks.Comm, p *Problem, o Options) error {
	if err := ranks.AgreeError(comm, errors.Join(o.check(), p.check(comm))); err != nil {
		return err
	}
	o.Progress, o.monitor = nil, nil
	return krylov.Same(comm, "image: the options, channels, frame and PSF", o, p.Channels, tiles.Describe(p.Frame), p.PSF)
}

// check finds what is wrong with this rank's part of the problem.
func (p *Problem) check(comm ranks.Comm) error {
	if p == nil {
		return errors.New("image: no problem")
	}
	if err := tiles.Check(comm, p.Frame, p.Channels, p.Data, p.Weights, p.PSF); err != nil {
		return fmt.Errorf("image: %w", err)
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.Method == "" {
		o.Method = krylov.Auto
	}
	if o.Regulariser == "" {
		o.Regulariser = forward.Identity
	}
	if o.Rule == "" {
		o.Rule = Fixed
	}
	if o.Local == "" {
		o.Local = LocalAuto
	}
	o.tileGiven = o.Tile != 0
	if o.Tolerance == 0 {
		o.Tolerance = 1e-8
	}
	if o.MaxIterations == 0 {
		o.MaxIterations = 2000
	}
	if o.Restart == 0 {
		o.Restart = 30
	}
	if o.Precision == "" {
		o.Precision = Single
	}
	return o
}

// check returns every problem of the options at once.
func (o Options) check() error {
	var bad []error
	want := func(ok bool, format string, a ...any) {
		if !ok {
			bad = append(bad, fmt.Errorf("image: "+format, a...))
		}
	}
	switch o.Method {
	case krylov.Auto, krylov.RASGMRES, krylov.ASCG, krylov.TwoLevel, krylov.RAS, krylov.Mult, krylov.CG:
	default:
		want(false, "unknown method %q", o.Method)
	}
	_, ok := tiles.Penalty(o.Regulariser)
	want(ok, "unknown regulariser %q", o.Regulariser)
	want(slices.Contains([]LambdaRule{Fixed, Discrepancy, GCV, LCurve, MarginalLikelihood}, o.Rule), "unknown rule for lambda %q", o.Rule)
	want(slices.Contains([]NoiseUnit{"", OfWeight, OfData}, o.NoiseUnit), "unknown unit of the noise %q", o.NoiseUnit)
	finite := func(x float64) bool { return x >= 0 && !math.IsInf(x, 0) }
	want(finite(o.Lambda) && (o.Lambda > 0 || o.Rule != Fixed), "lambda = %g, want a number above 0", o.Lambda)
	want(o.Border >= halo.Zero && o.Border <= halo.Periodic, "unknown border %d", int(o.Border))
	want(o.Local == LocalAuto || o.Local == LocalBox || o.Local == LocalTile, "unknown local solves %q", o.Local)
	want(o.Tile >= 0, "tile = %d pixels, want 1 or more", o.Tile)
	want(o.Tolerance > 0 && o.Tolerance < 1, "tolerance = %g, want a number between 0 and 1", o.Tolerance)
	want(o.MaxIterations > 0, "max_iterations = %d, want 1 or more", o.MaxIterations)
	want(o.Restart > 0, "restart = %d, want 1 or more", o.Restart)
	want(finite(o.Noise), "noise = %g, want 0 or more", o.Noise)
	want(o.Precision == Single || o.Precision == Double, "unknown precision %q", o.Precision)
	want(o.Weighting == "" || o.Weighting == WeightNone || o.Weighting == WeightSqrt, "unknown weighting %q", o.Weighting)
	return errors.Join(bad...)
}

// solver holds what does not depend on lambda, and what may be reused when lambda changes.
type solver struct {
	comm  ranks.Comm
	p     *Problem
	o     Options
	m     *operator
	b     []float64 // H'W y
	x     []float64 // the last solution, where the next one starts
	setup float64
	local localSolver // the tiles that were factored last
	factored
	view   *forecast // of the lambda looked at last
	viewed float64   // that lambda
	used   choice    // that Auto ended with at that lambda; no method = none yet
}

func newSolver(comm ranks.Comm, p *Problem, o Options) (*solver, error) {
	start := comm.Wtime()
	m, err := newOperator(comm, p, &o)
	if err != nil {
		return nil, err
	}
	b, err := m.RightSide(p.Data)
	if err != nil {
		return nil, err
	}
	return &solver{comm: comm, p: p, o: o, m: m, b: b, setup: comm.Wtime() - start}, nil
}

// solve runs the method of o at one lambda. With krylov.Auto it is chosen here, and where
// it does not get there the others follow, each from the iterate of the one before.
func (s *solver) solve(ctx context.Context, lambda float64, o Options) (*Result, error) {
	start := s.comm.Wtime()
	f, err := s.look(lambda)
	if err != nil {
		return nil, err
	}
	s.setup += s.comm.Wtime() - start
	if f.mean == 0 && o.Regulariser != forward.Identity && s.m.border != halo.Zero {
		return nil, fmt.Errorf("image: no pixel is observed: every weight is 0, and the regulariser %q leaves the mean open", o.Regulariser)
	}
	if o.Method != krylov.Auto {
		return s.solveBy(ctx, lambda, o)
	}
	chain := []krylov.Method{f.method(len(s.m.kernel.Dense), s.m.border == halo.Zero)}
	for _, m := range []krylov.Method{krylov.ASCG, krylov.CG} {
		if m != chain[0] {
			chain = append(chain, m)
		}
	}
	first := s.x
	defer func() { s.x = first }()
	var tried []string
	var before *Result
	for k, m := range chain {
		try, last := o, k == len(chain)-1
		try.Method = m
		if before != nil {
			try.MaxIterations -= before.Iterations
		}
		if m == krylov.RASGMRES && !last {
			try.MaxIterations = min(try.MaxIterations, patience)
		}
		if m == krylov.ASCG && f.condition > singleCondition {
			try.Precision = Double
		}
		res, err := s.solveBy(ctx, lambda, try)
		if res == nil && (last || !indefinite(err)) {
			return nil, err
		}
		if res == nil {
			tried = append(tried, fmt.Sprintf("%s: local matrices not positive definite in %s precision", m, try.Precision))
			continue
		}
		if res.Residual < 1 {
			s.x = res.Solution
		}
		res.after(before)
		res.Fallback = strings.Join(tried, ", ")
		left := o.MaxIterations - res.Iterations
		if err == nil || last || left <= 0 {
			s.used = choice{m, try.Precision}
			return res, res.outcome()
		}
		tried = append(tried, fmt.Sprintf("%s: %s after %d iterations", m, res.Status, res.Iterations))
		before = res
	}
	panic("image: no method is the last")
}

// Of the methods that Auto tries one after the other.
const (
	patience        = 60  // most iterations of GMRES, which needs 5 to 20 where the choice was right
	singleCondition = 1e6 // of M, from which tiles are factored in double precision
)

// choice is what Auto ended with.
type choice struct {
	method    krylov.Method
	precision Precision
}

// look is the forecast of a lambda. Collective.
func (s *solver) look(lambda float64) (*forecast, error) {
	if s.view == nil || s.viewed != lambda {
		f, err := s.m.forecast(lambda)
		if err != nil {
			return nil, err
		}
		s.view, s.viewed, s.used = f, lambda, choice{}
	}
	return s.view, nil
}

// indefinite tells, alike on all ranks, whether a method failed because a matrix that has to
// be positive definite was not, which rounding does to small lambdas.
func indefinite(err error) bool {
	return errors.As(err, new(*indefiniteError)) || errors.As(err, new(*krylov.IndefiniteError))
}

// indefiniteError is the error, the same on all ranks, of local matrices that are not
// positive definite on some rank.
type indefiniteError struct{ error }

func (e *indefiniteError) Unwrap() error { return e.error }

// agreeFactors is ranks.AgreeError for the factors of local matrices. Collective.
func agreeFactors(comm ranks.Comm, err error) error {
	const none, notDefinite, other = 0, 1, 2
	kind := []float64{none}
	if errors.As(err, new(*linalg.NotPositiveDefiniteError)) {
		kind[0] = notDefinite
	} else if err != nil {
		kind[0] = other
	}
	if e := comm.Allreduce(kind, kind, ranks.Max); e != nil {
		return errors.Join(err, e)
	}
	if kind[0] == none {
		return nil
	}
	err = ranks.AgreeError(comm, err)
	if kind[0] == notDefinite {
		return &indefiniteError{err}
	}
	return err
}

// outcome is the error of a result.
func (r *Result) outcome() error {
	if r.Converged {
		return nil
	}
	return &krylov.NotConvergedError{Status: r.Status, Iterations: r.Iterations, Residual: r.Residual, ErrorBound: r.ErrorBound}
}

// after adds what an earlier method did at the same lambda.
func (r *Result) after(before *Result) {
	if before == nil {
		return
	}
	r.Iterations += before.Iterations
	r.History = append(before.History[:len(before.History):len(before.History)], r.History...)
	r.Setup += before.Setup
	r.Solve += before.Solve
}

// solveBy runs one method at one lambda.
func (s *solver) solveBy(ctx context.Context, lambda float64, o Options) (*Result, error) {
	start := s.comm.Wtime()
	o.Lambda = lambda
	s.m.SetLambda(lambda)
	res := &Result{Lambda: lambda, Method: o.Method}
	run, err := s.method(ctx, &o, res)
	if err != nil {
		return nil, err
	}
	x := make([]float64, s.m.Len())
	if s.x != nil {
		copy(x, s.x)
	}
	res.Setup = s.setup + s.comm.Wtime() - start
	s.setup = 0
	start = s.comm.Wtime()
	report, err := run(x)
	res.Solve = s.comm.Wtime() - start
	if err != nil && !errors.As(err, new(*krylov.NotConvergedError)) {
		return nil, err
	}
	res.fill(report, x)
	misfit, penalty, jerr := s.m.Objective(x, s.p.Data)
	if jerr != nil {
		return nil, jerr
	}
	res.Misfit, res.Objective = misfit, misfit+penalty
	return res, err
}

func (r *Result) fill(report *krylov.Report, x []float64) {
	r.Solution = x
	r.Status, r.Converged = report.Status, report.Status == krylov.Converged
	r.Iterations, r.Residual = report.Iterations, report.Residual
	r.ErrorBound, r.Certified = report.ErrorBound, report.Certified
	r.History = report.History
}

// control translates the options for the iteration.
func (s *solver) control(o *Options) krylov.Control {
	c := krylov.Control{
		Tolerance: o.Tolerance, MaxIterations: o.MaxIterations, Restart: o.Restart, Monitor: o.monitor,
	}
	if o.Regulariser == forward.Identity && !o.estimate {
		c.LambdaMin = o.Lambda // H'WH is positive semi-definite
	} else if s.view != nil && !o.estimate && (o.Method == krylov.CG || s.view.weak) {
		c.LambdaLikely = s.view.smallest
	}
	if o.Progress != nil && s.comm.Rank() == 0 {
		phase := o.phase
		if phase == "" {
			phase = "solve"
		}
		c.Progress = func(p krylov.Progress) {
			p.Phase = phase
			o.Progress(p)
		}
	}
	return c
}

// method factors what the method needs and returns the iteration, ready to run.
func (s *solver) method(ctx context.Context, o *Options, res *Result) (func(x []float64) (*krylov.Report, error), error) {
	if o.Tile == 0 {
		o.Tile = 16
		if o.Method == krylov.RASGMRES || o.Method == krylov.RAS {
			o.Tile = 12 // a dense product per tile: smaller tiles are cheaper, and RAS needs no more iterations with them
		}
	}
	c := s.control(o)
	md, colours := restricted, false
	switch o.Method {
	case krylov.CG:
		return func(x []float64) (*krylov.Report, error) {
			return krylov.ConjugateGradients(ctx, s.comm, s.m, nil, x, s.b, c)
		}, nil
	case krylov.ASCG:
		md = additive
		if o.Weighting == WeightSqrt {
			md = weighted
		}
	case krylov.TwoLevel:
		md = weighted
		if o.Weighting == WeightNone {
			md = additive
		}
	case krylov.Mult:
		md, colours = additive, true
	}
	local, err := s.localSolves(ctx, o, md, colours, res)
	if err != nil {
		return nil, err
	}
	switch o.Method {
	case krylov.ASCG:
		return func(x []float64) (*krylov.Report, error) {
			return krylov.ConjugateGradients(ctx, s.comm, s.m, local, x, s.b, c)
		}, nil
	case krylov.RAS:
		return func(x []float64) (*krylov.Report, error) {
			return krylov.Stationary(ctx, s.comm, s.m, local, x, s.b, c)
		}, nil
	case krylov.Mult:
		return func(x []float64) (*krylov.Report, error) {
			return krylov.Multiplicative(ctx, s.comm, s.m, local, x, s.b, c)
		}, nil
	case krylov.TwoLevel:
		space, err := newCoarse(s.m, o)
		if err != nil {
			return nil, err
		}
		two := &krylov.Deflated{A: s.m, P: local, Coarse: space}
		return func(x []float64) (*krylov.Report, error) {
			if err := two.Start(x, s.b); err != nil {
				return nil, err
			}
			return krylov.ConjugateGradients(ctx, s.comm, s.m, two, x, s.b, c)
		}, nil
	}
	return func(x []float64) (*krylov.Report, error) {
		return krylov.GMRES(ctx, s.comm, s.m, local, x, s.b, c)
	}, nil
}

// localSolver is schwarz of either precision.
type localSolver interface {
	krylov.Preconditioner
	krylov.Colours
	counts() (shared, own int)
	bytes() int64
}

// localSolves returns the local solves, those of the last call if they still fit.
func (s *solver) localSolves(ctx context.Context, o *Options, md mode, colours bool, res *Result) (localSolver, error) {
	f, err := s.look(o.Lambda)
	if err != nil {
		return nil, err
	}
	made := factored{lambda: o.Lambda, mode: md, colours: colours, tile: o.Tile, precision: o.Precision}
	made.local, made.overlap = f.local(o, md, len(s.m.kernel.Dense), s.m.border == halo.Zero)
	o.Overlap = made.overlap
	if s.local == nil || s.factored != made {
		if o.Progress != nil && s.comm.Rank() == 0 {
			o.Progress(krylov.Progress{Phase: "set-up"})
		}
		s.local = nil // free its memory before the next is made
		local, err := s.newLocal(ctx, o, made, f.box)
		if err := agreeFactors(s.comm, err); err != nil {
			return nil, err
		}
		s.local, s.factored = local, made
	}
	res.TilesShared, res.TilesExact = s.local.counts()
	res.FactorBytes = s.local.bytes()
	res.Local, res.Overlap = made.local, made.overlap
	return s.local, nil
}

func (s *solver) newLocal(ctx context.Context, o *Options, made factored, weight float64) (localSolver, error) {
	switch {
	case made.local == LocalBox && o.Precision == Double:
		return newBoxSolve[float64](s.m, o.Lambda, made.overlap, weight)
	case made.local == LocalBox:
		return newBoxSolve[float32](s.m, o.Lambda, made.overlap, weight)
	case o.Precision == Double:
		return newSchwarz[float64](ctx, s.m, o, made.mode, made.colours)
	}
	return newSchwarz[float32](ctx, s.m, o, made.mode, made.colours)
}

// factored is what a set of local factors was made for. A search for lambda uses each
// set more than once.
type factored struct {
	lambda  float64
	local   Local
	overlap int
	tile    int
	mode    mode
	colours bool

	precision Precision
}

var (
	_ localSolver           = (*schwarz[float32])(nil)
	_ localSolver           = (*boxSolve[float32])(nil)
	_ krylov.Preconditioner = (*coarse)(nil)
	_ krylov.Operator       = (*operator)(nil)
)
