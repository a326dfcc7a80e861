package kernel

import (
	"context"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image"
)

// comparison are the options of the Tikhonov inpainting that a fit is compared with.
var comparison = image.Options{
	Method: krylov.TwoLevel, Regulariser: forward.Gradient, Border: halo.Reflect, Lambda: 1e-3, Overlap: 4, Tolerance: 1e-6, MaxIterations: 1000,
}

// compare fills the frame from the same pixels by their nearest neighbours and by
// Tikhonov inpainting. Collective.
func (r *run) compare(ctx context.Context) error {
	r.Progress.Phase("nearest neighbours and Tikhonov inpainting, to compare")
	rows, cols := r.obs.rows, r.obs.cols
	frame, err := halo.Decompose([]int{rows, cols}, r.Comm.Size())
	if err != nil {
		return err
	}
	var data, weights []float64
	err = ranks.OnRoot(r.Comm, func() (err error) {
		data, weights = make([]float64, rows*cols), make([]float64, rows*cols)
		for i, y := range r.obs.data.Y {
			row, col := int(math.Round(r.obs.raw.X[2*i])), int(math.Round(r.obs.raw.X[2*i+1]))
			data[row*cols+col], weights[row*cols+col] = y, 1
		}
		r.nearest, err = nearestPixels(ctx, rows, cols, data, weights)
		return err
	})
	if err != nil {
		return err
	}
	p := &image.Problem{Channels: 1, Frame: frame}
	if p.Data, err = frame.ScatterFrom(r.Comm, 0, data, 1); err != nil {
		return err
	}
	if p.Weights, err = frame.ScatterFrom(r.Comm, 0, weights, 1); err != nil {
		return err
	}
	result, err := image.Solve(ctx, r.Comm, p, comparison)
	if err != nil && !krylov.Unfinished(err) {
		return err
	}
	if r.inpainted, err = frame.GatherTo(r.Comm, 0, result.Solution, 1); err != nil {
		return err
	}
	if r.Comm.Rank() == 0 {
		r.obs.door.values(r.nearest)
		r.obs.door.values(r.inpainted)
	}
	return nil
}

// nearestPixels gives every pixel the value of the nearest observed one, of those
// at one distance the first in reading order.
func nearestPixels(ctx context.Context, rows, cols int, data, weights []float64) ([]float64, error) {
	out := make([]float64, rows*cols)
	for i := range out {
		row, col := i/cols, i%cols
		if col == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		best := math.MaxInt
		// Rings of growing half-width w; none beyond the best distance can be nearer.
		for w := 0; w*w <= best && w <= max(rows, cols); w++ {
			for y := max(0, row-w); y <= min(rows-1, row+w); y++ {
				step := 2 * w
				if y == row-w || y == row+w || w == 0 {
					step = 1
				}
				for x := col - w; x <= col+w; x += step {
					if x < 0 || x >= cols || weights[y*cols+x] == 0 {
						continue
					}
					if d := (y-row)*(y-row) + (x-col)*(x-col); d < best {
						best, out[i] = d, data[y*cols+x]
					}
				}
			}
		}
	}
	return out, nil
}
