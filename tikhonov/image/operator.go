package image

import (
	"tessera/forward"
	"tessera/halo"
	"tessera/internal/stencil"
	"tessera/ranks"
)

// operator is M with what the local solves have to know of it.
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
	reach      [2]int // rows and columns that M looks away
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
	m := &operator{
		Normal: normal, comm: comm, frame: p.Frame, border: o.Border,
		kernel: stencilOf(p.PSF), q: regulariserStencil[o.Regulariser], owned: p.Weights,
		rows: shape[0], cols: shape[1], channels: p.Channels,
	}
	m.reach[0], m.reach[1] = normal.Reach()
	return m, nil
}

// weightsAround is the weights of every data pixel that a tile's unknowns appear in.
// Collective.
func (m *operator) weightsAround(o *Options) (*around, error) {
	k := m.kernel
	return newAround(m.comm, m.frame, m.owned, m.Even(), [2]int{o.Overlap + k.RowRadius, o.Overlap + k.ColRadius}, o.Border)
}

func stencilOf(p forward.PSF) stencil.Kernel {
	if p.Values == nil {
		return stencil.Identity()
	}
	return stencil.New(p.Rows, p.Cols, p.Values)
}

var regulariserStencil = map[forward.Regulariser]stencil.Regulariser{
	forward.Identity: stencil.Identity0, forward.Gradient: stencil.Gradient, forward.Laplacian: stencil.Laplacian,
}
