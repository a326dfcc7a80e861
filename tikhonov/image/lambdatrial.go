package image

import (
	"context"
	"errors"
	"fmt"
	"math"

	"tessera/internal/linalg"
	"tessera/krylov"
	"tessera/ranks"
)

// hastyPatience is the number of iterations after which AutoRule gives a solve of a trial up: lambda is then so small that
// the answer would take minutes, and it looks no further.
const hastyPatience = 400

// searchTolerance is the relative error of w with which a trial begins. It is then made
// smaller until the criterion is accurate enough.
const searchTolerance = 1e-4

// methods are those that a trial may use, in this order. Beside a wide hole Auto has already tried the others, and they are
// slower. Collective.
func (s *searcher) methods() ([]krylov.Method, error) {
	first := s.o.Method
	if first == krylov.RAS || first == krylov.Mult {
		first = krylov.RASGMRES
	}
	list := []krylov.Method{first}
	if wide, err := s.m.hasHole(wideHole); err != nil || wide && first == krylov.Auto {
		return list, err
	}
	for _, m := range []krylov.Method{krylov.ASCG, krylov.CG} {
		if m != first {
			list = append(list, m)
		}
	}
	return list, nil
}

// solveFor sets the right-hand side of the next solves. Collective.
func (s *searcher) solveFor(b []float64) error {
	s.b = b
	var err error
	s.bnorm, err = s.norm(b)
	return err
}

// norm is ||v|| over all ranks. Collective.
func (s *searcher) norm(v []float64) (float64, error) {
	n := []float64{linalg.Dot(v, v)}
	err := s.comm.Allreduce(n, n, ranks.Sum)
	return math.Sqrt(n[0]), err
}

// accurate solves M x = s.b at lambda from the start in s.x, and leaves the solution there.
// excess is the error of what the rule takes from a solution, divided by the allowed one,
// given e'Me of the error e = x - M^-1 b; at most 1 is accurate enough. A solve that is not
// is continued with a smaller tolerance, then by the next method; a method that was not
// enough is not tried again at this lambda and below. t gets iterations and
// method. Collective.
func (s *searcher) accurate(ctx context.Context, lambda float64, t *Trial, excess func(res *Result, energy float64) (float64, error)) (*Result, error) {
	methods, err := s.methods()
	if err != nil {
		return nil, err
	}
	for len(methods) > 1 && lambda <= s.hopeless[methods[0]] {
		methods = methods[1:]
	}
	begin := s.x
	var res *Result
	var worst float64
	spent := 0
	if s.hasty {
		methods = methods[:1]
	}
	for _, method := range methods {
		o := s.o
		o.Method, o.monitor = method, nil
		if o.MaxIterations = max(o.MaxIterations, 500); s.hasty {
			o.MaxIterations = min(o.MaxIterations, hastyPatience)
		}
		o.phase = fmt.Sprintf("lambda, try %d", s.count)
		o.Tolerance = searchTolerance
		before := 1.0 // relative residual of the last solve
		for range 8 {
			next, err := s.solve(ctx, lambda, o)
			var short *krylov.NotConvergedError
			if err != nil && !errors.As(err, &short) {
				lost, e := s.methodFailed(err)
				if e != nil {
					return nil, fmt.Errorf("image: searching for lambda, at %.4g: %w", lambda*s.units.weight, e)
				}
				if lost {
					break // the next method
				}
			}
			res = next
			t.Method, t.Iterations, t.Residual = res.Method, t.Iterations+res.Iterations, res.Residual
			if !finite(res.Residual) {
				s.x = begin
				break
			}
			s.x = res.Solution
			xnorm, err := s.norm(s.x)
			if err != nil {
				return nil, err
			}
			if worst, err = excess(res, res.ErrorBound*xnorm*res.Residual*s.bnorm); err != nil {
				return nil, err
			}
			if worst <= 1 || res.Status == krylov.Stagnated && worst <= s.slack {
				return res, nil
			}
			spent += res.Iterations
			slow := res.Status == krylov.IterationLimit && res.Residual > 0.01*before || s.hasty && spent >= hastyPatience
			if before = res.Residual; slow || !res.Converged && res.Status != krylov.IterationLimit || o.Tolerance <= 1e-14 {
				break
			}
			if res.Converged {
				o.Tolerance = max(1e-14, o.Tolerance*min(0.3, max(1e-4, 0.7/worst)))
			}
		}
		s.hopeless[method] = max(s.hopeless[method], lambda)
	}
	return nil, &TrialError{
		Rule: s.found.Rule, Number: s.count, Lambda: lambda * s.units.weight, Method: methods[len(methods)-1],
		Iterations: t.Iterations, Residual: t.Residual, Excess: worst, hasty: s.hasty && spent >= hastyPatience,
	}
}

// methodFailed tells whether a solve failed because the numbers of its method are beyond
// the precision of the local factors, on any rank; another method may then do. Otherwise it
// returns the error. Collective.
func (s *searcher) methodFailed(err error) (bool, error) {
	beyond := []float64{0}
	if indefinite(err) || errors.As(err, new(*krylov.OverflowError)) {
		beyond[0] = 1
	}
	if e := s.comm.Allreduce(beyond, beyond, ranks.Max); e != nil {
		return false, errors.Join(err, e)
	}
	if beyond[0] > 0 {
		return true, nil
	}
	return false, err
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// dataTrial solves for the data at exp(l), so that the relative errors of misfit and
// penalty are at most need(misfit), and appends the trial, without its criterion. Where
// only the misfit matters the error of the penalty is not looked at. Collective.
//
// With e = w - M^-1 b the misfit is off by ||W^(1/2) H e||^2 - 2 lambda (Q w*)'Q e, which
// is at most d^2 + 2 d p for d^2 = e'Me and p^2 = lambda ||Q w*||^2.
func (s *searcher) dataTrial(ctx context.Context, l float64, need func(misfit float64) float64) (*Result, *Trial, error) {
	lambda := math.Exp(l)
	t := Trial{Lambda: lambda * s.units.weight}
	s.count++
	res, err := s.accurate(ctx, lambda, &t, func(res *Result, energy float64) (float64, error) {
		d, p := math.Sqrt(energy), math.Sqrt(max(0, res.Objective-res.Misfit))
		off := 3*d*d + 2*d*p
		if off == 0 {
			t.Accuracy = 0
			return 0, nil
		}
		t.Accuracy = off / res.Misfit
		if s.found.Rule == LCurve {
			t.Accuracy = max(t.Accuracy, off/(p*p))
		}
		return t.Accuracy / need(res.Misfit), nil
	})
	if err != nil {
		return nil, nil, err
	}
	t.Misfit = res.Misfit * s.units.misfit()
	t.Penalty = (res.Objective - res.Misfit) / lambda * s.units.data * s.units.data
	s.found.Trials = append(s.found.Trials, t)
	return res, &s.found.Trials[len(s.found.Trials)-1], nil
}

// quadratic is u'M^-1 u at lambda, with an error of at most allowed(its value), from the
// start in s.x, where it leaves M^-1 u. The value 2 u'x - x'Mx is off by e'Me only.
// Collective.
func (s *searcher) quadratic(ctx context.Context, lambda float64, u []float64, t *Trial, allowed func(value float64) float64) (float64, error) {
	data, norm := s.b, s.bnorm
	defer func() { s.b, s.bnorm = data, norm }()
	if err := s.solveFor(u); err != nil {
		return 0, err
	}
	value := 0.0
	method, residual := t.Method, t.Residual
	_, err := s.accurate(ctx, lambda, t, func(res *Result, energy float64) (float64, error) {
		if err := s.m.Apply(s.quadrat, res.Solution); err != nil {
			return 0, err
		}
		v := []float64{2*linalg.Dot(u, res.Solution) - linalg.Dot(res.Solution, s.quadrat)}
		if err := s.comm.Allreduce(v, v, ranks.Sum); err != nil {
			return 0, err
		}
		value = v[0]
		if energy == 0 {
			return 0, nil
		}
		return energy / allowed(value), nil
	})
	t.Method, t.Residual = method, residual
	return value, err
}
