package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"tessera/forward"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/outdir"
	figures "tessera/internal/report"
	"tessera/psfmodel"
)

// psfOptions are the flags of psf.
type psfOptions struct {
	at    string
	stars string
	grid  string
	draw  string
	psfmodel.Options
	psfmodel.StarOptions
	format string
}

func psfFlags(fs *flag.FlagSet, o *options) {
	p := &o.psf
	fs.StringVar(&o.out, "out", "", "write the PSF, or the grid of them, to the `FILE`, which ends in .fits or .npy; a grid in .fits")
	fs.BoolVar(&o.force, "force", false, "replace what is there already")
	fs.StringVar(&p.at, "at", "", "the PSF of a model at `ROW,COL`, in pixels from 0")
	fs.StringVar(&p.draw, "draw", "", "draw a model into the `FILE.png`: a whisker plot, and the PSF at nine places")
	fs.StringVar(&p.stars, "stars", "", "the stars of a frame, at the places in the `TABLE` with columns row and col, or x and y, in pixels from 0; without it they are found")
	fs.StringVar(&p.grid, "grid", "", "PSFs from the stars of a frame, one in each of `DOWNxACROSS` cells; with -stars 1x1 if it is not given")
	fs.IntVar(&p.Size, "size", 0, "most `N` pixels a side, odd; 0 = all of a model, 31 from stars")
	fs.Float64Var(&p.Saturation, "saturation", 0, "stars: leave out stars with a pixel of `VALUE` or more; 0 = none")
	fs.Float64Var(&p.Apart, "apart", 0, "stars: leave out stars with another one within `D` pixels; 0 = 3 times their FWHM")
	fs.Float64Var(&p.SNR, "snr", 0, "stars: leave out stars whose flux is less than `R` times its noise; 0 = 20")
	fs.StringVar(&p.format, "format", "auto", "models: auto, psfex, stpsf, stdpsf, cube or `kernel`")
	fs.IntVar(&p.Detector, "detector", 0, "models: detector `N` of a file with several")
	fs.StringVar(&p.Positions, "positions", "", "models: the `TABLE` of the places of a cube, with columns row and col")
	fs.Float64Var(&p.Oversampling, "oversampling", 0, "models: `N` samples a pixel, where the file does not say it")
	fs.BoolVar(&p.Optical, "integrate", false, "models: the samples do not include the pixel: average over each")
}

// starsAndModels writes the PSF of a model at a place, draws the model, or makes PSFs of the stars of a frame.
func starsAndModels(ctx context.Context, c *call) error {
	p := &c.psf
	stars := p.stars != "" || p.grid != ""
	switch {
	case len(c.args) != 1:
		return usageError{"tessera psf: want one file, a model with -at ROW,COL or -draw FILE.png, or a frame with -grid 5x5"}
	case (p.at != "" || p.draw != "") == stars:
		return usageError{"tessera psf: want -at ROW,COL or -draw FILE.png for a model, or -grid 5x5 or -stars TABLE for a frame"}
	case p.draw != "" && !strings.HasSuffix(strings.ToLower(p.draw), ".png"):
		return usageError{fmt.Sprintf("tessera psf: -draw %s: the picture is a PNG file: -draw %s.png", p.draw, p.draw)}
	case p.draw != "" && p.at == "" && c.out != "":
		return usageError{"tessera psf: the PSF of which place goes into -out? -at ROW,COL"}
	case stars && c.out == "":
		return usageError{"tessera psf: where to? -out FILE.fits"}
	case stars && !strings.HasSuffix(c.out, ".fits"):
		return usageError{fmt.Sprintf("tessera psf: a grid of PSFs goes into a FITS file, which says their places: -out %s.fits", c.out)}
	}
	return onRankZero(ctx, c.stderr, func() error {
		if stars {
			return c.psfsOfStars()
		}
		return c.psfOfModel()
	})
}

// psfOfModel is psf for -at and -draw.
func (c *call) psfOfModel() error {
	p := &c.psf
	at, err := pair(p.at, ",")
	if err != nil && p.at != "" {
		return usageError{fmt.Sprintf("tessera psf: -at %s: want ROW,COL in pixels, such as -at 100,250.5", p.at)}
	}
	o := p.Options
	if p.format != "auto" {
		o.Format = psfmodel.Format(p.format)
	}
	m, err := psfmodel.Read(c.args[0], o)
	if err != nil {
		return ofInput(err)
	}
	if p.draw != "" {
		err := c.writeFile("psf", p.draw, "", func() error { return drawModel(m, p.Size).Write(p.draw) })
		if err != nil || p.at == "" {
			return err
		}
	}
	k, err := m.At(at[0], at[1], p.Size)
	if err != nil {
		return err
	}
	s := psfmodel.Measure(k)
	said := fmt.Sprintf("%d x %d pixels at row %g, column %g: FWHM %.3f pixels, ellipticity %.3f, centroid (%+.3f, %+.3f)\n",
		k.Rows, k.Cols, at[0], at[1], s.FWHM, s.Ellipticity, s.Centroid[0], s.Centroid[1])
	for _, note := range m.Notes {
		said += note + "\n"
	}
	if c.out == "" {
		_, err := fmt.Fprint(c.stdout, said)
		return err
	}
	return c.writeFile("psf", c.out, said, func() error {
		if strings.HasSuffix(c.out, ".npy") {
			return imageio.WriteNpy(c.out, []int{k.Rows, k.Cols}, k.Values)
		}
		return imageio.WriteFITS(c.out, &imageio.Frame{Channels: 1, Rows: k.Rows, Cols: k.Cols, Data: k.Values},
			fmt.Sprintf("tessera psf: %s at row %g, column %g", filepath.Base(c.args[0]), at[0], at[1]))
	})
}

// drawModel is the picture of a model, with stamps of at most so many pixels a side.
func drawModel(m *psfmodel.Model, most int) *figures.PSFField {
	p := &figures.PSFField{Title: string(m.Format) + " model of the PSF"}
	if m.Path != "" {
		p.Title = filepath.Base(m.Path)
	}
	rows, cols := m.Sites(drawnWhiskers)
	for _, row := range rows {
		for _, col := range cols {
			if k, err := m.At(row, col, most); err == nil {
				s := psfmodel.Measure(k)
				p.Whiskers = append(p.Whiskers, figures.Whisker{Row: row, Col: col, FWHM: s.FWHM, Ellipticity: s.Ellipticity, Angle: s.Angle})
			}
		}
	}
	rows, cols = m.Sites(3)
	for _, row := range rows {
		var line []figures.Stamp
		for _, col := range cols {
			s := figures.Stamp{Row: row, Col: col}
			if k, err := m.At(row, col, most); err == nil {
				s.Frame = &imageio.Frame{Channels: 1, Rows: k.Rows, Cols: k.Cols, Data: k.Values}
			}
			line = append(line, s)
		}
		p.Stamps = append(p.Stamps, line)
	}
	return p
}

// drawnWhiskers are drawn along each axis.
const drawnWhiskers = 7

// psfsOfStars is psf for -grid and -stars.
func (c *call) psfsOfStars() error {
	p := &c.psf
	if p.grid == "" {
		p.grid = "1x1"
	}
	cells, err := pair(p.grid, "x")
	if err != nil || cells[0] != float64(int(cells[0])) || cells[1] != float64(int(cells[1])) || cells[0] < 1 || cells[1] < 1 {
		return usageError{fmt.Sprintf("tessera psf: -grid %s: want DOWNxACROSS, such as -grid 5x5", p.grid)}
	}
	frame, notes, err := frames.StarFrame(c.args[0])
	if err != nil {
		return ofInput(err)
	}
	o := p.StarOptions
	o.Down, o.Across, o.Size = int(cells[0]), int(cells[1]), p.Size
	var (
		grid   *psfmodel.Grid
		psfs   []forward.PSF
		counts psfmodel.StarCounts
	)
	if p.stars == "" {
		var found psfmodel.Found
		if grid, psfs, counts, found, err = psfmodel.FromFrame(frame.Data, frame.Rows, frame.Cols, o); err != nil {
			return err
		}
		notes = append(notes, found.String())
	} else {
		places, taken, err := psfmodel.Places(p.stars)
		if err != nil {
			return ofInput(err)
		}
		notes = append(notes, p.stars+": "+taken)
		if grid, psfs, counts, err = psfmodel.FromStars(frame.Data, frame.Rows, frame.Cols, places, o); err != nil {
			return err
		}
	}
	notes = append(notes, counts.String())
	said := strings.Join(notes, "\n") + "\n" + shapes(grid, psfs)
	return c.writeFile("psf", c.out, said, func() error {
		return psfmodel.WriteGrid(c.out, grid, psfs, append([]string{"tessera psf: stars of " + filepath.Base(c.args[0])}, notes...)...)
	})
}

// shapes are the narrowest and the widest of PSFs in a line.
func shapes(grid *psfmodel.Grid, psfs []forward.PSF) string {
	narrow, wide, most := psfmodel.Measure(psfs[0]), psfmodel.Measure(psfs[0]), 0.0
	for _, p := range psfs {
		s := psfmodel.Measure(p)
		if s.FWHM < narrow.FWHM {
			narrow = s
		}
		if s.FWHM > wide.FWHM {
			wide = s
		}
		most = max(most, s.Ellipticity)
	}
	return fmt.Sprintf("%d x %d PSFs, FWHM %.3f to %.3f pixels, ellipticity up to %.3f\n", len(grid.Rows), len(grid.Cols), narrow.FWHM, wide.FWHM, most)
}

// pair are two numbers with something between them.
func pair(text, between string) (list [2]float64, err error) {
	a, b, ok := strings.Cut(text, between)
	x, err1 := strconv.ParseFloat(strings.TrimSpace(a), 64)
	y, err2 := strconv.ParseFloat(strings.TrimSpace(b), 64)
	if !ok {
		err1 = fmt.Errorf("%q has no %q", text, between)
	}
	return [2]float64{x, y}, errors.Join(err1, err2)
}

// writeFile writes a file, which must not be there without -force, and says what was done.
func (c *call) writeFile(command, path, said string, write func() error) (err error) {
	if err := place(command, path); err != nil {
		return err
	}
	lock, err := outdir.AcquireFile(path, c.line, c.warn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	base := filepath.Base(path)
	if err := imageio.SweepTemporaries(filepath.Dir(path), func(name string) bool { return name == base }); err != nil {
		return err
	}
	switch _, err := os.Stat(path); {
	case err == nil && !c.force:
		return usageError{fmt.Sprintf("tessera %s: %s is there already: choose another file, or replace it with -force", command, path)}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := write(); err != nil {
		return err
	}
	_, err = fmt.Fprint(c.stdout, said)
	return err
}
