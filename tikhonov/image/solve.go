package image

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"tessera/forward"
	"tessera/halo"
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
	p = p.withMiddle()
	p, o, u, err := inUnits(comm, p, o)
	if err != nil {
		return 0, nil, err
	}
	s := newSolver(comm, p, o)
	search, err := s.search(ctx, u)
	if err != nil {
		return 0, nil, err
	}
	return search.Lambda, search, nil
}

// agree checks the input of all ranks. Collective.
func agree(comm ranks.Comm, p *Problem, o Options) error {
	if err := ranks.AgreeError(comm, errors.Join(o.check(), p.check(comm, o.Overlap), p.checkVarying(&o))); err != nil {
		return err
	}
	o.Progress, o.monitor = nil, nil
	return krylov.Same(comm, "image: the options, channels, frame and PSF", o, p.Channels, tiles.Describe(p.Frame), p.PSF, p.Varying.String())
}

// check finds what is wrong with this rank's part of the problem, and with the overlap in
// pixels on its frame.
func (p *Problem) check(comm ranks.Comm, overlap int) error {
	if p == nil {
		return errors.New("image: no problem")
	}
	if err := tiles.Check(comm, p.Frame, p.Channels, p.Data, p.Weights, p.PSF); err != nil {
		return fmt.Errorf("image: %w", err)
	}
	if err := tiles.CheckOverlap(p.Frame, overlap); err != nil {
		return fmt.Errorf("image: %w", err)
	}
	return nil
}

// MostOverlap is the largest Overlap, in pixels, that Solve takes on a frame of rows x cols
// pixels: its longer side, or 64.
func MostOverlap(rows, cols int) int { return tiles.MostOverlap(rows, cols) }

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
	case krylov.Auto, krylov.RASGMRES, krylov.ASCG, krylov.TwoLevel, krylov.RAS, krylov.Mult, krylov.CG, krylov.Spectral:
	default:
		want(false, "unknown method %q", o.Method)
	}
	_, ok := tiles.Penalty(o.Regulariser)
	want(ok, "unknown regulariser %q", o.Regulariser)
	want(slices.Contains([]LambdaRule{Fixed, Discrepancy, GCV, LCurve, MarginalLikelihood, AutoRule}, o.Rule), "unknown rule for lambda %q", o.Rule)
	want(slices.Contains([]NoiseUnit{"", OfWeight, OfData}, o.NoiseUnit), "unknown unit of the noise %q", o.NoiseUnit)
	finite := func(x float64) bool { return x >= 0 && !math.IsInf(x, 0) }
	want(finite(o.Lambda) && (o.Lambda > 0 || o.Rule != Fixed), "lambda = %g, want a number above 0", o.Lambda)
	want(o.Border >= halo.Zero && o.Border <= halo.Periodic, "unknown border %d", int(o.Border))
	want(o.Local == LocalAuto || o.Local == LocalBox || o.Local == LocalTile, "unknown local solves %q", o.Local)
	want(o.Tile >= 0, "tile = %d pixels, want 1 or more", o.Tile)
	want(o.Tolerance > 0 && o.Tolerance < 1, "tolerance = %g, want a number between 0 and 1", o.Tolerance)
	want(o.MaxIterations > 0, "max_iterations = %d, want 1 or more", o.MaxIterations)
	want(o.Restart >= 0, "restart = %d, want 1 or more; 0 = the default", o.Restart)
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
	b     []float64 // right-hand side; nil = the data's, H'W y
	own   []float64 // H'W y, once it was needed
	x     []float64 // the last solution, where the next one starts
	setup float64
	local localSolver // the tiles that were factored last
	factored
	spectral  *spectralSolve // once it was needed
	view      *forecast      // of the lambda looked at last
	viewed    float64        // that lambda
	searching bool           // for a lambda
	ahead     *outlook       // of that search, once it was made
	used      choice         // that Auto ended with at that lambda; no method = none yet
}

func newSolver(comm ranks.Comm, p *Problem, o Options) *solver {
	s := &solver{comm: comm, p: p, o: o}
	s.m = newOperator(comm, p, &s.o)
	return s
}

// rightSide is the right-hand side of the next solves. Collective.
func (s *solver) rightSide() ([]float64, error) {
	if s.b != nil {
		return s.b, nil
	}
	if s.own == nil {
		if err := s.m.prepare(); err != nil {
			return nil, err
		}
		b, err := s.m.RightSide(s.p.Data)
		if err != nil {
			return nil, err
		}
		s.own = b
	}
	return s.own, nil
}

// solveBy runs one method at one lambda.
func (s *solver) solveBy(ctx context.Context, lambda float64, o Options) (*Result, error) {
	o.Lambda = lambda
	if o.Method == krylov.Spectral {
		return s.solveSpectral(ctx, o)
	}
	start := s.comm.Wtime()
	if _, err := s.rightSide(); err != nil {
		return nil, err
	}
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
	b, err := s.rightSide()
	if err != nil {
		return nil, err
	}
	report, err := run(x, b)
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
	r.ErrorBound, r.Certified, r.Rounding = report.ErrorBound, report.Certified, report.Rounding
	r.History = report.History
}

// Krylov vectors that are kept. Where the PSF varies many more do not save iterations, and the spectra of its terms take
// their memory.
const (
	usualRestart   = 30
	varyingRestart = 10
)

// control translates the options for the iteration.
func (s *solver) control(o *Options) krylov.Control {
	c := krylov.Control{
		Tolerance: o.Tolerance, MaxIterations: o.MaxIterations, Restart: o.Restart, Monitor: o.monitor,
	}
	switch {
	case c.Restart > 0:
	case s.m.p.Varying != nil:
		c.Restart = varyingRestart
	default:
		c.Restart = usualRestart
	}
	if s.view != nil {
		c.Inverse = s.view.inverse
	}
	if !o.estimate {
		c.LambdaMin = s.m.certain(o.Regulariser, o.Lambda)
	}
	if c.LambdaMin == 0 && s.view != nil && !o.estimate && (o.Method == krylov.CG || s.view.weak) {
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

// method factors what the method needs and returns the iteration for any right-hand side,
// ready to run.
func (s *solver) method(ctx context.Context, o *Options, res *Result) (func(x, b []float64) (*krylov.Report, error), error) {
	if o.Tile == 0 {
		o.Tile = 16
		if o.Method == krylov.RASGMRES || o.Method == krylov.RAS {
			o.Tile = 12 // a dense product per tile: smaller tiles are cheaper, and RAS needs no more iterations with them
		}
	}
	if o.Method == krylov.Spectral {
		return s.spectralRun(ctx, o)
	}
	if err := s.m.prepare(); err != nil {
		return nil, err
	}
	if _, err := s.look(o.Lambda); err != nil { // what control knows of M
		return nil, err
	}
	c := s.control(o)
	md, colours := restricted, false
	switch o.Method {
	case krylov.CG:
		return func(x, b []float64) (*krylov.Report, error) {
			return krylov.ConjugateGradients(ctx, s.comm, s.m, nil, x, b, c)
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
		return func(x, b []float64) (*krylov.Report, error) {
			return krylov.ConjugateGradients(ctx, s.comm, s.m, local, x, b, c)
		}, nil
	case krylov.RAS:
		return func(x, b []float64) (*krylov.Report, error) {
			return krylov.Stationary(ctx, s.comm, s.m, local, x, b, c)
		}, nil
	case krylov.Mult:
		return func(x, b []float64) (*krylov.Report, error) {
			return krylov.Multiplicative(ctx, s.comm, s.m, local, x, b, c)
		}, nil
	case krylov.TwoLevel:
		space, err := newCoarse(s.m, o)
		if err != nil {
			return nil, err
		}
		two := &krylov.Deflated{A: s.m, P: local, Coarse: space}
		return func(x, b []float64) (*krylov.Report, error) {
			if err := two.Start(x, b); err != nil {
				return nil, err
			}
			return krylov.ConjugateGradients(ctx, s.comm, s.m, two, x, b, c)
		}, nil
	}
	return func(x, b []float64) (*krylov.Report, error) {
		return krylov.GMRES(ctx, s.comm, s.m, local, x, b, c)
	}, nil
}
