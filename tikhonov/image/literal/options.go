package literal

import (
	"errors"
	"fmt"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/krylov"
	"tessera/tikhonov/image/internal/tiles"
)

// Options of Solve, the same on every rank but for Progress. The zero value of every field but Lambda
// is the documented default.
type Options struct {
	Lambda        float64               // > 0
	Regulariser   forward.Regulariser   // Q; "" = forward.Identity
	Border        halo.Border           // of the frame, for the overlap and the minimiser; zero value = halo.Zero
	Omega         float64               // weight of the overlap penalty; 0 = no penalty, the first sweep is then the last
	Tile          int                   // side of a tile in pixels; 0 = 16
	Overlap       int                   // pixels by which a tile reaches into its neighbours; 0 = 4, < 0 = none
	Tolerance     float64               // length of a sweep's step, relative to the tiles' values, at which the sweeps stop, and relative error of the minimiser; 0 = 1e-8
	MaxIterations int                   // sweeps; 0 = 200
	Progress      func(krylov.Progress) // called on rank 0 once per sweep and iteration; nil = silent
}

// Bias is the distance of the printed method from the minimiser w* of J, ||w - w*|| / ||w*||,
// for the four ways to put the tiles together.
type Bias struct {
	Owner    float64 // each pixel from the tile that owns it
	Averaged float64 // each pixel the mean of the tiles over it
	PlainSum float64 // each pixel the sum of the tiles over it
	ArgMin   float64 // the one tile whose extension by zeros has the smallest J
}

// Result is what Solve leaves on each rank. Numbers are global and the same on every
// rank but for the last three.
type Result struct {
	Solution   []float64     // w, each pixel from the tile that owns it; channels x owned rows x owned cols
	Iterations int           // sweeps
	History    []float64     // length of each sweep's step, relative to the tiles' values
	Status     krylov.Status // krylov.Converged or krylov.IterationLimit
	Converged  bool          // Status is krylov.Converged
	Residual   float64       // ||b - M w|| / ||b||, with M = H'WH + lambda Q'Q and b = H'Wy
	Objective  float64       // J(w); the weights are W
	Misfit     float64       // ||W^(1/2) (H w - y)||^2, its first term
	Bias       Bias

	Setup, Solve float64 // seconds, without the minimiser
	Tiles        int     // of this rank
}

func (o Options) withDefaults() Options {
	if o.Regulariser == "" {
		o.Regulariser = forward.Identity
	}
	if o.Tile == 0 {
		o.Tile = 16
	}
	switch {
	case o.Overlap == 0:
		o.Overlap = 4
	case o.Overlap < 0:
		o.Overlap = 0
	}
	if o.Tolerance == 0 {
		o.Tolerance = 1e-8
	}
	if o.MaxIterations == 0 {
		o.MaxIterations = 200
	}
	return o
}

// check returns every problem of the options at once.
func (o *Options) check() error {
	var bad []error
	want := func(ok bool, format string, a ...any) {
		if !ok {
			bad = append(bad, fmt.Errorf("literal: "+format, a...))
		}
	}
	finite := func(x float64) bool { return x >= 0 && !math.IsInf(x, 0) }
	_, known := tiles.Penalty(o.Regulariser)
	want(known, "unknown regulariser %q", o.Regulariser)
	want(o.Lambda > 0 && finite(o.Lambda), "lambda = %g, want a number above 0", o.Lambda)
	want(o.Border >= halo.Zero && o.Border <= halo.Periodic, "unknown border %d", int(o.Border))
	want(finite(o.Omega), "omega = %g, want 0 or more", o.Omega)
	want(o.Tile >= 1, "tile = %d pixels, want 1 or more", o.Tile)
	want(o.Tolerance > 0 && o.Tolerance < 1, "tolerance = %g, want a number between 0 and 1", o.Tolerance)
	want(o.MaxIterations > 0, "max_iterations = %d, want 1 or more", o.MaxIterations)
	return errors.Join(bad...)
}
