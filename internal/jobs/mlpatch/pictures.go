package mlpatch

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"

	"tessera/halo"
	"tessera/internal/lifecycle"
	"tessera/internal/training"
	"tessera/mlpatch"
	"tessera/ranks"
)

// set are the pictures with the noise of a denoiser's training, divided by scale. Collective.
func (c *trainSettings) set(ctx context.Context, comm ranks.Comm) (set *mlpatch.Noisy, scale float64, err error) {
	set = &mlpatch.Noisy{Kept: c.Data.Validation, Low: c.Noise.Low, High: c.Noise.High, Seed: c.Seed}
	if set.Pictures, set.Rows, set.Cols, scale, err = readPictures(ctx, comm, c.pictures()); err != nil {
		return nil, 0, err
	}
	return set, scale, set.Check(c.MLPatch.Block)
}

// readPictures reads or draws the pictures, a part of them on each rank, and gives all of them to every rank,
// divided by scale, the largest value of those that are learned from. Collective.
func readPictures(ctx context.Context, comm ranks.Comm, p training.Pictures) (list [][]float32, rows, cols int, scale float64, err error) {
	count, rows, cols, err := p.SharedShape(comm)
	if err != nil {
		return nil, 0, 0, 0, err
	}
	own := (float64(count) + float64(comm.Size()) - 1) / float64(comm.Size())
	if err := lifecycle.CheckRoom(comm, float64(rows)*float64(cols)*(8*own+4*float64(count)), "the number of pictures"); err != nil {
		return nil, 0, 0, 0, err
	}
	lo, hi := halo.Split(count, comm.Size(), comm.Rank())
	mine, err := p.Draw(ctx, lo, hi, rows, cols)
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, 0, 0, 0, err
	}
	top := 0.0
	for k, x := range mine {
		if lo+k >= count-p.Validation {
			break
		}
		for _, v := range x {
			top = max(top, math.Abs(v))
		}
	}
	if scale, err = p.Scale(comm, top); err != nil {
		return nil, 0, 0, 0, err
	}
	buffer := make([]float64, rows*cols)
	for r := range comm.Size() {
		from, to := halo.Split(count, comm.Size(), r)
		for k := from; k < to; k++ {
			if r == comm.Rank() {
				for i, v := range mine[k-lo] {
					buffer[i] = v / scale
				}
			}
			if err := comm.Bcast(buffer, r); err != nil {
				return nil, 0, 0, 0, err
			}
			x := make([]float32, len(buffer))
			for i, v := range buffer {
				x[i] = float32(v)
			}
			list = append(list, x)
		}
	}
	return list, rows, cols, scale, ranks.AgreeError(comm, ctx.Err())
}

// digest is a SHA-256 of the pictures and of what else the blocks depend on.
func digest(pictures [][]float32, more ...float64) string {
	h := sha256.New()
	for _, p := range pictures {
		binary.Write(h, binary.LittleEndian, p)
	}
	binary.Write(h, binary.LittleEndian, more)
	return hex.EncodeToString(h.Sum(nil))
}

// see looks at the pictures that are learned from, rows x cols each, a part of them on each rank. Collective.
func see(comm ranks.Comm, pictures [][]float32, rows, cols int) (*mlpatch.Seen, error) {
	alone, err := comm.Split(comm.Rank(), 0)
	if err != nil {
		return nil, err
	}
	frame, err := halo.Decompose([]int{rows, cols}, 1)
	if err != nil {
		return nil, err
	}
	const size = mlpatch.Histograms * mlpatch.Bins
	count := len(pictures)
	numbers := make([]float64, count*size)
	lo, hi := halo.Split(count, comm.Size(), comm.Rank())
	x := make([]float64, rows*cols)
	look := func() error {
		for k := lo; k < hi; k++ {
			for i, v := range pictures[k] {
				x[i] = float64(v)
			}
			h, err := mlpatch.Histogram(alone, frame, 1, x)
			if err != nil {
				return err
			}
			copy(numbers[k*size:], h)
		}
		return nil
	}
	if err := ranks.AgreeError(comm, look()); err != nil {
		return nil, err
	}
	if err := comm.Allreduce(numbers, numbers, ranks.Sum); err != nil {
		return nil, err
	}
	var all [][]float64
	for k := range count {
		all = append(all, numbers[k*size:(k+1)*size])
	}
	return mlpatch.See(all), nil
}
