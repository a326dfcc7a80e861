package kernel

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/report"
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

// sheet is how arrays on a two-dimensional grid are drawn: the pixels of a frame by rows and
// columns, and places with the first coordinate rightwards and the second one upwards.
type sheet struct {
	grid   *grid
	labels frames.Labels
	names  []string // of the coordinates, with their units
	value  string   // name of the values
	unit   string   // and their unit
}

// sheet is that of a run with its observations, on rank 0.
func (s *scattered) sheet(g *grid, output *frames.OutputSection) *sheet {
	of, unit := s.source, "unit square"
	d := &sheet{grid: g, names: s.coordinateNames(), value: "value", unit: "unit of the simulation"}
	if s.survey != nil {
		of = "a " + of
	}
	if s.columns != nil {
		of, unit = filepath.Base(s.source), "unit of the file"
		d.value, d.unit = s.value, s.unit
	}
	for k := range d.names {
		d.names[k] += fmt.Sprintf(" (%s)", unit)
		if s.units != nil && s.units[k] != "" {
			d.names[k] = fmt.Sprintf("%s (%s)", s.coordinateNames()[k], s.units[k])
		}
	}
	if g.pixels {
		o := frames.Observation{Source: s.frame}
		d.value, d.unit = "intensity", o.Unit()
	}
	d.labels = frames.Labels{Title: of, Lower: !g.pixels || output.Origin.Lower(s.frame != nil && s.frame.Format == "fits")}
	return d
}

// label adds the unit of the values.
func (d *sheet) label(quantity string) string { return fmt.Sprintf("%s (%s)", quantity, d.unit) }

// size is that of a drawing.
func (d *sheet) size() (rows, cols int) {
	if d.grid.pixels {
		return d.grid.shape[0], d.grid.shape[1]
	}
	return d.grid.shape[1], d.grid.shape[0]
}

// frame is an array as it is drawn.
func (d *sheet) frame(a []float64) *imageio.Frame {
	rows, cols := d.size()
	return &imageio.Frame{Channels: 1, Rows: rows, Cols: cols, Data: turned(d, a)}
}

// turned has the rows of a drawing one after the other.
func turned[T any](d *sheet, a []T) []T {
	if d.grid.pixels {
		return a
	}
	rows, cols := d.size()
	out := make([]T, 0, len(a))
	for r := range rows {
		for c := range cols {
			out = append(out, a[c*rows+r])
		}
	}
	return out
}

// panel is a figure with the axes of the grid: of a large frame of pixels the middle.
func (d *sheet) panel(title string, scales []report.Scale, images ...report.Image) *report.Panel {
	rows, cols := d.size()
	box := imageio.Box{R1: rows, C1: cols}
	if d.grid.pixels {
		box = frames.MiddleBox(rows, cols)
		for i := range images {
			images[i].Frame = frames.Middle(images[i].Frame)
		}
	}
	p := d.labels.Panel(box, rows, cols, 1)
	if !d.grid.pixels {
		p.X, p.Y, p.Notes = d.axis(0), d.axis(1), d.labels.Notes
	}
	p.Title, p.Scales, p.Images = title+" of "+d.labels.Title, scales, images
	return p
}

// axis is that of a coordinate: places are the middles of pixels.
func (d *sheet) axis(k int) report.Axis {
	lo, hi, n := d.grid.lo[k], d.grid.hi[k], d.grid.shape[k]
	half := 0.5
	switch {
	case n > 1 && hi > lo:
		half = (hi - lo) / float64(n-1) / 2
	case hi > lo:
		half = 0
	}
	return report.Axis{Label: d.names[k], From: lo - half, To: hi + half}
}

// scale is that of values: linear but for frames of pixels, for which the config decides.
func (r *run) scale(d *sheet, best *imageio.Frame) report.Scale {
	lo, hi := rangeOf(best.Data)
	s := report.Scale{Label: d.label(d.value), Stretch: imageio.Linear(lo, hi)}
	if d.grid.pixels || r.c.Output.Stretch == "asinh" {
		s.Stretch = r.c.Output.StretchOf(best, r.obs.frame)
	}
	return s
}

// rangeOf are the least and the largest of values; a range about them where they are all one.
func rangeOf(a []float64) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, v := range a {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	if !(lo <= hi) {
		return 0, 1
	}
	if lo == hi {
		d := max(1e-300, math.Abs(lo)/2)
		return lo - d, hi + d
	}
	return lo, hi
}

// middleRange is from the 1st to the 99th percentile of the finite values.
func middleRange(a []float64) (lo, hi float64) {
	list := slices.DeleteFunc(slices.Clone(a), func(v float64) bool { return v-v != 0 })
	slices.Sort(list)
	n := len(list)
	return rangeOf(list[n/100 : n-n/100])
}

// draw makes the pictures of a two-dimensional fit.
func (r *run) draw(observed [2][]float64) error {
	d := r.obs.sheet(r.grid, &r.c.Output)
	d.labels.Notes = []string{fmt.Sprintf("Kernel %s, width %.4g, lambda = %.4g, %d observations.", r.m.Family, r.m.Width, r.m.Lambda, r.m.Observations)}
	best := r.values
	if r.truth != nil {
		best = r.truth
	}
	scales := []report.Scale{r.scale(d, d.frame(best))}
	fit := d.frame(r.values)
	plain := fit
	if d.labels.Lower {
		plain = fit.Flipped()
	}
	if err := imageio.WritePNG(r.Path("solution.png"), plain, scales[0].Stretch); err != nil {
		return err
	}
	chart := []report.Image{{Title: "fit", Frame: fit}}
	both := scales
	if r.spread != nil {
		sigma := make([]float64, len(r.spread))
		for i, v := range r.spread {
			sigma[i] = math.Sqrt(max(v, 0))
		}
		_, hi := rangeOf(sigma)
		chart = append(chart, report.Image{Title: "standard deviation", Frame: d.frame(sigma), Scale: 1})
		both = append(slices.Clone(scales), report.Scale{Label: d.label("standard deviation of the fit"), Stretch: imageio.Linear(0, hi)})
	}
	if err := d.panel("Kernel fit", both, chart...).Write(r.Path("map"), r.Figures()...); err != nil {
		return err
	}
	images := []report.Image{{Title: "observations (mean in a pixel)", Frame: d.frame(observed[0]), Scatter: true}, {Title: "kernel fit", Frame: fit}}
	for _, c := range []struct {
		title string
		a     []float64
	}{{"nearest neighbours", r.nearest}, {"Tikhonov inpainting", r.inpainted}, {"truth", r.truth}} {
		if c.a != nil {
			images = append(images, report.Image{Title: c.title, Frame: d.frame(c.a)})
		}
	}
	if r.truth != nil {
		difference := make([]float64, len(r.values))
		for i, v := range r.values {
			difference[i] = v - r.truth[i]
		}
		f := d.frame(difference)
		images = append(images, report.Image{Title: "kernel fit - truth", Frame: f, Scale: 1})
		scales = append(scales, report.Scale{Label: d.label("fit - truth"), Stretch: imageio.Diverging(f)})
	}
	if err := d.panel("Kernel fit", scales, images...).Write(r.Path("panel"), r.Figures()...); err != nil {
		return err
	}
	if r.obs.data.Dim != 2 {
		return nil // the cells lie on a cylinder
	}
	return r.drawCells(d, observed[1])
}

// binned adds up the numbers of observations in the pixels over blocks of about side x side pixels, which hold
// about two observations on average, and gives every pixel the sum of its block.
func (d *sheet) binned(count []float64) (sums []float64, side int) {
	all := 0.0
	for _, n := range count {
		all += n
	}
	const wanted = 2 // observations in a block
	shape := d.grid.shape
	side = max(1, min(int(math.Sqrt(wanted*float64(len(count))/max(all, 1))), min(shape[0], shape[1])/8))
	blocks := [2]int{shape[0] / side, shape[1] / side}
	block := func(i int) int {
		return i/shape[1]*blocks[0]/shape[0]*blocks[1] + i%shape[1]*blocks[1]/shape[1]
	}
	of := make([]float64, blocks[0]*blocks[1])
	for i, n := range count {
		of[block(i)] += n
	}
	sums = make([]float64, len(count))
	for i := range sums {
		sums[i] = of[block(i)]
	}
	return sums, side
}

// drawCells draws the cells of the ranks, of equal size and as balanced, over the density of the
// observations, of which count is the number in each pixel.
func (r *run) drawCells(d *sheet, count []float64) error {
	door := &r.obs.door
	equal, err := loadbalance.Strips(door.places(r.obs.lo), door.places(r.obs.hi), r.Comm.Size())
	if err != nil {
		return err
	}
	binned, side := d.binned(count)
	density := make([]float64, len(count))
	for i, n := range binned {
		density[i] = math.Log10(1 + n)
	}
	of := "a pixel"
	if side > 1 {
		of = fmt.Sprintf("about %d x %d pixels", side, side)
	}
	var images []report.Image
	for k, part := range []*loadbalance.Partition{equal, r.fit.Partition} {
		owner := make([]int, len(count))
		for i := range owner {
			owner[i] = part.Owner(door.places(r.grid.place(nil, i)), -1)
		}
		f := d.frame(density)
		m := report.Image{Title: []string{"cells of equal size", "balanced cells"}[k], Frame: f, Regions: turned(d, owner)}
		if d.grid.pixels {
			m.Regions = frames.MiddleOf(m.Regions, f.Rows, f.Cols)
		}
		images = append(images, m)
	}
	_, hi := rangeOf(density)
	cells := fmt.Sprintf("Cells of %d ranks", r.Comm.Size())
	if r.Comm.Size() == 1 {
		cells = "Cell of one rank"
	}
	p := d.panel(cells+" and observations", []report.Scale{{Label: fmt.Sprintf("log10(1 + number of observations in %s)", of), Stretch: imageio.Linear(0, hi)}}, images...)
	p.Lines = "border between the cells of two ranks"
	return p.Write(r.Path("cells"), r.Figures()...)
}
