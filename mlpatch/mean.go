package mlpatch

import "fmt"

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
}

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
			return &mean{count: count, sampled: form.sampled, folded: f}, nil
		}
	}
	m := &mean{count: count, sampled: all, layers: newLayers[float32](n)}
	m.layers.take(theta)
	return m, nil
}

// level is the row of a level.
func (m *mean) level(i int) []float32 {
	if m.folded != nil {
		return m.folded.level(i)
	}
	return m.layers.level(i)
}

// apply sets out to the means. load samples the patches by number i of the symmetries sampled into rows, one for each point
// and plane.
func (m *mean) apply(out []float64, load func(i int, rows [][]float32)) {
	clear(out)
	for i := range m.sampled {
		var y []float32
		if m.folded != nil {
			load(i, m.folded.rows)
			y = m.folded.forward()
		} else {
			load(i, m.layers.rows)
			m.layers.forward()
			y = m.layers.out
		}
		for j := range out {
			out[j] += float64(y[j])
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
