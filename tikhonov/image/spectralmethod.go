package image

import (
	"context"
	"errors"
	"fmt"

	"tessera/halo"
	"tessera/internal/fourier"
	"tessera/krylov"
)

// spectralFits tells whether a transform makes H'H and Q'Q diagonal.
func (m *operator) spectralFits() bool {
	if m.p.Varying != nil {
		return false
	}
	switch m.border {
	case halo.Periodic:
		return true
	case halo.Reflect:
		return m.kernel.Symmetric()
	}
	return len(m.kernel.Dense) == 1
}

// mostPrime is the largest prime factor of a transform's length with which it is fast.
const mostPrime = 41

// spectralFast tells whether such a transform is also fast: that of sines is a Fourier
// transform of twice the size and two more.
func (m *operator) spectralFast() bool {
	if m.border != halo.Zero {
		return true
	}
	for _, n := range m.frame.Domain().Shape() {
		if fourier.LargestPrime(2*(n+1)) > mostPrime {
			return false
		}
	}
	return true
}

// refuseSpectral says why a transform does not.
func (m *operator) refuseSpectral() error {
	switch {
	case m.spectralFits():
		return nil
	case m.p.Varying != nil:
		return fmt.Errorf(`image: method %q needs one PSF for the whole frame: use "auto"`, krylov.Spectral)
	case m.border == halo.Zero:
		return fmt.Errorf(`image: method %q needs a reflecting or periodic border where there is a PSF: use "auto"`, krylov.Spectral)
	}
	return fmt.Errorf(`image: method %q needs a periodic border, as the PSF is not its own mirror image along both axes: use "auto"`, krylov.Spectral)
}

// method is the spectral one, or conjugate gradients where M is well conditioned and cheap to
// apply. taps is the size of the PSF in pixels.
func (s *spectralSolve) method(taps int) krylov.Method {
	spectral := 8 + 25*s.moments.spread*s.ends.seen // iterations, about
	condition := s.ends.largest / min(s.ends.smallest, s.ends.hole)
	if conjugateIterations(condition)*(0.3+float64(taps)/60) < 0.8*spectral { // costs in those of a transform there and back
		return krylov.CG
	}
	return krylov.Spectral
}

// spectralOf is the spectral solve at one lambda. Collective.
func (s *solver) spectralOf(lambda float64) (*spectralSolve, error) {
	s.m.SetLambda(lambda)
	if s.spectral == nil {
		made, err := newSpectralSolve(s.m)
		if err != nil {
			return nil, err
		}
		s.spectral = made
	}
	return s.spectral, s.spectral.setLambda(lambda)
}

// spectralControl is the control of a spectral solve, after spectralOf.
func (s *solver) spectralControl(o *Options) krylov.Control {
	c, e := s.control(o), &s.spectral.ends
	c.Inverse, c.LambdaLikely = e.inverse, 0
	smallest := e.smallest
	if s.spectral.moments.spread == 0 && !o.estimate {
		c.LambdaMin = max(c.LambdaMin, smallest*(1-1e-12)) // of M itself, but for the rounding of the spectrum
	} else if s.spectral.moments.spread > 0 {
		smallest = min(smallest, e.hole, s.m.smallestOfGap(s.spectral.symbol.Lambda))
	}
	if c.LambdaMin == 0 && !o.estimate && (smallest < weakest*e.smooth || s.spectral.moments.observed < sparse) {
		c.LambdaLikely = smallest
	}
	return c
}

// solveSpectral is solveBy for krylov.Spectral.
func (s *solver) solveSpectral(ctx context.Context, o Options) (*Result, error) {
	start := s.comm.Wtime()
	if o.Progress != nil && s.comm.Rank() == 0 {
		o.Progress(krylov.Progress{Phase: "set-up"})
	}
	res := &Result{Lambda: o.Lambda, Method: o.Method}
	solve, err := s.spectralOf(o.Lambda)
	if err != nil {
		return nil, err
	}
	res.Setup = s.setup + s.comm.Wtime() - start
	s.setup = 0
	start = s.comm.Wtime()
	x, terms, report, err := solve.run(ctx, s.b, s.p.Data, s.x, s.spectralControl(&o))
	res.Solve = s.comm.Wtime() - start
	if err != nil && !errors.As(err, new(*krylov.NotConvergedError)) {
		return nil, err
	}
	res.fill(report, x)
	res.Misfit, res.Objective = terms[0], terms[0]+terms[1]
	return res, err
}

// spectralRun is method for krylov.Spectral.
func (s *solver) spectralRun(ctx context.Context, o *Options) (func(x, b []float64) (*krylov.Report, error), error) {
	solve, err := s.spectralOf(o.Lambda)
	if err != nil {
		return nil, err
	}
	return func(x, b []float64) (*krylov.Report, error) {
		found, _, report, err := solve.run(ctx, b, nil, nil, s.spectralControl(o))
		copy(x, found)
		return report, err
	}, nil
}
