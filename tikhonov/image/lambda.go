package image

import (
	"context"
	"errors"
	"fmt"
	"math"

	"tessera/krylov"
	"tessera/ranks"
)

// A search stays within these bounds, in units of the scale of H'WH (searcher.scale):
// outside of them H'WH or lambda Q'Q is lost in rounding.
const (
	lambdaLowest  = 1e-9
	lambdaHighest = 1e9
	lambdaStart   = 1e-2
)

// Search is how a rule found lambda; the same on every rank. Numbers are in the units of
// the caller's data and weights. "Weight 1" is a weight of 1 in those units.
type Search struct {
	Rule     LambdaRule // that found it; never AutoRule
	Note     string     // AutoRule: why it was not the plain minimum of GCV
	Lambda   float64    // that was chosen, in units of W
	Values   int        // observed data values, N: pixels of positive weight x channels
	Trials   []Trial    // in the order in which they were made
	Noise    float64    // standard deviation of a pixel of weight 1; 0 = unknown. Discrepancy: the one that was used. GCV: sqrt(misfit/(N - Trace)). MarginalLikelihood: Options.Noise, or the most likely one
	Inferred bool       // Noise was found from the data

	Trace      float64 // GCV: tr A at Lambda, the effective number of parameters; else 0
	TraceError float64 // GCV: standard error of Trace, from the spread over the probe vectors
	Probes     int     // GCV: probe vectors that Trace was found with
}

// Trial is one evaluation of a rule's criterion.
type Trial struct {
	Lambda     float64
	Criterion  float64       // see LambdaRule
	Misfit     float64       // ||W^(1/2) (H w - y)||^2
	Penalty    float64       // ||Q w||^2
	Method     krylov.Method // that solved the equations; "" = the spectrum gave the solution
	Iterations int           // of all solves of the trial
	Residual   float64       // ||b - M w|| / ||b|| of w; 0 where the spectrum gave it
	Accuracy   float64       // estimated relative error of Misfit
}

// TrialError says that a search was given up because the equations could not be solved as
// accurately as the rule needs, by any method that it may try.
type TrialError struct {
	Rule       LambdaRule
	Number     int // of the trial, from 1
	Lambda     float64
	Method     krylov.Method // that was tried last
	Iterations int           // of all methods
	Residual   float64       // ||b - M w|| / ||b|| that it reached
	Excess     float64       // error of what the rule needs, estimated, divided by the allowed one
	hasty      bool          // AutoRule ran out of patience
}

func (e *TrialError) Error() string {
	if math.IsInf(e.Excess, 1) {
		return fmt.Sprintf("image: lambda by %s: the criterion of trial %d at lambda = %.4g is lost in rounding: the frame agrees with the data, or is constant, to the last digit (give lambda as a number)",
			e.Rule, e.Number, e.Lambda)
	}
	return fmt.Sprintf("image: lambda by %s: trial %d at lambda = %.4g cannot be solved accurately enough: after %d iterations the relative residual is %.2g (method %s), and the criterion may be off by %.2g times what the rule allows (allow more iterations, or give lambda as a number)",
		e.Rule, e.Number, e.Lambda, e.Iterations, e.Residual, e.Method, e.Excess)
}

// searcher looks for lambda. Its solver's problem is in units of its own, see units.
type searcher struct {
	*solver
	units    units
	scale    float64 // of H'WH: mean positive weight x (sum of the PSF)^2
	observed float64 // data values of positive weight, over all ranks and channels
	bnorm    float64 // ||b|| of the right-hand side in use
	found    *Search
	count    int  // trials that were begun
	hasty    bool // a solve of a trial ends after hastyPatience iterations

	slack    float64                   // factor of the error that a trial may have where rounding ends its solve; 0 = 1
	hopeless map[krylov.Method]float64 // largest lambda at which a method was not accurate enough
	quadrat  []float64                 // work space
}

func newSearcher(s *solver, u units) *searcher {
	return &searcher{
		solver: s, units: u, found: &Search{Rule: s.o.Rule},
		hopeless: map[krylov.Method]float64{}, quadrat: make([]float64, s.m.Len()),
	}
}

// search returns lambda by the rule of the options, which is not Fixed, in the solver's
// units, and what was tried. The solver is as if it had never searched. Collective.
func (s *solver) search(ctx context.Context, u units) (*Search, error) {
	f := newSearcher(s, u)
	b := s.b
	s.searching = true
	defer func() { s.b, s.x, s.searching, s.ahead = b, nil, false, nil }()
	if err := f.measure(); err != nil {
		return nil, err
	}
	var lambda float64
	var err error
	switch s.o.Rule {
	case Discrepancy:
		lambda, err = f.discrepancy(ctx)
	case GCV:
		lambda, err = f.gcv(ctx)
	case LCurve:
		lambda, err = f.lCurve(ctx)
	case MarginalLikelihood:
		lambda, err = f.marginalLikelihood(ctx)
	case AutoRule:
		f, lambda, err = f.automatic(ctx)
	}
	if err != nil {
		return nil, err
	}
	f.found.Lambda = lambda * u.weight
	return f.found, nil
}

// measure fills what does not depend on lambda. Collective.
func (s *searcher) measure() error {
	channels := float64(s.p.Channels)
	plane := len(s.p.Data) / s.p.Channels
	sums := []float64{channels * float64(plane), float64(plane)} // values, weight
	if w := s.p.Weights; w != nil {
		sums = []float64{channels * float64(w.Observed(plane)), 0}
		for _, v := range w {
			sums[1] += v
		}
	}
	if err := s.comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	if sums[0] == 0 {
		return errors.New("image: no pixel is observed: every weight is 0")
	}
	s.observed, s.found.Values = sums[0], int(sums[0])
	psf := 1.0
	if s.p.PSF.Values != nil {
		psf = 0
		for _, v := range s.p.PSF.Values {
			psf += v
		}
	}
	if psf *= psf; math.Abs(psf-1) < 1e-12 {
		psf = 1
	}
	s.scale = sums[1] * channels / sums[0] * psf
	if s.scale == 0 {
		s.scale = 1
	}
	b, err := s.rightSide()
	if err != nil {
		return err
	}
	s.bnorm, err = s.norm(b)
	return err
}

// lambda is a parameter in the caller's units, for messages.
func (s *searcher) lambda(l float64) float64 { return math.Exp(l) * s.units.weight }

// bounds are the logarithms of the least lambda, of the one to begin with and of the
// largest.
func (s *searcher) bounds() (lowest, start, highest float64) {
	start = s.o.Lambda
	if start == 0 {
		start = lambdaStart * s.scale
	}
	return math.Log(lambdaLowest * s.scale), math.Log(start), math.Log(lambdaHighest * s.scale)
}

// discrepancy finds lambda with ||W^(1/2) (H w - y)||^2 = noise^2 x observed values
// (Morozov), by regula falsi on the logarithms of both. The criterion is the left side
// divided by the right one.
func (s *searcher) discrepancy(ctx context.Context) (float64, error) {
	noise, err := s.noise()
	if err != nil {
		return 0, err
	}
	s.found.Noise = noise * s.units.noise()
	want := math.Log(noise * noise * s.observed)
	need := 1e-5 // relative error of a misfit near the root
	excess := func(l float64) (float64, error) {
		res, t, err := s.dataTrial(ctx, l, func(misfit float64) float64 {
			return max(need, 0.05*math.Abs(math.Log(misfit)-want))
		})
		if err != nil {
			return 0, err
		}
		f := math.Log(res.Misfit) - want
		t.Criterion = math.Exp(f)
		return f, nil
	}
	lowest, lo, highest := s.bounds()
	flo, err := excess(lo)
	if err != nil {
		return 0, err
	}
	// The misfit grows with lambda: step towards the root until it is bracketed.
	hi, fhi := lo, flo
	step := -math.Copysign(math.Log(10), flo)
	for flo*fhi > 0 {
		lo, flo = hi, fhi
		hi += step
		if hi < lowest-1e-9 || hi > highest+1e-9 {
			unit := s.units.misfit()
			return 0, fmt.Errorf("image: no lambda between %.3g and %.3g leaves a misfit of noise^2 x pixels = %.4g (at %.3g it is %.4g): is the noise %.3g right? It is the standard deviation of a pixel of weight 1",
				s.lambda(lowest), s.lambda(highest), math.Exp(want)*unit, s.lambda(lo), math.Exp(want+flo)*unit, s.found.Noise)
		}
		if fhi, err = excess(hi); err != nil {
			return 0, err
		}
	}
	const precision = 1e-3 // of log lambda
	side := 0
	for range 60 {
		slope := math.Abs((fhi - flo) / (hi - lo)) // Illinois halves flo: then it is too small, which is safe
		if hi == lo || math.Abs(fhi) <= min(0.01, precision*slope) || math.Abs(hi-lo) < precision {
			return math.Exp(hi), nil
		}
		need = min(need, max(0.1*precision*slope, 1e-10))
		next := (lo*fhi - hi*flo) / (fhi - flo)
		f, err := excess(next)
		if err != nil {
			return 0, err
		}
		if f*fhi < 0 {
			lo, flo, side = hi, fhi, 0
		} else if side++; side > 1 { // Illinois: an end that stays is halved
			flo /= 2
		}
		hi, fhi = next, f
	}
	return 0, fmt.Errorf("image: lambda by discrepancy: the misfit at lambda = %.4g is still %.3g times what the noise asks for after %d trials",
		s.lambda(hi), math.Exp(fhi), len(s.found.Trials))
}
