package tiles

import (
	"tessera/forward"
	"tessera/halo"
	"tessera/internal/stencil"
)

// Kernel is a PSF as the stencil of H on a frame, folded where it is larger than the frame;
// no values mean no blur.
func Kernel(p forward.PSF, frame *halo.Decomposition, border halo.Border) stencil.Kernel {
	if p.Values == nil {
		return stencil.Identity()
	}
	shape := frame.Domain().Shape()
	p = p.Fold(shape[0], shape[1], border)
	return stencil.New(p.Rows, p.Cols, p.Values)
}

// Penalty is the stencil of Q'Q of a regulariser, if there is one of that name.
func Penalty(q forward.Regulariser) (s stencil.Regulariser, known bool) {
	s, known = map[forward.Regulariser]stencil.Regulariser{
		forward.Identity: stencil.Identity0, forward.Gradient: stencil.Gradient, forward.Laplacian: stencil.Laplacian,
	}[q]
	return s, known
}
