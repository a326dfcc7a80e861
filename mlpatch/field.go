package mlpatch

import (
	"fmt"

	"tessera/halo"
	"tessera/ranks"
)

// Symmetries is the number of symmetries of the square.
const Symmetries = 8

// Field applies a network to a frame that is spread over ranks; it keeps the buffers.
type Field struct {
	net        *Network
	comm       ranks.Comm
	plan       *halo.Plan
	rows, cols int // of the owned box
	reach      int
	layers     *layers[float32]
	samplers   []*sampler[float32]
	ext        []float64 // planes x extended box
	images     []image[float32]
}

// NewField prepares a network with parameters theta for the frame, whose border says what lies
// outside. With average the answer is the mean over the 8 symmetries of the square, which is 8 times
// the work: for planes that a symmetry turns as a picture. It is not collective; every rank gives the
// same arguments.
func NewField(comm ranks.Comm, n *Network, theta []float64, frame *halo.Decomposition, border halo.Border, average bool) (*Field, error) {
	if err := n.Check(); err != nil {
		return nil, err
	}
	if len(theta) != n.Parameters() {
		return nil, fmt.Errorf("mlpatch: %d parameters, want %d", len(theta), n.Parameters())
	}
	if axes := len(frame.Domain().Lo); axes != 2 {
		return nil, fmt.Errorf("mlpatch: a frame of %d axes, want 2", axes)
	}
	f := &Field{net: n, comm: comm, layers: newLayers[float32](n)}
	f.layers.take(theta)
	count := 1
	if average {
		count = Symmetries
	}
	for s := range count {
		m := newSampler[float32](turned(n.Offsets(theta), s), n.Geometry.Room())
		f.samplers, f.reach = append(f.samplers, m), max(f.reach, m.reach)
	}
	var err error
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
	for first := 0; first < n; first += tile {
		f.tile(dst, levels, first, min(tile, n-first))
	}
	return nil
}

// tile computes n pixels from the first on.
func (f *Field) tile(dst []float64, levels [][]float64, first, n int) {
	runs := runsOf(first, n, f.cols)
	for i, l := range levels {
		row := f.layers.level(i)
		for j := range n {
			if len(l) == 1 {
				row[j] = float32(l[0])
			} else {
				row[j] = float32(l[first+j])
			}
		}
	}
	out := dst[first : first+n]
	clear(out)
	for _, s := range f.samplers {
		f.layers.load(s, f.images, runs)
		f.layers.forward()
		for j := range out {
			out[j] += float64(f.layers.out[j])
		}
	}
	scale := 1 / float64(len(f.samplers))
	for _, r := range runs {
		centre := f.images[0].data[f.images[0].origin+r.row*f.images[0].stride+r.col:]
		for j := range r.n {
			v := out[r.at+j] * scale
			if f.net.Residual {
				if f.net.Levels > 0 {
					v *= float64(f.layers.level(0)[r.at+j])
				}
				v += float64(centre[j])
			}
			out[r.at+j] = v
		}
	}
}
