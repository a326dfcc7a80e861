package tppa

import (
	"context"
	"fmt"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/linalg"
	"tessera/internal/simulate"
	"tessera/ranks"
	"tessera/tppa"
)

// shapeError is a file of pictures with another number of axes.
type shapeError struct {
	path  string
	shape []int
}

func (e *shapeError) Error() string {
	return fmt.Sprintf("%s: an array of shape %v, want (count, rows, cols)", e.path, e.shape)
}

// pairs are this rank's pictures of a half-open range of all, divided by scale, with what is seen of them.
// The noise depends on the seed and the picture's number alone.
func (c *trainSettings) pairs(run *forward.Blur, lo, hi, rows, cols int) ([]tppa.Pair, error) {
	n := rows * cols
	var whole []float64
	if c.Data.Truth != "" && hi > lo {
		a, err := imageio.ReadNpyRows(c.Data.Truth, lo, hi)
		if err != nil {
			return nil, err
		}
		whole = a.Data
	}
	var list []tppa.Pair
	for k := lo; k < hi; k++ {
		p := tppa.Pair{Data: make([]float64, n)}
		if whole != nil {
			p.Truth = whole[(k-lo)*n : (k-lo+1)*n]
			for i, v := range p.Truth {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return nil, fmt.Errorf("%s: picture %d: the value at row %d, column %d is %g; a true picture must be finite everywhere", c.Data.Truth, k, i/cols, i%cols, v)
				}
			}
		} else {
			p.Truth = simulate.Cells{Seed: c.Seed, Rows: rows, Cols: cols}.Draw(k)
		}
		if err := run.Apply(p.Data, p.Truth); err != nil {
			return nil, err
		}
		sigma := linalg.Norm2(p.Data) / math.Sqrt(float64(n)) * math.Pow(10, -c.Noise.SNR/20)
		simulate.AddNoise(p.Data, 1, simulate.Box{R1: rows, C1: cols}, cols, c.Seed+uint64(k)*0x9e3779b97f4a7c15, sigma)
		list = append(list, p)
	}
	return list, nil
}

// sets are the pictures to learn from and those of the validation, both divided by scale, the
// largest true value. Collective.
func (c *trainSettings) sets(ctx context.Context, comm ranks.Comm) (learn, validate *tppa.Training, psf forward.PSF, scale float64, err error) {
	count, rows, cols := 0, 0, 0
	if err = ranks.OnRoot(comm, func() (err error) { count, rows, cols, err = c.shape(); return err }); err != nil {
		return
	}
	if err = ranks.Share(comm, &count, &rows, &cols); err != nil {
		return
	}
	if psf, err = frames.BlurPSF(comm, &c.Blur); err != nil {
		return
	}
	alone, err := comm.Split(comm.Rank(), 0)
	if err != nil {
		return
	}
	kept := count - c.Data.Validation
	learn, validate = &tppa.Training{Count: kept}, &tppa.Training{Count: c.Data.Validation}
	fill := func() error {
		frame, err := halo.Decompose([]int{rows, cols}, 1)
		if err != nil {
			return err
		}
		border := frames.Borders[c.TPPA.Border]
		h, err := forward.NewBlur(alone, frame, 1, psf, border)
		if err != nil {
			return err
		}
		net, err := c.network()
		if err != nil {
			return err
		}
		run, err := tppa.NewRun(ctx, alone, net, frame, 1, h, nil, border)
		if err != nil {
			return err
		}
		learn.Run, validate.Run = run, run
		lo, hi := halo.Split(kept, comm.Size(), comm.Rank())
		if learn.Pairs, err = c.pairs(h, lo, hi, rows, cols); err != nil {
			return err
		}
		lo, hi = halo.Split(c.Data.Validation, comm.Size(), comm.Rank())
		if validate.Pairs, err = c.pairs(h, kept+lo, kept+hi, rows, cols); err != nil {
			return err
		}
		return ctx.Err()
	}
	if err = ranks.AgreeError(comm, fill()); err != nil {
		return
	}
	top := []float64{0}
	for _, p := range learn.Pairs {
		for _, v := range p.Truth {
			top[0] = max(top[0], math.Abs(v))
		}
	}
	if err = comm.Allreduce(top, top, ranks.Max); err != nil {
		return
	}
	if scale = top[0]; scale == 0 {
		return nil, nil, psf, 0, fmt.Errorf("%s: all pictures to learn from are zero", c.Data.Truth)
	}
	for _, set := range [][]tppa.Pair{learn.Pairs, validate.Pairs} {
		for _, p := range set {
			for i := range p.Truth {
				p.Truth[i] /= scale
				p.Data[i] /= scale
			}
		}
	}
	return
}
