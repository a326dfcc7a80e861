package image

import (
	"fmt"
	"slices"

	"tessera/halo"
	"tessera/internal/linalg"
	"tessera/internal/stencil"
)

// coarseLimit is the most unknowns of the coarse problem: every rank holds its
// banded factor and solves it for itself.
const coarseLimit = 16384

// coarse is the space of functions that are constant on each cell, Q = Z E^-1 Z'
// with Z the cells' indicators and E = Z'MZ. Cells are the tiles, or blocks of
// tiles where there would be more than coarseLimit.
//
// E is known to every rank; an application gathers one number a cell and channel.
type coarse struct {
	m      *operator
	cells  []tile // of this rank
	place  []int  // of a gathered cell (rank by rank) in the banded order
	counts []int  // gathered numbers by rank
	first  int    // of this rank's cells in the gathered list
	factor *linalg.Banded

	send, all, x []float64
}

func newCoarse(m *operator, o *Options) (*coarse, error) {
	shape := m.frame.Domain().Shape()
	side := o.Tile
	for (shape[0]/side+1)*(shape[1]/side+1) > coarseLimit {
		side += o.Tile
	}
	c := &coarse{m: m, counts: make([]int, m.frame.Ranks())}
	var cells []tile
	for rank := range m.frame.Ranks() {
		own := cutTiles(m.frame.Owned(rank), shape, side, 0, o.Border)
		if rank == m.comm.Rank() {
			c.cells, c.first = own, len(cells)
		}
		c.counts[rank] = len(own) * m.channels
		cells = append(cells, own...)
	}
	// Reading order keeps the band as narrow as a row of cells; a periodic frame is
	// folded first, so that its last row lies beside its first.
	order := make([]int, len(cells))
	for i := range order {
		order[i] = i
	}
	row := func(i int) int {
		s := cells[i].owned[0]
		if o.Border == halo.Periodic {
			return min(s.lo, shape[0]-s.hi)
		}
		return s.lo
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if d := row(a) - row(b); d != 0 {
			return d
		}
		return cells[a].owned[1].lo - cells[b].owned[1].lo
	})
	c.place = make([]int, len(cells))
	for p, i := range order {
		c.place[i] = p
	}
	c.send = make([]float64, len(c.cells)*m.channels)
	c.all = make([]float64, len(cells)*m.channels)
	c.x = make([]float64, len(cells)*m.channels)
	return c, c.assemble(cells, o)
}

// assemble forms this rank's columns of E, E_ij = sum over cell i of (M 1_j), from
// windows around its cells, and gathers them.
func (c *coarse) assemble(cells []tile, o *Options) error {
	m := c.m
	shape := m.frame.Domain().Shape()
	cellAt := locator(cells, shape)
	var triples []float64 // (i, j, value) in gathered numbering
	for n := range c.cells {
		j := c.first + n
		column, err := c.column(&c.cells[n], cellAt, o)
		if err != nil {
			return err
		}
		keys := make([]int, 0, len(column))
		for i := range column {
			keys = append(keys, i)
		}
		slices.Sort(keys)
		for _, i := range keys {
			triples = append(triples, float64(i), float64(j), column[i])
		}
	}
	counts := make([]int, m.frame.Ranks())
	lengths := make([]float64, len(counts))
	ones := slices.Repeat([]int{1}, len(counts))
	if err := m.comm.Allgatherv(lengths, ones, []float64{float64(len(triples))}); err != nil {
		return err
	}
	total := 0
	for i, v := range lengths {
		counts[i] = int(v)
		total += counts[i]
	}
	all := make([]float64, total)
	if err := m.comm.Allgatherv(all, counts, triples); err != nil {
		return err
	}
	band := 0
	for t := 0; t < total; t += 3 {
		band = max(band, c.place[int(all[t])]-c.place[int(all[t+1])])
	}
	c.factor = linalg.NewBanded(len(cells), band)
	for t := 0; t < total; t += 3 {
		i, j := c.place[int(all[t])], c.place[int(all[t+1])]
		if i >= j {
			c.factor.Row(i)[band-(i-j)] += all[t+2]
		}
	}
	if err := c.factor.Factor(); err != nil {
		return fmt.Errorf("image: coarse matrix of %d cells: %w", len(cells), err)
	}
	return nil
}

// column is M 1_j summed cell by cell.
func (c *coarse) column(t *tile, cellAt func(r, col int) int, o *Options) (map[int]float64, error) {
	m := c.m
	shape := m.frame.Domain().Shape()
	n := stencil.NormalOperator{Kernel: m.blur.kernel, Q: m.normal.Q, Lambda: o.Lambda, Domain: m.normal.Domain}
	hr, hc := n.HaloRows(), n.HaloCols()
	rr, rc := n.Kernel.RowRadius, n.Kernel.ColRadius
	// Output on the cell and as far as M reaches; input a stencil further.
	n.Rows, n.Cols = t.owned[0].len()+2*hr, t.owned[1].len()+2*hc
	top, left := t.owned[0].lo-hr, t.owned[1].lo-hc
	for axis, lo := range [2]int{top, left} {
		if n.Domain[2*axis] != -unbounded {
			n.Domain[2*axis], n.Domain[2*axis+1] = -lo, shape[axis]-lo
		}
	}
	in := make([]float64, (n.Rows+2*hr)*(n.Cols+2*hc))
	for i := range n.Rows + 2*hr {
		r := source(top-hr+i, shape[0], o.Border)
		if r < t.owned[0].lo || r >= t.owned[0].hi {
			continue
		}
		for j := range n.Cols + 2*hc {
			if col := source(left-hc+j, shape[1], o.Border); col >= t.owned[1].lo && col < t.owned[1].hi {
				in[i*(n.Cols+2*hc)+j] = 1
			}
		}
	}
	var w stencil.Plane
	if m.weights.Data != nil {
		box := m.frame.Owned(m.comm.Rank())
		wide := n.Cols + 2*rc
		data := make([]float64, (n.Rows+2*rr)*wide)
		// Beyond the weights' halo H 1_j is zero, so any weight does.
		for i := range n.Rows + 2*rr {
			r := source(top-rr+i, shape[0], o.Border) - box.Lo[0]
			for j := range wide {
				col := source(left-rc+j, shape[1], o.Border) - box.Lo[1]
				data[i*wide+j] = m.weightAt(r, col, shape)
			}
		}
		w = stencil.Interior(data, n.Cols, rr, rc)
	}
	out := make([]float64, n.Rows*n.Cols)
	n.Apply(out, stencil.Interior(in, n.Cols, hr, hc), w)
	sums := map[int]float64{}
	seen := map[[2]int]bool{}
	wraps := n.Rows > shape[0] || n.Cols > shape[1]
	for i := range n.Rows {
		r := top + i
		for j := range n.Cols {
			col := left + j
			v := out[i*n.Cols+j]
			fr, fc := source(r, shape[0], o.Border), source(col, shape[1], o.Border)
			if v == 0 || fr < 0 || fc < 0 {
				continue
			}
			// Mirrored pixels were counted inside already; wrapped ones count once.
			if (fr != r || fc != col) && o.Border == halo.Reflect {
				continue
			}
			if wraps {
				if seen[[2]int{fr, fc}] {
					continue
				}
				seen[[2]int{fr, fc}] = true
			}
			sums[cellAt(fr, fc)] += v
		}
	}
	return sums, nil
}

// weightAt is W at a pixel given relative to the owned box, 0 beyond the halo. On a
// periodic frame the halo may show the pixel on the other side of the box.
func (m *operator) weightAt(r, c int, shape []int) float64 {
	k := m.blur.kernel
	inside := func(i, n, radius, period int) (int, bool) {
		for _, s := range [3]int{0, -period, period} {
			if i+s >= -radius && i+s < n+radius {
				return i + s, true
			}
		}
		return 0, false
	}
	pr, pc := 0, 0
	if m.border == halo.Periodic {
		pr, pc = shape[0], shape[1]
	}
	i, okR := inside(r, m.rows, k.RowRadius, pr)
	j, okC := inside(c, m.cols, k.ColRadius, pc)
	if !okR || !okC {
		return 0
	}
	return m.weights.Data[m.weights.Origin+i*m.weights.Stride+j]
}

// locator finds the cell over a pixel, from a list of cells for every pixel row.
func locator(cells []tile, shape []int) func(r, c int) int {
	rows := make([][]int, shape[0])
	for i := range cells {
		for r := cells[i].owned[0].lo; r < cells[i].owned[0].hi; r++ {
			rows[r] = append(rows[r], i)
		}
	}
	for _, row := range rows {
		slices.SortFunc(row, func(a, b int) int { return cells[a].owned[1].lo - cells[b].owned[1].lo })
	}
	return func(r, c int) int {
		row := rows[r]
		n, _ := slices.BinarySearchFunc(row, c, func(i, c int) int {
			if cells[i].owned[1].hi <= c {
				return -1
			}
			if cells[i].owned[1].lo > c {
				return 1
			}
			return 0
		})
		return row[n]
	}
}

// Apply sets dst = Z E^-1 Z' src. Collective.
func (c *coarse) Apply(dst, src []float64) error {
	m := c.m
	box := m.frame.Owned(m.comm.Rank())
	plane := m.rows * m.cols
	for ch := range m.channels {
		for n := range c.cells {
			t := &c.cells[n]
			s := 0.0
			for r := t.owned[0].lo; r < t.owned[0].hi; r++ {
				at := ch*plane + (r-box.Lo[0])*m.cols - box.Lo[1]
				for _, v := range src[at+t.owned[1].lo : at+t.owned[1].hi] {
					s += v
				}
			}
			c.send[n*m.channels+ch] = s
		}
	}
	if err := m.comm.Allgatherv(c.all, c.counts, c.send); err != nil {
		return err
	}
	cells := len(c.place)
	for i, p := range c.place {
		for ch := range m.channels {
			c.x[ch*cells+p] = c.all[i*m.channels+ch]
		}
	}
	for ch := range m.channels {
		c.factor.Solve(c.x[ch*cells : (ch+1)*cells])
	}
	for ch := range m.channels {
		for n := range c.cells {
			t := &c.cells[n]
			v := c.x[ch*cells+c.place[c.first+n]]
			for r := t.owned[0].lo; r < t.owned[0].hi; r++ {
				at := ch*plane + (r-box.Lo[0])*m.cols - box.Lo[1]
				row := dst[at+t.owned[1].lo : at+t.owned[1].hi]
				for j := range row {
					row[j] = v
				}
			}
		}
	}
	return nil
}
