package image

import (
	"context"
	"testing"

	"tessera/halo"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/oracle"
)

// frame is a whole test problem, cut into ranks by launch.
type frame struct{ oracle.Frame }

// randomFrame is a frame of noise.
func randomFrame(channels, rows, cols int, seed uint64) *frame {
	return &frame{*oracle.RandomFrame(channels, rows, cols, seed)}
}

// equations are those of the options.
func (o Options) equations() oracle.Equations {

	return oracle.Equations{Regulariser: o.Regulariser, Border: o.Border, Lambda: o.Lambda}

}

// asked is the option that asks for so many pixels of overlap, 0 included.
func asked(overlap int) int {
	if overlap == 0 {
		return -1
	}
	return overlap
}

// launch runs body on so many in-process ranks with their parts of the frame.
func (f *frame) launch(n int, body func(ctx context.Context, c ranks.Comm, p *Problem) error) error {
	return f.Launch(n, func(ctx context.Context, c ranks.Comm, d *halo.Decomposition, data, weights []float64) error {
		return body(ctx, c, &Problem{Channels: f.Channels, Frame: d, PSF: f.PSF, Data: data, Weights: weights})
	})
}

// run solves a frame on so many in-process ranks and returns the whole solution
// and rank 0's result.
func (f *frame) run(t testing.TB, n int, o Options) ([]float64, *Result, error) {
	t.Helper()
	var (
		whole    []float64
		res      *Result
		solveErr error
	)
	err := f.launch(n, func(ctx context.Context, c ranks.Comm, p *Problem) error {
		oo := o
		if o.monitor != nil {
			oo.monitor = func(k int, x []float64) (bool, error) {
				full, err := p.Frame.GatherTo(c, 0, x, f.Channels)
				if err != nil {
					return false, err
				}
				stop := []float64{0}
				if c.Rank() == 0 {
					ok, err := o.monitor(k, full)
					if err != nil {
						return false, err
					}
					if ok {
						stop[0] = 1
					}
				}
				err = c.Bcast(stop, 0)
				return stop[0] > 0, err
			}
		}
		r, err := Solve(ctx, c, p, oo)
		if r == nil {
			return err
		}
		full, gerr := p.Frame.GatherTo(c, 0, r.Solution, f.Channels)
		if gerr != nil {
			return gerr
		}
		if c.Rank() == 0 {
			whole, res, solveErr = full, r, err
		}
		return nil
	})
	if err == nil {
		err = solveErr
	}
	return whole, res, err
}

// quick says whether the long products of methods and ranks are thinned out.
func quick() bool { return !thorough || testing.Short() }
