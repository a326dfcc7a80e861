package tppa

import (
	"context"
	"fmt"
	"math"

	"tessera/forward"
	"tessera/halo"
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
	mu       []float64     // momentum of each layer
	layers   []pairs.Layer // the functions of each layer, minus the identity; layers that share them share the splines
	weight   []float64     // A'W A 1, what begin divides by
	x        [3][]float64  // x_t, x_(t-1) and s of restore
	grad     []float64     // A'W (A s - y)
	back     *back         // nil until Gradient is called
}

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
	r.data, r.grad = make([]float64, r.m), make([]float64, r.n)
	for k := range r.x {
		r.x[k] = make([]float64, r.n)
	}
	r.functions()
	return r, r.observe()
}

// observe finds A'W A 1. Collective.
func (r *Run) observe() error {
	ones := r.x[0]
	for i := range ones {
		ones[i] = 1
	}
	r.weight = make([]float64, r.n)
	return r.gradient(r.weight, ones, nil)
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

// functions makes the splines of the layers, and the momentum.
func (r *Run) functions() {
	r.mu = r.net.momentum()
	zero := make([]float64, r.net.Parameters())
	r.layers = make([]pairs.Layer, r.net.Layers)
	for t := range r.layers {
		l := &r.layers[t]
		l.First, l.Last = r.first, r.last
		if t > 0 && r.net.Shared {
			l.Splines = r.layers[0].Splines
			continue
		}
		for k := range 2 * r.net.Axes {
			g := r.net.grid(k)
			l.Splines = append(l.Splines, pairs.NewSpline(r.net.Coefficients(zero, t, k), g.Low, g.step()))
		}
	}
}

// set gives the splines of all layers their parameters.
func (r *Run) set(theta []float64) {
	for t := range r.layers {
		if t > 0 && r.net.Shared {
			break
		}
		for k, f := range r.layers[t].Splines {
			f.Set(r.net.Coefficients(theta, t, k))
		}
	}
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
func (r *Run) Restore(theta, y []float64) ([]float64, error) {
	x, err := r.restore(theta, y, nil)
	if err != nil {
		return nil, err
	}
	return append([]float64(nil), x...), nil
}

// restore is Restore that returns a buffer, and keeps what the way back needs. Collective.
func (r *Run) restore(theta, y []float64, keep *back) ([]float64, error) {
	if len(theta) != r.net.Parameters() || len(y) != r.m {
		return nil, fmt.Errorf("tppa: %d parameters and %d data values, want %d and %d", len(theta), len(y), r.net.Parameters(), r.m)
	}
	x, before, s := r.x[0], r.x[1], r.x[2]
	if err := r.begin(x, y); err != nil {
		return nil, err
	}
	copy(before, x)
	copy(s, x)
	r.set(theta)
	for t := range r.net.Layers {
		if t > 0 {
			pairs.Extrapolate(s, x, before, r.mu[t])
		}
		if err := r.gradient(r.grad, s, y); err != nil {
			return nil, err
		}
		gamma, _ := r.net.Step(theta, t)
		for c := range r.channels {
			r.box.Step(r.neighbours(r.ext, c), r.own(s, c), r.own(r.grad, c), gamma/r.bound)
		}
		if err := r.plan.Exchange(r.comm, r.ext, r.channels); err != nil {
			return nil, err
		}
		if keep != nil {
			copy(keep.layers[t].r, r.grad)
			copy(keep.layers[t].z, r.ext)
		}
		x, before = before, x // the new one takes the place of the oldest
		for c := range r.channels {
			r.box.Learned(r.own(x, c), r.neighbours(r.ext, c), &r.layers[t])
		}
	}
	return x, nil
}

// start is the image that the network begins with. Collective.
func (r *Run) start(y []float64) ([]float64, error) {
	x := make([]float64, r.n)
	return x, r.begin(x, y)
}

// begin sets x to A'W y divided by A'W A 1, where that is something, else to 0. Collective.
func (r *Run) begin(x, y []float64) error {
	copy(r.data, y)
	r.w.Apply(r.data)
	if err := r.a.Adjoint(x, r.data); err != nil {
		return err
	}
	for i, d := range r.weight {
		if d > 1e-3*r.bound {
			x[i] /= d
		} else {
			x[i] = 0
		}
	}
	return nil
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
