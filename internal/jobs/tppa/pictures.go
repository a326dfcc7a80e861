package tppa

import (
	"context"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/internal/linalg"
	"tessera/internal/simulate"
	"tessera/ranks"
	"tessera/tppa"
)

// pairs are this rank's pictures of a half-open range of all, divided by scale, with what is seen of them.
// The noise depends on the seed and the picture's number alone.
func (c *trainSettings) pairs(ctx context.Context, run *forward.Blur, lo, hi, rows, cols int) ([]tppa.Pair, error) {
	n := rows * cols
	truths, err := c.pictures().Draw(ctx, lo, hi, rows, cols)
	if err != nil {
		return nil, err
	}
	var list []tppa.Pair
	for i, truth := range truths {
		k := lo + i
		p := tppa.Pair{Truth: truth, Data: make([]float64, n)}
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
func (c *trainSettings) sets(ctx context.Context, comm ranks.Comm) (learn, validate *tppa.Training, psf forward.PSF, report *frames.PSFReport, scale float64, err error) {
	count, rows, cols, err := c.pictures().SharedShape(comm)
	if err != nil {
		return
	}
	own := (count + comm.Size() - 1) / comm.Size()
	if err = lifecycle.CheckRoom(comm, 16*float64(own)*float64(rows)*float64(cols), "the number of pictures"); err != nil {
		return
	}
	if psf, report, err = frames.ReportedPSF(comm, &c.Blur); err != nil {
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
		if learn.Pairs, err = c.pairs(ctx, h, lo, hi, rows, cols); err != nil {
			return err
		}
		lo, hi = halo.Split(c.Data.Validation, comm.Size(), comm.Rank())
		if validate.Pairs, err = c.pairs(ctx, h, kept+lo, kept+hi, rows, cols); err != nil {
			return err
		}
		return ctx.Err()
	}
	if err = ranks.AgreeError(comm, fill()); err != nil {
		return
	}
	top := 0.0
	for _, p := range learn.Pairs {
		for _, v := range p.Truth {
			top = max(top, math.Abs(v))
		}
	}
	if scale, err = c.pictures().Scale(comm, top); err != nil {
		return
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
