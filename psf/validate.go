package psf

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"strings"

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
	o.Noise = cmp.Or(o.Noise, MAD)
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
	want(o.Noise == MAD || o.Noise == MADPerStamp || o.Noise == Given || o.Noise == FromWeights, "noise %q", o.Noise)
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
	if err := ranks.AgreeError(comm, err); err != nil {
		return err
	}
	return sameOnAll(comm, o.common(s))
}

// common describes what is the same on all ranks, an item a line.
func (o *Options) common(s *Stack) []string {
	resume := "nothing"
	if o.Resume != nil {
		resume = fmt.Sprintf("a snapshot with checksum %.6x", sha256.Sum256(o.Resume.Meta))
	}
	return []string{
		fmt.Sprintf("compatible %v", o.Compatible),
		fmt.Sprintf("stamps of %d x %d, PSFs of %d x %d", s.Side, s.Side, s.PSFSide, s.PSFSide),
		fmt.Sprintf("a stack of %d stamps", s.Total),
		fmt.Sprintf("mode %q", o.Mode),
		fmt.Sprintf("border %q", o.Border),
		fmt.Sprintf("precision %q", o.Precision),
		fmt.Sprintf("noise %q, sigma %g", o.Noise, o.Sigma),
		fmt.Sprintf("start %q", o.Start),
		fmt.Sprintf("any sign %v", o.AnySign),
		fmt.Sprintf("wavelet %q, %d scales, thresholds %v", o.Wavelet, o.Scales, o.Thresholds),
		fmt.Sprintf("%d reweightings", o.Reweightings),
		fmt.Sprintf("threshold %q, factor %g, block %d, settle %d", o.Threshold, o.Factor, o.Block, o.Settle),
		fmt.Sprintf("%d iterations, a convergence check every %d", o.MaxIterations, o.CheckEvery),
		fmt.Sprintf("tolerances %g and %g", o.Tolerance, o.StampTolerance),
		fmt.Sprintf("balance %v", o.Balance),
		fmt.Sprintf("steps %g and %g, relaxation %g", o.Tau, o.SigmaDual, o.Rho),
		fmt.Sprintf("seed %d", o.Seed),
		fmt.Sprintf("snapshots kept %v, every %v", o.Save != nil, o.SaveEvery),
		fmt.Sprintf("continue from %s", resume),
	}
}

// sameOnAll compares lines with those of rank 0, as many on every rank. Collective; the
// error is the same on all ranks.
func sameOnAll(comm ranks.Comm, mine []string) error {
	text := []byte(strings.Join(mine, "\n"))
	length := len(text)
	if err := ranks.Share(comm, &length); err != nil {
		return err
	}
	if comm.Rank() != 0 {
		text = make([]byte, length)
	}
	if err := comm.BcastBytes(text, 0); err != nil {
		return err
	}
	var err error
	for i, line := range strings.Split(string(text), "\n") {
		if mine[i] != line {
			err = fmt.Errorf("psf: %s, but rank 0 has %s; all ranks need the same", mine[i], line)
			break
		}
	}
	return ranks.AgreeError(comm, err)
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
