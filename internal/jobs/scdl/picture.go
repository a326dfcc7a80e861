package scdl

import (
	"fmt"
	"math"
	"strings"

	"tessera/halo"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/ranks"
	"tessera/scdl"
)

// read gets the dictionaries, and this rank's rows of the picture. Collective.
func (r *upscaleRun) read() error {
	dir := r.c.Dictionary.Dir
	var err error
	if r.dict, err = r.c.Dictionary.read(r.Comm); err != nil {
		return err
	}
	if err := ranks.OnRoot(r.Comm, func() error { return r.dict.ofPictures(dir) }); err != nil {
		return err
	}
	_, path := r.c.picture()
	var p pictureFile
	if err := p.open(r.Comm, path); err != nil {
		return err
	}
	each, root := r.c.memory(r.dict, p.channels, p.rows, p.cols, r.Comm.Size())
	if err := checkRoom(r.Comm, each, root, "the size of "+path); err != nil {
		return err
	}
	grid := r.dict.Head.grid()
	rows, cols := r.c.highSize(grid, p.rows, p.cols)
	if r.strips, err = scdl.NewStrips(r.Comm, grid, rows, cols); err != nil {
		return fmt.Errorf("%s: %w", path, err) // on all ranks alike
	}
	cut := r.strips.Low()
	if r.c.Image.Truth != "" {
		cut = r.strips.High()
	}
	f, err := p.read(r.Comm, cut)
	if err != nil {
		return err
	}
	if err := r.scale(f, &p); err != nil {
		return err
	}
	r.low = chroma(f)
	if r.c.Image.Truth != "" {
		r.truth, r.low = r.low, nil
		for _, x := range r.truth {
			y, err := r.strips.Degrade(x)
			if err != nil {
				return err
			}
			r.low = append(r.low, y)
		}
	}
	r.unit, err = largest(r.Comm, r.low[0])
	return err
}

// scale finds the peak of the picture, of which f has this rank's rows, divides f by it and
// notes what was taken. Collective; the error is the same on all ranks.
func (r *upscaleRun) scale(f *imageio.Frame, p *pictureFile) error {
	ends := []float64{math.Inf(-1), math.Inf(-1)} // -least, most
	for _, v := range f.Data {
		if !math.IsNaN(v) {
			ends[0], ends[1] = max(ends[0], -v), max(ends[1], v)
		}
	}
	if err := r.Comm.Allreduce(ends, ends, ranks.Max); err != nil {
		return err
	}
	peak := []float64{r.c.Image.Peak}
	if r.Comm.Rank() == 0 && peak[0] == 0 {
		peak[0] = peakOf(p.format, p.typ, -ends[0], ends[1])
	}
	if err := r.Comm.Bcast(peak, 0); err != nil {
		return err
	}
	r.peak = peak[0]
	for i := range f.Data {
		f.Data[i] /= r.peak
	}
	if r.Comm.Rank() == 0 {
		r.lower = r.c.Output.Origin.Lower(p.format == "fits")
		r.Took(lifecycle.Input{
			File: p.path, Part: p.format + " " + p.typ, Axes: axesOfPicture(p.rows, p.cols, p.channels),
			Units: unitsOfPicture(-ends[0], ends[1], r.peak),
			Note:  pixelAreas,
		})
		r.Took(r.dict.took(r.c.Dictionary.Dir))
	}
	return nil
}

// peakOf is the value of white in a picture of values from least to most, from the type of
// its file: that of the fewest usual bits for integers, 1 where the values reach from 0 to
// nearly 1, and otherwise the largest absolute value.
func peakOf(format, typ string, least, most float64) float64 {
	switch {
	case (&imageio.Frame{Format: format, Type: typ}).Photograph() || least >= 0 && most > 0.5 && most <= 1:
		return 1
	case strings.HasPrefix(typ, "uint") || strings.HasPrefix(typ, "int") && least >= 0:
		for _, bits := range []int{8, 10, 12, 14, 15, 16} {
			if white := float64(int(1)<<bits - 1); most <= white {
				return white
			}
		}
	}
	if top := max(most, -least); top > 0 {
		return top
	}
	return 1
}

// pictureFile is a file of a picture, of which every rank gets its own rows.
type pictureFile struct {
	path                 string
	format, typ          string // on rank 0
	channels, rows, cols int
	direct               int // 1 if some rows can be read without the others: npy and FITS
}

// open reads the shape on rank 0. Collective; the error is the same on all ranks.
func (p *pictureFile) open(comm ranks.Comm, path string) error {
	p.path = path
	err := ranks.OnRoot(comm, func() error {
		f, err := imageio.Stat(path)
		if err != nil {
			return err
		}
		if f.Channels != 1 && f.Channels != 3 {
			return fmt.Errorf("%s: %d channels, want 1 or 3", path, f.Channels)
		}
		p.channels, p.rows, p.cols = f.Channels, f.Rows, f.Cols
		p.format, p.typ = f.Format, f.Type
		if f.Format == "npy" || f.Format == "fits" {
			p.direct = 1
		}
		return nil
	})
	if err != nil {
		return err
	}
	return ranks.Share(comm, &p.channels, &p.rows, &p.cols, &p.direct)
}

// read reads the rows that a rank owns; where the file has to be decoded as a whole, rank 0
// does it and sends the others their rows. Collective; the error is the same on all ranks.
func (p *pictureFile) read(comm ranks.Comm, cut *halo.Decomposition) (*imageio.Frame, error) {
	mine := cut.Owned(comm.Rank())
	box := imageio.Box{R0: mine.Lo[0], R1: mine.Hi[0], C1: p.cols}
	strip := &imageio.Frame{Channels: p.channels, Rows: box.R1 - box.R0, Cols: p.cols}
	var err error
	if p.direct == 1 {
		if !mine.Empty() {
			var f *imageio.Frame
			if f, err = imageio.ReadBox(p.path, box); err == nil {
				strip.Data = f.Data
				err = p.finite(f.Data, box)
			}
		}
		return strip, ranks.AgreeError(comm, err)
	}
	var whole []float64
	err = ranks.OnRoot(comm, func() error {
		f, err := imageio.ReadFrame(p.path)
		if err == nil {
			whole = f.Data
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	strip.Data, err = cut.ScatterFrom(comm, 0, whole, p.channels)
	return strip, err
}

// finite returns an error for the first pixel of a box that is not a finite number. It is
// not for PNG, whose transparent pixels count as black.
func (p *pictureFile) finite(data []float64, box imageio.Box) error {
	n := (box.R1 - box.R0) * p.cols
	for i, v := range data {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			at := i % n
			return fmt.Errorf("%s: row %d, column %d: %g; fill missing pixels first, for example with a tikhonov job",
				p.path, box.R0+at/p.cols, at%p.cols, v)
		}
	}
	return nil
}

// chroma splits a picture into its luminance and, if it has three channels, the difference
// of each channel from the luminance. Missing pixels are black.
func chroma(f *imageio.Frame) []plane {
	luminance := withoutColour(f).Data
	parts := []plane{luminance}
	n := f.Rows * f.Cols
	for c := 0; f.Channels == 3 && c < 3; c++ {
		p := make(plane, n)
		for i := range p {
			if d := f.Data[c*n+i] - luminance[i]; !math.IsNaN(d) {
				p[i] = d
			}
		}
		parts = append(parts, p)
	}
	return parts
}

// gather makes a whole picture on rank 0 from a luminance and the channels' differences
// from it; the other ranks get a frame without pixels. Collective.
func (r *upscaleRun) gather(luminance plane, rest []plane) (*imageio.Frame, error) {
	f := &imageio.Frame{Channels: max(1, len(rest)), Rows: r.strips.HighRows, Cols: r.strips.HighCols}
	mine := luminance
	if len(rest) > 0 {
		mine = make([]float64, 0, len(rest)*len(luminance))
		for _, d := range rest {
			for i, v := range d {
				mine = append(mine, luminance[i]+v)
			}
		}
	}
	var err error
	f.Data, err = r.strips.High().GatherTo(r.Comm, 0, mine, f.Channels)
	return f, err
}

// detailSide is the side, in pixels, of the part of a picture that panel.png shows enlarged.
const detailSide = 160

// busiest is the part of a picture with the most detail: of the boxes of detailSide pixels,
// a quarter of that apart, the one with the largest sum of squared differences between
// neighbouring pixels.
func busiest(f *imageio.Frame) imageio.Box {
	rows, cols := min(f.Rows, detailSide), min(f.Cols, detailSide)
	var best imageio.Box
	most := -1.0
	for r0 := 0; r0 <= f.Rows-rows; r0 += detailSide / 4 {
		for c0 := 0; c0 <= f.Cols-cols; c0 += detailSide / 4 {
			sum := 0.0
			for i := r0; i < r0+rows-1; i++ {
				row := f.Data[i*f.Cols+c0 : (i+1)*f.Cols+c0+cols]
				for j := range cols - 1 {
					across, down := row[j+1]-row[j], row[j+f.Cols]-row[j]
					sum += across*across + down*down
				}
			}
			if sum > most {
				most, best = sum, imageio.Box{R0: r0, R1: r0 + rows, C0: c0, C1: c0 + cols}
			}
		}
	}
	return best
}

// cutOut copies the box of a frame.
func cutOut(f *imageio.Frame, b imageio.Box) *imageio.Frame {
	part := &imageio.Frame{Channels: f.Channels, Rows: b.R1 - b.R0, Cols: b.C1 - b.C0}
	for c := range f.Channels {
		for i := b.R0; i < b.R1; i++ {
			at := (c*f.Rows+i)*f.Cols + b.C0
			part.Data = append(part.Data, f.Data[at:at+part.Cols]...)
		}
	}
	return part
}
