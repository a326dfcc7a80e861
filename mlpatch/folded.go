package mlpatch

import (
	"math"
	"math/bits"

	"tessera/internal/linalg"
)

// folded computes the sum of a network's answers over symmetries of the square for tiles of pixels, from one patch of
// each pixel. It is for networks of one chain with hidden layers and for patches that the symmetries map to themselves.
//
// The first layer is applied to sums and differences of the points that reflections exchange. With the reflections g of
// a group G and its characters chi (the signs of the rows of a Hadamard matrix),
//
//	sum_p W[p] x(h p) = sum_chi chi(h) sum_O W_chi[O] X_chi[O],    X_chi[O] = sum_q chi(q) x(q),    W_chi[O] = mean_q chi(q) W[q]
//
// over the orbits O, of which q runs through the points. So the products of all reflections h together are as
// large as that of one, and one Hadamard transform of their results gives the first hidden layer for each h. The symmetries that swap
// the axes have weights of their own for the same X.
type folded struct {
	net    *Network
	mirror int // reflections: 1, 2 or 4
	sets   int // sets of weights of the first layer: 1, or 2 with those of swapped axes
	theta  []float32

	orbits  []orbit
	inputs  []float32     // rows x tile: for each character the orbits that it has, planes of each; then the levels and ones
	rows    [][]float32   // of inputs, for each point and plane
	blocks  [][][]float32 // of inputs: rows of 1, 2 or 4 characters that are transformed together
	size    []int         // rows of each character
	first   [][][]float32 // weights of the first layer, of each set and character: units x size
	hidden  [][]float32   // of each layer but the first: (units + 1) x tile, the last row ones
	entry   [][]float32   // first hidden layer of each reflection, likewise
	last    []float32     // weights of the last layer
	bias    float32
	results []float32 // tile
}

// orbit is the different points that reflections make of one, and the characters, as many, that have one sign for all reflections which
// give the same point. Row i of the Hadamard matrix of as many rows has the signs of character chars[i] for the points in order.
type orbit struct{ points, chars []int }

// character is the sign of row k of the Hadamard matrix at i.
func character(k, i int) float64 { return 1 - 2*float64(bits.OnesCount(uint(k&i))%2) }

// exchange is the point to which each point moves by a symmetry, nil where one moves to no other point.
func exchange(offsets []float64, symmetry int) []int {
	type key [2]int64
	at := func(r, c float64) key {
		const steps = 1e6 // a pixel
		return key{int64(math.Round(r * steps)), int64(math.Round(c * steps))}
	}
	points, count := map[key]int{}, map[key]int{}
	for p := range len(offsets) / 2 {
		k := at(offsets[2*p], offsets[2*p+1])
		points[k] = p
		count[k]++
	}
	to := make([]int, len(offsets)/2)
	for p := range to {
		r, c := offsets[2*p], offsets[2*p+1]
		k := at(Turn(r, c, symmetry))
		switch q, ok := points[k]; {
		case k == at(r, c):
			to[p] = p
		case !ok || count[k] != 1:
			return nil
		default:
			to[p] = q
		}
	}
	return to
}

// newFolded makes one for a network with parameters theta, whose points have these offsets, or returns nil where it has no such form: mirrors are
// 1, 2 or 4 reflections, of which number i ^ j is number i after number j, and swapped says that those with swapped axes are
// averaged over, too.
func newFolded(n *Network, theta, offsets []float64, mirrors []int, swapped bool) *folded {
	if n.Chunks > 1 || len(n.Hidden) == 0 {
		return nil
	}
	f := &folded{net: n, mirror: len(mirrors), sets: 1, results: make([]float32, tile)}
	var moves [][]int
	for _, s := range mirrors {
		moves = append(moves, exchange(offsets, s))
	}
	moves = append(moves, nil)
	if swapped {
		f.sets, moves[len(mirrors)] = 2, exchange(offsets, 4)
	}
	for i, to := range moves {
		if to == nil && (i < len(mirrors) || swapped) {
			return nil
		}
	}
	f.order(moves[:len(mirrors)])
	f.place()
	f.take(theta, moves[len(mirrors)])
	return f
}

// order finds the orbits: those of as many points as there are reflections come first, then those of two points by their characters.
func (f *folded) order(moves [][]int) {
	seen := make([]bool, len(moves[0]))
	kinds := map[int][]orbit{} // by the set of the characters
	for p := range seen {
		if seen[p] {
			continue
		}
		var o orbit
		fixed := 0 // the last reflection that leaves the point
		for i, to := range moves {
			switch q := to[p]; {
			case q == p:
				fixed = i
			case !seen[q]:
				o.points = append(o.points, q)
				seen[q] = true
			}
		}
		o.points, seen[p] = append([]int{p}, o.points...), true
		kind := 0
		for k := range moves {
			if character(k, fixed) > 0 && (len(o.points) > 1 || k == 0) {
				o.chars = append(o.chars, k)
				kind |= 1 << k
			}
		}
		kinds[kind] = append(kinds[kind], o)
	}
	for kind := 1<<len(moves) - 1; kind > 0; kind -= 2 {
		f.orbits = append(f.orbits, kinds[kind]...)
	}
}

// place lays out the rows of the inputs: of each character its orbits in order, so that orbits of the same characters
// are next to each other in all of them.
func (f *folded) place() {
	planes := f.net.Planes
	f.size = make([]int, f.mirror)
	rank := make([][]int, len(f.orbits)) // row of an orbit in each of its characters
	for i, o := range f.orbits {
		for _, k := range o.chars {
			rank[i] = append(rank[i], f.size[k])
			f.size[k] += planes
		}
	}
	f.size[0] += f.net.Levels + 1
	start, total := make([]int, f.mirror), 0
	for k, n := range f.size {
		start[k] = total
		total += n
	}
	f.inputs = make([]float32, total*tile)
	one := f.inputs[(f.size[0]-1)*tile : f.size[0]*tile]
	for j := range one {
		one[j] = 1
	}
	f.rows = make([][]float32, f.net.Geometry.Points()*planes)
	for lo := 0; lo < len(f.orbits); {
		o, hi := f.orbits[lo], lo
		for ; hi < len(f.orbits) && len(f.orbits[hi].points) == len(o.points) && f.orbits[hi].chars[len(o.chars)-1] == o.chars[len(o.chars)-1]; hi++ {
			for i, p := range f.orbits[hi].points {
				for c := range planes {
					at := start[o.chars[i]] + rank[hi][i] + c
					f.rows[p*planes+c] = f.inputs[at*tile : (at+1)*tile]
				}
			}
		}
		var block [][]float32
		for i, k := range o.chars {
			at := start[k] + rank[lo][i]
			block = append(block, f.inputs[at*tile:(at+(hi-lo)*planes)*tile])
		}
		f.blocks = append(f.blocks, block)
		lo = hi
	}
}

// take sets the weights; swap are the points to which the swap of the axes moves each.
func (f *folded) take(theta []float64, swap []int) {
	n := f.net
	f.theta = make([]float32, n.weights())
	for i := range f.theta {
		f.theta[i] = float32(theta[i])
	}
	points, units := n.Geometry.Points(), n.Hidden[0]
	in := points*n.Planes + n.Levels + 1
	for set := range f.sets {
		first := make([][]float32, f.mirror)
		for k := range first {
			first[k] = make([]float32, 0, units*f.size[k])
		}
		from := make([]int, points)
		for p := range from {
			if set == 0 {
				from[p] = p
			} else {
				from[swap[p]] = p
			}
		}
		for m := range units {
			row := theta[m*in : (m+1)*in]
			for _, o := range f.orbits {
				for i, k := range o.chars {
					for c := range n.Planes {
						sum := 0.0
						for j, p := range o.points {
							sum += character(i, j) * row[from[p]*n.Planes+c]
						}
						first[k] = append(first[k], float32(sum/float64(len(o.points))))
					}
				}
			}
			for _, v := range row[points*n.Planes:] {
				first[0] = append(first[0], float32(v))
			}
		}
		f.first = append(f.first, first)
	}
	rows := func(n int) []float32 {
		a := make([]float32, (n+1)*tile)
		for j := range tile {
			a[n*tile+j] = 1
		}
		return a
	}
	for range f.mirror {
		f.entry = append(f.entry, rows(units))
	}
	f.hidden = make([][]float32, 1, len(n.Hidden))
	for _, u := range n.Hidden[1:] {
		f.hidden = append(f.hidden, rows(u))
	}
	end := n.Hidden[len(n.Hidden)-1] + 1
	f.last, f.bias = f.theta[len(f.theta)-end:len(f.theta)-1], f.theta[len(f.theta)-1]
}

// level is the row of a level.
func (f *folded) level(i int) []float32 {
	at := f.size[0] - 1 - f.net.Levels + i
	return f.inputs[at*tile : (at+1)*tile]
}

// forward returns the sum of the answers of a tile over all symmetries, from the patches in rows, which it overwrites, and the levels. The
// next call overwrites the sum.
func (f *folded) forward() []float32 {
	for _, b := range f.blocks {
		linalg.Hadamard(false, b...)
	}
	n := f.net
	units := n.Hidden[0]
	for j := range f.results {
		f.results[j] = float32(f.mirror*f.sets) * f.bias
	}
	parts := make([][]float32, f.mirror)
	for _, first := range f.first {
		at := 0
		for k, rows := range f.size {
			parts[k] = f.entry[k][:units*tile]
			linalg.Gemm(false, false, units, tile, rows, 1, first[k], max(rows, 1), f.inputs[at*tile:], tile, 0, parts[k], tile)
			at += rows
		}
		linalg.Hadamard(true, parts...)
		for _, h := range f.entry {
			at := n.Hidden[0] * (n.Geometry.Points()*n.Planes + n.Levels + 1)
			for l := 1; l < len(n.Hidden); l++ {
				in, out := n.Hidden[l-1]+1, n.Hidden[l]
				if l > 1 {
					linalg.Rectify(h[:(in-1)*tile])
				}
				linalg.Gemm(false, false, out, tile, in, 1, f.theta[at:], in, h, tile, 0, f.hidden[l], tile)
				h = f.hidden[l]
				at += out * in
			}
			linalg.AddRectified(f.results, f.last, h[:len(f.last)*tile])
		}
	}
	return f.results
}
