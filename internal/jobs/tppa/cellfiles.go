package tppa

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/simulate"
	"tessera/ranks"
)

// CellFiles are pictures of cells and what a microscope sees of them: truth.npy and
// observed.npy, (count, rows, cols), and psf.npy.
type CellFiles struct {
	Seed       uint64
	Count      int
	Rows, Cols int     // pixels
	Size       int     // side of the PSF in pixels, odd
	Variance   float64 // of the Gaussian PSF, pixels^2
	SNR        float64 // of the noise, dB: 20 log10(rms of the blurred picture / standard deviation)
}

// Check says what is wrong with the fields, by the names of the flags.
func (c *CellFiles) Check() error {
	switch {
	case c.Count < 1 || c.Count > 1<<24:
		return fmt.Errorf("-count %d, want 1 to %d pictures", c.Count, 1<<24)
	case c.Rows < 8 || c.Cols < 8 || c.Rows > 1<<14 || c.Cols > 1<<14:
		return fmt.Errorf("-rows %d -cols %d, want 8 to %d pixels", c.Rows, c.Cols, 1<<14)
	case c.Size < 1 || c.Size%2 == 0 || c.Size > 63:
		return fmt.Errorf("-psf-size %d, want an odd number of pixels up to 63", c.Size)
	case !(c.Variance > 0) || c.Variance > 1000:
		return fmt.Errorf("-variance %g, want more than 0 and at most 1000 pixels^2", c.Variance)
	case math.IsNaN(c.SNR) || c.SNR < -20 || c.SNR > 200:
		return fmt.Errorf("-snr-db %g, want -20 to 200 dB", c.SNR)
	}
	return nil
}

// Refuse returns a *lifecycle.ExistsError if the directory holds one of the files.
func (c *CellFiles) Refuse(dir string) error {
	return lifecycle.RefuseFiles(dir, "observed.npy", "truth.npy", "psf.npy")
}

// Pair is picture k and what is seen of it with a reflecting border, rows x cols each. comm is a
// world of one.
func (c *CellFiles) Pair(comm ranks.Comm, k int) (truth, observed []float64, err error) {
	truth = simulate.Cells{Seed: c.Seed, Rows: c.Rows, Cols: c.Cols}.Draw(k)
	frame, err := halo.Decompose([]int{c.Rows, c.Cols}, 1)
	if err != nil {
		return nil, nil, err
	}
	psf, err := forward.Gaussian(c.Size, math.Sqrt(c.Variance))
	if err != nil {
		return nil, nil, err
	}
	h, err := forward.NewBlur(comm, frame, 1, psf, halo.Reflect)
	if err != nil {
		return nil, nil, err
	}
	observed = make([]float64, len(truth))
	if err := h.Apply(observed, truth); err != nil {
		return nil, nil, err
	}
	energy := 0.0
	for _, v := range observed {
		energy += v * v
	}
	sigma := math.Sqrt(energy/float64(len(observed))) * math.Pow(10, -c.SNR/20)
	simulate.AddNoise(observed, 1, simulate.Box{R1: c.Rows, C1: c.Cols}, c.Cols, c.Seed+uint64(k)*0x9e3779b97f4a7c15, sigma)
	return truth, observed, nil
}

// Write draws the pictures on all ranks and writes them on rank 0, which holds one picture of
// every rank at a time. The bytes do not depend on the number of ranks. Collective; the
// error is the same on all ranks.
func (c *CellFiles) Write(ctx context.Context, comm ranks.Comm, dir string) error {
	alone, err := comm.Split(comm.Rank(), 0)
	if err != nil {
		return err
	}
	var files [2]*imageio.StackWriter
	defer func() {
		for _, w := range files {
			if w != nil {
				w.Abort()
			}
		}
	}()
	err = ranks.OnRoot(comm, func() (err error) {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
		psf, err := forward.Gaussian(c.Size, math.Sqrt(c.Variance))
		if err != nil {
			return err
		}
		if err := imageio.WriteNpy(filepath.Join(dir, "psf.npy"), []int{c.Size, c.Size}, psf.Values); err != nil {
			return err
		}
		for i, name := range []string{"truth.npy", "observed.npy"} {
			if files[i], err = imageio.CreateStack(filepath.Join(dir, name), c.Count, c.Rows, c.Cols, false, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	n := c.Rows * c.Cols
	counts := make([]int, comm.Size())
	for at := 0; at < c.Count; at += comm.Size() {
		for r := range counts {
			counts[r] = 0
			if at+r < c.Count {
				counts[r] = 2 * n
			}
		}
		var mine, all []float64
		if k := at + comm.Rank(); k < c.Count {
			var truth, observed []float64
			if truth, observed, err = c.Pair(alone, k); err == nil {
				mine = append(truth, observed...)
			}
		}
		if err == nil {
			err = ctx.Err()
		}
		if err := ranks.AgreeError(comm, err); err != nil {
			return err
		}
		if comm.Rank() == 0 {
			all = make([]float64, 2*n*min(comm.Size(), c.Count-at))
		}
		if err := comm.Gatherv(all, counts, mine, 0); err != nil {
			return err
		}
		err := ranks.OnRoot(comm, func() error {
			for ; len(all) > 0; all = all[2*n:] {
				for i := range files {
					if err := files[i].Write(all[i*n : (i+1)*n]); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return ranks.OnRoot(comm, func() error { return errors.Join(files[0].Close(), files[1].Close()) })
}
