package image

import (
	"context"

	"tessera/halo"
	"tessera/krylov"
)

// localSolver is schwarz of either precision.
type localSolver interface {
	krylov.Preconditioner
	krylov.Colours
	counts() (shared, own int)
	bytes() int64
}

// localSolves returns the local solves, those of the last call if they still fit.
func (s *solver) localSolves(ctx context.Context, o *Options, md mode, colours bool, res *Result) (localSolver, error) {
	f, err := s.look(o.Lambda)
	if err != nil {
		return nil, err
	}
	made := factored{lambda: o.Lambda, mode: md, colours: colours, tile: o.Tile, precision: o.Precision}
	made.local, made.overlap = f.local(o, md, len(s.m.kernel.Dense), s.m.border == halo.Zero)
	if s.m.p.Varying != nil && made.local == LocalTile { // tiles need one PSF
		made.local = LocalBox
		if o.Overlap == 0 {
			made.overlap = f.overlap()
		}
	}
	o.Overlap = made.overlap
	if s.local == nil || s.factored != made {
		if o.Progress != nil && s.comm.Rank() == 0 {
			o.Progress(krylov.Progress{Phase: "set-up"})
		}
		s.local = nil // free its memory before the next is made
		local, err := s.newLocal(ctx, o, made, f.box)
		if err := agreeFactors(s.comm, err); err != nil {
			return nil, err
		}
		s.local, s.factored = local, made
	}
	res.TilesShared, res.TilesExact = s.local.counts()
	if res.Boxes, err = s.boxes(); err != nil {
		return nil, err
	}
	res.FactorBytes = s.local.bytes()
	res.Local, res.Overlap = made.local, made.overlap
	return s.local, nil
}

func (s *solver) newLocal(ctx context.Context, o *Options, made factored, weight float64) (localSolver, error) {
	switch {
	case made.local == LocalBox && o.Precision == Double:
		return newBoxSolve[float64](s.m, o.Lambda, made.overlap, weight)
	case made.local == LocalBox:
		return newBoxSolve[float32](s.m, o.Lambda, made.overlap, weight)
	case o.Precision == Double:
		return newSchwarz[float64](ctx, s.m, o, made.mode, made.colours)
	}
	return newSchwarz[float32](ctx, s.m, o, made.mode, made.colours)
}

// factored is what a set of local factors was made for. A search for lambda uses each
// set more than once.
type factored struct {
	lambda  float64
	local   Local
	overlap int
	tile    int
	mode    mode
	colours bool

	precision Precision
}

var (
	_ localSolver           = (*schwarz[float32])(nil)
	_ localSolver           = (*boxSolve[float32])(nil)
	_ krylov.Preconditioner = (*coarse)(nil)
	_ krylov.Operator       = (*operator)(nil)
)
