package kernel

import (
	"math"
	"path/filepath"
	"slices"

	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/loadbalance"
	"tessera/ranks"
)

// raster is, on rank 0, the mean of the observations in each pixel of a
// two-dimensional grid, NaN where there is none, and their number.
func (r *run) raster() ([2][]float64, error) {
	var out [2][]float64
	if r.grid == nil || len(r.grid.shape) != 2 {
		return out, nil
	}
	shape := r.grid.shape
	n := shape[0] * shape[1]
	sums := make([]float64, 2*n)
	x, values := r.obs.raw.X, r.obs.raw.Y
	if r.obs.survey != nil {
		x, values = r.obs.data.X, r.obs.data.Y
	}
	for i, y := range values {
		at := 0
		for k := range 2 {
			j := 0
			if side := r.obs.hi[k] - r.obs.lo[k]; side > 0 {
				j = int(math.Round((x[2*i+k] - r.obs.lo[k]) / side * float64(shape[k]-1)))
			}
			at = at*shape[k] + min(max(j, 0), shape[k]-1)
		}
		sums[at] += y
		sums[n+at]++
	}
	if err := r.Comm.Reduce(sums, sums, ranks.Sum, 0); err != nil {
		return out, err
	}
	out[0], out[1] = sums[:n], sums[n:]
	for i, c := range out[1] {
		out[0][i] /= c // NaN where nothing was observed
	}
	return out, nil
}

// draw makes the pictures of a two-dimensional fit.
func (r *run) draw(observed [2][]float64) error {
	frame := func(a []float64) *imageio.Frame {
		return &imageio.Frame{Channels: 1, Rows: r.grid.shape[0], Cols: r.grid.shape[1], Data: a}
	}
	best := r.values
	if r.truth != nil {
		best = r.truth
	}
	stretch := r.c.Output.StretchOf(frame(best), r.obs.frame)
	if r.obs.survey != nil {
		stretch = imageio.Linear(slices.Min(best), slices.Max(best))
	}
	panels := []imageio.Panel{{Frame: frames.Middle(frame(observed[0])), Stretch: stretch}, {Frame: frames.Middle(frame(r.values)), Stretch: stretch}}
	for _, a := range [][]float64{r.nearest, r.inpainted, r.truth} {
		if a != nil {
			panels = append(panels, imageio.Panel{Frame: frames.Middle(frame(a)), Stretch: stretch})
		}
	}
	if r.truth != nil {
		difference := make([]float64, len(r.values))
		for i, v := range r.values {
			difference[i] = v - r.truth[i]
		}
		f := frame(difference)
		panels = append(panels, imageio.Panel{Frame: frames.Middle(f), Stretch: imageio.Diverging(f)})
	}
	dir := r.c.Output.Dir
	if err := imageio.WritePNG(filepath.Join(dir, "fit.png"), frame(r.values), stretch); err != nil {
		return err
	}
	if err := imageio.WritePanels(filepath.Join(dir, "panel.png"), panels...); err != nil {
		return err
	}
	if r.obs.data.Dim != 2 {
		return nil // the cells lie on a cylinder
	}
	door := &r.obs.door
	equal, err := loadbalance.Strips(door.places(r.obs.lo), door.places(r.obs.hi), r.Comm.Size())
	if err != nil {
		return err
	}
	var cells []imageio.Panel
	for _, part := range []*loadbalance.Partition{equal, r.fit.Partition} {
		cells = append(cells, imageio.Panel{Frame: frame(r.outline(part, observed[1])), Stretch: imageio.Linear(0, 1)})
	}
	return imageio.WritePanels(filepath.Join(dir, "cells.png"), cells...)
}

// outline draws the density of the observations with the cells of a partition
// outlined.
func (r *run) outline(part *loadbalance.Partition, count []float64) []float64 {
	most := slices.Max(count)
	owner := make([]int, len(count))
	out := make([]float64, len(count))
	for i := range out {
		owner[i] = part.Owner(r.obs.door.places(r.grid.place(nil, i)), -1)
		out[i] = 0.75 * math.Log1p(count[i]) / math.Log1p(most)
	}
	cols := r.grid.shape[1]
	for i, o := range owner {
		if i%cols+1 < cols && owner[i+1] != o || i+cols < len(owner) && owner[i+cols] != o {
			out[i] = 1
		}
	}
	return out
}
