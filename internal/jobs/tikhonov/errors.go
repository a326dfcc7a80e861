package tikhonov

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/ranks"
	"tessera/tikhonov/image"
)

// errorsNone is the value of output.errors that asks for no error map.
const errorsNone = "none"

// errorsMetrics is the part of metrics.json about the error map. Standard deviations are in
// Unit.
type errorsMetrics struct {
	Kind          string           `json:"kind"`  // noise or posterior
	Unit          string           `json:"unit"`  // BUNIT of the frame, or "unit of the frame"
	Noise         lifecycle.Number `json:"noise"` // of a pixel of weight 1
	Samples       int              `json:"samples"`
	SamplingError lifecycle.Number `json:"sampling_error"` // relative standard error of sigma, at most
	Min           lifecycle.Number `json:"min"`            // of sigma
	Median        lifecycle.Number `json:"median"`
	Max           lifecycle.Number `json:"max"`
	Iterations    int              `json:"iterations"` // of all samples
	Unfinished    int              `json:"unfinished"` // samples less accurate than 1e-3
	Truth         *errorsTruth     `json:"against_truth,omitempty"`

	picture bool // there is sigma.png
}

// errorsTruth compares the error map with the errors of the solution w, where the truth is
// known. E w is the mean of the solutions of all observations of this truth.
type errorsTruth struct {
	NoiseRMS    lifecycle.Number `json:"noise_rms"`    // root mean square of w - E w
	BiasRMS     lifecycle.Number `json:"bias_rms"`     // of E w - truth, which no error map contains
	CoversNoise lifecycle.Number `json:"covers_noise"` // fraction of the values with |w - E w| <= sigma
	CoversAll   lifecycle.Number `json:"covers_all"`   // with |w - truth| <= sigma
}

// checkErrors records what is wrong with the keys of the error map.
func (c *settings) checkErrors(f *config.File) {
	o := &c.Output
	f.OneOf("output.errors", o.Errors, errorsNone, string(image.NoiseErrors), string(image.PosteriorErrors))
	f.Want(o.ErrorSamples >= 1 && o.ErrorSamples <= 1_000_000, "output.error_samples", "1 to 1000000")
	f.Want(o.Errors == errorsNone || c.Tikhonov.Method != methodLiteral, "output.errors",
		`"none" with tikhonov.method = "literal", which does not find the minimiser that the errors belong to`)
}

// checkErrorsOf records where the noise that the error map needs is not known and cannot be
// estimated for a frame of this shape; nil = not known.
func (c *settings) checkErrorsOf(f *config.File, frame *imageio.Frame) {
	known := c.Tikhonov.Noise > 0 || c.Image.Path == "" && c.Simulate.Noise > 0
	if c.Output.Errors != errorsNone && !known && frame != nil && (frame.Rows < 2 || frame.Cols < 2) {
		f.Fail("tikhonov.noise", "0: the noise of a frame of %d x %d pixels cannot be estimated; the error map needs it", frame.Rows, frame.Cols)
	}
}

// errorOptions are those of the error map.
func (c *settings) errorOptions() image.ErrorOptions {
	return image.ErrorOptions{Kind: image.ErrorKind(c.Output.Errors), Samples: c.Output.ErrorSamples, Seed: c.Seed}
}

// accountErrors fills the metrics with the numbers of the error map. Collective.
func (r *run) accountErrors() error {
	e := r.sigma
	if e == nil {
		return nil
	}
	longest := []float64{e.Seconds}
	if err := r.Comm.Reduce(longest, longest, ranks.Max, 0); err != nil {
		return err
	}
	r.m.Seconds.Errors = longest[0]
	r.m.Seconds.Search = max(0, r.m.Seconds.Search-longest[0]) // it was the rest of the solver's time
	r.m.Errors = &errorsMetrics{
		Kind: string(e.Kind), Unit: r.Obs.Unit(), Noise: lifecycle.Number(e.Noise), Samples: e.Samples, SamplingError: lifecycle.Number(e.SamplingError),
		Min: lifecycle.Number(e.Min), Median: lifecycle.Number(e.Median), Max: lifecycle.Number(e.Max), Iterations: e.Iterations,
		Unfinished: e.Unfinished,
		picture:    r.c.Output.Pictures,
	}
	r.Log.Info("error map", "errors", r.m.Errors)
	return nil
}

// measureErrors compares the error map with the errors of the solution, where the truth is
// known. Collective.
func (r *run) measureErrors(ctx context.Context) error {
	steps := r.steps
	r.steps = nil // its memory is free after this
	if steps == nil || r.Obs.Truth == nil || r.Obs.Holes {
		return nil
	}
	r.Progress.Phase("errors against the truth")
	var noise []float64
	for k, one := range steps {
		part := r.Obs.Truth[k*len(r.Obs.Truth)/len(steps) : (k+1)*len(r.Obs.Truth)/len(steps)]
		if one == nil {
			noise = append(noise, slices.Repeat([]float64{math.NaN()}, len(part))...)
			continue
		}
		d, err := one.NoiseError(ctx, part, 0)
		if unlessUnfinished(err) != nil {
			return err
		}
		noise = append(noise, d...)
	}
	sums := make([]float64, 5) // values, squares of noise and bias, covered noise and errors
	for i, d := range noise {
		if math.IsNaN(d) { // of a channel that was not observed
			continue
		}
		sigma, all := r.sigma.Sigma[i%len(r.sigma.Sigma)], r.result.Solution[i]-r.Obs.Truth[i]
		sums[0]++
		sums[1] += d * d
		sums[2] += (all - d) * (all - d)
		if math.Abs(d) <= sigma {
			sums[3]++
		}
		if math.Abs(all) <= sigma {
			sums[4]++
		}
	}
	if err := r.Comm.Reduce(sums, sums, ranks.Sum, 0); err != nil {
		return err
	}
	share := func(k int) lifecycle.Number { return lifecycle.Number(sums[k] / sums[0]) }
	root := func(k int) lifecycle.Number { return lifecycle.Number(math.Sqrt(sums[k] / sums[0])) }
	r.m.Errors.Truth = &errorsTruth{NoiseRMS: root(1), BiasRMS: root(2), CoversNoise: share(3), CoversAll: share(4)}
	return nil
}

// errorFiles are the files of an error map.
func errorFiles() []string { return append(report.Names("sigma"), "sigma.npy", "sigma.fits") }

// writeErrors writes the error map: an npy file, where the frame came from a FITS file also
// a FITS file with its header, and a picture. Collective.
func (r *run) writeErrors() error {
	if r.sigma == nil {
		return nil
	}
	one := *r.Obs
	if !r.Obs.ApartChannels() {
		one.Channels = 1 // sigma is that of all channels
	}
	plane := r.Restoration
	plane.Obs = &one
	whole, err := plane.Gather(r.sigma.Sigma)
	if err != nil {
		return err
	}
	if err := plane.WriteFiles(r.sigmaFiles(), r.sigma.Sigma, whole); err != nil || !r.c.Output.Pictures {
		return err
	}
	drawn, _, err := plane.Views(r.sigma.Sigma, whole)
	if err != nil {
		return err
	}
	return ranks.OnRoot(r.Comm, func() error {
		first := ""
		if drawn.Channels > 1 {
			first = fmt.Sprintf("largest of the %d channels, ", drawn.Channels)
			drawn = largestChannel(drawn)
		}
		// The scale begins at 0, so that sampling errors look as small as they are.
		e := r.m.Errors
		high := min(float64(e.Max), 4*float64(e.Median))
		if high == 0 { // nothing was observed, or half of the frame has no errors
			high = max(1e-300, float64(e.Max))
		}
		labels := r.labels()
		for _, line := range e.lines() {
			labels.Notes = append(labels.Notes, strings.ToUpper(line[:1])+line[1:]+".")
		}
		scale := report.Scale{Label: fmt.Sprintf("standard deviation, %s%s (%s)", first, e.about(), e.Unit), Stretch: imageio.Linear(0, high)}
		source := r.c.source()
		return r.Chart(labels, drawn, "Errors of the restoration of "+source.Subject(), scale).Write(r.Path("sigma"), r.Figures()...)
	})
}

// largestChannel is the largest value of the channels at each pixel; those that are NaN are not
// counted.
func largestChannel(f *imageio.Frame) *imageio.Frame {
	n := f.Rows * f.Cols
	out := &imageio.Frame{Channels: 1, Rows: f.Rows, Cols: f.Cols, Data: slices.Clone(f.Data[:n])}
	for i, v := range f.Data[n:] {
		if w := out.Data[i%n]; math.IsNaN(w) || v > w {
			out.Data[i%n] = v
		}
	}
	return out
}

// sigmaFiles are the files of the error map itself.
func (r *run) sigmaFiles() []frames.File {
	files := r.Npy("sigma.npy")
	if !r.Obs.FITS {
		return files
	}
	fits := frames.File{Path: r.Path("sigma.fits")}
	if src := r.Obs.Source; src != nil { // rank 0
		e := r.m.Errors
		fits.Header, fits.Tables = src.Header, src.Tables
		fits.History = []string{
			fmt.Sprintf("tessera %s: standard deviation of the restoration of %s", r.m.Tessera, filepath.Base(r.c.source().File())),
			fmt.Sprintf("errors: %s, lambda %.6g, noise of a pixel of weight 1: %.6g", e.Kind, r.m.Lambda, e.Noise),
			fmt.Sprintf("%d samples, relative sampling error %.2g, without the bias of the restoration", e.Samples, e.SamplingError),
		}
	}
	return append(files, fits)
}

// about says which errors the map shows.
func (e *errorsMetrics) about() string {
	if e.Kind == string(image.PosteriorErrors) {
		return "posterior"
	}
	return "noise alone, without bias"
}

// unit is the unit in a sentence.
func (e *errorsMetrics) unit() string {
	if strings.HasPrefix(e.Unit, "unit of") {
		return "the " + e.Unit
	}
	return e.Unit
}

// lines are the numbers of the map in words.
func (e *errorsMetrics) lines() []string {
	return []string{
		fmt.Sprintf("minimum %.3g, median %.3g, maximum %.3g", e.Min, e.Median, e.Max),
		fmt.Sprintf("sampling error %.1f %% (%d samples)", 100*e.SamplingError, e.Samples),
	}
}

// summary writes the rows about the error map.
func (e *errorsMetrics) summary(t *lifecycle.Table) {
	if e == nil {
		return
	}
	file := "sigma.npy"
	if e.picture {
		file = "sigma.png"
	}
	t.Row("error map", "%s: standard deviation (%s), in %s", file, e.about(), e.unit())
	for _, line := range e.lines() {
		t.Row("", "%s", line)
	}
	if e.Unfinished > 0 {
		t.Row("", "%d samples did not reach their accuracy of 1e-3: a larger tikhonov.max_iterations allows more iterations", e.Unfinished)
	}
	if a := e.Truth; a != nil {
		t.Row("against the truth", "errors made by the noise: rms %.3g, %.1f %% within sigma; bias: rms %.3g; both together: %.1f %% within sigma",
			a.NoiseRMS, 100*a.CoversNoise, a.BiasRMS, 100*a.CoversAll)
	}
}

// mapMiddle is the error map of a few samples of a small observation, with the seconds and
// the iterations of a round of samples, one a channel. Collective.
func (c *settings) mapMiddle(ctx context.Context, comm ranks.Comm, o *frames.Observation, p *image.Problem, rounds int) (seconds, iterations float64, err error) {
	options := c.solverOptions(o)
	options.Tolerance = 0.1 // for the factors alone
	options.Noise = 1       // only scales the map
	steps, err := image.NewRestoration(comm, p, options)
	if err != nil {
		return 0, 0, err
	}
	if _, err := steps.Solve(ctx); unlessUnfinished(err) != nil {
		return 0, 0, err
	}
	e := c.errorOptions()
	e.Samples = rounds * o.Channels
	m, err := steps.ErrorMap(ctx, e)
	if unlessUnfinished(err) != nil {
		return 0, 0, err
	}
	return m.Seconds / float64(rounds), float64(m.Iterations) / float64(rounds), nil
}
