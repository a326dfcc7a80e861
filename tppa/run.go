package tppa

import (
	"context"
	"fmt"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/linalg"
	"tessera/ranks"
)

// Run applies a network to data of one operator; it keeps the buffers. Every rank has one.
type Run struct {
	net   *Network
	comm  ranks.Comm
	a     forward.Operator
	w     forward.Weights
	haar  *forward.Haar
	bound float64 // L, an upper bound of ||W^(1/2) A||^2
	n, m  int     // values of x, of the data
	data  []float64
	layer []trace
}

// trace is what the way back needs of a layer.
type trace struct{ r, u []float64 }

// NewRun prepares a network for an operator A whose x is channels x owned box of frame, and for
// weights of its data. border says whether pairs across the border have coefficients
// (halo.Periodic). Collective; the error is the same on all ranks.
func NewRun(ctx context.Context, comm ranks.Comm, net *Network, frame *halo.Decomposition, channels int, a forward.Operator, w forward.Weights, border halo.Border) (*Run, error) {
	r := &Run{net: net, comm: comm, a: a, w: w}
	err := net.Check()
	if err == nil && len(frame.Domain().Lo) != net.Axes {
		err = fmt.Errorf("tppa: a network for %d axes and a frame of %d", net.Axes, len(frame.Domain().Lo))
	}
	if err == nil {
		r.haar, err = forward.NewHaar(comm, frame, channels, border)
	}
	if err == nil {
		r.m, r.n = a.Dims()
		if _, n := r.haar.Dims(); n != r.n {
			err = fmt.Errorf("tppa: the operator takes %d values, this rank's part of the image has %d", r.n, n)
		}
	}
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, err
	}
	largest := []float64{0}
	for i := range r.m {
		largest[0] = max(largest[0], w.At(i))
	}
	if err := comm.Allreduce(largest, largest, ranks.Max); err != nil {
		return nil, err
	}
	norm := 0.0
	if b, ok := a.(forward.Bounded); ok {
		norm = b.NormBound()
	} else if norm, err = forward.Norm(ctx, comm, a, forward.NormOptions{Tolerance: 1e-4}); err != nil {
		return nil, err
	}
	if r.bound = largest[0] * norm * norm; r.bound == 0 {
		return nil, fmt.Errorf("tppa: nothing was observed: all weights are 0, or the operator is")
	}
	r.data = make([]float64, r.m)
	return r, nil
}

// gradient sets g = A'W (A s - y); y nil stands for zeros. Collective.
func (r *Run) gradient(g, s, y []float64) error {
	if err := r.a.Apply(r.data, s); err != nil {
		return err
	}
	for i := range r.data {
		w := r.w.At(i)
		switch {
		case w == 0:
			r.data[i] = 0
		case y == nil:
			r.data[i] *= w
		default:
			r.data[i] = w * (r.data[i] - y[i])
		}
	}
	return r.a.Adjoint(g, r.data)
}

// Restore is x_T for data y; missing values may be NaN. Collective.
func (r *Run) Restore(theta, y []float64) ([]float64, error) { return r.restore(theta, y, false) }

// restore keeps what Gradient needs, if asked to. Collective.
func (r *Run) restore(theta, y []float64, keep bool) ([]float64, error) {
	if len(theta) != r.net.Parameters() || len(y) != r.m {
		return nil, fmt.Errorf("tppa: %d parameters and %d data values, want %d and %d", len(theta), len(y), r.net.Parameters(), r.m)
	}
	x, err := r.start(y)
	if err != nil {
		return nil, err
	}
	before, s, z := append([]float64(nil), x...), make([]float64, r.n), make([]float64, r.n)
	size, _ := r.haar.Dims()
	u, grad, change := make([]float64, size), make([]float64, r.n), make([]float64, size)
	mu := r.net.momentum()
	if keep && r.layer == nil {
		r.layer = make([]trace, r.net.Layers)
		for t := range r.layer {
			r.layer[t] = trace{make([]float64, r.n), make([]float64, size)}
		}
	}
	for t := range r.net.Layers {
		for i, v := range x {
			s[i] = v + mu[t]*(v-before[i])
		}
		if err := r.gradient(grad, s, y); err != nil {
			return nil, err
		}
		gamma, _ := r.net.Step(theta, t)
		gamma /= r.bound
		for i, v := range s {
			z[i] = v - gamma*grad[i]
		}
		if err := r.haar.Apply(u, z); err != nil {
			return nil, err
		}
		for k := range 2 * r.net.Axes {
			residual(change[k*r.n:(k+1)*r.n], nil, u[k*r.n:(k+1)*r.n], r.net.Coefficients(theta, t, k), r.net.grid(k))
		}
		if keep {
			copy(r.layer[t].r, grad)
			copy(r.layer[t].u, u)
		}
		x, before = before, x // the new one takes the place of the oldest
		if err := r.haar.Adjoint(x, change); err != nil {
			return nil, err
		}
		for i, v := range z {
			x[i] += v
		}
	}
	return x, nil
}

// start is A'W y divided by A'W A 1, where that is something, else 0. Collective.
func (r *Run) start(y []float64) ([]float64, error) {
	x, ones := make([]float64, r.n), make([]float64, r.n)
	data := append([]float64(nil), y...)
	r.w.Apply(data)
	if err := r.a.Adjoint(x, data); err != nil {
		return nil, err
	}
	for i := range ones {
		ones[i] = 1
	}
	if err := r.gradient(ones, append([]float64(nil), ones...), nil); err != nil {
		return nil, err
	}
	for i, d := range ones {
		if d > 1e-3*r.bound {
			x[i] /= d
		} else {
			x[i] = 0
		}
	}
	return x, nil
}

// Gradient adds the gradient of 1/2 ||x_T - truth||^2 by theta to g, and returns the loss of
// all ranks; g is that of this rank's part of the image, and the sum over the ranks is that of the
// whole. Collective.
func (r *Run) Gradient(theta, y, truth, g []float64) (loss float64, err error) {
	x, err := r.restore(theta, y, true)
	if err != nil {
		return 0, err
	}
	if len(truth) != r.n || len(g) != len(theta) {
		return 0, fmt.Errorf("tppa: a truth of %d values and a gradient of %d, want %d and %d", len(truth), len(g), r.n, len(theta))
	}
	sum := []float64{0}
	gx, before := make([]float64, r.n), make([]float64, r.n) // by x_t and by x_(t-1)
	for i, v := range x {
		gx[i] = v - truth[i]
		sum[0] += gx[i] * gx[i] / 2
	}
	if err := r.comm.Allreduce(sum, sum, ranks.Sum); err != nil {
		return 0, err
	}
	size, _ := r.haar.Dims()
	v, slope, gz, gs := make([]float64, size), make([]float64, size), make([]float64, r.n), make([]float64, r.n)
	unused := make([]float64, r.n) // phi(u) - u, which the way back does not need
	mu := r.net.momentum()
	for t := r.net.Layers - 1; t >= 0; t-- {
		layer := r.layer[t]
		if err := r.haar.Apply(v, gx); err != nil {
			return 0, err
		}
		for k := range 2 * r.net.Axes {
			part := func(a []float64) []float64 { return a[k*r.n : (k+1)*r.n] }
			c := r.net.Coefficients(theta, t, k)
			scatter(r.net.Coefficients(g, t, k), part(v), part(layer.u), r.net.grid(k))
			residual(unused, part(slope), part(layer.u), c, r.net.grid(k))
		}
		for i, d := range slope {
			v[i] *= d
		}
		if err := r.haar.Adjoint(gz, v); err != nil {
			return 0, err
		}
		for i, d := range gx {
			gz[i] += d
		}
		gamma, rise := r.net.Step(theta, t)
		g[t] -= linalg.Dot(gz, layer.r) * rise / r.bound
		if err := r.gradient(gs, gz, nil); err != nil {
			return 0, err
		}
		for i, d := range gs {
			d = gz[i] - gamma/r.bound*d
			gx[i], before[i] = before[i]+(1+mu[t])*d, -mu[t]*d
		}
	}
	return sum[0], nil
}

// SNR is 10 log10(||truth||^2 / ||x - truth||^2) over all ranks, in dB. Collective.
func SNR(comm ranks.Comm, x, truth []float64) (float64, error) {
	sums := []float64{0, 0}
	for i, v := range truth {
		sums[0] += v * v
		sums[1] += (x[i] - v) * (x[i] - v)
	}
	err := comm.Allreduce(sums, sums, ranks.Sum)
	return 10 * math.Log10(sums[0]/sums[1]), err
}
