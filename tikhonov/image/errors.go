package image

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"tessera/forward"
	"tessera/krylov"
	"tessera/ranks"
)

// ErrorKind says which errors of the solution an error map is about. With s the standard
// deviation of the noise of a pixel of weight 1, the noise of the data has the covariance
// s^2 W^-1 on the observed pixels.
type ErrorKind string

const (
	// NoiseErrors is the covariance of the solution as a function of noisy data,
	//
	//	C_n = s^2 M^-1 H'WH M^-1:
	//
	// how far the solution scatters about its mean if the observation is repeated. The
	// bias of the solution is not in it (NoiseError separates the two). A hole that is
	// filled in smoothly from its border has small errors of this kind.
	NoiseErrors ErrorKind = "noise"
	// PosteriorErrors is the covariance of the truth given the data,
	//
	//	C_p = s^2 M^-1,
	//
	// if the truth was drawn from the Gaussian prior of precision lambda Q'Q / s^2. It
	// grows inside holes, where the data say nothing. It is as good as this prior.
	PosteriorErrors ErrorKind = "posterior"
)

// ErrorOptions of an error map, the same on every rank but for Progress. The zero value of
// every field but Kind is the documented default.
type ErrorOptions struct {
	Kind      ErrorKind // which covariance; there is no default
	Samples   int       // random samples, rounded up to a multiple of Problem.Channels; 0 = 50
	Seed      uint64    // of the samples
	Tolerance float64   // estimated relative error of a sample's solution; 0 = 1e-3

	Progress func(krylov.Progress) // called on rank 0 after every solve with the phase "error map"; Iteration and Of count samples; nil = silent
}

// Errors is an error map. Numbers are global and the same on every rank, but for Seconds.
type Errors struct {
	Sigma []float64 // standard deviation of the solution, owned rows x owned cols, in the unit of the data; it is the same for every channel. From JoinErrors: channels x owned rows x owned cols

	Kind          ErrorKind
	Lambda        float64 // that was used
	Noise         float64 // s, the standard deviation of the noise of a pixel of weight 1: Options.Noise, or estimated from the data
	Samples       int     // that were drawn
	SamplingError float64 // 1/sqrt(2 Samples): the largest relative standard error that the sampling gives Sigma
	Min           float64 // of Sigma over the whole frame
	Median        float64 // likewise, to 1e-6 of itself
	Max           float64 // likewise
	Iterations    int     // of all samples
	Unfinished    int     // samples whose solve stopped before ErrorOptions.Tolerance
	Seconds       float64 // wall time on this rank
}

// ErrorMap estimates the standard deviation of the solution that Solve finds with the same
// problem and options, at every pixel. A Restoration does the same without a second set-up
// where the solution is wanted as well.
//
// The diagonals of C_n and C_p are found by sampling. With random signs e1 (one a data
// value) and e2 (one a row of Q), the solutions z of
//
//	M z = H'W^(1/2) e1                            (NoiseErrors)
//	M z = H'W^(1/2) e1 + sqrt(lambda) Q'e2        (PosteriorErrors)
//
// have the mean 0 and the covariances C_n/s^2 and C_p/s^2, so that Sigma^2 = s^2 mean(z^2)
// over the samples. Signs give a smaller sampling error than normal numbers: with n
// samples the standard error of Sigma is at most Sigma/sqrt(2n), 10 % for n = 50. The signs
// are functions of (Seed, sample, place in the frame); the map does not depend on the
// number of ranks, up to the tolerance.
//
// M does not depend on the channel, and therefore Sigma does not: one solve with all
// channels gives as many samples as there are channels.
//
// The map is right if the weights are proportional to the inverse variances of
// independent noise. Where they are inverse variances, Options.Noise is 1; where they are
// all ones it is the noise of a pixel; 0 estimates it from the data. Correlated noise, such
// as that of resampled frames, makes the true errors larger than the map says.
//
// Cost: Samples/Channels solves to Tolerance, from zero, as samples have nothing in common;
// each takes a third to a half of the iterations of a solve to 1e-8. Beyond the memory of
// a solve it keeps two vectors of the size of the data and one plane.
//
// Collective: the errors are those of Solve, the same on all ranks. Where a sample stopped
// before Tolerance the map is still made, of all samples, and comes with a
// *krylov.NotConvergedError of the worst.
func ErrorMap(ctx context.Context, comm ranks.Comm, p *Problem, o Options, e ErrorOptions) (*Errors, error) {
	r, err := NewRestoration(comm, p, o)
	if err != nil {
		return nil, err
	}
	return r.ErrorMap(ctx, e)
}

func (e ErrorOptions) withDefaults() ErrorOptions {
	if e.Samples == 0 {
		e.Samples = 50
	}
	if e.Tolerance == 0 {
		e.Tolerance = 1e-3
	}
	return e
}

// check returns every problem of the options at once.
func (e ErrorOptions) check() error {
	var bad []error
	if e.Kind != NoiseErrors && e.Kind != PosteriorErrors {
		bad = append(bad, fmt.Errorf("image: unknown kind of errors %q, want %q or %q", e.Kind, NoiseErrors, PosteriorErrors))
	}
	if e.Samples < 1 {
		bad = append(bad, fmt.Errorf("image: %d samples of the errors, want 1 or more", e.Samples))
	}
	if !(e.Tolerance > 0 && e.Tolerance < 1) {
		bad = append(bad, fmt.Errorf("image: tolerance of the samples = %g, want a number between 0 and 1", e.Tolerance))
	}
	return errors.Join(bad...)
}

// ErrorMap is the error map of the solution, made with the operator and the local factors
// of the last Solve and at its lambda; before any Solve, at the lambda of the options'
// rule. The function ErrorMap says what it is. Collective, with the errors of that function.
func (r *Restoration) ErrorMap(ctx context.Context, e ErrorOptions) (*Errors, error) {
	s := r.s
	start := s.comm.Wtime()
	e = e.withDefaults()
	if err := ranks.AgreeError(s.comm, e.check()); err != nil {
		return nil, err
	}
	progress := e.Progress
	e.Progress = nil
	if err := krylov.Same(s.comm, "image: the options of the error map", e); err != nil {
		return nil, err
	}
	lambda, err := r.chosen(ctx)
	if err != nil {
		return nil, err
	}
	noise, err := r.ownNoise()
	if err != nil {
		return nil, err
	}
	channels := s.p.Channels
	rounds := (e.Samples + channels - 1) / channels
	m := &Errors{Kind: e.Kind, Lambda: lambda * r.units.weight, Noise: noise * r.units.noise(), Samples: rounds * channels}
	m.SamplingError = 1 / math.Sqrt(2*float64(m.Samples))
	sum := make([]float64, s.m.Len()/channels)
	run, err := s.again(ctx, lambda, e.Tolerance)
	if err != nil {
		return nil, err
	}
	var unfinished *krylov.NotConvergedError
	draw := sampler{s: s, kind: e.Kind, seed: e.Seed, lambda: lambda, rhs: make([]float64, s.m.Len())}
	for round := range rounds {
		if err := draw.fill(round * channels); err != nil {
			return nil, err
		}
		z, report, err := run(draw.rhs)
		var short *krylov.NotConvergedError
		switch {
		case err == nil:
		case !krylov.Unfinished(err):
			return nil, fmt.Errorf("image: error map, sample %d of %d: %w", round*channels+1, m.Samples, err)
		default:
			m.Unfinished += channels
			if errors.As(err, &short) && (unfinished == nil || short.ErrorBound > unfinished.ErrorBound) {
				unfinished = short
			}
		}
		m.Iterations += report.Iterations
		for i, v := range z {
			sum[i%len(sum)] += v * v
		}
		if progress != nil && s.comm.Rank() == 0 {
			progress(krylov.Progress{Phase: "error map", Iteration: (round + 1) * channels, Of: m.Samples, Residual: report.Residual})
		}
	}
	for i, v := range sum {
		sum[i] = r.units.data * noise * math.Sqrt(v/float64(m.Samples))
	}
	m.Sigma = sum
	s.m.Blur().Release()
	if err := m.measure(s.comm); err != nil {
		return nil, err
	}
	m.Seconds = s.comm.Wtime() - start
	if unfinished != nil {
		return m, fmt.Errorf("image: %d of %d samples of the error map are less accurate than %g, the worst: %w", m.Unfinished, m.Samples, e.Tolerance, unfinished)
	}
	return m, nil
}

// measure finds the extremes and the median of the map; values that are NaN are not counted.
// Collective.
func (m *Errors) measure(comm ranks.Comm) error {
	ends := []float64{math.Inf(-1), math.Inf(-1)} // of -Sigma and Sigma
	known := make([]float64, 0, len(m.Sigma))
	for _, v := range m.Sigma {
		if !math.IsNaN(v) {
			known = append(known, v)
			ends[0], ends[1] = max(ends[0], -v), max(ends[1], v)
		}
	}
	if err := comm.Allreduce(ends, ends, ranks.Max); err != nil {
		return err
	}
	m.Min, m.Max = -ends[0], ends[1]
	var err error
	m.Median, err = forward.Median(comm, known)
	return err
}

// JoinErrors joins the maps of channels that were restored one by one, as their weights differ:
// Sigma is that of one channel after the other. of has nil for a channel that was not restored,
// which has pixels values of NaN on this rank. Noise and SamplingError are the largest ones.
// Collective.
func JoinErrors(comm ranks.Comm, of []*Errors, pixels int) (*Errors, error) {
	all := &Errors{}
	for _, m := range of {
		if m == nil {
			all.Sigma = append(all.Sigma, slices.Repeat([]float64{math.NaN()}, pixels)...)
			continue
		}
		all.Kind, all.Lambda = m.Kind, m.Lambda
		all.Sigma = append(all.Sigma, m.Sigma...)
		all.Noise, all.SamplingError = max(all.Noise, m.Noise), max(all.SamplingError, m.SamplingError)
		all.Samples += m.Samples
		all.Iterations += m.Iterations
		all.Unfinished += m.Unfinished
		all.Seconds += m.Seconds
	}
	return all, all.measure(comm)
}

// NoiseError is the part of the solution's error that the noise of the data makes, where
// the truth is known (a simulated frame): d = w - E w with E w = M^-1 H'WH truth the mean of
// the solutions of all observations of this truth. It solves
//
//	M d = H'W (y - H truth)
//
// to a relative error of tolerance; 0 = 1e-3. The rest of the error of w,
// w - d - truth = (M^-1 H'WH - I) truth, is the bias, which regularisation makes and which
// no error map contains. truth and the result are shaped like Problem.Data.
//
// Collective. A truth of another length on one rank is an error on all. Where the iteration
// stopped before the tolerance d comes with a *krylov.NotConvergedError.
func (r *Restoration) NoiseError(ctx context.Context, truth []float64, tolerance float64) ([]float64, error) {
	s := r.s
	if tolerance == 0 {
		tolerance = 1e-3
	}
	var bad error
	switch {
	case len(truth) != s.m.Len():
		bad = fmt.Errorf("image: NoiseError: a truth of %d values, want %d", len(truth), s.m.Len())
	case !(tolerance > 0 && tolerance < 1):
		bad = fmt.Errorf("image: NoiseError: tolerance = %g, want a number between 0 and 1", tolerance)
	}
	if err := ranks.AgreeError(s.comm, bad); err != nil {
		return nil, err
	}
	if err := krylov.Same(s.comm, "image: the tolerances of NoiseError", tolerance); err != nil {
		return nil, err
	}
	lambda, err := r.chosen(ctx)
	if err != nil {
		return nil, err
	}
	noise := make([]float64, len(truth))
	if err := s.m.prepare(); err != nil {
		return nil, err
	}
	if err := s.m.Blur().Apply(noise, truth); err != nil {
		return nil, err
	}
	for i, v := range noise {
		noise[i] = s.p.Data[i] - v/r.units.data
	}
	b, err := s.m.RightSide(noise)
	if err != nil {
		return nil, err
	}
	run, err := s.again(ctx, lambda, tolerance)
	if err != nil {
		return nil, err
	}
	d, _, err := run(b)
	if err != nil && !krylov.Unfinished(err) {
		return nil, err
	}
	for i := range d {
		d[i] *= r.units.data
	}
	return d, err
}

// again prepares solves of M x = b for other right-hand sides at one lambda: with the local
// factors of the last solve if they were made for it. The error of x is estimated, also
// where a guarantee is possible, because that would take more iterations. The slice x is
// used again by the next call. Collective.
func (s *solver) again(ctx context.Context, lambda, tolerance float64) (func(b []float64) (x []float64, report *krylov.Report, err error), error) {
	o := s.o
	o.Lambda, o.Tolerance, o.Progress, o.monitor, o.estimate = lambda, tolerance, nil, nil, true
	if o.Method == krylov.RAS { // the same factors, and a method that converges
		o.Method = krylov.RASGMRES
	}
	if err := s.m.prepare(); err != nil { // the right-hand sides need it
		return nil, err
	}
	switch {
	case o.Method != krylov.Auto:
	case s.used.method != "":
		o.Method, o.Precision = s.used.method, s.used.precision
	default:
		chain, err := s.chain(lambda)
		if err != nil {
			return nil, err
		}
		o.Method = chain[0]
	}
	s.m.SetLambda(lambda)
	run, err := s.method(ctx, &o, &Result{})
	if err != nil {
		return nil, err
	}
	x := make([]float64, s.m.Len())
	return func(b []float64) ([]float64, *krylov.Report, error) {
		clear(x)
		report, err := run(x, b)
		return x, report, err
	}, nil
}
