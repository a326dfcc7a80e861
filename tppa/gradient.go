package tppa

import (
	"fmt"

	"tessera/internal/linalg"
	"tessera/ranks"
)

// back holds the buffers of Gradient.
type back struct {
	layers     []trace
	gx, before []float64   // the derivatives by x_t and by x_(t-1)
	gz, gs     []float64   // those by z and by s
	moments    [][]float64 // of each wavelet channel: what the splines' derivatives are made of
	sum        []float64   // the loss
}

// trace is what the way back needs of a layer: A'W (A s - y), and z in an array like ext.
type trace struct{ r, z []float64 }

func (r *Run) newBack() *back {
	b := &back{sum: make([]float64, 1), layers: make([]trace, r.net.Layers)}
	for _, v := range []*[]float64{&b.gx, &b.before, &b.gz, &b.gs} {
		*v = make([]float64, r.n)
	}
	for t := range b.layers {
		b.layers[t] = trace{make([]float64, r.n), make([]float64, len(r.ext))}
	}
	for _, f := range r.layers[0].Splines {
		b.moments = append(b.moments, f.Moments())
	}
	return b
}

// Gradient adds the gradient of 1/2 ||x_T - truth||^2 by theta to g, and returns the loss of
// all ranks; g is that of this rank's part of the image, and the sum over the ranks is that of the
// whole. After the first call it allocates nothing. Collective.
func (r *Run) Gradient(theta, y, truth, g []float64) (loss float64, err error) {
	if len(truth) != r.n || len(g) != r.net.Parameters() {
		return 0, fmt.Errorf("tppa: a truth of %d values and a gradient of %d, want %d and %d", len(truth), len(g), r.n, r.net.Parameters())
	}
	if r.back == nil {
		r.back = r.newBack()
	}
	b := r.back
	x, err := r.restore(theta, y, b)
	if err != nil {
		return 0, err
	}
	b.sum[0] = 0
	for i, v := range x {
		b.gx[i] = v - truth[i]
		b.sum[0] += b.gx[i] * b.gx[i] / 2
	}
	clear(b.before)
	if err := r.comm.Allreduce(b.sum, b.sum, ranks.Sum); err != nil {
		return 0, err
	}
	for t := r.net.Layers - 1; t >= 0; t-- {
		layer, functions := b.layers[t], &r.layers[t]
		r.plan.Scatter(r.ext, b.gx, r.channels)
		if err := r.plan.Exchange(r.comm, r.ext, r.channels); err != nil {
			return 0, err
		}
		for _, m := range b.moments {
			clear(m)
		}
		for c := range r.channels {
			r.box.Back(r.own(b.gz, c), r.neighbours(r.ext, c), r.neighbours(layer.z, c), b.moments, functions)
		}
		for k, f := range functions.Splines {
			f.Gradient(r.net.Coefficients(g, t, k), b.moments[k])
		}
		gamma, rise := r.net.Step(theta, t)
		g[t] -= linalg.Dot(b.gz, layer.r) * rise / r.bound
		if err := r.gradient(b.gs, b.gz, nil); err != nil {
			return 0, err
		}
		for i, d := range b.gs {
			d = b.gz[i] - gamma/r.bound*d
			b.gx[i], b.before[i] = b.before[i]+(1+r.mu[t])*d, -r.mu[t]*d
		}
	}
	return b.sum[0], nil
}
