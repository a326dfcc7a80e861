package tppa

import (
	"context"
	"fmt"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/linalg"
	"tessera/internal/pairs"
	"tessera/ranks"
)

// Run applies a network to data of one operator; it keeps the buffers. Every rank has one.
type Run struct {
	net      *Network
	comm     ranks.Comm
	a        forward.Operator
	w        forward.Weights
	haar     *forward.Haar
	plan     *halo.Plan
	box      *pairs.Box
	channels int
	bound    float64 // L, an upper bound of ||W^(1/2) A||^2
	n, m     int     // values of x, of the data
	data     []float64
	ext      []float64 // channels x box with a layer of neighbours
	first    []bool    // for each axis: no pair reaches across the beginning of the box
	last     []bool
	layer    []trace
}

// trace is what the way back needs of a layer: A'W (A s - y), and z in an array like ext.
type trace struct{ r, z []float64 }

// NewRun prepares a network for an operator A whose x is channels x owned box of frame, and for
// weights of its data. border says whether pairs across the border have coefficients
// (halo.Periodic). Collective; the error is the same on all ranks.
func NewRun(ctx context.Context, comm ranks.Comm, net *Network, frame *halo.Decomposition, channels int, a forward.Operator, w forward.Weights, border halo.Border) (*Run, error) {
	r := &Run{net: net, comm: comm, a: a, w: w, channels: channels}
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
	if err == nil {
		err = r.pairs(frame, border == halo.Periodic)
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

// pairs prepares what is known of pairs of neighbouring pixels.
func (r *Run) pairs(frame *halo.Decomposition, periodic bool) error {
	border := halo.Reflect // what is mirrored is in no pair
	if periodic {
		border = halo.Periodic
	}
	owned, domain := frame.Owned(r.comm.Rank()), frame.Domain()
	width := make([]int, r.net.Axes)
	for k := range width {
		width[k] = 1
		r.first = append(r.first, !periodic && owned.Lo[k] == domain.Lo[k])
		r.last = append(r.last, !periodic && owned.Hi[k] == domain.Hi[k])
	}
	var err error
	if r.plan, err = halo.NewPlan(frame, r.comm.Rank(), width, border); err != nil {
		return err
	}
	r.box = pairs.NewBox(owned.Shape())
	r.ext = make([]float64, r.channels*r.box.Plane)
	return nil
}

// functions are those of layer t, minus the identity.
func (r *Run) functions(theta []float64, t int) *pairs.Layer {
	l := &pairs.Layer{First: r.first, Last: r.last}
	for k := range 2 * r.net.Axes {
		g := r.net.grid(k)
		l.Splines = append(l.Splines, pairs.NewSpline(r.net.Coefficients(theta, t, k), g.Low, g.step()))
	}
	return l
}

// own is channel c of an array over the owned box, neighbours that of one with the layer.
func (r *Run) own(a []float64, c int) []float64 { return a[c*r.box.Cells : (c+1)*r.box.Cells] }

func (r *Run) neighbours(a []float64, c int) []float64 { return a[c*r.box.Plane : (c+1)*r.box.Plane] }

// gradient sets g = A'W (A s - y); y nil stands for zeros. Collective.
func (r *Run) gradient(g, s, y []float64) error {
	if err := r.a.Apply(r.data, s); err != nil {
		return err
	}
	if r.w == nil {
		pairs.Residual(r.data, r.data, y, nil)
	} else {
		for at, n := 0, len(r.w); at < len(r.data); at += n { // the weights may be those of each channel
			part := r.data[at : at+n]
			if y == nil {
				pairs.Residual(part, part, nil, r.w)
			} else {
				pairs.Residual(part, part, y[at:], r.w)
			}
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
	before, s, grad := append([]float64(nil), x...), append([]float64(nil), x...), make([]float64, r.n)
	mu := r.net.momentum()
	if keep && r.layer == nil {
		r.layer = make([]trace, r.net.Layers)
		for t := range r.layer {
			r.layer[t] = trace{make([]float64, r.n), make([]float64, len(r.ext))}
		}
	}
	for t := range r.net.Layers {
		if t > 0 {
			pairs.Extrapolate(s, x, before, mu[t])
		}
		if err := r.gradient(grad, s, y); err != nil {
			return nil, err
		}
		gamma, _ := r.net.Step(theta, t)
		for c := range r.channels {
			r.box.Step(r.neighbours(r.ext, c), r.own(s, c), r.own(grad, c), gamma/r.bound)
		}
		if err := r.plan.Exchange(r.comm, r.ext, r.channels); err != nil {
			return nil, err
		}
		if keep {
			copy(r.layer[t].r, grad)
			copy(r.layer[t].z, r.ext)
		}
		x, before = before, x // the new one takes the place of the oldest
		functions := r.functions(theta, t)
		for c := range r.channels {
			r.box.Learned(r.own(x, c), r.neighbours(r.ext, c), functions)
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
	gz, gs := make([]float64, r.n), make([]float64, r.n)
	mu := r.net.momentum()
	for t := r.net.Layers - 1; t >= 0; t-- {
		layer, functions := r.layer[t], r.functions(theta, t)
		r.plan.Scatter(r.ext, gx, r.channels)
		if err := r.plan.Exchange(r.comm, r.ext, r.channels); err != nil {
			return 0, err
		}
		var moments [][]float64
		for _, f := range functions.Splines {
			moments = append(moments, f.Moments())
		}
		for c := range r.channels {
			r.box.Back(r.own(gz, c), r.neighbours(r.ext, c), r.neighbours(layer.z, c), moments, functions)
		}
		for k, f := range functions.Splines {
			f.Gradient(r.net.Coefficients(g, t, k), moments[k])
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
