package tiles

import (
	"tessera/forward"
	"tessera/halo"
	"tessera/ranks"
)

// Weights is this rank's weights with a halo.
type Weights struct {
	plan *halo.Plan
	W    []float64 // over the extended box; nil: all ones
	cols int       // of the extended box
}

// NewWeights fetches a halo of width rows and columns of the neighbours' weights.
// owned are the weights of the n owned pixels, nil = all ones on this rank; even says
// that they are all ones on every rank. Collective.
func NewWeights(comm ranks.Comm, frame *halo.Decomposition, owned forward.Weights, even bool, width [2]int, border halo.Border) (*Weights, error) {
	plan, err := halo.NewPlan(frame, comm.Rank(), width[:], border)
	if err != nil {
		return nil, err
	}
	a := &Weights{plan: plan, cols: plan.ExtendedShape()[1]}
	if even {
		return a, nil
	}
	a.W = make([]float64, plan.Extended().Size())
	w := owned
	if w == nil {
		w = make([]float64, plan.Owned().Size())
		for i := range w {
			w[i] = 1
		}
	}
	plan.Scatter(a.W, w, 1)
	return a, plan.Exchange(comm, a.W, 1)
}

// At returns the weights of the data pixels of a tile, indexed as Pattern.Data. The
// halo has to be as wide as the tiles' overlap and the PSF's radius together.
func (a *Weights) At(t *Tile, p *Pattern) func(q int) float64 {
	if a.W == nil {
		return func(int) float64 { return 1 }
	}
	box := a.plan.Extended()
	r0, c0 := t.Ext[0].Lo+p.dataRows.Lo-box.Lo[0], t.Ext[1].Lo+p.dataCols.Lo-box.Lo[1]
	width := p.dataCols.Len()
	return func(q int) float64 { return a.W[(r0+q/width)*a.cols+c0+q%width] }
}
