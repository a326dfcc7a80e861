package image

import (
	"tessera/forward"
	"tessera/halo"
	"tessera/internal/stencil"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/tiles"
)

// operator is M and what the local solves need besides.
type operator struct {
	*forward.Normal
	comm       ranks.Comm
	frame      *halo.Decomposition
	border     halo.Border
	kernel     stencil.Kernel // of H
	q          stencil.Regulariser
	owned      forward.Weights // of the owned pixels
	rows, cols int             // of the owned box
	channels   int
	reach      [2]int // distance, in rows and columns, of the farthest pixels that M couples
}

func newOperator(comm ranks.Comm, p *Problem, o *Options) (*operator, error) {
	normal, err := forward.NewNormal(comm, &forward.Problem{
		Frame: p.Frame, Channels: p.Channels, PSF: p.PSF, Weights: p.Weights,
		Border: o.Border, Regulariser: o.Regulariser, Lambda: o.Lambda,
	})
	if err != nil {
		return nil, err
	}
	shape := p.Frame.Owned(comm.Rank()).Shape()
	q, _ := tiles.Penalty(o.Regulariser)
	m := &operator{
		Normal: normal, comm: comm, frame: p.Frame, border: o.Border,
		kernel: tiles.Kernel(p.PSF, p.Frame, o.Border), q: q, owned: p.Weights,
		rows: shape[0], cols: shape[1], channels: p.Channels,
	}
	m.reach[0], m.reach[1] = normal.Reach()
	return m, nil
}

// weightsAround is the weights of every data pixel that a tile's unknowns appear in.
// Collective.
func (m *operator) weightsAround(o *Options) (*tiles.Weights, error) {
	k := m.kernel
	return tiles.NewWeights(m.comm, m.frame, m.owned, m.Even(), [2]int{o.Overlap + k.RowRadius, o.Overlap + k.ColRadius}, o.Border)
}
