package cli

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"tessera/internal/imageio"
	"tessera/internal/jobs/kernel"
	"tessera/internal/shown"
)

// predictOptions are the flags of predict.
type predictOptions struct {
	columns string
}

func predictFlags(fs *flag.FlagSet, o *options) {
	fs.StringVar(&o.out, "out", "", "write the table into `FILE` instead of standard output")
	fs.StringVar(&o.predict.columns, "columns", "", "the coordinates are the columns `NAME,...`")
	fs.BoolVar(&o.force, "force", false, "replace an existing file")
	fs.BoolVar(&o.quiet, "quiet", false, "print the table and errors only")
}

// predict evaluates the fit of a result at the places of a table.
func predict(ctx context.Context, c *call) error {
	if len(c.args) != 2 {
		return usageError{fmt.Sprintf("tessera predict: %d arguments, want the directory of a fit and a table of places: tessera predict out/fit PLACES.csv", len(c.args))}
	}
	return onRankZero(ctx, c.stderr, func() error {
		if c.out != "" && !c.force {
			if _, err := os.Lstat(c.out); !errors.Is(err, fs.ErrNotExist) {
				return usageError{fmt.Sprintf("tessera predict: %s exists; -force replaces it", shown.Line(c.out))}
			}
		}
		if c.out != "" {
			if err := place("predict", c.out); err != nil {
				return err
			}
		}
		if err := present(c.args[1]); err != nil {
			return usageError{fmt.Sprintf("tessera predict: %v", err)}
		}
		var columns []string
		if c.predict.columns != "" {
			for _, name := range strings.Split(c.predict.columns, ",") {
				columns = append(columns, strings.TrimSpace(name))
			}
		}
		p, err := kernel.Predict(c.args[0], c.args[1], columns)
		if errors.Is(err, fs.ErrNotExist) {
			return usageError{fmt.Sprintf("tessera predict: %s holds no fit.npz: want the directory of a result of tessera fit, or of a job \"kernel\" or \"deep-kernel\"", shown.Line(c.args[0]))}
		}
		if err != nil {
			return ofInput(err)
		}
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		if err := w.WriteAll(append([][]string{p.Names}, p.Rows...)); err != nil {
			return err
		}
		if c.out != "" {
			err = imageio.WriteAtomic(c.out, func(w io.Writer) error { _, err := w.Write(b.Bytes()); return err })
		} else {
			_, err = c.stdout.Write(b.Bytes())
		}
		if err == nil && !c.quiet {
			fmt.Fprintln(c.stderr, shown.Line(p.Input))
			fmt.Fprintf(c.stderr, "%d places, %d of them beyond the support of the observations (column beyond)\n", len(p.Rows), p.Beyond)
		}
		return err
	})
}
