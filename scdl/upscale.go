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
	BackProjection int            // iterations of back-projection, exactly so many; 0 = none; the same on all ranks
	Progress       func(Progress) // called on rank 0 before each row of patches that it predicts; nil = not called
}

// Upscaled is the result of Upscale.
type Upscaled struct {
	Data        []float64 // this rank's high rows, rows x HighCols, in units of the low picture
	Consistency float64   // root mean square difference of the degraded high picture from the low one; the same on all ranks
}

// Upscale predicts the high picture of a low one, of which low has this rank's rows: the
// predictor turns each low patch into a high patch, overlapping patches are averaged, and
// back-projection follows. Every rank predicts all patches that reach its rows, so that
// the result is the same to the last bit on any number of ranks; the patches of Patch-1
// rows at a border between ranks are predicted twice.
//
// Collective. An error is the same on all ranks: that of a wrong size, of options, of the
// predictor, or of a context that is cancelled on any rank.
func Upscale(ctx context.Context, s *Strips, low []float64, predict Predictor, o UpscaleOptions) (*Upscaled, error) {
	if err := s.agree(&s.low, low); err != nil {
		return nil, err
	}
	var err error
	if predict == nil {
		err = fmt.Errorf("scdl: no predictor")
	}
	if err := s.agreeIterations(err, o.BackProjection); err != nil {
		return nil, err
	}
	around, err := s.low.around(s.comm, low)
	if err != nil {
		return nil, err
	}
	each := func(done, of int) error {
		if o.Progress != nil && s.comm.Rank() == 0 {
			o.Progress(Progress{Phase: "prediction", Iteration: done, Of: of})
		}
		return ctx.Err()
	}
	u := &Upscaled{}
	u.Data, err = s.predict(around[0], s.HighCols, s.high.lo, s.high.hi, predict, each)
	if err := ranks.AgreeError(s.comm, err); err != nil {
		return nil, err
	}
	u.Consistency, err = s.backProject(ctx, u.Data, low, o.BackProjection)
	if err != nil {
		return nil, err
	}
	return u, nil
}

// agreeIterations checks a number of back-projections, after another error of this rank.
// Collective.
func (s *Strips) agreeIterations(err error, iterations int) error {
	if err == nil && iterations < 0 {
		err = fmt.Errorf("scdl: %d back-projections, want 0 or more", iterations)
	}
	return ranks.AgreeSame(s.comm, "scdl: back-projection", err, ranks.Same{Name: "the number of iterations", Value: float64(iterations)})
}

// BackProject changes the high picture x in place so that its degraded picture comes close
// to the low picture y, by x += B (y - S x) as in the package comment (Irani and Peleg
// 1991, CVGIP 53, 231). It returns the root mean square of y - S x, the same on all ranks.
// Collective.
func (s *Strips) BackProject(ctx context.Context, x, y []float64, iterations int) (float64, error) {
	if err := s.agree(&s.high, x); err != nil {
		return 0, err
	}
	if err := s.agree(&s.low, y); err != nil {
		return 0, err
	}
	if err := s.agreeIterations(nil, iterations); err != nil {
		return 0, err
	}
	return s.backProject(ctx, x, y, iterations)
}

func (s *Strips) backProject(ctx context.Context, x, y []float64, iterations int) (float64, error) {
	for k := 0; ; k++ {
		missing, err := s.toLow(x)
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
		step, err := s.toHigh(missing)
		if err != nil {
			return 0, err
		}
		linalg.Axpy(1, step, x)
		if err := ranks.AgreeError(s.comm, ctx.Err()); err != nil {
			return 0, err
		}
	}
}
