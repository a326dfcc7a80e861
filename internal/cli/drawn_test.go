package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"tessera/internal/jobs/mlpatch"
	"tessera/internal/jobs/psf"
	"tessera/internal/jobs/tppa"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// Every file that simulate writes into a directory is refused where it is there alone, and nothing else is.
func TestDrawnFilesAreNotReplaced(t *testing.T) {
	for name, files := range map[string]drawn{
		"cells":       &tppa.CellFiles{Seed: 1, Count: 1, Rows: 8, Cols: 8, Size: 3, Variance: 1, SNR: 30},
		"convergence": &mlpatch.ConvergenceFiles{Seed: 1, Rows: 8, Cols: 8, Pixel: 1, RMS: 0.02, Turn: 1000, Shift: 1.5, Density: 30, Sigma: 0.3},
		"survey":      &psf.SurveyFiles{Seed: 1, Count: 2, Side: 5, PSFs: 1, SNR: 2, Format: "npy"},
		"survey FITS": &psf.SurveyFiles{Seed: 1, Count: 2, Side: 5, PSFs: 1, SNR: 2, Format: "fits"},
	} {
		dir := t.TempDir()
		err := ranks.Launch(t.Context(), ranks.Options{Ranks: 1}, func(ctx context.Context, comm ranks.Comm) error { return files.Write(ctx, comm, dir) })
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		written, err := os.ReadDir(dir)
		if err != nil || len(written) < 3 {
			t.Fatalf("%s: %d files, %v", name, len(written), err)
		}
		for _, f := range written {
			alone := t.TempDir()
			for _, there := range []string{"other.npy", f.Name()} {
				if err := files.Refuse(alone); err != nil {
					t.Errorf("%s: refused before %s is there: %v", name, there, err)
				}
				if err := os.WriteFile(filepath.Join(alone, there), nil, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			var exists *lifecycle.ExistsError
			if err := files.Refuse(alone); !errors.As(err, &exists) || exists.Path != filepath.Join(alone, f.Name()) {
				t.Errorf("%s: %s alone is there: %v", name, f.Name(), err)
			}
		}
	}
}
