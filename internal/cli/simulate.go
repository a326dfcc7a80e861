package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tessera/internal/imageio"
	"tessera/internal/jobs/kernel"
	"tessera/internal/jobs/mlpatch"
	"tessera/internal/jobs/psf"
	"tessera/internal/jobs/tppa"
	"tessera/internal/outdir"
	"tessera/ranks"
)

// simulation is what the flags of simulate say.
type simulation struct {
	kernel.Sampling
	survey psf.SurveyFiles
	cells  tppa.CellFiles
	sky    mlpatch.ConvergenceFiles
	seed   uint64
	count  int // 0 = the kind's own
}

func simulateFlags(fs *flag.FlagSet, o *options) {
	s := &o.simulation
	fs.StringVar(&o.out, "out", "", "write observations to the `FILE`, which ends in .csv, .npy or .fits; a survey, cells or a convergence into the directory")
	fs.Uint64Var(&s.seed, "seed", 1, "`SEED` of everything that is drawn")
	fs.IntVar(&s.count, "count", 0, "`N` observations (10000), stamps (1000) or pictures of cells (24)")
	fs.BoolVar(&o.force, "force", false, "replace what is there already")

	fs.StringVar(&s.From, "from", "", "observations: sample the pixels of `IMAGE`; otherwise a survey of points is made up")
	fs.Float64Var(&s.Fraction, "fraction", 0.1, "observations: of the image's pixels, `F` of them")
	fs.IntVar(&s.Dim, "dim", 2, "observations: in `D` dimensions, 1 to 3")
	fs.IntVar(&s.Clusters, "clusters", 6, "observations: in `K` clusters")
	fs.Float64Var(&s.Clustered, "clustered", 0.8, "observations: the fraction `F` of them in clusters; the others are uniform")
	fs.Float64Var(&s.Noise, "noise", 0.1, "observations: standard deviation `S` of the noise; none on pixels")

	rankFlag(fs, o)
	fs.IntVar(&s.survey.Side, "side", 41, "survey: stamps of `N` x N pixels")
	fs.IntVar(&s.survey.PSFs, "psfs", 600, "survey: `N` different PSFs over the field")
	fs.Float64Var(&s.survey.SNR, "snr", 2, "survey: mean rms of a stamp over the noise, `R`")
	fs.StringVar(&s.survey.Format, "format", "npy", "survey: `npy` or fits")
	fs.BoolVar(&s.survey.Single, "single", false, "survey: write single precision")

	fs.IntVar(&s.cells.Rows, "rows", 256, "cells: pictures of `N` rows; convergence: of the map")
	fs.IntVar(&s.cells.Cols, "cols", 256, "cells: pictures of `N` columns; convergence: of the map")
	fs.IntVar(&s.cells.Size, "psf-size", 9, "cells: PSF of `N` x N pixels")
	fs.Float64Var(&s.cells.Variance, "variance", 2, "cells: of the Gaussian PSF, `V` pixels^2")
	fs.Float64Var(&s.sky.Pixel, "pixel", 1, "convergence: side of a pixel, `A` arcmin")
	fs.Float64Var(&s.sky.RMS, "rms", 0.02, "convergence: root mean square `R` of kappa")
	fs.Float64Var(&s.sky.Turn, "turn", 1000, "convergence: multipole `L` from which on its power falls")
	fs.Float64Var(&s.sky.Shift, "shift", 1.5, "convergence: kappa > -`S` rms; a smaller one gives higher peaks")
	fs.Float64Var(&s.sky.Density, "density", 30, "convergence: `N` galaxies per square arcmin")
	fs.Float64Var(&s.sky.Sigma, "ellipticity", 0.26, "convergence: standard deviation `E` of each component of a galaxy's ellipticity")
	fs.Float64Var(&s.sky.Masked, "masked", 0.1, "convergence: share `F` of the sky that is masked")
	fs.Float64Var(&s.cells.SNR, "snr-db", 30, "cells: rms of a blurred picture over the noise, `D` dB")
}

// simulateData writes the kind of data that the command names.
func simulateData(ctx context.Context, c *call) error {
	kind := ""
	if len(c.args) == 1 {
		kind = c.args[0]
	}
	switch kind {
	case "observations":
		return simulateTable(ctx, c)
	case "survey":
		return simulateSurvey(ctx, c)
	case "cells":
		return simulateCells(ctx, c)
	case "convergence":
		return simulateConvergence(ctx, c)
	}
	return usageError{"tessera simulate: what? It makes observations, a survey, cells or a convergence"}
}

// simulateTable writes a table of observations.
func simulateTable(ctx context.Context, c *call) error {
	if c.out == "" {
		return usageError{"tessera simulate: where to? -out FILE.csv, .npy or .fits"}
	}
	s := c.simulation
	if s.Count = s.count; s.Count == 0 {
		s.Count = 10000
	}
	if err := s.Check(); err != nil {
		return usageError{"tessera simulate: " + err.Error()}
	}
	if err := endsIn("simulate", c.out, ".csv", ".npy", ".fits", ".fit"); err != nil {
		return err
	}
	return onRankZero(ctx, c.stderr, func() (err error) {
		if err := place("simulate", c.out); err != nil {
			return err
		}
		if s.From != "" {
			if _, err := imageio.ReadFrame(s.From); err != nil {
				return ofInput(err)
			}
		}
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
			return usageError{fmt.Sprintf("tessera simulate: %s is there already: choose another file, or replace it with -force", c.out)}
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return err
		}
		n, err := s.Write(c.out, s.seed)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.stdout, "%d observations in %s\n", n, c.out)
		return err
	})
}

// simulateSurvey writes stamps and PSFs, drawn by all ranks.
func simulateSurvey(ctx context.Context, c *call) error {
	if c.out == "" {
		return usageError{"tessera simulate: where to? -out DIRECTORY"}
	}
	s := c.simulation.survey
	if s.Seed, s.Count = c.simulation.seed, c.simulation.count; s.Count == 0 {
		s.Count = 1000
	}
	if err := s.Check(); err != nil {
		return usageError{"tessera simulate: " + err.Error()}
	}
	said := fmt.Sprintf("%d stamps and %d PSFs in %s", s.Count, s.PSFs, c.out)
	return drawFiles(ctx, c, &s, said)
}

// simulateCells writes pictures of cells and what is seen of them, drawn by all ranks.
func simulateCells(ctx context.Context, c *call) error {
	if c.out == "" {
		return usageError{"tessera simulate: where to? -out DIRECTORY"}
	}
	s := c.simulation.cells
	if s.Seed, s.Count = c.simulation.seed, c.simulation.count; s.Count == 0 {
		s.Count = 24
	}
	if err := s.Check(); err != nil {
		return usageError{"tessera simulate: " + err.Error()}
	}
	return drawFiles(ctx, c, &s, fmt.Sprintf("%d pictures of cells, what is seen of them and the PSF in %s", s.Count, c.out))
}

// simulateConvergence writes a map of the projected mass and the shear of galaxies behind it.
func simulateConvergence(ctx context.Context, c *call) error {
	if c.out == "" {
		return usageError{"tessera simulate: where to? -out DIRECTORY"}
	}
	s := c.simulation.sky
	s.Seed, s.Rows, s.Cols = c.simulation.seed, c.simulation.cells.Rows, c.simulation.cells.Cols
	if err := s.Check(); err != nil {
		return usageError{"tessera simulate: " + err.Error()}
	}
	return drawFiles(ctx, c, &s, fmt.Sprintf("a map of %d x %d pixels of %g arcmin, its spectrum, its shear and the galaxies in %s", s.Rows, s.Cols, s.Pixel, c.out))
}

// drawn are files that all ranks draw together.
type drawn interface {
	Refuse(dir string) error
	Write(ctx context.Context, comm ranks.Comm, dir string) error
}

// drawFiles writes them on the ranks that the command asks for, unless they are there already,
// and says so.
func drawFiles(ctx context.Context, c *call, files drawn, said string) error {
	var v verdict
	var lock *outdir.Lock // of rank 0
	err := ranks.Launch(ctx, ranks.Options{Ranks: c.ranks, Grace: grace}, func(ctx context.Context, comm ranks.Comm) error {
		code := []float64{done}
		if comm.Rank() == 0 {
			var wrong error
			lock, wrong = c.openDrawn(files)
			code[0] = float64(status(report(c.stderr, wrong)))
		}
		if err := comm.Bcast(code, 0); err != nil || code[0] != done {
			v.set(int(code[0]))
			return err
		}
		if err := files.Write(ctx, comm, c.out); err != nil {
			return err
		}
		if comm.Rank() == 0 {
			fmt.Fprintln(c.stdout, said)
		}
		return nil
	})
	return errors.Join(v.of(err), lock.Release())
}

// openDrawn takes the directory of files that all ranks draw, on rank 0.
func (c *call) openDrawn(files drawn) (*outdir.Lock, error) {
	refuse := func() error {
		if c.force {
			return nil
		}
		return files.Refuse(c.out)
	}
	if err := refuse(); err != nil {
		return nil, err // also where nobody may write
	}
	lock, err := outdir.Acquire(c.out, c.line, c.warn)
	if err != nil {
		return nil, err
	}
	_, err = outdir.Recover(c.out)
	if err == nil {
		err = refuse()
	}
	if err == nil {
		err = outdir.Sweep(c.out)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Release())
	}
	return lock, nil
}
