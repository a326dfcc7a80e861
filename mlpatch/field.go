package mlpatch

import (
	"fmt"

	"tessera/halo"
	"tessera/ranks"
)

// Field applies a network to a frame that is spread over ranks; it keeps the buffers.
type Field struct {
	net        *Network
	comm       ranks.Comm
	plan       *halo.Plan
	rows, cols int // of the owned box
	reach      int
	mean       *mean
	samplers   []*sampler[float32]
	ext        []float64 // planes x extended box
	images     []image[float32]
}

// NewField prepares a network with parameters theta for the frame, whose border says what lies
// outside. The answer is the mean over so many symmetries of the square, 1 (none), 2, 4 or 8 (all): for planes that
// a symmetry turns as a picture. It is not collective; every rank gives the same arguments.
func NewField(comm ranks.Comm, n *Network, theta []float64, frame *halo.Decomposition, border halo.Border, symmetries int) (*Field, error) {
	if err := n.Check(); err != nil {
		return nil, err
	}
	if len(theta) != n.Parameters() {
		return nil, fmt.Errorf("mlpatch: %d parameters, want %d", len(theta), n.Parameters())
	}
	if axes := len(frame.Domain().Lo); axes != 2 {
		return nil, fmt.Errorf("mlpatch: a frame of %d axes, want 2", axes)
	}
	f := &Field{net: n, comm: comm}
	offsets := n.Offsets(theta)
	var err error
	if f.mean, err = newMean(n, theta, offsets, symmetries); err != nil {
		return nil, err
	}
	for _, s := range f.mean.sampled {
		m := newSampler[float32](turned(offsets, s), n.Geometry.Room())
		f.samplers, f.reach = append(f.samplers, m), max(f.reach, m.reach)
	}
	if f.plan, err = halo.NewPlan(frame, comm.Rank(), []int{f.reach, f.reach}, border); err != nil {
		return nil, err
	}
	owned := f.plan.Owned().Shape()
	f.rows, f.cols = owned[0], owned[1]
	size, stride := f.plan.Extended().Size(), f.cols+2*f.reach
	f.ext = make([]float64, n.Planes*size)
	for range n.Planes {
		f.images = append(f.images, image[float32]{make([]float32, size), f.reach*stride + f.reach, stride})
	}
	return f, nil
}

// Reach is how many pixels away along an axis an answer depends on the planes.
func (f *Field) Reach() int { return f.reach }

// Apply sets dst, owned rows x cols, to the network's answer for planes, planes x owned rows x cols, and
// levels, each a number or one for each owned pixel. The bits depend neither on the number of
// ranks nor on where the frame is cut. Collective: one exchange.
func (f *Field) Apply(dst, planes []float64, levels ...[]float64) error {
	n := f.rows * f.cols
	if len(dst) != n || len(planes) != f.net.Planes*n || len(levels) != f.net.Levels {
		return fmt.Errorf("mlpatch: Apply to %d of %d values with %d levels, want %d, %d and %d", len(dst), len(planes), len(levels), n, f.net.Planes*n, f.net.Levels)
	}
	for i, l := range levels {
		if len(l) != 1 && len(l) != n {
			return fmt.Errorf("mlpatch: Apply: level %d has %d values, want 1 or %d", i, len(l), n)
		}
	}
	f.plan.Scatter(f.ext, planes, f.net.Planes)
	if err := f.plan.Exchange(f.comm, f.ext, f.net.Planes); err != nil {
		return err
	}
	for c := range f.images {
		data := f.images[c].data
		for i, v := range f.ext[c*len(data) : (c+1)*len(data)] {
			data[i] = float32(v)
		}
	}
	width := f.mean.width()
	for first := 0; first < n; first += width {
		f.tile(dst, levels, first, min(width, n-first))
	}
	return nil
}

// tile computes n pixels from the first on.
func (f *Field) tile(dst []float64, levels [][]float64, first, n int) {
	runs := runsOf(first, n, f.cols)
	for i, l := range levels {
		row := f.mean.level(i)
		for j := range n {
			if len(l) == 1 {
				row[j] = float32(l[0])
			} else {
				row[j] = float32(l[first+j])
			}
		}
	}
	out := dst[first : first+n]
	f.mean.apply(out, func(i int, rows [][]float32) { f.samplers[i].load(rows, f.images, runs) })
	if !f.net.Residual {
		return
	}
	for _, r := range runs {
		centre := f.images[0].data[f.images[0].origin+r.row*f.images[0].stride+r.col:]
		for j := range r.n {
			v := out[r.at+j]
			if f.net.Levels > 0 {
				v *= float64(f.mean.level(0)[r.at+j])
			}
			out[r.at+j] = v + float64(centre[j])
		}
	}
}
