package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"

	"tessera/internal/job"
)

// simulation is what the flags of simulate say.
type simulation struct {
	job.Sampling
	seed uint64
}

func simulateFlags(fs *flag.FlagSet, o *options) {
	s := &o.simulation
	fs.StringVar(&o.out, "out", "", "write the table to `FILE`, which ends in .csv, .npy or .fits")
	fs.StringVar(&s.From, "from", "", "sample the pixels of `IMAGE`; otherwise a survey is made up")
	fs.Float64Var(&s.Fraction, "fraction", 0.1, "of the image's pixels, `F` of them")
	fs.IntVar(&s.Count, "count", 10000, "`N` observations of the survey")
	fs.IntVar(&s.Dim, "dim", 2, "in `D` dimensions, 1 to 3")
	fs.IntVar(&s.Clusters, "clusters", 6, "in `K` clusters")
	fs.Float64Var(&s.Clustered, "clustered", 0.8, "with the fraction `F` of them; the others are uniform")
	fs.Float64Var(&s.Noise, "noise", 0.1, "standard deviation `S` of the noise; none on pixels")
	fs.Uint64Var(&s.seed, "seed", 1, "`SEED` of everything that is drawn")
	fs.BoolVar(&o.force, "force", false, "replace a file that is there already")
}

// simulateTable writes a table of observations.
func simulateTable(ctx context.Context, c *call) error {
	if len(c.args) != 1 || c.args[0] != "observations" {
		return usageError{"tessera simulate: what? It makes observations"}
	}
	if c.out == "" {
		return usageError{"tessera simulate: where to? -out FILE.csv, .npy or .fits"}
	}
	s := c.simulation
	if err := s.Check(); err != nil {
		return usageError{"tessera simulate: " + err.Error()}
	}
	return onRankZero(ctx, c.stderr, func() error {
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
