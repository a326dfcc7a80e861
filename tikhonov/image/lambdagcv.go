package image

import (
	"context"
	"errors"
	"fmt"
	"math"

	"tessera/internal/random"
)

// criterionAccuracy is the relative error that a trial may give to a criterion whose
// minimum is looked for.
const criterionAccuracy = 1e-8

// spreadAccuracy is likewise that of the probe vectors which only the standard error of the trace needs.
const spreadAccuracy = 1e-6

// criterionSlack is the factor of it that is still taken where rounding ends a solve.
const criterionSlack = 100

// tracePrecision is the number of probe vectors x data values that make a trace precise
// enough for the search; traceProbes is the least number that its error is found from.
const (
	tracePrecision = 65536
	traceProbes    = 4
)

// gcv finds the minimum over lambda of the generalised cross-validation function
//
//	V = N ||W^(1/2)(H w - y)||^2 / tr(I - A)^2,  A = W^(1/2) H M^-1 H' W^(1/2),
//
// N the observed values. The trace is estimated with random signs z, the same at
// every lambda: E z'Az = tr A (Hutchinson), z'Az = u'M^-1 u with u = H'W^(1/2) z.
// Golub, Heath and Wahba, Technometrics 21 (1979) 215; Girard, Numer. Math. 56
// (1989) 1.
func (s *searcher) gcv(ctx context.Context) (float64, error) {
	if s.bnorm == 0 {
		return 0, errors.New("image: lambda by gcv: the data are zero everywhere")
	}
	// The relative spread of the mean over the probes falls with N x probes.
	probes := int(min(8, max(1, math.Ceil(tracePrecision/s.observed))))
	t := &trace{searcher: s}
	for range probes {
		if err := t.add(); err != nil {
			return 0, err
		}
	}
	s.slack = criterionSlack
	lambda, err := s.minimise(func(l float64) (float64, error) {
		res, trial, err := s.dataTrial(ctx, l, func(float64) float64 { return criterionAccuracy })
		if err != nil {
			return 0, err
		}
		mean, err := t.mean(ctx, math.Exp(l), trial, len(t.u))
		if err != nil {
			return 0, err
		}
		free := s.observed - mean
		if free <= 0 {
			trial.Criterion = math.Inf(1)
			return math.Inf(1), nil
		}
		v := s.observed * res.Misfit / (free * free)
		trial.Criterion = v * s.units.misfit()
		return math.Log(v), nil
	})
	none, refused := (*noMinimumError)(nil), (*TrialError)(nil)
	switch {
	case errors.As(err, &refused) && refused.hasty && s.tried():
		s.hasty = false // for the report
		lambda, err = s.nearlyLeast(fmt.Sprintf("the equations at lambda = %.3g take more than %d iterations: of the larger ones tried", refused.Lambda, hastyPatience)), nil
	case s.o.Rule == AutoRule && errors.As(err, &none) && !none.above:
		lambda, err = s.nearlyLeast("the cross-validation function falls to the lower end of the search (correlated noise, or none):"), nil
	}
	if err != nil {
		return 0, err
	}
	return lambda, t.report(ctx, lambda)
}

// trace estimates tr A with probe vectors.
type trace struct {
	*searcher
	u, guess [][]float64 // H'W^(1/2) z and the last M^-1 of it
	values   []float64   // z'Az at the last lambda
}

// add makes another probe vector. Collective.
func (t *trace) add() error {
	u, err := t.probe(uint64(len(t.u)))
	t.u, t.guess, t.values = append(t.u, u), append(t.guess, nil), append(t.values, 0)
	return err
}

// mean of z'Az over the probe vectors at lambda. The first ones, with which lambda is searched for,
// are as accurate as the criterion; of the others only the spread is needed. Collective.
func (t *trace) mean(ctx context.Context, lambda float64, trial *Trial, searched int) (float64, error) {
	data := t.x
	defer func() { t.x = data }()
	sum := 0.0
	for i, u := range t.u {
		t.x = t.guess[i]
		part := criterionAccuracy / 2 // of N - tr A
		if i >= searched {
			part = spreadAccuracy
		}
		v, err := t.quadratic(ctx, lambda, u, trial, func(v float64) float64 {
			return part * max(math.Abs(t.observed-v), 1e-3*t.observed)
		})
		if err != nil {
			return 0, err
		}
		t.guess[i], t.values[i] = t.x, v
		sum += v
	}
	return sum / float64(len(t.u)), nil
}

// report fills in the trace at the lambda that was chosen, its standard error and the
// noise that the residual implies. Collective.
func (t *trace) report(ctx context.Context, lambda float64) error {
	searched := len(t.u)
	for len(t.u) < traceProbes {
		if err := t.add(); err != nil {
			return err
		}
	}
	res, _, err := t.dataTrial(ctx, math.Log(lambda), func(float64) float64 { return criterionAccuracy })
	trials := t.found.Trials
	if err != nil {
		return err
	}
	last := trials[len(trials)-1]
	t.found.Trials = trials[:len(trials)-1]
	mean, err := t.mean(ctx, lambda, &last, searched)
	if err != nil {
		return err
	}
	n, spread := float64(len(t.u)), 0.0
	for _, v := range t.values {
		spread += (v - mean) * (v - mean)
	}
	f := t.found
	f.Trace, f.TraceError, f.Probes = mean, math.Sqrt(spread/(n-1)/n), len(t.u)
	f.Noise, f.Inferred = math.Sqrt(res.Misfit/max(t.observed-mean, 1))*t.units.noise(), true
	free := t.observed // by the probe vectors of the search, as at the other trials
	for _, v := range t.values[:searched] {
		free -= v / float64(searched)
	}
	last.Criterion = t.observed * res.Misfit / (free * free) * t.units.misfit()
	f.Trials = append(f.Trials, last)
	return nil
}

// minimise walks by decades to a bracket of the minimum of the cross-validation function's
// logarithm, narrows it by golden section, and returns the vertex of the parabola through
// the last three points.
func (s *searcher) minimise(value func(l float64) (float64, error)) (float64, error) {
	lowest, mid, highest := s.bounds()
	fmid, err := value(mid)
	if err != nil {
		return 0, err
	}
	step := math.Log(10)
	lo, hi := mid-step, mid+step
	fhi, err := value(hi)
	if err != nil {
		return 0, err
	}
	flo, rises := 0.0, false // rises: from mid towards lo
	for fhi < fmid || math.IsInf(fmid, 1) {
		fall := fmid - fhi
		lo, flo, mid, fmid, rises = mid, fmid, hi, fhi, true
		if fall < 1e-4 {
			return math.Exp(mid), nil // the smoothest image: a larger lambda does not change it
		}
		if hi += step; hi > highest+1e-9 {
			return 0, &noMinimumError{lambda: s.lambda(mid), above: true}
		}
		if fhi, err = value(hi); err != nil {
			return 0, err
		}
	}
	const least = 0.5 // step towards a lambda that was refused
	tooLow := math.Inf(-1)
	for !rises {
		if lo < lowest-1e-9 {
			return 0, &noMinimumError{lambda: s.lambda(mid)}
		}
		if lo <= tooLow && step > 2*least {
			step /= 2
			lo = mid - step
			continue
		}
		flo, err = value(lo)
		if refused := (*TrialError)(nil); errors.As(err, &refused) {
			if refused.hasty && step > 2*least {
				tooLow = lo + 1e-9
				continue
			}
			return 0, fmt.Errorf("%w; the trial below was refused: %w", &noMinimumError{lambda: s.lambda(mid)}, err)
		}
		if err != nil {
			return 0, err
		}
		if rises = flo >= fmid; !rises {
			hi, fhi, mid, fmid = mid, fmid, lo, flo
			lo -= step
		}
	}
	return minimum{lo, mid, hi, flo, fmid, fhi}.narrow(value)
}

// probe returns H'W^(1/2) z for a vector z of random signs drawn by pixel of the
// frame, so that it does not depend on the decomposition.
func (s *solver) probe(index uint64) ([]float64, error) {
	box := s.p.Frame.Owned(s.comm.Rank())
	shape := s.p.Frame.Domain().Shape()
	z := make([]float64, s.m.Len())
	i := 0
	for c := range s.p.Channels {
		for r := box.Lo[0]; r < box.Hi[0]; r++ {
			for col := box.Lo[1]; col < box.Hi[1]; col++ {
				at := uint64((c*shape[0]+r)*shape[1] + col)
				z[i] = 1 - 2*float64(random.Hash(s.o.Seed^random.Hash(index^random.Hash(at)))>>63)
				if s.m.owned != nil {
					z[i] *= math.Sqrt(s.m.owned[i%len(s.m.owned)])
				}
				i++
			}
		}
	}
	u := make([]float64, len(z))
	err := s.m.Blur().Adjoint(u, z)
	return u, err
}
