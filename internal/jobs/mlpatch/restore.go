package mlpatch

import (
	"context"
	"errors"
	"fmt"
	"math"

	"tessera/forward"
	"tessera/internal/frames"
	"tessera/krylov"
	"tessera/mlpatch"
	"tessera/ranks"
	"tessera/tv"
)

// restored is what the methods make of an observation, in its unit.
type restored struct {
	learned, variation []float64 // the latter nil without total variation
	noise              float64   // standard deviation of a pixel of weight 1
	outside            float64   // share of the pixels whose noise the model has not learned
	score              float64
	strange            bool
	admm               *mlpatch.Result // nil without ADMM
	tv                 *tv.Result
	unfinished         error // of total variation, at max_iterations
	reach              int
	setup, apply       float64 // seconds
	beside             float64

	columns             []column // restorations by quadratic penalties
	quadratic, filtered int      // iterations of all of them, and of the Wiener filter
}

// noise is the standard deviation of a pixel of weight 1. Collective.
func (w *work) noise(comm ranks.Comm, o *frames.Observation) (float64, error) {
	switch {
	case w.sigma > 0:
		return w.sigma, nil
	case o.Made: // simulated, perhaps without noise
		return o.Noise, nil
	}
	return forward.EstimateNoise(comm, o.Frame, o.Channels, o.Data, o.Weights)
}

// begin tells that a phase begins, where anyone wants to know.
func begin(progress func(krylov.Progress), phase string) {
	if progress != nil {
		progress(krylov.Progress{Phase: phase})
	}
}

// restore applies a model to an observation or to its projections, and the other methods beside it. Collective.
func (w *work) restore(ctx context.Context, comm ranks.Comm, o *frames.Observation, scanned *scan, psf forward.PSF, m *learned, progress func(krylov.Progress)) (*restored, error) {
	start := comm.Wtime()
	border := frames.Borders[w.model.Border]
	r := &restored{}
	f, err := mlpatch.NewField(comm, &m.Network, m.theta, o.Frame, border, int(w.model.Average))
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, err
	}
	r.reach = f.Reach()
	if r.noise, err = w.noise(comm, o); err != nil {
		return nil, err
	}
	filled, err := fill(comm, o, border)
	if err != nil {
		return nil, err
	}
	for i := range filled {
		filled[i] /= m.Scale
	}
	r.setup = comm.Wtime() - start
	start = comm.Wtime()
	if w.admm == nil {
		err = w.denoise(comm, o, f, m, filled, r)
	} else {
		err = w.reconstruct(ctx, comm, o, scanned, psf, f, m, filled, r, progress)
	}
	if err != nil {
		return nil, err
	}
	histogram, err := mlpatch.Histogram(comm, o.Frame, o.Channels, r.learned)
	if err != nil {
		return nil, err
	}
	if r.score, r.strange, err = m.seen.Score(histogram); err != nil {
		return nil, err
	}
	for i := range r.learned {
		r.learned[i] *= m.Scale
	}
	r.apply = comm.Wtime() - start - r.beside
	if err := ranks.AgreeError(comm, ctx.Err()); err != nil {
		return nil, err
	}
	if err := w.vary(ctx, comm, o, scanned, psf, m, r, progress); err != nil {
		return nil, err
	}
	all := [][]float64{r.learned}
	for _, c := range r.columns {
		all = append(all, c.x)
	}
	if r.variation != nil {
		all = append(all, r.variation)
	}
	return r, o.MarkUnseen(comm, all...)
}

// denoise sets r.learned to one pass of the denoiser, for every pixel with its own noise; pixels that were
// filled have the largest noise that the model knows. Collective.
func (w *work) denoise(comm ranks.Comm, o *frames.Observation, f *mlpatch.Field, m *learned, x []float64, r *restored) error {
	levels := make([]float64, len(x))
	sums := []float64{0, float64(len(x))}
	for i := range levels {
		if o.Weights.Missing(i) {
			levels[i] = m.High
			continue
		}
		levels[i] = r.noise / m.Scale / math.Sqrt(o.Weights.At(i))
		if levels[i] < 0.999*m.Low || levels[i] > 1.001*m.High {
			sums[0]++
		}
	}
	if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	r.outside = sums[0] / sums[1]
	r.learned = make([]float64, len(x))
	n := len(x) / o.Channels
	for c := range o.Channels {
		if err := f.Apply(r.learned[c*n:(c+1)*n], x[c*n:(c+1)*n], levels[c*n:(c+1)*n]); err != nil {
			return err
		}
	}
	return nil
}

// reconstruct sets r.learned to the result of plug-and-play ADMM. Collective.
func (w *work) reconstruct(ctx context.Context, comm ranks.Comm, o *frames.Observation, scanned *scan, psf forward.PSF, f *mlpatch.Field, m *learned, x []float64, r *restored, progress func(krylov.Progress)) error {
	h, values, weights, err := w.operator(comm, o, scanned, psf)
	if err != nil {
		return err
	}
	d := make([]float64, len(values))
	for i, v := range values {
		d[i] = v / m.Scale
	}
	n := len(x) / o.Channels
	s := w.admm
	p := &mlpatch.Problem{Operator: h, Data: d, Weights: weights, Start: x, Seed: w.seed, Denoise: func(dst, src []float64, level float64) error {
		for c := range o.Channels {
			if err := f.Apply(dst[c*n:(c+1)*n], src[c*n:(c+1)*n], []float64{level}); err != nil {
				return err
			}
		}
		return ranks.AgreeError(comm, ctx.Err())
	}}
	r.admm, err = mlpatch.Reconstruct(ctx, comm, p, mlpatch.Options{
		Level: s.Level, First: s.First, Falling: s.Falling, Alpha: s.Alpha, Damping: s.Damping, Tolerance: s.Tolerance,
		MaxIterations: s.MaxIterations, Inner: s.Inner, MostInner: s.MostInner, Progress: progress,
	})
	if err != nil {
		return err
	}
	r.learned = r.admm.Solution
	start := comm.Wtime()
	if w.beside != nil && (w.beside.Tikhonov || w.beside.Wiener) {
		begin(progress, "quadratic penalties, to compare")
	}
	q := &data{o.Frame, o.Channels, frames.Borders[w.model.Border], p, r.noise / m.Scale, nil}
	for _, v := range o.Truth {
		q.truth = append(q.truth, v/m.Scale)
	}
	if r.columns, r.quadratic, r.filtered, err = w.beside.quadratics(ctx, comm, q); err != nil {
		return err
	}
	for _, c := range r.columns {
		for i := range c.x {
			c.x[i] *= m.Scale
		}
	}
	r.beside += comm.Wtime() - start
	if s.Level < 0.999*m.Low || s.First > 1.001*m.High {
		r.outside = 1
	}
	return nil
}

// operator is the operator of the data, the data of this rank and their weights. Collective.
func (w *work) operator(comm ranks.Comm, o *frames.Observation, scanned *scan, psf forward.PSF) (forward.Operator, []float64, forward.Weights, error) {
	if scanned != nil {
		return scanned.op, scanned.data, scanned.weights, nil
	}
	h, err := o.Blur(comm, psf, frames.Borders[w.model.Border])
	return h, o.Data, o.Weights, err
}

// vary restores by total variation. Collective.
func (w *work) vary(ctx context.Context, comm ranks.Comm, o *frames.Observation, scanned *scan, psf forward.PSF, m *learned, r *restored, progress func(krylov.Progress)) error {
	if w.tv.Rule == noTV {
		return nil
	}
	start := comm.Wtime()
	begin(progress, "total variation, to compare")
	options := tv.Options{
		Method: tv.PrimalDual, Rule: tv.Rule(w.tv.Rule), Noise: r.noise / m.Scale, Tolerance: w.tv.Tolerance, MaxIterations: w.tv.MaxIterations, Seed: w.seed, Progress: progress,
	}
	h, values, weights, err := w.operator(comm, o, scanned, psf)
	if err != nil {
		return err
	}
	p := &tv.Problem{Frame: o.Frame, Channels: o.Channels, Weights: weights, Periodic: w.model.Border == "periodic", Data: make([]float64, len(values))}
	for i, v := range values {
		p.Data[i] = v / m.Scale
	}
	if options.Rule == tv.Oracle {
		options.Truth = make([]float64, len(o.Truth))
		for i, v := range o.Truth {
			options.Truth[i] = v / m.Scale
		}
	}
	if psf.Values != nil || o.Varying != nil || scanned != nil {
		p.Operator = h
	}
	r.tv, err = tv.Solve(ctx, comm, p, options)
	if r.tv == nil || err != nil && !errors.As(err, new(*tv.NotConvergedError)) {
		return fmt.Errorf("total variation beside the model (tv.rule = %q leaves it out): %w", noTV, err)
	}
	r.unfinished, r.beside, r.variation = err, r.beside+comm.Wtime()-start, r.tv.Solution
	for i := range r.variation {
		r.variation[i] *= m.Scale
	}
	return nil
}
