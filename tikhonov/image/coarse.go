package image

import (
	"fmt"
	"math"
	"slices"

	"tessera/halo"
	"tessera/internal/linalg"
	"tessera/internal/stencil"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/tiles"
)

// coarseLimit is the most nodes of the coarse grid: every rank holds the banded
// factor of the whole coarse matrix and solves the coarse system on its own.
const coarseLimit = 16384

// coarse is the space of bilinear functions on a coarse grid with one node a tile,
// Q = Z E^-1 Z' with Z the nodes' functions and E = Z'MZ. The grid belongs to the
// frame, so the space does not depend on the number of ranks. Bilinear functions
// cost no more than constants on the tiles and halve the iterations where Q is a
// gradient: a jump from tile to tile has the energy of a steep edge.
//
// An application gathers one number for each channel and node that a rank's box
// touches.
type coarse struct {
	m          *operator
	rows, cols *basis
	place      []int // of node i*cols.nodes + j in the banded order
	own        []int // nodes that this rank's box touches
	all        []int // those of every rank, rank by rank
	counts     []int // numbers gathered from each rank
	index      []int // of a node in own
	factor     *linalg.Banded
	send, recv []float64
	x          []float64 // coarse vector of one channel after the other
}

func newCoarse(m *operator, o *Options) (*coarse, error) {
	shape := m.frame.Domain().Shape()
	side := o.Tile
	nodes := func(n int) int { return max(1, int(math.Round(float64(n)/float64(side)))) }
	for nodes(shape[0])*nodes(shape[1]) > coarseLimit {
		side++
	}
	c := &coarse{m: m, rows: newBasis(shape[0], nodes(shape[0]), o.Border), cols: newBasis(shape[1], nodes(shape[1]), o.Border)}
	total := c.rows.nodes * c.cols.nodes
	c.place = make([]int, total)
	for i := range total {
		r := i / c.cols.nodes
		if o.Border == halo.Periodic { // folded, so that the last row of nodes lies beside the first
			if r = 2 * r; r >= c.rows.nodes {
				r = 2*c.rows.nodes - 1 - r
			}
		}
		c.place[i] = r*c.cols.nodes + i%c.cols.nodes
	}
	c.index = make([]int, total)
	for rank := range m.frame.Ranks() {
		box := m.frame.Owned(rank)
		before := len(c.all)
		cols := c.cols.over(c.cols.pixels(tiles.Span{Lo: box.Lo[1], Hi: box.Hi[1]}, 0, o.Border))
		for _, i := range c.rows.over(c.rows.pixels(tiles.Span{Lo: box.Lo[0], Hi: box.Hi[0]}, 0, o.Border)) {
			for _, j := range cols {
				c.all = append(c.all, i*c.cols.nodes+j)
			}
		}
		c.counts = append(c.counts, (len(c.all)-before)*m.channels)
		if rank == m.comm.Rank() {
			c.own = c.all[before:len(c.all):len(c.all)]
		}
	}
	for k, i := range c.own {
		c.index[i] = k
	}
	c.send = make([]float64, len(c.own)*m.channels)
	c.recv = make([]float64, len(c.all)*m.channels)
	c.x = make([]float64, total*m.channels)
	return c, c.assemble(o)
}

// assemble adds up E_ij = sum_p z_i(p) (M z_j)(p), every rank over its own pixels p,
// and factors the sum.
func (c *coarse) assemble(o *Options) error {
	m := c.m
	box := m.frame.Owned(m.comm.Rank())
	reach := m.reach
	sum := make([]float64, len(c.index))
	var touched []int
	var triples []float64
	for i := range c.rows.nodes {
		rows := c.rows.near(i, reach[0], tiles.Span{Lo: box.Lo[0], Hi: box.Hi[0]})
		for j := range c.cols.nodes {
			for _, r := range rows {
				for _, s := range c.cols.near(j, reach[1], tiles.Span{Lo: box.Lo[1], Hi: box.Hi[1]}) {
					touched = c.window(i, j, r, s, o, sum, touched)
				}
			}
			slices.Sort(touched)
			for _, t := range slices.Compact(touched) {
				if sum[t] != 0 && c.place[t] >= c.place[i*c.cols.nodes+j] {
					triples = append(triples, float64(t), float64(i*c.cols.nodes+j), sum[t])
				}
				sum[t] = 0
			}
			touched = touched[:0]
		}
	}
	counts, err := ranks.Counts(m.comm, len(triples))
	if err != nil {
		return err
	}
	total := 0
	for _, n := range counts {
		total += n
	}
	all := make([]float64, total)
	if err := m.comm.Allgatherv(all, counts, triples); err != nil {
		return err
	}
	band := 0
	for t := 0; t < total; t += 3 {
		band = max(band, c.place[int(all[t])]-c.place[int(all[t+1])])
	}
	c.factor = linalg.NewBanded(len(c.place), band)
	for t := 0; t < total; t += 3 {
		i, j := c.place[int(all[t])], c.place[int(all[t+1])]
		c.factor.Row(i)[band-(i-j)] += all[t+2]
	}
	if err := c.factor.Factor(); err != nil {
		return fmt.Errorf("image: coarse matrix of %d x %d nodes: %w", c.rows.nodes, c.cols.nodes, err)
	}
	return nil
}

// window adds z_i'(M z_j), over the data and the pixels of the owned part
// rows x cols, to sum[i], for the node (nr, nc) = j, and appends the nodes it may
// have added to.
func (c *coarse) window(nr, nc int, rows, cols tiles.Span, o *Options, sum []float64, touched []int) []int {
	m := c.m
	k, q := m.kernel, m.q
	box := m.frame.Owned(m.comm.Rank())
	hr, hc := max(k.RowRadius, q.Reach()), max(k.ColRadius, q.Reach())
	down, across := values(c.rows, nr, rows.Lo-hr, rows.Hi+hr, o.Border), values(c.cols, nc, cols.Lo-hc, cols.Hi+hc, o.Border)
	in := make([]float64, 0, len(down)*len(across))
	for _, a := range down {
		for _, b := range across {
			in = append(in, a*b)
		}
	}
	function := stencil.Interior(in, cols.Len(), hr, hc)
	top, left := rows.Lo-box.Lo[0], cols.Lo-box.Lo[1] // in the owned box

	// H'W H z_j: what H' spreads from the data pixels of this part, also outside of it.
	t := make([]float64, rows.Len()*cols.Len())
	k.Convolve(t, rows.Len(), cols.Len(), function)
	wide := cols.Len() + 4*k.ColRadius
	padded := make([]float64, (rows.Len()+4*k.RowRadius)*wide)
	for i := range rows.Len() {
		row := padded[(i+2*k.RowRadius)*wide+2*k.ColRadius:][:cols.Len()]
		copy(row, t[i*cols.Len():])
		if m.owned != nil {
			for j, w := range m.owned[(top+i)*m.cols+left:][:len(row)] {
				row[j] *= w
			}
		}
	}
	u := make([]float64, (rows.Len()+2*k.RowRadius)*(cols.Len()+2*k.ColRadius))
	from := stencil.Plane{Data: padded, Origin: k.RowRadius*wide + k.ColRadius, Stride: wide}
	k.Flipped().Convolve(u, rows.Len()+2*k.RowRadius, cols.Len()+2*k.ColRadius, from)
	touched = c.test(u, c.rows.pixels(rows, k.RowRadius, o.Border), c.cols.pixels(cols, k.ColRadius, o.Border), sum, touched)

	penalty := stencil.NormalOperator{
		Kernel: stencil.Kernel{Dense: []float64{0}}, Q: q, Lambda: o.Lambda, Rows: rows.Len(), Cols: cols.Len(), Domain: m.Domain(),
	}
	for k := range penalty.Domain {
		penalty.Domain[k] -= [2]int{top, left}[k/2]
	}
	penalty.Apply(t, function, stencil.Plane{})
	return c.test(t, c.rows.pixels(rows, 0, o.Border), c.cols.pixels(cols, 0, o.Border), sum, touched)
}

// test adds z_i'v to sum[i] for a v on the pixels rows x cols of the frame, -1 for
// none, and appends the nodes i.
func (c *coarse) test(v []float64, rows, cols []int, sum []float64, touched []int) []int {
	line := make([]float64, c.cols.nodes)
	down, across := c.rows.over(rows), c.cols.over(cols)
	for i, p := range rows {
		if p < 0 {
			continue
		}
		for j, x := range v[i*len(cols) : (i+1)*len(cols)] {
			if q := cols[j]; q >= 0 {
				line[c.cols.lower[q]] += x * (1 - c.cols.frac[q])
				line[c.cols.upper[q]] += x * c.cols.frac[q]
			}
		}
		for _, k := range across {
			sum[c.rows.lower[p]*c.cols.nodes+k] += line[k] * (1 - c.rows.frac[p])
			sum[c.rows.upper[p]*c.cols.nodes+k] += line[k] * c.rows.frac[p]
			line[k] = 0
		}
	}
	for _, k := range down {
		for _, l := range across {
			touched = append(touched, k*c.cols.nodes+l)
		}
	}
	return touched
}

// values are those of node i's function at the pixels lo..hi, in the frame or
// beyond its border.
func values(h *basis, i, lo, hi int, border halo.Border) []float64 {
	v := make([]float64, hi-lo)
	for k := range v {
		if p := border.Source(lo+k, h.n); p >= 0 {
			v[k] = h.at(i, p)
		}
	}
	return v
}

// Apply sets dst = Z E^-1 Z' src. Collective.
func (c *coarse) Apply(dst, src []float64) error {
	m := c.m
	box := m.frame.Owned(m.comm.Rank())
	nodes, own := len(c.place), len(c.own)
	clear(c.send)
	line := make([]float64, c.cols.nodes)
	for ch := range m.channels {
		send := c.send[ch*own : (ch+1)*own]
		for i := range m.rows {
			row := src[(ch*m.rows+i)*m.cols:][:m.cols]
			c.restrictRow(line, row, box.Lo[1])
			p := box.Lo[0] + i
			for _, to := range [2]struct {
				node   int
				weight float64
			}{{c.rows.lower[p], 1 - c.rows.frac[p]}, {c.rows.upper[p], c.rows.frac[p]}} {
				if to.weight == 0 {
					continue
				}
				at := c.index[to.node*c.cols.nodes+c.own[0]%c.cols.nodes]
				for k := at; k < own && c.own[k]/c.cols.nodes == to.node; k++ {
					send[k] += to.weight * line[c.own[k]%c.cols.nodes]
				}
			}
		}
	}
	if err := m.comm.Allgatherv(c.recv, c.counts, c.send); err != nil {
		return err
	}
	clear(c.x)
	at := 0
	for first, rank := 0, 0; rank < len(c.counts); rank++ {
		n := c.counts[rank] / m.channels
		for ch := range m.channels {
			for _, i := range c.all[first : first+n] {
				c.x[ch*nodes+c.place[i]] += c.recv[at]
				at++
			}
		}
		first += n
	}
	for ch := range m.channels {
		x := c.x[ch*nodes : (ch+1)*nodes]
		c.factor.Solve(x)
		for i := range m.rows {
			p := box.Lo[0] + i
			low, high, f := c.rows.lower[p]*c.cols.nodes, c.rows.upper[p]*c.cols.nodes, c.rows.frac[p]
			for j := range line {
				line[j] = (1-f)*x[c.place[low+j]] + f*x[c.place[high+j]]
			}
			row := dst[(ch*m.rows+i)*m.cols:][:m.cols]
			for j := range row {
				q := box.Lo[1] + j
				a := line[c.cols.lower[q]]
				row[j] = a + c.cols.frac[q]*(line[c.cols.upper[q]]-a)
			}
		}
	}
	return nil
}

// restrictRow sets line = the row of pixels, the first of them at column left,
// tested with the column functions.
func (c *coarse) restrictRow(line, row []float64, left int) {
	clear(line)
	lower, upper, frac := c.cols.lower[left:], c.cols.upper[left:], c.cols.frac[left:]
	for j := 0; j < len(row); {
		// A run of pixels between the same two nodes.
		node, sum, slope := lower[j], 0.0, 0.0
		first := j
		for ; j < len(row) && lower[j] == node && upper[j] == upper[first]; j++ {
			sum += row[j]
			slope += row[j] * frac[j]
		}
		line[node] += sum - slope
		line[upper[first]] += slope
	}
}
