package tppa

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"

	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
	"tessera/ranks"
)

// The files have the same bytes on any number of ranks; the noise is as asked for.
func TestCellFiles(t *testing.T) {
	c := CellFiles{Seed: 2, Count: 5, Rows: 40, Cols: 33, Size: 5, Variance: 2, SNR: 20}
	names := []string{"truth.npy", "observed.npy", "psf.npy"}
	var want [3][]byte
	for _, n := range []int{1, 2, 3, 4, 7} {
		dir := t.TempDir()
		jobtest.OnRanks(t, n, func(comm ranks.Comm) error { return c.Write(context.Background(), comm, dir) })
		for i, name := range names {
			got, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if n == 1 {
				want[i] = got
			} else if string(got) != string(want[i]) {
				t.Errorf("%d ranks: %s has other bytes", n, name)
			}
		}
		if n > 1 {
			continue
		}
		y, err := imageio.ReadNpy(filepath.Join(dir, "observed.npy"))
		if err != nil || len(y.Data) != 5*40*33 {
			t.Fatal(err)
		}
		quiet := c
		quiet.SNR = 200
		energy, noise := 0.0, 0.0
		jobtest.OnRanks(t, 1, func(comm ranks.Comm) error {
			for k := range c.Count {
				_, clean, err := quiet.Pair(comm, k)
				if err != nil {
					return err
				}
				for i, v := range clean {
					energy += v * v
					noise += (y.Data[k*len(clean)+i] - v) * (y.Data[k*len(clean)+i] - v)
				}
			}
			return nil
		})
		if db := 10 * math.Log10(energy/noise); math.Abs(db-20) > 0.5 {
			t.Errorf("the noise is %.2f dB below the pictures, want 20", db)
		}
	}
	for _, bad := range []CellFiles{{}, {Count: 1, Rows: 4, Cols: 40, Size: 5, Variance: 1}, {Count: 1, Rows: 40, Cols: 40, Size: 4, Variance: 1}, {Count: 1, Rows: 40, Cols: 40, Size: 5}} {
		if bad.Check() == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
