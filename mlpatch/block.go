package mlpatch

import (
	"fmt"
	"math"

	"tessera/internal/linalg"
)

// Loss names what a training minimises.
type Loss string

const (
	L1 Loss = "l1" // mean of |x - truth|
	L2 Loss = "l2" // mean of (x - truth)^2 / 2
)

// Block is a square of neighbouring pixels with what a network is given for them and what it
// shall answer.
type Block[T linalg.Float] struct {
	Side   int // pixels
	Room   int // of the margin around the planes: Geometry.Room
	Planes []T // planes x (Side + 2 Room)^2
	Levels []T // levels x Side^2
	Truth  []T // Side^2

	at []place // of each pixel in the planes; nil = the pixels of the planes themselves
}

// NewBlock makes room for a block.
func NewBlock[T linalg.Float](n *Network, side int) *Block[T] {
	return newBlock[T](n, side, n.Geometry.Room())
}

// NewPlacedBlock makes room for a block whose pixels have places of their own in the planes, one pixel apart or less.
func NewPlacedBlock[T linalg.Float](n *Network, side int) *Block[T] {
	b := newBlock[T](n, side, n.Geometry.Room()+placeRoom+1)
	b.at = make([]place, side*side)
	return b
}

func newBlock[T linalg.Float](n *Network, side, room int) *Block[T] {
	wide := side + 2*room
	return &Block[T]{
		Side: side, Room: room,
		Planes: make([]T, n.Planes*wide*wide), Levels: make([]T, n.Levels*side*side), Truth: make([]T, side*side),
	}
}

// images are the planes of a block.
func (b *Block[T]) images(planes int) []image[T] {
	wide := b.Side + 2*b.Room
	list := make([]image[T], planes)
	for c := range list {
		list[c] = image[T]{b.Planes[c*wide*wide : (c+1)*wide*wide], b.Room*wide + b.Room, wide}
	}
	return list
}

// Learner computes losses and gradients of a network for blocks, in the precision T. One
// goroutine uses it.
type Learner[T linalg.Float] struct {
	net     *Network
	loss    Loss
	layers  *layers[T]
	sampler *sampler[T]
	points  placed[T]
	offsets []float64 // after their factor
	g       []T       // of the weights
	delta   []T
	scratch []T
	centre  []T // of the first plane
	theta   []float64
}

// NewLearner makes one for a network that Check accepts.
func NewLearner[T linalg.Float](n *Network, loss Loss) (*Learner[T], error) {
	if err := n.Check(); err != nil {
		return nil, err
	}
	if loss != L1 && loss != L2 {
		return nil, fmt.Errorf("mlpatch: unknown loss %q, want %q or %q", loss, L1, L2)
	}
	return &Learner[T]{net: n, loss: loss, layers: newLayers[T](n), g: make([]T, n.weights()), delta: make([]T, tile), scratch: make([]T, tile), centre: make([]T, tile)}, nil
}

// Take sets the parameters of the next calls.
func (e *Learner[T]) Take(theta []float64) {
	e.theta = theta
	e.layers.take(theta)
	if e.sampler == nil || e.net.Geometry.Learned {
		e.offsets = e.net.Offsets(theta)
		e.sampler = newSampler[T](e.offsets, e.net.Geometry.Room())
		e.points.points = newPoints(e.offsets, e.net.Geometry.Room())
	}
}

// Loss is that of a block; where g is not nil the gradient is added to it.
func (e *Learner[T]) Loss(b *Block[T], g []float64) float64 {
	images := b.images(e.net.Planes)
	pixels := b.Side * b.Side
	clear(e.g)
	sum := 0.0
	byOffset := make([]float64, len(e.offsets))
	for first := 0; first < pixels; first += tile {
		n := min(tile, pixels-first)
		runs := runsOf(first, n, b.Side)
		var at []place
		if b.at == nil {
			e.sampler.load(e.layers.rows, images, runs)
			for _, r := range runs {
				copy(e.centre[r.at:r.at+r.n], images[0].data[images[0].origin+r.row*images[0].stride+r.col:])
			}
		} else {
			at = b.at[first : first+n]
			e.points.load(e.layers.rows, images, at, e.centre)
		}
		for i := range e.net.Levels {
			copy(e.layers.level(i), b.Levels[i*pixels+first:][:n])
		}
		e.layers.forward()
		clear(e.delta)
		var scale []T
		if e.net.Levels > 0 {
			scale = e.layers.level(0)
		}
		for j := range n {
			x, factor := e.layers.out[j], T(1)
			if e.net.Residual {
				if scale != nil {
					factor = scale[j]
				}
				x = e.centre[j] + factor*x
			}
			d := x - b.Truth[first+j]
			if e.loss == L2 {
				sum += float64(d) * float64(d) / 2
				e.delta[j] = factor * d / T(pixels)
				continue
			}
			sum += math.Abs(float64(d))
			switch {
			case d > 0:
				e.delta[j] = factor / T(pixels)
			case d < 0:
				e.delta[j] = -factor / T(pixels)
			}
		}
		if g == nil {
			continue
		}
		var inputs func(int, []T)
		if e.net.Geometry.Learned {
			inputs = func(k int, by []T) {
				if at != nil {
					e.geometryAt(byOffset, k, by, images, at)
					return
				}
				e.geometry(byOffset, k, by, images, runs)
			}
		}
		e.layers.backward(e.g, e.delta, inputs)
	}
	if g == nil {
		return sum / float64(pixels)
	}
	for i, v := range e.g {
		g[i] += float64(v)
	}
	if e.net.Geometry.Learned {
		at, last := len(e.g), len(e.theta)-1
		for i, d := range byOffset {
			g[at+i] += d * e.theta[last]
			g[last] += d * e.theta[at+i]
		}
	}
	return sum / float64(pixels)
}

// geometry adds the gradient by the offsets, from that by the inputs of part k, rows x tile.
func (e *Learner[T]) geometry(g []float64, k int, by []T, images []image[T], runs []pixels) {
	room := e.net.Geometry.Room()
	for p := range e.sampler.points {
		part, row := e.layers.place(p, 0)
		if part != k {
			continue
		}
		byRow, byCol := slopes[T](e.offsets[2*p], e.offsets[2*p+1], room)
		for axis, taps := range [][]tap[T]{byRow, byCol} {
			for c := range images {
				line := by[(row+c)*tile:]
				for _, r := range runs {
					d := e.scratch[:r.n]
					interpolate(d, &images[c], taps, r.row, r.col)
					for j, v := range d {
						g[2*p+axis] += float64(v) * float64(line[r.at+j])
					}
				}
			}
		}
	}
}

// pixels are neighbours in a row: n of them from (row, col), in the columns from at on of a tile.
type pixels struct{ row, col, n, at int }

// runsOf are the pixels first ... first + n - 1 of a box with so many columns, in row-major order.
func runsOf(first, n, cols int) (list []pixels) {
	for at := 0; at < n; {
		row, col := (first+at)/cols, (first+at)%cols
		m := min(n-at, cols-col)
		list = append(list, pixels{row, col, m, at})
		at += m
	}
	return list
}
