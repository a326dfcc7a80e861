package tikhonov

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
	"tessera/ranks"
)

// With image.balance = "observed" a frame of which one half is missing is cut into boxes
// with equal numbers of observed pixels. The solution is that of boxes of equal size.
func TestBalancedByObservedPixels(t *testing.T) {
	const rows, cols = 60, 44
	f := &imageio.Frame{Channels: 1, Rows: rows, Cols: cols, Data: make([]float64, rows*cols)}
	for i := range f.Data {
		f.Data[i] = math.Sin(float64(i%cols)/5) + math.Cos(float64(i/cols)/7)
		if i/cols >= rows/2 && i%7 > 0 {
			f.Data[i] = math.NaN()
		}
	}
	path := filepath.Join(t.TempDir(), "half.fits")
	if err := imageio.WriteFITS(path, f); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 2, 3, 4, 7} {
		var solutions [][]float64
		for _, balance := range []string{"none", frames.ByObserved} {
			dir, err := jobtest.Run(t, Load, n, fitsJob, fmt.Sprintf("image.path=%q", path), fmt.Sprintf("image.balance=%q", balance), "tikhonov.tolerance=1e-10")
			if err != nil {
				t.Fatal(err)
			}
			solutions = append(solutions, jobtest.ReadNpy(t, dir, "solution.npy"))
		}
		if d := jobtest.Farthest(solutions[0], solutions[1]); d > 1e-7 {
			t.Errorf("%d ranks: the solutions differ by %g", n, d)
		}
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(_ context.Context, comm ranks.Comm) error {
			o, err := frames.ReadObservation(comm, &frames.ImageSection{Path: path, Balance: frames.ByObserved}, nil)
			if err != nil {
				return err
			}
			load := []float64{0, 0} // number of observed pixels, and its negative
			for i := range o.Data {
				if !o.Weights.Missing(i) {
					load[0]++
					load[1]--
				}
			}
			if err := comm.Allreduce(load, load, ranks.Max); err != nil {
				return err
			}
			if e := -load[1] / load[0]; e < 0.85 { // least by most
				t.Errorf("%d ranks: the least loaded rank has %.3f of the observed pixels of the most loaded one", n, e)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
