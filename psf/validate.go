package psf

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"slices"

	"tessera/internal/wavelet"
	"tessera/ranks"
)

// withDefaults replaces zero values by the documented defaults.
func (o Options) withDefaults() Options {
	if o.Compatible {
		o = o.compatible()
	}
	o.Mode = cmp.Or(o.Mode, Sparse)
	o.Border = cmp.Or(o.Border, Zero)
	o.Precision = cmp.Or(o.Precision, Single)
	o.Noise = cmp.Or(o.Noise, Differences)
	o.Start = cmp.Or(o.Start, FromZero)
	o.Wavelet = cmp.Or(o.Wavelet, Linear)
	o.Threshold = cmp.Or(o.Threshold, Reweighted)
	o.Scales = cmp.Or(o.Scales, 3)
	if o.Threshold == Reweighted {
		o.Factor = cmp.Or(o.Factor, 0.6)
	}
	o.Factor = cmp.Or(o.Factor, 1)
	o.Block = cmp.Or(o.Block, 32)
	o.MaxIterations = cmp.Or(o.MaxIterations, 150)
	o.CheckEvery = cmp.Or(o.CheckEvery, 10)
	o.Rho = cmp.Or(o.Rho, 0.8)
	o.Settle = cmp.Or(o.Settle, max(1, o.MaxIterations/3))
	if o.Thresholds == nil {
		for s := range o.Scales {
			k := 3.0
			if s == o.Scales-1 {
				k = 4
			}
			o.Thresholds = append(o.Thresholds, k)
		}
	}
	return o
}

// check returns everything that is wrong with options whose defaults are filled in.
func (o *Options) check(s *Stack) error {
	var errs []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("psf: "+format, args...))
		}
	}
	finite := func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
	want(o.Mode == Sparse || o.Mode == LowRank, "mode %q", o.Mode)
	want(o.Border == Zero || o.Border == Wrap, "border %q", o.Border)
	want(o.Precision == Single || o.Precision == Double, "precision %q", o.Precision)
	want(o.Wavelet == Linear || o.Wavelet == B3, "wavelet %q", o.Wavelet)
	want(o.Threshold == Reweighted || o.Threshold == Soft || o.Threshold == Hard, "threshold %q", o.Threshold)
	want(slices.Contains([]NoiseRule{Differences, DifferencesPerStamp, MAD, MADPerStamp, Given, FromWeights}, o.Noise), "noise %q", o.Noise)
	want(o.Noise != Given || o.Sigma > 0 && finite(o.Sigma), "noise of standard deviation %g", o.Sigma)
	want(o.Noise != FromWeights || s.Weights != nil || len(s.Data) == 0, "the noise follows from the weights, but the stack has no weights")
	want(o.Start == FromZero || o.Start == FromOnes || o.Start == FromWiener || o.Start == FromGiven, "start %q", o.Start)
	if o.Start == FromGiven {
		want(len(o.Given) == len(s.Data), "a start of %d numbers for %d pixels", len(o.Given), len(s.Data))
		for i, v := range o.Given {
			if !finite(v) {
				want(false, "number %d of the start is %g", i, v)
				break
			}
		}
	}
	want(o.Scales >= 1 && o.Scales <= 8 && len(o.Thresholds) == o.Scales, "%d thresholds for %d scales of at most 8", len(o.Thresholds), o.Scales)
	for _, k := range o.Thresholds {
		want(k >= 0 && finite(k), "threshold %g", k)
	}
	want(o.Reweightings >= 0 && o.MaxIterations >= 1 && o.CheckEvery >= 1, "%d iterations, %d reweightings, a convergence check every %d", o.MaxIterations, o.Reweightings, o.CheckEvery)
	want(o.Tolerance >= 0 && o.StampTolerance >= 0, "tolerances %g and %g, want 0 or more", o.Tolerance, o.StampTolerance)
	want(o.Still >= 0, "still %g, want 0 or more", o.Still)
	want(o.Rho > 0 && o.Rho < 2, "relaxation %g, want more than 0 and less than 2", o.Rho)
	want(o.Tau >= 0 && o.SigmaDual >= 0 && o.Factor > 0 && o.Block >= 1, "steps %g and %g, factor %g, block %d", o.Tau, o.SigmaDual, o.Factor, o.Block)
	return errors.Join(errs...)
}

// agree checks this rank's stack and options, and that the ranks have the same of what
// they must have in common: otherwise they would make different collective calls, and
// wait for each other for ever. Collective; the error is the same on all ranks.
func agree(comm ranks.Comm, s *Stack, o *Options) error {
	err := s.Check()
	if err == nil {
		err = o.check(s)
	}
	return ranks.AgreeSame(comm, "psf: Deconvolve", err, o.same(s)...)
}

// same lists what must be equal on all ranks.
func (o *Options) same(s *Stack) []ranks.Same {
	if s == nil {
		s = &Stack{}
	}
	number := func(name string, v float64) ranks.Same { return ranks.Same{Name: name, Value: v} }
	sigma := o.Sigma
	if o.Noise != Given {
		sigma = 0 // not used, and may be NaN
	}
	return []ranks.Same{
		ranks.SameText("Compatible", o.Compatible),
		number("Stack.Side", float64(s.Side)), number("Stack.PSFSide", float64(s.PSFSide)), number("Stack.Total", float64(s.Total)),
		ranks.SameText("Mode", o.Mode), ranks.SameText("Border", o.Border), ranks.SameText("Precision", o.Precision),
		ranks.SameText("Noise", o.Noise), number("Sigma", sigma), ranks.SameText("Start", o.Start), ranks.SameText("AnySign", o.AnySign),
		ranks.SameText("Wavelet", o.Wavelet), number("Scales", float64(o.Scales)), ranks.SameText("Thresholds", o.Thresholds),
		number("Reweightings", float64(o.Reweightings)),
		ranks.SameText("Threshold", o.Threshold), number("Factor", o.Factor), number("Block", float64(o.Block)), number("Settle", float64(o.Settle)),
		number("MaxIterations", float64(o.MaxIterations)), number("CheckEvery", float64(o.CheckEvery)),
		number("Tolerance", o.Tolerance), number("StampTolerance", o.StampTolerance), number("Still", o.Still), ranks.SameText("Balance", o.Balance),
		number("Tau", o.Tau), number("SigmaDual", o.SigmaDual), number("Rho", o.Rho), ranks.SameText("Seed", o.Seed),
		ranks.SameText("Save (given or not)", o.Save != nil), number("SaveEvery", float64(o.SaveEvery)),
		ranks.SameText("Resume", o.resumeSum()),
	}
}

// resumeSum is a checksum of the snapshot to continue from; empty if there is none.
func (o *Options) resumeSum() string {
	if o.Resume == nil {
		return ""
	}
	return fmt.Sprintf("%x", sha256.Sum256(o.Resume.Meta))
}

// family is the filter of package wavelet.
func (w Wavelet) family() wavelet.Family {
	if w == B3 {
		return wavelet.B3
	}
	return wavelet.Linear
}

// steps chooses tau and sigma, or checks those given against the condition of
// convergence (Condat 2013, theorem 3.1): with |L| <= 1
//
//	1/tau - sigma >= beta/2,    rho < 2 - (beta/2) / (1/tau - sigma)
func (o *Options) steps(beta float64) (tau, sigma float64, err error) {
	sigma = cmp.Or(o.SigmaDual, 0.5)
	tau = cmp.Or(o.Tau, 1/(beta/2/min(1, 0.99*(2-o.Rho))+sigma))
	room := 1/tau - sigma
	if !(room*(1+1e-12) >= beta/2) || !(o.Rho < 2-beta/2/room+1e-12) {
		return 0, 0, fmt.Errorf("psf: the steps tau %g, sigma %g and rho %g need not converge: 1/tau - sigma = %.4g must be at least %.4g, half the squared norm of the blur, and rho below %.4g",
			tau, sigma, o.Rho, room, beta/2, 2-beta/2/room)
	}
	return tau, sigma, nil
}
