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
	*forward.Normal // made by prepare: a spectral solve needs none
	p               *Problem
	regulariser     forward.Regulariser
	local           *forward.VaryingPSF // of strips, corners and pieces of boxes; nil = one PSF that needs none
	grams           map[[2]tiles.Span][]float64
	lambda          float64
	comm            ranks.Comm
	frame           *halo.Decomposition
	border          halo.Border
	kernel          stencil.Kernel // of H; where the PSF varies, of the PSF in the middle of the frame
	q               stencil.Regulariser
	owned           forward.Weights // of the owned pixels
	rows, cols      int             // of the owned box
	channels        int
	moments         *moments // once they were taken
	reach           [2]int   // distance, in rows and columns, of the farthest pixels that M couples; by prepare
}

func newOperator(comm ranks.Comm, p *Problem, o *Options) *operator {
	shape := p.Frame.Owned(comm.Rank()).Shape()
	q, _ := tiles.Penalty(o.Regulariser)
	return &operator{
		p: p, regulariser: o.Regulariser, lambda: o.Lambda, comm: comm, frame: p.Frame, border: o.Border, local: localPSF(p, o.Border),
		kernel: tiles.Kernel(p.PSF, p.Frame, o.Border), q: q, owned: p.Weights,
		rows: shape[0], cols: shape[1], channels: p.Channels,
	}
}

// prepare makes the operator, unless it is there. Collective.
func (m *operator) prepare() error {
	if m.Normal != nil {
		return nil
	}
	normal, err := forward.NewNormal(m.comm, &forward.Problem{
		Frame: m.p.Frame, Channels: m.p.Channels, PSF: m.p.PSF, Varying: m.p.Varying, Weights: m.p.Weights,
		Border: m.border, Regulariser: m.regulariser, Lambda: m.lambda,
	})
	if err != nil {
		return err
	}
	m.Normal = normal
	m.reach[0], m.reach[1] = normal.Reach()
	return nil
}

// SetLambda changes lambda. Every rank sets the same.
func (m *operator) SetLambda(lambda float64) {
	m.lambda = lambda
	if m.Normal != nil {
		m.Normal.SetLambda(lambda)
	}
}

// Len is the number of unknowns of this rank, before prepare too.
func (m *operator) Len() int { return m.channels * m.rows * m.cols }

// weightsAround is the weights of every data pixel that a tile's unknowns appear in.
// Collective.
func (m *operator) weightsAround(o *Options) (*tiles.Weights, error) {
	k := m.kernel
	return tiles.NewWeights(m.comm, m.frame, m.owned, m.Even(), [2]int{o.Overlap + k.RowRadius, o.Overlap + k.ColRadius}, o.Border)
}
