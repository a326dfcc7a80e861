package psf

import (
	"fmt"
	"math"
	"strings"

	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/psf"
	"tessera/ranks"
)

// took notes what was read from each file. Collective.
func (r *run) took() error {
	return ranks.OnRoot(r.Comm, func() error {
		c, s := r.c, r.s
		for _, f := range []struct {
			path string
			fill func(in *lifecycle.Input, st *imageio.Stack)
		}{
			{c.Stack.Path, r.tookStack}, {c.Stack.Mask, r.tookMask}, {c.Stack.Weights, r.tookWeights}, {c.PSF.Path, r.tookPSFs},
			{c.Stack.Truth, r.tookTruth}, {c.PSF.StartPath, nil},
		} {
			if f.path == "" {
				continue
			}
			st, err := imageio.StatStack(f.path)
			if err != nil {
				return err
			}
			in := lifecycle.Input{
				File: f.path, Part: fmt.Sprintf("%s %s, %s", st.Format, st.Type, st.Part),
				Axes: fmt.Sprintf("%d stamps of %d rows x %d columns", st.Count, st.Rows, st.Cols),
			}
			in.Units, _ = st.Header.Get("BUNIT")
			if f.fill != nil {
				f.fill(&in, st)
			}
			r.Took(in)
		}
		if c.PSF.Index != "" {
			r.Took(lifecycle.Input{File: c.PSF.Index, Axes: fmt.Sprintf("%d rows: the number of the PSF of each stamp, from 0", s.Total)})
		}
		return nil
	})
}

func (r *run) tookStack(in *lifecycle.Input, _ *imageio.Stack) {
	m, s := &r.s.missing, r.s
	in.Missing = "no pixel is missing"
	if n := m.nan + m.masked + m.zero; n > 0 {
		taken := 0
		if s.found != nil {
			taken = s.found.Missing
		}
		in.Missing = fmt.Sprintf("%d of %d pixels are missing: %d not finite, %d in the mask, %d of weight 0", n, s.Total*s.Side*s.Side, m.nan-taken, m.masked, m.zero)
		if n == 1 {
			in.Missing = strings.Replace(in.Missing, "pixels are", "pixels is", 1)
		}
		if taken > 0 {
			in.Missing += fmt.Sprintf(", %d by the rule for outliers", taken)
		}
	}
	if m.blank > 0 {
		in.Missing += fmt.Sprintf("; stamps without an observed pixel, restored as 0: %d", m.blank)
	}
	frames.DescribeOutliers(in, s.outliers)
	s.found.Warn(r.Run, in.File)
	if m.blank > 0 {
		r.Warning(fmt.Sprintf("%s: stamps without an observed pixel: %d; they are restored as 0", in.File, m.blank))
	}
}

func (r *run) tookMask(in *lifecycle.Input, _ *imageio.Stack) {
	in.Mask = fmt.Sprintf("0 or NaN = masked, %d pixels", r.s.missing.maskedInAll)
}

func (r *run) tookWeights(in *lifecycle.Input, _ *imageio.Stack) {
	in.Mask = "relative weights: divided by the median of those that are not 0; 0 or NaN = missing"
	if r.c.PSF.Noise == string(psf.FromWeights) {
		in.Mask = "inverse variances of the noise; 0 or NaN = missing"
	}
	frames.DescribeOutliers(in, r.s.weightsText)
	r.s.weightsFound.Warn(r.Run, in.File)
	if r.s.weightsHeavy != "" {
		r.Warning(r.s.weightsHeavy)
	}
}

func (r *run) tookTruth(in *lifecycle.Input, _ *imageio.Stack) {
	frames.DescribeOutliers(in, r.s.truthText)
}

// farCentroid is how far from the centre, in pixels along an axis, the centroid of a PSF
// may be without a word.
const farCentroid = 0.25

func (r *run) tookPSFs(in *lifecycle.Input, st *imageio.Stack) {
	s := r.s
	in.Axes = fmt.Sprintf("%d PSFs of %d rows x %d columns", st.Count, st.Rows, st.Cols)
	centre, shift := s.PSFSide/2, 0
	if s.evenSide > 0 {
		centre = s.evenSide/2 - 1
		if r.c.PSF.Centre == centreHalf {
			centre++
		}
		shift = s.PSFSide/2 - centre
		in.Note = fmt.Sprintf("even side: the centre is the pixel (%d, %d), counted from 0, as psf.centre = %q says", centre, centre, r.c.PSF.Centre)
	}
	if len(s.PSFs) == 0 {
		return // rank 0 has no stamps
	}
	row, col := centroid(s.PSFSide, s.PSFs)
	if row, col = row-float64(s.PSFSide/2), col-float64(s.PSFSide/2); max(math.Abs(row), math.Abs(col)) <= farCentroid {
		return
	}
	text := fmt.Sprintf("the centroid of the first PSF is %+.2f rows and %+.2f columns from the pixel (%d, %d), its centre: stamps that show galaxies where they are seen come out shifted by as much the other way",
		row, col, centre, centre)
	if other := float64(2*shift - 1); s.evenSide > 0 && max(math.Abs(row-other), math.Abs(col-other)) <= farCentroid {
		text += fmt.Sprintf("; psf.centre = %q takes the pixel of the centroid", map[string]string{centreSame: centreHalf, centreHalf: centreSame}[r.c.PSF.Centre])
	}
	if in.Note != "" {
		in.Note += "; "
	}
	in.Note += text
}

// centroid is the mean row and column of the first of some PSFs, side x side.
func centroid(side int, psfs []float64) (row, col float64) {
	sum := 0.0
	for i, v := range psfs[:side*side] {
		sum += v
		row += v * float64(i/side)
		col += v * float64(i%side)
	}
	return row / sum, col / sum
}
