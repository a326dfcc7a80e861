package layers

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"tessera/forward"
	"tessera/halo"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/tiles"
)

// Problem is this rank's part of the frame.
type Problem struct {
	Channels int                 // 1 or more; the same on every rank, like Frame, First and Second
	Frame    *halo.Decomposition // of the (rows, cols) domain; rank r owns Frame.Owned(r)
	Data     []float64           // y, channels x owned rows x owned cols, row-major; the values at missing pixels have no effect
	Weights  []float64           // W, owned rows x owned cols, the same for every channel: 0 = missing, else 1 or 1/variance; nil = all ones on this rank
	First    forward.PSF         // of H1; the zero value is no blur
	Second   forward.PSF         // of H2; the zero value is no blur
}

// Options of Solve, the same on every rank but for Progress. The zero value of every
// field is the documented default.
type Options struct {
	Method        krylov.Method         // RASGMRES, ASCG, RAS or CG; "" = krylov.RASGMRES
	Regulariser   forward.Regulariser   // Q; "" = forward.Gradient
	Border        halo.Border           // what H1 and H2 find outside of the frame; zero value = halo.Zero
	Coupling      float64               // mu, in units of W; 0 = 1
	Lambda1       float64               // of ||u1||^2, in units of W; 0 = 1e-3
	Lambda2       float64               // of ||Q u2||^2, in units of W; 0 = 1e-2
	Overlap       int                   // pixels by which a tile reaches into its neighbours; 0 = 4, < 0 = none
	Tile          int                   // side of a tile in pixels, without the overlap, at most 64; 0 = 12
	Tolerance     float64               // relative error of (u1, u2) to reach; 0 = 1e-8
	MaxIterations int                   // 0 = 200
	Progress      func(krylov.Progress) // called on rank 0 once per iteration; nil = silent
}

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		field *float64
		value float64
	}{{&o.Coupling, 1}, {&o.Lambda1, 1e-3}, {&o.Lambda2, 1e-2}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if o.Method == "" {
		o.Method = krylov.RASGMRES
	}
	if o.Regulariser == "" {
		o.Regulariser = forward.Gradient
	}
	switch {
	case o.Overlap == 0:
		o.Overlap = 4
	case o.Overlap < 0:
		o.Overlap = 0
	}
	if o.Tile == 0 {
		o.Tile = 12
	}
	return o
}

func (o *Options) check() error {
	for _, v := range []struct {
		name  string
		value float64
	}{{"coupling", o.Coupling}, {"lambda1", o.Lambda1}, {"lambda2", o.Lambda2}} {
		if !(v.value > 0) || math.IsInf(v.value, 0) {
			return fmt.Errorf("layers: %s %v: want more than 0", v.name, v.value)
		}
	}
	switch {
	case !slices.Contains([]krylov.Method{krylov.RASGMRES, krylov.ASCG, krylov.RAS, krylov.CG}, o.Method):
		return fmt.Errorf("layers: method %q: want ras-gmres, as-cg, ras or cg", o.Method)
	case !slices.Contains([]forward.Regulariser{forward.Identity, forward.Gradient, forward.Laplacian}, o.Regulariser):
		return fmt.Errorf("layers: unknown regulariser %q", o.Regulariser)
	case o.Border < halo.Zero || o.Border > halo.Periodic:
		return fmt.Errorf("layers: unknown border %d", int(o.Border))
	case !(o.Tolerance >= 0) || o.Tolerance >= 1:
		return fmt.Errorf("layers: tolerance %v: want more than 0 and less than 1, or 0 for the default", o.Tolerance)
	case o.MaxIterations < 0:
		return fmt.Errorf("layers: %d iterations: want 1 or more, or 0 for the default", o.MaxIterations)
	case o.Tile < 1 || o.Tile > 64:
		return fmt.Errorf("layers: tiles of %d pixels: want 1 to 64", o.Tile)
	}
	return nil
}

// check finds what is wrong with this rank's part of the problem, and with the overlap in
// pixels on its frame.
func (p *Problem) check(comm ranks.Comm, overlap int) error {
	if p == nil {
		return errors.New("layers: no problem")
	}
	if err := tiles.Check(comm, p.Frame, p.Channels, p.Data, p.Weights, p.First, p.Second); err != nil {
		return fmt.Errorf("layers: %w", err)
	}
	if err := tiles.CheckOverlap(p.Frame, overlap); err != nil {
		return fmt.Errorf("layers: %w", err)
	}
	return nil
}

func (p *Problem) weight(i int) float64 {
	if p.Weights == nil {
		return 1
	}
	return p.Weights[i]
}

// differences are the rows of Q as stencils.
func differences(q forward.Regulariser) []forward.PSF {
	switch q {
	case forward.Gradient:
		return []forward.PSF{{Rows: 1, Cols: 3, Values: []float64{1, -1, 0}}, {Rows: 3, Cols: 1, Values: []float64{1, -1, 0}}}
	case forward.Laplacian:
		return []forward.PSF{{Rows: 3, Cols: 3, Values: []float64{0, 1, 0, 1, -4, 1, 0, 1, 0}}}
	}
	return []forward.PSF{{Rows: 1, Cols: 1, Values: []float64{1}}}
}

// edge is the border of Q: a difference across the edge of the frame is 0.
func edge(b halo.Border) halo.Border {
	if b == halo.Periodic {
		return b
	}
	return halo.Reflect
}

// one is k, or for the zero value the PSF of one pixel that changes nothing.
func one(k forward.PSF) forward.PSF {
	if k.Values == nil {
		return forward.PSF{Rows: 1, Cols: 1, Values: []float64{1}}
	}
	return k
}
