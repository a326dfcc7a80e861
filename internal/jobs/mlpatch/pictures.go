package mlpatch

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"

	"tessera/halo"
	"tessera/internal/lifecycle"
	"tessera/mlpatch"
	"tessera/ranks"
)

// set reads or draws the pictures, a part of them on each rank, and gives all of them to every rank,
// divided by scale, the largest value of those that are learned from. Collective.
func (c *trainSettings) set(ctx context.Context, comm ranks.Comm) (set *mlpatch.Noisy, scale float64, err error) {
	count, rows, cols, err := c.pictures().SharedShape(comm)
	if err != nil {
		return nil, 0, err
	}
	own := (float64(count) + float64(comm.Size()) - 1) / float64(comm.Size())
	if err := lifecycle.CheckRoom(comm, float64(rows)*float64(cols)*(8*own+4*float64(count)), "the number of pictures"); err != nil {
		return nil, 0, err
	}
	set = &mlpatch.Noisy{Rows: rows, Cols: cols, Kept: c.Data.Validation, Low: c.Noise.Low, High: c.Noise.High, Seed: c.Seed}
	lo, hi := halo.Split(count, comm.Size(), comm.Rank())
	mine, err := c.pictures().Draw(ctx, lo, hi, rows, cols)
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, 0, err
	}
	top := 0.0
	for k, p := range mine {
		if lo+k == count-c.Data.Validation {
			break
		}
		for _, v := range p {
			top = max(top, math.Abs(v))
		}
	}
	if scale, err = c.pictures().Scale(comm, top); err != nil {
		return nil, 0, err
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
				return nil, 0, err
			}
			p := make([]float32, len(buffer))
			for i, v := range buffer {
				p[i] = float32(v)
			}
			set.Pictures = append(set.Pictures, p)
		}
	}
	if err := set.Check(c.MLPatch.Block); err != nil {
		return nil, 0, err
	}
	return set, scale, ranks.AgreeError(comm, ctx.Err())
}

// digest is a SHA-256 of the pictures and of the levels of the noise.
func digest(d *mlpatch.Noisy) string {
	h := sha256.New()
	for _, p := range d.Pictures {
		binary.Write(h, binary.LittleEndian, p)
	}
	binary.Write(h, binary.LittleEndian, []float64{d.Low, d.High, float64(d.Kept)})
	return hex.EncodeToString(h.Sum(nil))
}

// see looks at the pictures that are learned from, a part of them on each rank. Collective.
func see(comm ranks.Comm, d *mlpatch.Noisy) (*mlpatch.Seen, error) {
	alone, err := comm.Split(comm.Rank(), 0)
	if err != nil {
		return nil, err
	}
	frame, err := halo.Decompose([]int{d.Rows, d.Cols}, 1)
	if err != nil {
		return nil, err
	}
	const size = mlpatch.Histograms * mlpatch.Bins
	count := len(d.Pictures) - d.Kept
	numbers := make([]float64, count*size)
	lo, hi := halo.Split(count, comm.Size(), comm.Rank())
	x := make([]float64, d.Rows*d.Cols)
	look := func() error {
		for k := lo; k < hi; k++ {
			for i, v := range d.Pictures[k] {
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
