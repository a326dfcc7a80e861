package layers

import (
	"fmt"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/linalg"
	"tessera/ranks"
)

// subdomains are the local solves: overlapping squares of the frame with both layers.
type subdomains struct {
	comm    ranks.Comm
	plan    *halo.Plan // the overlap, zero beyond the frame
	planes  int        // layers x channels
	list    []tile
	factors map[class][]float64
	in, out []float64 // planes over the extended box
	z       []float64
	bytes   int64
}

// tile is what one square owns, and with its overlap, in pixels of the frame.
type tile struct {
	own, ext halo.Box
	factor   []float64
}

// class is what a tile's matrix depends on: its sides, how far the frame's edges are
// as far as the stencils reach, and its mean weight in quarters of an octave.
type class struct {
	rows, cols               int
	top, bottom, left, right int
	weight                   int
}

// newSubdomains cuts this rank's box and factors one matrix of each class. Collective.
func newSubdomains(comm ranks.Comm, p *Problem, o *Options) (*subdomains, error) {
	plan, err := halo.NewPlan(p.Frame, comm.Rank(), []int{o.Overlap, o.Overlap}, halo.Zero)
	if err != nil {
		return nil, err
	}
	t := &subdomains{comm: comm, plan: plan, planes: 2 * p.Channels, factors: map[class][]float64{}}
	shape := plan.ExtendedShape()
	t.in, t.out = make([]float64, t.planes*shape[0]*shape[1]), make([]float64, t.planes*shape[0]*shape[1])

	weights := make([]float64, shape[0]*shape[1])
	owned := make([]float64, plan.Owned().Size())
	for i := range owned {
		owned[i] = p.weight(i)
	}
	plan.Scatter(weights, owned, 1)
	if err := plan.Exchange(comm, weights, 1); err != nil {
		return nil, err
	}
	domain := p.Frame.Domain()
	box := plan.Owned()
	cut := func(axis int) (list [][2]int) {
		n := box.Hi[axis] - box.Lo[axis]
		count := (n + o.Tile - 1) / o.Tile
		for i := range count {
			lo, hi := halo.Split(n, count, i)
			list = append(list, [2]int{box.Lo[axis] + lo, box.Lo[axis] + hi})
		}
		return list
	}
	a := newAssembler(p, o)
	for _, r := range cut(0) {
		for _, c := range cut(1) {
			own := halo.Box{Lo: []int{r[0], c[0]}, Hi: []int{r[1], c[1]}}
			tl := tile{own: own, ext: own.Grow([]int{o.Overlap, o.Overlap}).Intersect(domain)}
			k := a.classOf(tl.ext, t.meanWeight(tl.ext, weights))
			if t.factors[k] == nil && err == nil {
				n := 2 * tl.ext.Size()
				m := a.matrix(tl.ext, weightOf(k.weight))
				if err = linalg.Potrf(n, m, n); err != nil {
					err = fmt.Errorf("layers: tile %v: %w", tl.ext, err)
				}
				t.factors[k] = m
				t.bytes += int64(8 * n * n)
			}
			tl.factor = t.factors[k]
			t.list = append(t.list, tl)
			t.z = append(t.z, make([]float64, max(0, 2*p.Channels*tl.ext.Size()-len(t.z)))...)
		}
	}
	return t, ranks.AgreeError(comm, err)
}

// meanWeight of a box, from the weights over the extended one.
func (t *subdomains) meanWeight(b halo.Box, weights []float64) float64 {
	sum := 0.0
	t.rows(b, 0, func(at, n, _ int) {
		for _, w := range weights[at : at+n] {
			sum += w
		}
	})
	return sum / float64(b.Size())
}

// rows visits the rows of box b in a plane of the extended array: where each begins
// there, how long it is, and where it begins in the box.
func (t *subdomains) rows(b halo.Box, plane int, f func(at, n, in int)) {
	ext := t.plan.Extended()
	shape := ext.Shape()
	n := b.Hi[1] - b.Lo[1]
	for r := b.Lo[0]; r < b.Hi[0]; r++ {
		f((plane*shape[0]+r-ext.Lo[0])*shape[1]+b.Lo[1]-ext.Lo[1], n, (r-b.Lo[0])*n)
	}
}

// noWeight is the step of a tile without any observed pixel.
const noWeight = math.MinInt32

// weightStep rounds a weight to quarters of an octave; weightOf is the way back.
func weightStep(w float64) int {
	if w == 0 {
		return noWeight
	}
	return int(math.Round(4 * math.Log2(w)))
}

func weightOf(step int) float64 {
	if step == noWeight {
		return 0
	}
	return math.Exp2(float64(step) / 4)
}

// solve fills out with the local solutions of all tiles: where they own, or summed
// over all they reach.
func (t *subdomains) solve(src []float64, sum bool) error {
	t.plan.Scatter(t.in, src, t.planes)
	if err := t.plan.Exchange(t.comm, t.in, t.planes); err != nil {
		return err
	}
	clear(t.out)
	channels := t.planes / 2
	for i := range t.list {
		tl := &t.list[i]
		size := tl.ext.Size()
		n := 2 * size
		// z is n x channels: layer 1 of the tile's pixels, then layer 2.
		for layer := range 2 {
			for c := range channels {
				t.rows(tl.ext, layer*channels+c, func(at, count, in int) {
					for k, v := range t.in[at : at+count] {
						t.z[(layer*size+in+k)*channels+c] = v
					}
				})
			}
		}
		z := t.z[:n*channels]
		linalg.CholeskySolve(n, tl.factor, n, channels, z, channels)
		to := tl.own
		if sum {
			to = tl.ext
		}
		cols := tl.ext.Hi[1] - tl.ext.Lo[1]
		for layer := range 2 {
			for c := range channels {
				row := to.Lo[0] - tl.ext.Lo[0]
				t.rows(to, layer*channels+c, func(at, count, _ int) {
					from := layer*size + row*cols + to.Lo[1] - tl.ext.Lo[1]
					for k := range count {
						t.out[at+k] += z[(from+k)*channels+c]
					}
					row++
				})
			}
		}
	}
	return nil
}

// ras is the restricted form, as the symmetric one.
type (
	ras struct{ *subdomains }
	as  struct{ *subdomains }
)

func (p ras) Apply(dst, src []float64) error {
	if err := p.solve(src, false); err != nil {
		return err
	}
	p.plan.Gather(dst, p.out, p.planes)
	return nil
}

func (p as) Apply(dst, src []float64) error {
	if err := p.solve(src, true); err != nil {
		return err
	}
	if err := p.plan.AddBack(p.comm, p.out, p.planes); err != nil {
		return err
	}
	p.plan.Gather(dst, p.out, p.planes)
	return nil
}

// assembler makes the matrices of tiles.
type assembler struct {
	rows, cols int // of the frame
	border     halo.Border
	o          *Options
	first      forward.PSF
	second     forward.PSF
	reach      int
}

func newAssembler(p *Problem, o *Options) *assembler {
	hi := p.Frame.Domain().Hi
	a := &assembler{rows: hi[0], cols: hi[1], border: o.Border, o: o,
		first: one(p.First).Fold(hi[0], hi[1], o.Border), second: one(p.Second).Fold(hi[0], hi[1], o.Border)}
	for _, k := range []forward.PSF{a.first, a.second} {
		a.reach = max(a.reach, k.Rows/2, k.Cols/2)
	}
	a.reach = 2*a.reach + 2
	return a
}

func (a *assembler) classOf(b halo.Box, weight float64) class {
	shape := b.Shape()
	return class{
		shape[0], shape[1],
		min(b.Lo[0], a.reach), min(a.rows-b.Hi[0], a.reach), min(b.Lo[1], a.reach), min(a.cols-b.Hi[1], a.reach),
		weightStep(weight),
	}
}

// matrix is R M R' for the pixels of a box, both layers, and one weight: the sum of
// w r r' over all rows r of the operators that reach it.
//
//	size: (2 n) x (2 n), n pixels of the box
func (a *assembler) matrix(b halo.Box, weight float64) []float64 {
	shape := b.Shape()
	n := shape[0] * shape[1]
	m := make([]float64, 4*n*n)
	at := make([]int, 0, 256)
	value := make([]float64, 0, 256)
	add := func(w float64) {
		for i, p := range at {
			for j, q := range at {
				if q <= p {
					m[p*2*n+q] += w * value[i] * value[j]
				}
			}
		}
	}
	// taps appends the elements of row (r, c) of the convolution with k that lie in
	// the box, layer's unknowns, times scale.
	taps := func(k forward.PSF, border halo.Border, r, c, layer int, scale float64) {
		for i := range k.Rows {
			y := border.Source(r-(i-k.Rows/2), a.rows)
			if y < b.Lo[0] || y >= b.Hi[0] {
				continue
			}
			for j := range k.Cols {
				x := border.Source(c-(j-k.Cols/2), a.cols)
				if x < b.Lo[1] || x >= b.Hi[1] {
					continue
				}
				p := layer*n + (y-b.Lo[0])*shape[1] + x - b.Lo[1]
				v := scale * k.Values[i*k.Cols+j]
				// A mirrored pixel is met twice.
				known := false
				for e := range at {
					if at[e] == p {
						value[e] += v
						known = true
					}
				}
				if !known {
					at, value = append(at, p), append(value, v)
				}
			}
		}
	}
	q := differences(a.o.Regulariser)
	for _, r := range a.around(b.Lo[0], b.Hi[0], a.rows) {
		for _, c := range a.around(b.Lo[1], b.Hi[1], a.cols) {
			at, value = at[:0], value[:0]
			taps(a.first, a.border, r, c, 0, 1)
			add(weight)
			at, value = at[:0], value[:0]
			taps(a.second, a.border, r, c, 1, 1)
			if r >= b.Lo[0] && r < b.Hi[0] && c >= b.Lo[1] && c < b.Hi[1] {
				at, value = append(at, (r-b.Lo[0])*shape[1]+c-b.Lo[1]), append(value, -1)
			}
			add(a.o.Coupling)
			for _, k := range q {
				at, value = at[:0], value[:0]
				taps(k, edge(a.border), r, c, 1, 1)
				add(a.o.Lambda2)
			}
		}
	}
	for i := range n {
		m[i*2*n+i] += a.o.Lambda1
	}
	return m
}

// around lists the rows, or columns, of the frame from which a stencil may reach
// [lo, hi): each once.
func (a *assembler) around(lo, hi, n int) []int {
	var list []int
	if a.border == halo.Periodic && hi-lo+2*a.reach < n {
		for i := lo - a.reach; i < hi+a.reach; i++ {
			list = append(list, ((i%n)+n)%n)
		}
		return list
	}
	if a.border == halo.Periodic {
		lo, hi = 0, n
	}
	for i := max(0, lo-a.reach); i < min(n, hi+a.reach); i++ {
		list = append(list, i)
	}
	return list
}
