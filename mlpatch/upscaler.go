package mlpatch

import (
	"fmt"
	"math"

	"tessera/halo"
	"tessera/ranks"
)

// Upscaler applies a network to a frame that is spread over ranks at places between its pixels: those of a finer
// grid. It keeps the buffers.
//
// A pixel is an area: with the scale s, fine pixel i has its middle at (i + 1/2)/s - 1/2 coarse pixels, and the fine grid
// has the Enlarged numbers of rows and columns. A rank has the fine pixels whose middle lies in its coarse ones.
type Upscaler struct {
	net     *Network
	comm    ranks.Comm
	plan    *halo.Plan
	high    *halo.Decomposition
	box     halo.Box // of the fine pixels
	scale   float64
	mean    *mean
	patches []placed[float32]
	ext     []float64 // planes x extended box
	images  []image[float32]
	at      []place
	centre  []float32
}

// NewUpscaler prepares a network of one plane and at most one level, Enlargement, with parameters theta for a scale of
// 1 to MostScale. The answer is the mean over so many symmetries of the square: 1 (none), 2, 4 or 8 (all). It is not collective; every rank gives the same arguments.
func NewUpscaler(comm ranks.Comm, n *Network, theta []float64, frame *halo.Decomposition, border halo.Border, scale float64, symmetries int) (*Upscaler, error) {
	if err := n.Check(); err != nil {
		return nil, err
	}
	switch shape := frame.Domain().Shape(); {
	case len(theta) != n.Parameters():
		return nil, fmt.Errorf("mlpatch: %d parameters, want %d", len(theta), n.Parameters())
	case n.Planes != 1 || n.Levels > 1:
		return nil, fmt.Errorf("mlpatch: a network of %d planes and %d levels, want one plane and at most one level", n.Planes, n.Levels)
	case len(shape) != 2:
		return nil, fmt.Errorf("mlpatch: a frame of %d axes, want 2", len(shape))
	case !(scale >= 1) || scale > MostScale:
		return nil, fmt.Errorf("mlpatch: a scale of %g, want 1 to %d", scale, MostScale)
	}
	u := &Upscaler{net: n, comm: comm, scale: scale, at: make([]place, tile), centre: make([]float32, tile)}
	most := 0.0
	offsets := n.Offsets(theta)
	var err error
	if u.mean, err = newMean(n, theta, offsets, symmetries); err != nil {
		return nil, err
	}
	for _, s := range u.mean.sampled {
		u.patches = append(u.patches, placed[float32]{points: newPoints(turned(offsets, s), n.Geometry.Room())})
	}
	for _, v := range offsets {
		most = max(most, math.Abs(held(v, n.Geometry.Room())))
	}
	reach := int(math.Ceil(most)) + placeRoom + 1
	if u.plan, err = halo.NewPlan(frame, comm.Rank(), []int{reach, reach}, border); err != nil {
		return nil, err
	}
	var boxes []halo.Box
	shape := make([]int, 2)
	for r := range frame.Ranks() {
		low := frame.Owned(r)
		b := halo.Box{Lo: make([]int, 2), Hi: make([]int, 2)}
		for k := range 2 {
			b.Lo[k], b.Hi[k] = Enlarged(low.Lo[k], scale), Enlarged(low.Hi[k], scale)
			shape[k] = max(shape[k], b.Hi[k])
		}
		boxes = append(boxes, b)
	}
	if u.high, err = halo.FromBoxes(shape, boxes); err != nil {
		return nil, err
	}
	u.box = boxes[comm.Rank()]
	size, stride := u.plan.Extended().Size(), u.plan.Extended().Shape()[1]
	u.ext = make([]float64, size)
	u.images = []image[float32]{{make([]float32, size), reach*stride + reach, stride}}
	return u, nil
}

// Frame is that of the fine pixels.
func (u *Upscaler) Frame() *halo.Decomposition { return u.high }

// Reach is how many coarse pixels away along an axis an answer depends on the frame.
func (u *Upscaler) Reach() int { return u.plan.Owned().Lo[0] - u.plan.Extended().Lo[0] }

// Apply sets dst to the network's answer at this rank's fine pixels and plain to the cubic interpolation there, from x,
// this rank's coarse pixels. The bits depend neither on the number of ranks nor on where the frame is cut. Collective:
// one exchange.
func (u *Upscaler) Apply(dst, plain, x []float64) error {
	n, cols := u.box.Size(), u.box.Hi[1]-u.box.Lo[1]
	if owned := u.plan.Owned().Size(); len(dst) != n || len(plain) != n || len(x) != owned {
		return fmt.Errorf("mlpatch: Upscaler.Apply to %d and %d of %d values, want %d, %d and %d", len(dst), len(plain), len(x), n, n, owned)
	}
	u.plan.Scatter(u.ext, x, 1)
	if err := u.plan.Exchange(u.comm, u.ext, 1); err != nil {
		return err
	}
	for i, v := range u.ext {
		u.images[0].data[i] = float32(v)
	}
	low := u.plan.Owned().Lo
	across := make([]place, cols)
	for c := range across {
		across[c] = placeOf(0, placeAt(u.box.Lo[1]+c, 0, u.scale))
	}
	width := u.mean.width()
	for first := 0; first < n; first += width {
		m := min(width, n-first)
		for j := range m {
			p := placeOf(placeAt(u.box.Lo[0]+(first+j)/cols, 0, u.scale), 0)
			q := across[(first+j)%cols]
			u.at[j] = place{p.row - low[0], q.col - low[1], p.y, q.x}
		}
		u.tile(dst[first:first+m], plain[first:first+m])
	}
	return nil
}

// Means sets dst to the means of x, this rank's fine pixels, over its coarse pixels, as Shrink forms them; of a coarse
// pixel that ends outside the fine grid over the part inside. Collective: one exchange.
func (u *Upscaler) Means(dst, x []float64) error {
	if owned := u.plan.Owned().Size(); len(dst) != owned || len(x) != u.box.Size() {
		return fmt.Errorf("mlpatch: Upscaler.Means to %d of %d values, want %d and %d", len(dst), len(x), owned, u.box.Size())
	}
	plan, err := halo.NewPlan(u.high, u.comm.Rank(), []int{1, 1}, halo.Zero) // coarse pixels reach less than a fine one further
	if err != nil {
		return err
	}
	around := plan.Extended()
	fine, wide := make([]float64, around.Size()), around.Shape()[1]
	plan.Scatter(fine, x, 1)
	if err := plan.Exchange(u.comm, fine, 1); err != nil {
		return err
	}
	low, end := u.plan.Owned(), u.high.Domain().Hi
	rows := means(low.Hi[0]-low.Lo[0], float64(low.Lo[0]), 0, u.scale)
	cols := means(low.Hi[1]-low.Lo[1], float64(low.Lo[1]), 0, u.scale)
	for r, m := range rows {
		for c, q := range cols {
			sum, all := 0.0, 0.0
			for y := m.lo; y < min(m.hi, end[0]); y++ {
				for k := q.lo; k < min(q.hi, end[1]); k++ {
					w := m.weight(y) * q.weight(k)
					sum += w * fine[(y-around.Lo[0])*wide+k-around.Lo[1]]
					all += w
				}
			}
			dst[r*len(cols)+c] = sum / all
		}
	}
	return nil
}

// tile computes the pixels at the places.
func (u *Upscaler) tile(out, plain []float64) {
	level := float32(1)
	if u.net.Levels > 0 {
		level = float32(Enlargement(u.scale))
		row := u.mean.level(0)
		for j := range out {
			row[j] = level
		}
	}
	u.mean.apply(out, func(i int, rows [][]float32) {
		u.patches[i].load(rows, u.images, u.at[:len(out)], u.centre)
	})
	for j := range out {
		plain[j] = float64(u.centre[j])
		if u.net.Residual {
			out[j] = plain[j] + float64(level)*out[j]
		}
	}
}
