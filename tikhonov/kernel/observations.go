package kernel

import (
	"errors"
	"fmt"
	"math"

	"tessera/krylov"
	"tessera/loadbalance"
	"tessera/ranks"
)

// Observations are those that this rank gives. Which rank gives which does not matter to
// Solve; they are numbered from rank 0 on.
type Observations struct {
	Dim   int       // 1 to loadbalance.MostAxes, the same on every rank; Wendland's kernels want 3 at most
	X     []float64 // n x Dim, row-major
	Y     []float64 // n values
	Sigma []float64 // n, standard deviations > 0, in the unit of Y; nil = all 1
}

// Numbered checks the observations and makes points of them with the attributes y
// and sigma, numbered from rank 0 on. Collective: wrong
// input on one rank is the same error on every rank.
func (o *Observations) Numbered(comm ranks.Comm) (*loadbalance.Points, error) {
	if err := ranks.AgreeError(comm, o.shape()); err != nil {
		return nil, err
	}
	if err := krylov.Same(comm, "kernel: the dimensions", o.Dim); err != nil {
		return nil, err
	}
	n := len(o.Y)
	counts, err := ranks.Counts(comm, n)
	if err != nil {
		return nil, err
	}
	first, total := 0, 0
	for r, c := range counts {
		if r < comm.Rank() {
			first += c
		}
		total += c
	}
	if total == 0 {
		return nil, fmt.Errorf("kernel: no observations")
	}
	if err := ranks.AgreeError(comm, o.check(first)); err != nil {
		return nil, err
	}
	p := &loadbalance.Points{Dim: o.Dim, X: o.X, ID: make([]int64, n), Cols: 2, Attr: make([]float64, 2*n)}
	for i, y := range o.Y {
		p.ID[i] = int64(first + i)
		p.Attr[2*i], p.Attr[2*i+1] = y, 1
		if o.Sigma != nil {
			p.Attr[2*i+1] = o.Sigma[i]
		}
	}
	return p, nil
}

// shape finds what is wrong with the lengths.
func (o *Observations) shape() error {
	if o == nil {
		return errors.New("kernel: no observations: want an empty Observations on a rank that has none")
	}
	n := len(o.Y)
	if o.Dim < 1 || o.Dim > loadbalance.MostAxes || len(o.X) != n*o.Dim || o.Sigma != nil && len(o.Sigma) != n {
		return fmt.Errorf("kernel: %d values at %d coordinates in %d dimensions with %d standard deviations", n, len(o.X), o.Dim, len(o.Sigma))
	}
	return nil
}

// check finds what is wrong with the values; first is the number of the first one.
func (o *Observations) check(first int) error {
	for i, x := range o.X {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("kernel: observation %d: coordinate %d is %v", first+i/o.Dim, i%o.Dim, x)
		}
	}
	for i, y := range o.Y {
		if math.IsNaN(y) || math.IsInf(y, 0) {
			return fmt.Errorf("kernel: observation %d: value %v", first+i, y)
		}
	}
	for i, s := range o.Sigma {
		if !(s > 0) || math.IsInf(s, 0) {
			return fmt.Errorf("kernel: observation %d: sigma %v: want more than 0", first+i, s)
		}
	}
	return nil
}
