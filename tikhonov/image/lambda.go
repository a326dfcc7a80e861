package image

import (
	"context"
	"errors"
	"fmt"
	"math"

	"tessera/internal/linalg"
	"tessera/internal/random"
	"tessera/krylov"
	"tessera/ranks"
)

// Search for lambda stays within these bounds: outside of them H'WH or Q'Q is
// lost in rounding.
const (
	lambdaLowest  = 1e-9
	lambdaHighest = 1e9
	lambdaStart   = 1e-2
)

// searchTolerance is the relative error of a solve during the search for lambda. The
// misfit is then accurate enough, because the objective is stationary at the solution.
const searchTolerance = 1e-4

// chooseLambda returns the regularisation parameter by the rule of the options.
func (s *solver) chooseLambda(ctx context.Context) (float64, error) {
	switch s.o.Rule {
	case Discrepancy:
		return s.discrepancy(ctx)
	case GCV:
		return s.gcv(ctx)
	}
	return s.o.Lambda, nil
}

// trial solves at one lambda to searchTolerance, starting from the last solution.
func (s *solver) trial(ctx context.Context, lambda float64, count int) (*Result, error) {
	o := s.o
	if o.Method == krylov.RAS || o.Method == krylov.Mult {
		o.Method = krylov.RASGMRES
	}
	o.Tolerance, o.monitor = searchTolerance, nil
	o.MaxIterations = max(o.MaxIterations, 500)
	o.phase = fmt.Sprintf("lambda, try %d", count)
	res, err := s.solve(ctx, lambda, o)
	var short *krylov.NotConvergedError
	if err != nil && !errors.As(err, &short) {
		return nil, fmt.Errorf("image: searching for lambda, at %.3g: %w", lambda, err)
	}
	s.x = res.Solution
	return res, nil
}

// discrepancy finds lambda with ||W^(1/2) (H w - y)||^2 = noise^2 x observed
// pixels (Morozov), to 1 %, by regula falsi on the logarithms of both.
func (s *solver) discrepancy(ctx context.Context) (float64, error) {
	noise := s.o.Noise
	var err error
	if noise == 0 {
		if noise, err = s.estimateNoise(); err != nil {
			return 0, err
		}
	}
	observed, err := s.observed()
	if err != nil {
		return 0, err
	}
	want := math.Log(noise * noise * observed)
	count := 0
	excess := func(l float64) (float64, error) {
		count++
		res, err := s.trial(ctx, math.Exp(l), count)
		if err != nil {
			return 0, err
		}
		return math.Log(res.Misfit) - want, nil
	}
	lo := math.Log(start(s.o.Lambda))
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
		if hi < math.Log(lambdaLowest) || hi > math.Log(lambdaHighest) {
			return 0, fmt.Errorf("image: no lambda between %g and %g leaves a misfit of noise^2 x pixels = %.4g (at %.3g it is %.4g): is the noise %.3g right?",
				lambdaLowest, lambdaHighest, math.Exp(want), math.Exp(lo), math.Exp(want+flo), noise)
		}
		if fhi, err = excess(hi); err != nil {
			return 0, err
		}
	}
	side := 0
	for count < 40 && math.Abs(fhi) > 0.01 {
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
	return math.Exp(hi), nil
}

func start(lambda float64) float64 {
	if lambda > 0 {
		return lambda
	}
	return lambdaStart
}

// gcv finds the minimum over lambda of the generalised cross-validation function
//
//	V = N ||W^(1/2)(H w - y)||^2 / tr(I - A)^2,  A = W^(1/2) H M^-1 H' W^(1/2),
//
// N the observed pixels. The trace is estimated with random signs z, the same at
// every lambda: E z'Az = tr A (Hutchinson), z'Az = u'M^-1 u with u = H'W^(1/2) z.
// Golub, Heath and Wahba, Technometrics 21 (1979) 215; Girard, Numer. Math. 56
// (1989) 1.
func (s *solver) gcv(ctx context.Context) (float64, error) {
	observed, err := s.observed()
	if err != nil {
		return 0, err
	}
	// The estimate's relative spread falls with N x probes.
	probes := int(min(8, max(1, math.Ceil(65536/observed))))
	u := make([][]float64, probes)
	guess := make([][]float64, probes)
	for i := range u {
		if u[i], err = s.probe(uint64(i)); err != nil {
			return 0, err
		}
	}
	b := s.b
	defer func() { s.b = b }()
	count := 0
	value := func(l float64) (float64, error) {
		count++
		res, err := s.trial(ctx, math.Exp(l), count)
		if err != nil {
			return 0, err
		}
		data := s.x
		trace := 0.0
		for i := range u {
			s.b, s.x = u[i], guess[i]
			if _, err := s.trial(ctx, math.Exp(l), count); err != nil {
				return 0, err
			}
			t := []float64{linalg.Dot(u[i], s.x)}
			if err := s.comm.Allreduce(t, t, ranks.Sum); err != nil {
				return 0, err
			}
			trace += t[0] / float64(probes)
			guess[i] = s.x
		}
		s.b, s.x = b, data
		free := observed - trace
		if free <= 0 {
			return math.Inf(1), nil
		}
		return math.Log(observed * res.Misfit / (free * free)), nil
	}
	return s.minimise(value)
}

// minimise walks by decades to a bracket of the minimum, then by golden section
// until lambda is known to 10 %.
func (s *solver) minimise(value func(l float64) (float64, error)) (float64, error) {
	mid := math.Log(start(s.o.Lambda))
	fmid, err := value(mid)
	if err != nil {
		return 0, err
	}
	step := math.Log(10)
	lo, hi := mid-step, mid+step
	flo, err := value(lo)
	if err != nil {
		return 0, err
	}
	fhi, err := value(hi)
	if err != nil {
		return 0, err
	}
	for flo < fmid || fhi < fmid {
		if flo < fhi {
			hi, fhi, mid, fmid = mid, fmid, lo, flo
			lo -= step
			if lo < math.Log(lambdaLowest) {
				return 0, fmt.Errorf("image: the cross-validation function still falls at lambda = %g: the data ask for no regularisation", math.Exp(mid))
			}
			flo, err = value(lo)
		} else {
			lo, flo, mid, fmid = mid, fmid, hi, fhi
			hi += step
			if hi > math.Log(lambdaHighest) {
				return 0, fmt.Errorf("image: the cross-validation function still falls at lambda = %g: the data ask for the smoothest image", math.Exp(mid))
			}
			fhi, err = value(hi)
		}
		if err != nil {
			return 0, err
		}
	}
	const golden = 0.381966
	for hi-lo > 0.2 {
		next := mid + golden*(hi-mid)
		if hi-mid < mid-lo {
			next = mid - golden*(mid-lo)
		}
		f, err := value(next)
		if err != nil {
			return 0, err
		}
		switch {
		case f < fmid && next > mid:
			lo, mid, fmid = mid, next, f
		case f < fmid:
			hi, mid, fmid = mid, next, f
		case next > mid:
			hi = next
		default:
			lo = next
		}
	}
	return math.Exp(mid), nil
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

// observed counts the data values of positive weight over all ranks and channels.
func (s *solver) observed() (float64, error) {
	n := []float64{float64(s.m.Len())}
	if s.m.owned != nil {
		n[0] = 0
		for _, w := range s.m.owned {
			if w > 0 {
				n[0] += float64(s.p.Channels)
			}
		}
	}
	if err := s.comm.Allreduce(n, n, ranks.Sum); err != nil {
		return 0, err
	}
	if n[0] == 0 {
		return 0, errors.New("image: no pixel is observed: every weight is 0")
	}
	return n[0], nil
}
