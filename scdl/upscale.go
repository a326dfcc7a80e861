package scdl

import (
	"context"
	"fmt"
	"math"

	"tessera/internal/linalg"
	"tessera/ranks"
)

// UpscaleOptions of Upscale. The zero value of every field is the documented default.
type UpscaleOptions struct {
	BackProjection int                // iterations; 0 = none
	Progress       func(done, of int) // rows of patches of rank 0, on rank 0; nil = silent
}

// Upscaled is what Upscale makes of a low picture.
type Upscaled struct {
	Data        []float64 // this rank's high rows
	Consistency float64   // root mean square difference of Data, made small, from the low picture
}

// Upscale brings this rank's rows of a low picture to high resolution: patches by the
// predictor, then back-projection. Every rank predicts all patches that reach its rows,
// those of Patch-1 rows around them twice, so that no sum crosses a border: the result
// is the same to the last bit on any number of ranks. Collective.
func Upscale(ctx context.Context, s *Strips, low []float64, predict Predictor, o UpscaleOptions) (*Upscaled, error) {
	var err error
	if n := (s.low.hi - s.low.lo) * s.Cols; len(low) != n || o.BackProjection < 0 {
		err = fmt.Errorf("scdl: %d low pixels on rank %d, want %d; %d back-projections", len(low), s.comm.Rank(), n, o.BackProjection)
	}
	if err := ranks.AgreeError(s.comm, err); err != nil {
		return nil, err
	}
	around, err := s.low.around(s.comm, low)
	if err != nil {
		return nil, err
	}
	each := func(done, of int) error {
		if o.Progress != nil && s.comm.Rank() == 0 {
			o.Progress(done, of)
		}
		return ctx.Err()
	}
	u := &Upscaled{}
	u.Data, err = s.predict(around[0], s.HighCols, s.high.lo, s.high.hi, predict, each)
	if err := ranks.AgreeError(s.comm, err); err != nil {
		return nil, err
	}
	u.Consistency, err = s.BackProject(ctx, u.Data, low, o.BackProjection)
	if err != nil {
		return nil, err
	}
	return u, nil
}

// BackProject moves a high picture until the low camera would see y of it (Irani and
// Peleg 1991, CVGIP 53, 231), and returns how far it is from that: the root mean square.
func (s *Strips) BackProject(ctx context.Context, x, y []float64, iterations int) (float64, error) {
	for k := 0; ; k++ {
		missing, err := s.Degrade(x)
		if err != nil {
			return 0, err
		}
		squares := make([]float64, s.low.hi-s.low.lo)
		for i, v := range missing {
			missing[i] = y[i] - v
			squares[i/s.Cols] += missing[i] * missing[i]
		}
		if k == iterations {
			sum, err := s.low.total(s.comm, squares)
			return math.Sqrt(sum / float64(s.Rows*s.Cols)), err
		}
		step, err := s.Bicubic(missing)
		if err != nil {
			return 0, err
		}
		linalg.Axpy(1, step, x)
		if err := ranks.AgreeError(s.comm, ctx.Err()); err != nil {
			return 0, err
		}
	}
}
