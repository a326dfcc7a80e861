package mlpatch

import (
	"context"
	"fmt"
	"math"
	"slices"

	"tessera/halo"
	"tessera/internal/lifecycle"
	"tessera/internal/training"
	"tessera/mlpatch"
	"tessera/mlpatch/massmap"
	"tessera/ranks"
)

// correct makes the learned map, by the given network or by one that is learned from simulated skies first. Collective.
func (r *darkRun) correct(ctx context.Context) (work ranks.Work, err error) {
	weights, err := r.whole(r.maps.Weights, 2)
	if err != nil {
		return work, err
	}
	if path := r.c.Learned.Model; path != "" {
		m, err := readCorrector(path) // every rank reads it: it is small
		if err := ranks.AgreeError(r.Comm, err); err != nil {
			return work, err
		}
		r.corrector = m
		if r.Comm.Rank() == 0 {
			r.Took(m.took(path))
		}
	} else if work, err = r.teach(ctx, weights); err != nil {
		return work, err
	}
	stop := ranks.Measure(r.Comm)
	if err := r.apply(); err != nil {
		return work, err
	}
	work = work.Plus(stop())
	return work, r.judge(weights)
}

// whole is an array of all ranks, on every rank. Collective.
func (r *darkRun) whole(own []float64, planes int) ([]float64, error) {
	all, err := r.maps.Frame.GatherTo(r.Comm, 0, own, planes)
	if err != nil {
		return nil, err
	}
	if r.Comm.Rank() != 0 {
		all = make([]float64, planes*r.maps.Frame.Domain().Size())
	}
	return all, r.Comm.Bcast(all, 0)
}

// teach learns a network from skies that are simulated for this survey, from the checkpoint if the run resumes one. Collective.
func (r *darkRun) teach(ctx context.Context, weights []float64) (work ranks.Work, err error) {
	c, l := r.c, &r.c.Learned
	shape := r.maps.Frame.Domain().Shape()
	n := float64(shape[0] * shape[1])
	if err := lifecycle.CheckRoom(r.Comm, n*(4*massmap.Planes*float64(l.Skies)+8*30), "learned.skies, or the size of the maps"); err != nil {
		return work, err
	}
	s := &massmap.Survey{
		Skies:   massmap.Skies{Rows: shape[0], Cols: shape[1], Pixel: r.maps.Pixel, Spectrum: r.spectrum, Low: l.ShiftLow, High: l.ShiftHigh, Seed: c.Seed},
		Weights: weights, Wiener: massmap.Options{Tolerance: max(c.Wiener.Tolerance, 1e-3), MaxIterations: c.Wiener.MaxIterations},
	}
	stop := ranks.Measure(r.Comm)
	d, err := s.Draw(ctx, r.Comm, l.Skies, l.Validation, func(done int) { r.Progress.Count("simulated skies", done, l.Skies, "") })
	work = stop()
	if err != nil {
		return work, err
	}
	net := c.network()
	m := &corrector{aboutCorrector: aboutCorrector{
		Network: *net, Scale: d.Scale, KSScale: d.KSScale, Top: d.Top, Pixel: c.Shear.Pixel, Sigma: medianSigma(weights), Rows: d.Rows, Cols: d.Cols,
		Skies: l.Skies - l.Validation, ShiftLow: l.ShiftLow, ShiftHigh: l.ShiftHigh, Loss: c.Network.Loss,
	}}
	// The maps themselves agree on other numbers of ranks to rounding alone.
	m.Digest = digest([][]float32{massmap.Sharpness(weights, d.Top)}, d.Top, c.Shear.Pixel, float64(l.Skies), float64(l.Validation), l.ShiftLow, l.ShiftHigh, float64(c.Seed))
	var curve mlpatch.Curve
	result, err := teachNetwork(ctx, &r.learn, &c.Network, net, m.Digest, c.Seed, &curve, func(t *mlpatch.Training) {
		t.Draw = d.Draw
		if d.Kept > 0 {
			t.Validation = c.Network.Blocks
		}
	})
	if err != nil {
		return work, err
	}
	work = work.Plus(r.learn.Work)
	m.theta, m.Steps, m.Reached = result.Theta, result.Steps, result.Losses[len(result.Losses)-1]
	a := r.learn.Metrics
	r.m.Training = &learnMetrics{Pictures: m.Skies, Rows: d.Rows, Cols: d.Cols, Steps: a.Iterations, Losses: a.Losses, Curve: curveOf(&curve), Seconds: lifecycle.Number(a.Seconds.Solve)}
	if at := r.m.Training.Curve; at != nil {
		m.Reached = float64(at.Best)
	}
	r.corrector = m
	return work, r.test(ctx, d)
}

// test corrects the skies that were not learned from, a part of them on each rank. Collective.
func (r *darkRun) test(ctx context.Context, d *massmap.Lensed) error {
	if d.Kept == 0 {
		return nil
	}
	alone, err := r.Comm.Split(r.Comm.Rank(), 0)
	if err != nil {
		return err
	}
	sums := make([]float64, 3)
	compare := func() error {
		frame, err := halo.Decompose([]int{d.Rows, d.Cols}, 1)
		if err != nil {
			return err
		}
		f, err := mlpatch.NewField(alone, &r.corrector.Network, r.corrector.theta, frame, halo.Periodic, 1)
		if err != nil {
			return err
		}
		lo, hi := halo.Split(d.Kept, r.Comm.Size(), r.Comm.Rank())
		for k := lo; k < hi; k++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			at := len(d.Truth) - d.Kept + k
			var in []float64
			for _, p := range [][]float32{d.Wiener[at], d.KS[at], d.Noise} {
				for _, v := range p {
					in = append(in, float64(v))
				}
			}
			out := make([]float64, d.Rows*d.Cols)
			if err := f.Apply(out, in); err != nil {
				return err
			}
			for _, i := range d.Observed {
				t := float64(d.Truth[at][i])
				sums[0]++
				sums[1] += (in[i] - t) * (in[i] - t)
				sums[2] += (out[i] - t) * (out[i] - t)
			}
		}
		return nil
	}
	if err := ranks.AgreeError(r.Comm, compare()); err != nil {
		return err
	}
	if err := r.Comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	rms := func(v float64) *lifecycle.Quality {
		return &lifecycle.Quality{RMSE: lifecycle.Some(d.Scale * math.Sqrt(v/sums[0]))}
	}
	r.m.Validation = []training.Validation{{Pictures: d.Kept, Quality: map[string]*lifecycle.Quality{wienerColumn: rms(sums[1]), lifecycle.AnswerColumn: rms(sums[2])}}}
	return nil
}

// apply sets r.learned. Collective.
func (r *darkRun) apply() error {
	m := r.corrector
	f, err := mlpatch.NewField(r.Comm, &m.Network, m.theta, r.maps.Frame, halo.Periodic, int(r.c.Learned.Average))
	if err := ranks.AgreeError(r.Comm, err); err != nil {
		return err
	}
	in := make([]float64, 0, massmap.Planes*len(r.wiener))
	for _, v := range r.wiener {
		in = append(in, v/m.Scale)
	}
	for _, v := range r.ks {
		in = append(in, v/m.KSScale)
	}
	for _, v := range massmap.Sharpness(r.maps.Weights, m.Top) {
		in = append(in, float64(v))
	}
	r.learned = make([]float64, len(r.wiener))
	if err := f.Apply(r.learned, in); err != nil {
		return err
	}
	for i := range r.learned {
		r.learned[i] *= m.Scale
	}
	return nil
}

// judge compares the survey with that of the model, and the map with the truth where that is known. Collective.
func (r *darkRun) judge(weights []float64) error {
	m := r.corrector
	r.m.Model = &correctorMetrics{
		Path: r.c.Learned.Model, Digest: m.Digest, Parameters: m.Network.Parameters(), Pixel: lifecycle.Number(m.Pixel), Sigma: lifecycle.Number(m.Sigma),
		RMS: lifecycle.Number(m.Scale), Warnings: []string{},
	}
	if r.c.learns() {
		r.m.Model.Path = "model.npz"
	}
	sums := []float64{0, 0}
	for i, v := range r.wiener {
		if r.maps.Weights[i] > 0 {
			sums[0] += v * v
			sums[1]++
		}
	}
	if err := r.Comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	warn := func(format string, args ...any) {
		line := fmt.Sprintf(format, args...) + ": learn a network for this survey with learned.skies"
		r.m.Model.Warnings = append(r.m.Model.Warnings, line)
		r.Log.Warn("model", "warning", line)
	}
	apart := func(a, b, factor float64) bool { return !(a < factor*b) || !(b < factor*a) }
	if apart(m.Pixel, r.c.Shear.Pixel, 1.02) {
		warn("the network is for pixels of %g arcmin, and those of the maps have %g", m.Pixel, r.c.Shear.Pixel)
	}
	if sigma := medianSigma(weights); apart(m.Sigma, sigma, 1.2) {
		warn("the network is for a noise of %.3g a pixel (the median), and the maps have %.3g", m.Sigma, sigma)
	}
	if rms := math.Sqrt(sums[0] / sums[1]); apart(m.Scale, rms, 2) {
		warn("the network is for Wiener maps with a root mean square of %.3g, and this one has %.3g", m.Scale, rms)
	}
	if err := r.fit(r.learned); err != nil || r.truth == nil {
		return err
	}
	q, err := massmap.Compare(r.Comm, r.truth, r.maps.Weights[:len(r.truth)], r.learned)
	if err != nil {
		return err
	}
	r.m.Measured(lifecycle.AnswerColumn, &lifecycle.Quality{RMSE: lifecycle.Some(q[0].RMSE), Correlation: lifecycle.Some(q[0].Pearson)})
	return nil
}

// medianSigma is the median standard deviation of the observed pixels, of the first component.
func medianSigma(weights []float64) float64 {
	var list []float64
	for _, w := range weights[:len(weights)/2] {
		if w > 0 {
			list = append(list, 1/math.Sqrt(w))
		}
	}
	slices.Sort(list)
	return list[len(list)/2]
}

// writeModel leaves the model and its losses. Rank 0 alone.
func (r *darkRun) writeModel() error {
	if err := r.corrector.write(r.Path("model.npz")); err != nil || !r.c.Output.Pictures {
		return err
	}
	return r.learn.PlotLosses("Training of a local network for maps of the mass", lossName[r.c.Network.Loss], r.m.Training.Curve.series()...)
}
