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
	"tessera/internal/imageio"
	"tessera/internal/outdir"
	"tessera/psfmodel"
)

// psfOptions are the flags of psf.
type psfOptions struct {
	at    string
	stars string
	grid  string
	psfmodel.Options
	psfmodel.StarOptions
	format string
}

func psfFlags(fs *flag.FlagSet, o *options) {
	p := &o.psf
	fs.StringVar(&o.out, "out", "", "write the PSF, or the grid of them, to the `FILE`, which ends in .fits or .npy; a grid in .fits")
	fs.BoolVar(&o.force, "force", false, "replace what is there already")
	fs.StringVar(&p.at, "at", "", "the PSF of a model at `ROW,COL`, in pixels from 0")
	fs.StringVar(&p.stars, "stars", "", "PSFs from the stars of a frame, at the places in the `TABLE` with columns row and col, or x and y, in pixels from 0")
	fs.StringVar(&p.grid, "grid", "1x1", "stars: one PSF in each of `DOWNxACROSS` cells")
	fs.IntVar(&p.Size, "size", 0, "most `N` pixels a side, odd; 0 = all of a model, 31 from stars")
	fs.Float64Var(&p.Saturation, "saturation", 0, "stars: leave out stars with a pixel of `VALUE` or more; 0 = none")
	fs.Float64Var(&p.Apart, "apart", 0, "stars: leave out stars with another one within `D` pixels; 0 = the size of the PSF")
	fs.Float64Var(&p.SNR, "snr", 0, "stars: leave out stars whose flux is less than `R` times its noise; 0 = 20")
	fs.StringVar(&p.format, "format", "auto", "models: auto, psfex, stpsf, stdpsf, cube or `kernel`")
	fs.IntVar(&p.Detector, "detector", 0, "models: detector `N` of a file with several")
	fs.StringVar(&p.Positions, "positions", "", "models: the `TABLE` of the places of a cube, with columns row and col")
	fs.Float64Var(&p.Oversampling, "oversampling", 0, "models: `N` samples a pixel, where the file does not say it")
	fs.BoolVar(&p.Optical, "integrate", false, "models: the samples do not include the pixel: average over each")
}

// starsAndModels writes the PSF of a model at a place, or PSFs from the stars of a frame; without -out it describes them.
func starsAndModels(ctx context.Context, c *call) error {
	p := &c.psf
	switch {
	case len(c.args) != 1:
		return usageError{"tessera psf: want one file, a model with -at ROW,COL or a frame with -stars TABLE"}
	case (p.at == "") == (p.stars == ""):
		return usageError{"tessera psf: want -at ROW,COL for a model, or -stars TABLE for a frame"}
	case p.stars != "" && c.out == "":
		return usageError{"tessera psf: where to? -out FILE.fits"}
	case p.stars != "" && !strings.HasSuffix(c.out, ".fits"):
		return usageError{fmt.Sprintf("tessera psf: a grid of PSFs goes into a FITS file, which says their places: -out %s.fits", c.out)}
	}
	return onRankZero(ctx, c.stderr, func() error {
		if p.stars != "" {
			return c.psfsOfStars()
		}
		return c.psfOfModel()
	})
}

// psfOfModel is psf for -at.
func (c *call) psfOfModel() error {
	p := &c.psf
	at, err := pair(p.at, ",")
	if err != nil {
		return usageError{fmt.Sprintf("tessera psf: -at %s: want ROW,COL in pixels, such as -at 100,250.5", p.at)}
	}
	o := p.Options
	if p.format != "auto" {
		o.Format = psfmodel.Format(p.format)
	}
	m, err := psfmodel.Read(c.args[0], o)
	if err != nil {
		return err
	}
	k, err := m.At(at[0], at[1], p.Size)
	if err != nil {
		return err
	}
	s := psfmodel.Measure(k)
	said := fmt.Sprintf("%d x %d pixels at row %g, column %g: FWHM %.3f pixels, ellipticity %.3f, centroid (%+.3f, %+.3f)\n",
		k.Rows, k.Cols, at[0], at[1], s.FWHM, s.Ellipticity, s.Centroid[0], s.Centroid[1])
	if c.out == "" {
		_, err := fmt.Fprint(c.stdout, said)
		return err
	}
	return c.writeFile("psf", said, func() error {
		if strings.HasSuffix(c.out, ".npy") {
			return imageio.WriteNpy(c.out, []int{k.Rows, k.Cols}, k.Values)
		}
		return imageio.WriteFITS(c.out, &imageio.Frame{Channels: 1, Rows: k.Rows, Cols: k.Cols, Data: k.Values},
			fmt.Sprintf("tessera psf: %s at row %g, column %g", filepath.Base(c.args[0]), at[0], at[1]))
	})
}

// psfsOfStars is psf for -stars.
func (c *call) psfsOfStars() error {
	p := &c.psf
	cells, err := pair(p.grid, "x")
	if err != nil || cells[0] != float64(int(cells[0])) || cells[1] != float64(int(cells[1])) || cells[0] < 1 || cells[1] < 1 {
		return usageError{fmt.Sprintf("tessera psf: -grid %s: want DOWNxACROSS, such as -grid 5x5", p.grid)}
	}
	frame, err := imageio.ReadPlane(c.args[0])
	if err != nil {
		return err
	}
	places, taken, err := psfmodel.Places(p.stars)
	if err != nil {
		return err
	}
	o := p.StarOptions
	o.Down, o.Across, o.Size = int(cells[0]), int(cells[1]), p.Size
	grid, psfs, counts, err := psfmodel.FromStars(frame.Data, frame.Rows, frame.Cols, places, o)
	if err != nil {
		return err
	}
	said := p.stars + ": " + taken + "\n" + counts.String() + "\n" + shapes(grid, psfs)
	return c.writeFile("psf", said, func() error {
		return psfmodel.WriteGrid(c.out, grid, psfs, "tessera psf: stars of "+filepath.Base(c.args[0]), counts.String())
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

// writeFile writes c.out, which must not be there without -force, and says what was done.
func (c *call) writeFile(command, said string, write func() error) (err error) {
	lock, err := outdir.AcquireFile(c.out, c.line, c.warn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	base := filepath.Base(c.out)
	if err := imageio.SweepTemporaries(filepath.Dir(c.out), func(name string) bool { return name == base }); err != nil {
		return err
	}
	switch _, err := os.Stat(c.out); {
	case err == nil && !c.force:
		return usageError{fmt.Sprintf("tessera %s: %s is there already: choose another file, or replace it with -force", command, c.out)}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := write(); err != nil {
		return err
	}
	_, err = fmt.Fprint(c.stdout, said)
	return err
}
