package psf

import (
	"fmt"
	"math"
	"slices"

	"tessera/internal/imageio"
)

// mostPSF is the longest side of a single image that Info takes for a PSF.
const mostPSF = 128

// Info says how a job would read a file: as stamps or PSFs, and as the numbers of the PSFs of stamps; "" of a file that is neither.
func Info(path string) string {
	if s, err := imageio.StatStack(path); err == nil && s.Count > 0 && s.Square() == nil {
		if s.Count == 1 {
			if s.Rows > mostPSF {
				return ""
			}
			return fmt.Sprintf("  as one PSF for all stamps  %d x %d pixels (psf.path of psf)\n", s.Rows, s.Cols)
		}
		return fmt.Sprintf("  as stamps or PSFs  %d of %d x %d pixels (stack.path, stack.mask, stack.weights, stack.truth, psf.path and psf.start_path of psf; psf_model.path with psf_model.positions)\n", s.Count, s.Rows, s.Cols)
	}
	if t, _, err := imageio.SampleTable(path, 1); err != nil || t.Cols > 1 && t.Names == nil {
		return ""
	}
	index, err := readIndex(path, 0, math.MaxInt)
	if err != nil || len(index) == 0 {
		return ""
	}
	return fmt.Sprintf("  as PSFs of stamps  %d numbers from %d to %d (psf.index of psf)\n", len(index), slices.Min(index), slices.Max(index))
}
