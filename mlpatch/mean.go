package mlpatch

import (
	"fmt"
	"math"

	"tessera/internal/linalg"
)

// Symmetries is the number of symmetries of the square.
const Symmetries = 8

// symmetriesOf are those of a mean over count of them: none, a reflection of the rows, both reflections, or all.
func symmetriesOf(count int) ([]int, error) {
	switch count {
	case 1, 2, 4, Symmetries:
		list := make([]int, count)
		for s := range list {
			list[s] = s
		}
		return list, nil
	}
	return nil, fmt.Errorf("mlpatch: a mean over %d symmetries of the square, want 1, 2, 4 or 8", count)
}

// mean computes the mean of a network's answers over symmetries of the square for tiles of pixels. One goroutine uses it.
type mean struct {
	count   int
	sampled []int            // symmetries by which patches are sampled
	folded  *folded          // has the others from the same patch; nil where layers takes each one
	layers  *layers[float32] // else nil
	rows    [][]float32      // of the inputs, for each point and plane: the steady columns
	lo, hi  int              // the steady columns of a tile
}

// width is how many pixels go through the layers at a time.
func (m *mean) width() int { return m.hi - m.lo }

// newMean makes one of a network with parameters theta and patches with these offsets.
func newMean(n *Network, theta, offsets []float64, count int) (*mean, error) {
	all, err := symmetriesOf(count)
	if err != nil {
		return nil, err
	}
	mirrors := all[:min(count, 4)]
	for _, form := range []struct {
		sampled, mirrors []int
		swapped          bool
	}{
		{all[:1], mirrors, count == Symmetries},
		{all, all[:1], false},
	} {
		if f := newFolded(n, theta, offsets, form.mirrors, form.swapped); f != nil {
			m := &mean{count: count, sampled: form.sampled, folded: f}
			m.steady(f.products(), f.rows)
			return m, nil
		}
	}
	m := &mean{count: count, sampled: all, layers: newLayers[float32](n)}
	m.layers.take(theta)
	m.steady(m.layers.products(), m.layers.rows)
	return m, nil
}

// steady finds the columns of a tile in which products have the same bits, and keeps these columns of rows. Some libraries compute the first
// columns of a product in another order than the next ones. products are rows and inner lengths of the layers.
func (m *mean) steady(products [][2]int, rows [][]float32) {
	m.lo, m.hi = 0, tile
	for _, p := range append(products, [2]int{64, 83}) {
		p[0], p[1] = min(p[0], 128), min(p[1], 512) // more takes long and shows no more
		a, b, c := make([]float32, p[0]*p[1]), make([]float32, p[1]*tile), make([]float32, p[0]*tile)
		for trial := range 3 {
			for i := range a {
				a[i] = float32(math.Sin(float64(i*(i+7) + trial)))
			}
			for i := range p[1] { // equal columns
				for j := range tile {
					b[i*tile+j] = float32(math.Cos(float64(i*i + 5*trial)))
				}
			}
			linalg.Gemm(false, false, p[0], tile, p[1], 1, a, max(p[1], 1), b, tile, 0, c, tile)
			const middle = tile / 2
			for i := range p[0] {
				row := c[i*tile : (i+1)*tile]
				for m.lo < middle && !equal(row[m.lo:middle], row[middle]) {
					m.lo++
				}
				for m.hi > middle+1 && !equal(row[middle:m.hi], row[middle]) {
					m.hi--
				}
			}
		}
	}
	for _, r := range rows {
		m.rows = append(m.rows, r[m.lo:m.hi])
	}
}

// equal tells whether all numbers are v.
func equal(list []float32, v float32) bool {
	for _, x := range list {
		if x != v {
			return false
		}
	}
	return true
}

// level is the row of a level.
func (m *mean) level(i int) []float32 {
	if m.folded != nil {
		return m.folded.level(i)[m.lo:m.hi]
	}
	return m.layers.level(i)[m.lo:m.hi]
}

// apply sets out, at most width numbers, to the means. load samples the patches by number i of the symmetries sampled into rows, one for each point
// and plane.
func (m *mean) apply(out []float64, load func(i int, rows [][]float32)) {
	clear(out)
	for i := range m.sampled {
		load(i, m.rows)
		var y []float32
		if m.folded != nil {
			y = m.folded.forward()
		} else {
			m.layers.forward()
			y = m.layers.out
		}
		for j := range out {
			out[j] += float64(y[m.lo+j])
		}
	}
	for j := range out {
		out[j] /= float64(m.count)
	}
}

// MeanOperations is the number of floating-point operations of the layers for one pixel of a mean over so many
// symmetries, 1, 2, 4 or 8.
func (n *Network) MeanOperations(symmetries int) float64 {
	theta := n.Start(0)
	m, err := newMean(n, theta, n.Offsets(theta), symmetries)
	if err != nil || m.folded == nil {
		return float64(symmetries) * n.Operations()
	}
	first := 0
	for _, rows := range m.folded.size {
		first += n.Hidden[0] * rows
	}
	others := n.weights() - n.Hidden[0]*(n.Geometry.Points()*n.Planes+n.Levels+1)
	return 2 * float64(len(m.sampled)*m.folded.sets*(first+m.folded.mirror*others))
}
