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
	"tessera/internal/jobs/psf"
	"tessera/internal/outdir"
	"tessera/ranks"
)

// simulation is what the flags of simulate say.
type simulation struct {
	kernel.Sampling
	survey psf.SurveyFiles
	seed   uint64
	count  int // 0 = the kind's own
}

func simulateFlags(fs *flag.FlagSet, o *options) {
	s := &o.simulation
	fs.StringVar(&o.out, "out", "", "write observations to the `FILE`, which ends in .csv, .npy or .fits; a survey into the directory")
	fs.Uint64Var(&s.seed, "seed", 1, "`SEED` of everything that is drawn")
	fs.IntVar(&s.count, "count", 0, "`N` observations (10000) or stamps (1000)")
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
	}
	return usageError{"tessera simulate: what? It makes observations or a survey"}
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
	return onRankZero(ctx, c.stderr, func() (err error) {
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
	var v verdict
	var lock *outdir.Lock // of rank 0
	err := ranks.Launch(ctx, ranks.Options{Ranks: c.ranks, Grace: grace}, func(ctx context.Context, comm ranks.Comm) error {
		code := []float64{done}
		if comm.Rank() == 0 {
			var wrong error
			lock, wrong = c.openSurvey(&s)
			code[0] = float64(status(report(c.stderr, wrong)))
		}
		if err := comm.Bcast(code, 0); err != nil || code[0] != done {
			v.set(int(code[0]))
			return err
		}
		if err := s.Write(ctx, comm, c.out); err != nil {
			return err
		}
		if comm.Rank() == 0 {
			fmt.Fprintf(c.stdout, "%d stamps and %d PSFs in %s\n", s.Count, s.PSFs, c.out)
		}
		return nil
	})
	return errors.Join(v.of(err), lock.Release())
}

// openSurvey takes the directory of a survey, on rank 0.
func (c *call) openSurvey(s *psf.SurveyFiles) (*outdir.Lock, error) {
	refuse := func() error {
		if c.force {
			return nil
		}
		return s.Refuse(c.out)
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
