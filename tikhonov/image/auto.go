package image

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/linalg"
	"tessera/krylov"
	"tessera/ranks"
)

// solve runs the method of o at one lambda. With krylov.Auto it is chosen here, and where
// it does not get there the others follow, each from the iterate of the one before.
func (s *solver) solve(ctx context.Context, lambda float64, o Options) (*Result, error) {
	start := s.comm.Wtime()
	weights, err := s.m.weightMoments()
	if err != nil {
		return nil, err
	}
	if weights.mean == 0 && o.Regulariser != forward.Identity && s.m.border != halo.Zero {
		return nil, fmt.Errorf("image: no pixel is observed: every weight is 0, and the regulariser %q leaves the mean open", o.Regulariser)
	}
	if o.Method != krylov.Auto {
		return s.solveBy(ctx, lambda, o)
	}
	chain, err := s.chain(lambda)
	if err != nil {
		return nil, err
	}
	s.setup += s.comm.Wtime() - start
	first := s.x
	defer func() { s.x = first }()
	spectral := o.MaxIterations - o.MaxIterations/4 // as-cg with a wide PSF is slow, but needs few for weights of very different size
	if slices.Contains(chain[1:], krylov.TwoLevel) {
		spectral = holePatience
	} else if chain[0] == krylov.Spectral && len(s.m.kernel.Dense) <= smallPSF {
		spectral = spectralPatience
		if hole, err := s.m.hasHole(deepHole); err != nil {
			return nil, err
		} else if hole {
			spectral = holePatience
		}
	}
	var tried []string
	var before *Result
	for k, m := range chain {
		try, last := o, k == len(chain)-1
		try.Method = m
		if before != nil {
			try.MaxIterations -= before.Iterations
		}
		switch {
		case last:
		case m == krylov.RASGMRES:
			try.MaxIterations = min(try.MaxIterations, patience)
		case m == krylov.Spectral:
			try.MaxIterations = min(try.MaxIterations, spectral)
		}
		if m == krylov.ASCG || m == krylov.TwoLevel {
			f, err := s.look(lambda)
			if err != nil {
				return nil, err
			}
			if f.condition > singleCondition {
				try.Precision = Double
			}
		}
		res, err := s.solveBy(ctx, lambda, try)
		if (m == krylov.ASCG || m == krylov.TwoLevel) && res == nil && try.Precision != Double && indefinite(err) {
			tried = append(tried, fmt.Sprintf("%s: local matrices not positive definite in %s precision", m, Single))
			try.Precision = Double
			res, err = s.solveBy(ctx, lambda, try)
		}
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
		if err == nil || last || left <= 0 || res.Rounding {
			s.used = choice{m, try.Precision}
			return res, res.outcome()
		}
		tried = append(tried, fmt.Sprintf("%s: %s after %d iterations", m, res.Status, res.Iterations))
		before = res
	}
	panic("image: no method is the last")
}

// chain lists the methods for Auto: the spectrum of the frame where it makes M nearly
// diagonal, else what the forecast says, and those that follow where it fails. Collective.
func (s *solver) chain(lambda float64) ([]krylov.Method, error) {
	var chain []krylov.Method
	if s.m.p.Varying != nil {
		return []krylov.Method{krylov.RASGMRES, krylov.CG}, nil
	}
	if s.m.spectralFits() && s.m.spectralFast() {
		solve, err := s.spectralOf(lambda)
		if err != nil {
			return nil, err
		}
		chain = append(chain, solve.method(len(s.m.kernel.Dense)))
	} else {
		f, err := s.look(lambda)
		if err != nil {
			return nil, err
		}
		chain = append(chain, f.method(len(s.m.kernel.Dense), s.m.border == halo.Zero))
	}
	rest := []krylov.Method{krylov.ASCG, krylov.CG}
	if wide, err := s.m.hasHole(wideHole); err != nil {
		return nil, err
	} else if wide {
		rest = []krylov.Method{krylov.TwoLevel, krylov.ASCG, krylov.CG}
	}
	for _, m := range rest {
		if m != chain[0] {
			chain = append(chain, m)
		}
	}
	return chain, nil
}

// Of the methods that Auto tries one after the other.
const (
	patience         = 60  // most iterations of GMRES, which needs 5 to 20 where the choice was right
	spectralPatience = 400 // likewise of the spectral method with a small PSF
	holePatience     = 60  // likewise where there is a hole: tiles see all of it, the spectral method needs very many
	wideHole         = 48  // side in pixels of such a square that no tile sees the other end of: the coarse space of the two-level method is needed
	deepHole         = 7   // side in pixels of a square without observed pixels from which it is one
	singleCondition  = 1e6 // of M, from which tiles are factored in double precision
)

// hasHole tells whether some rank's box holds a square of this side without any observed
// pixel. Collective.
func (m *operator) hasHole(side int) (bool, error) {
	found := []float64{0}
	if m.owned != nil {
		last := make([]int, m.cols+1) // sides of the squares that end in the row before, and in this one
		for i := range m.rows {
			corner := 0
			for j, w := range m.owned[i*m.cols:][:m.cols] {
				above := last[j+1]
				if last[j+1] = 0; w == 0 {
					last[j+1] = 1 + min(above, last[j], corner)
				}
				corner = above
				if last[j+1] >= side {
					found[0] = 1
				}
			}
		}
	}
	err := m.comm.Allreduce(found, found, ranks.Max)
	return found[0] > 0, err
}

// choice is what Auto ended with.
type choice struct {
	method    krylov.Method
	precision Precision
}

// look is the forecast of a lambda. Collective.
func (s *solver) look(lambda float64) (*forecast, error) {
	if s.view == nil || s.viewed != lambda {
		o := s.ahead
		if o == nil {
			o = s.m.outlook()
		}
		if s.searching {
			s.ahead = o
		}
		f, err := s.m.forecast(o, lambda)
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
