package deep

import (
	"tessera/loadbalance"
	"tessera/ranks"
	"tessera/tikhonov/kernel"
)

// Layers is a trained function as one list of numbers, with which it can be evaluated
// without the ranks:
//
//	f_k(x) = sum_i Inner[i d1 + k] K1(|x - Places_i|),   g(f) = Mean + sum_i Outer[i] K2(|f - Features_i|).
//
// The observations are in their order, whatever the number of ranks.
type Layers struct {
	K1, K2   kernel.Kernel
	Dim      int       // of the places
	Width    int       // d1, features of a place
	Mean     float64   // added to g
	Places   []float64 // observations x Dim
	Inner    []float64 // observations x d1
	Features []float64 // observations x d1: f at the observations
	Outer    []float64 // observations
}

// Layers gathers the function on rank 0; it is nil on the others. Collective.
func (m *Model) Layers() (*Layers, error) {
	s := m.space
	d, n := len(m.f.a), s.pts.Len()
	l := &Layers{K1: s.o.Inner, K2: s.o.Outer, Dim: s.pts.Dim, Width: d, Mean: m.Mean}
	inner := make([]float64, 0, n*d)
	for i := range n {
		for _, a := range m.f.a {
			inner = append(inner, a[i])
		}
	}
	var err error
	if l.Places, l.Inner, err = inOrder(s.comm, s.pts, d, inner); err != nil {
		return nil, err
	}
	if l.Features, l.Outer, err = inOrder(s.comm, m.g.pts, 1, m.g.beta); err != nil || s.comm.Rank() != 0 {
		return nil, err
	}
	return l, nil
}

// inOrder gathers points and width numbers of each on rank 0, by the numbers of the points.
// Collective.
func inOrder(comm ranks.Comm, pts *loadbalance.Points, width int, values []float64) (places, of []float64, err error) {
	row := 1 + pts.Dim + width
	mine := make([]float64, 0, pts.Len()*row)
	for i, id := range pts.ID {
		mine = append(mine, float64(id))
		mine = append(mine, pts.X[i*pts.Dim:(i+1)*pts.Dim]...)
		mine = append(mine, values[i*width:(i+1)*width]...)
	}
	counts, err := ranks.Counts(comm, len(mine))
	if err != nil {
		return nil, nil, err
	}
	total := 0
	for _, n := range counts {
		total += n
	}
	var all []float64
	if comm.Rank() == 0 {
		all = make([]float64, total)
	}
	if err := comm.Gatherv(all, counts, mine, 0); err != nil || comm.Rank() != 0 {
		return nil, nil, err
	}
	n := total / row
	places, of = make([]float64, n*pts.Dim), make([]float64, n*width)
	for ; len(all) > 0; all = all[row:] {
		i := int(all[0])
		copy(places[i*pts.Dim:], all[1:1+pts.Dim])
		copy(of[i*width:], all[1+pts.Dim:row])
	}
	return places, of, nil
}
