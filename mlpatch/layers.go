package mlpatch

import (
	"tessera/internal/linalg"
)

// tile is how many pixels go through the layers at a time. Every product has this width, so that a
// pixel has the same bits wherever it lies.
const tile = 128

// lanes is the multiple to which the rows of a product are filled up: a product of one row
// would be computed in another order.
const lanes = 16

// layers computes a network for tiles of pixels, and the gradient of a loss. One goroutine
// uses it.
type layers[T linalg.Float] struct {
	net    *Network
	parts  []part
	theta  []T   // the weights
	last   []T   // the last layer, filled up with zeros to lanes rows
	inputs [][]T // of each part: rows x tile, the last row ones
	rows   [][]T // of inputs, for each point and plane
	hidden [][][]T
	out    []T // lanes x tile; row 0 is the output
	deltas [2][]T
}

func newLayers[T linalg.Float](net *Network) *layers[T] {
	y := &layers[T]{net: net, parts: net.parts(), theta: make([]T, net.weights()), out: make([]T, lanes*tile)}
	rows := func(n int) []T {
		a := make([]T, (n+1)*tile)
		for j := range tile {
			a[n*tile+j] = 1
		}
		return a
	}
	widest := lanes
	for _, p := range y.parts {
		y.inputs = append(y.inputs, rows(p.sizes[0]))
		var h [][]T
		for _, n := range p.sizes[1 : len(p.sizes)-1] {
			h = append(h, rows(n))
		}
		y.hidden = append(y.hidden, h)
		for _, n := range p.sizes {
			widest = max(widest, n)
		}
	}
	for p := range net.Geometry.Points() {
		for c := range net.Planes {
			y.rows = append(y.rows, y.input(y.place(p, c)))
		}
	}
	final := y.parts[len(y.parts)-1].sizes
	y.last = make([]T, lanes*(final[len(final)-2]+1))
	y.deltas = [2][]T{make([]T, widest*tile), make([]T, widest*tile)}
	return y
}

// take sets the parameters.
func (y *layers[T]) take(theta []float64) {
	for i := range y.theta {
		y.theta[i] = T(theta[i])
	}
	n := len(y.last) / lanes
	copy(y.last, y.theta[len(y.theta)-n:])
}

// input is the row of the inputs of part k.
func (y *layers[T]) input(k, row int) []T { return y.inputs[k][row*tile : (row+1)*tile] }

// place is the part and the row of a plane of a point.
func (y *layers[T]) place(point, plane int) (k, row int) {
	each := y.net.Geometry.Points() / y.net.Chunks
	return point / each, point%each*y.net.Planes + plane
}

// level is the row of a level, in the last part.
func (y *layers[T]) level(i int) []T {
	k := len(y.parts) - 1
	return y.input(k, y.parts[k].sizes[0]-y.net.Levels+i)
}

// forward sets row 0 of out from the inputs.
func (y *layers[T]) forward() {
	for k, p := range y.parts {
		x := y.inputs[k]
		at := p.at
		for l := 1; l < len(p.sizes); l++ {
			in, out := p.sizes[l-1]+1, p.sizes[l]
			switch {
			case l < len(p.sizes)-1:
				h := y.hidden[k][l-1]
				linalg.Gemm(false, false, out, tile, in, 1, y.theta[at:], in, x, tile, 0, h, tile)
				linalg.Rectify(h[:out*tile])
				x = h
			case k < len(y.parts)-1:
				linalg.Gemm(false, false, out, tile, in, 1, y.theta[at:], in, x, tile, 0, y.inputs[len(y.parts)-1][k*out*tile:], tile)
			default:
				linalg.Gemm(false, false, lanes, tile, in, 1, y.last, in, x, tile, 0, y.out, tile)
			}
			at += out * in
		}
	}
}

// backward adds to g the gradient of a loss of which delta is that by the output, and calls
// inputs with that by the inputs of each part. delta holds n values; forward was called last.
func (y *layers[T]) backward(g, delta []T, inputs func(k int, by []T)) {
	n := len(y.parts)
	final := y.parts[n-1]
	d := y.chain(n-1, g, delta, inputs != nil || n > 1)
	if n == 1 {
		if inputs != nil {
			inputs(0, d)
		}
		return
	}
	features := append([]T(nil), d[:(final.sizes[0]-y.net.Levels)*tile]...)
	for k := range n - 1 {
		f := y.net.Features * tile
		d := y.chain(k, g, features[k*f:(k+1)*f], inputs != nil)
		if inputs != nil {
			inputs(k, d)
		}
	}
}

// chain goes back through one part from the gradient by its outputs, rows x tile. It returns
// that by the inputs, if it is wanted.
func (y *layers[T]) chain(k int, g, delta []T, wanted bool) []T {
	p := y.parts[k]
	at := p.at + p.parameters()
	for l := len(p.sizes) - 1; l >= 1; l-- {
		in, out := p.sizes[l-1], p.sizes[l]
		at -= out * (in + 1)
		x := y.inputs[k]
		if l > 1 {
			x = y.hidden[k][l-2]
		}
		linalg.Gemm(false, true, out, in+1, tile, 1, delta, tile, x, tile, 1, g[at:], in+1)
		if l == 1 && !wanted {
			return nil
		}
		by := y.deltas[l%2]
		linalg.Gemm(true, false, in, tile, out, 1, y.theta[at:], in+1, delta, tile, 0, by, tile)
		if l > 1 {
			linalg.KeepWhere(by[:in*tile], x[:in*tile])
		}
		delta = by
	}
	return delta
}
