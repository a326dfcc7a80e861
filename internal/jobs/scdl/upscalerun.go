package scdl

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/ranks"
	"tessera/scdl"
)

// upscaleRun is the state of one rank of an scdl-upscale job.
type upscaleRun struct {
	*lifecycle.Run
	c      *upscaleSettings
	m      *upscaleMetrics
	dict   *dictionary
	strips *scdl.Strips
	low    []plane // the luminance; of a colour picture then also each channel minus the luminance; in units of peak
	truth  []plane // as low, in high pixels; nil if not known
	peak   float64 // of the picture's values: white
	lower  bool    // rank 0: pictures have row 0 at the bottom
	unit   float64 // largest absolute value of the luminance, in units of peak
}

// plane is this rank's rows of one number for each pixel.
type plane = []float64

// upscaleMetrics is metrics.json of an scdl-upscale job.
type upscaleMetrics struct {
	lifecycle.Record

	Factor      int              `json:"factor"`
	Rows        int              `json:"rows"` // of the result
	Cols        int              `json:"cols"`
	Channels    int              `json:"channels"`
	Peak        lifecycle.Number `json:"peak"` // value of white in the picture
	Atoms       int              `json:"atoms"`
	Consistency lifecycle.Number `json:"consistency"` // root mean square difference of the degraded result from the picture
}

func (r *upscaleRun) run(ctx context.Context) error {
	start := r.Comm.Wtime()
	r.Progress.Phase("picture")
	if err := r.read(); err != nil {
		return err
	}
	if err := ranks.AgreeError(r.Comm, ctx.Err()); err != nil {
		return err
	}
	now := r.Comm.Wtime()
	r.m.Seconds.Read, start = now-start, now
	stop := ranks.Measure(r.Comm)
	x, err := r.upscale(ctx, "predicting", r.dict.Pair)
	work := stop()
	if err != nil {
		return err
	}
	r.m.Consistency = lifecycle.Number(x.Consistency * r.peak)
	if err := r.account(work); err != nil {
		return err
	}
	now = r.Comm.Wtime()
	r.m.Seconds.Solve, start = now-start, now
	plain, err := r.strips.Bicubic(r.low[0])
	if err != nil {
		return err
	}
	if r.truth != nil {
		if err := r.compare(ctx, x.Data, plain); err != nil {
			return err
		}
	}
	r.m.Seconds.Compare = r.Comm.Wtime() - start
	return r.write(x.Data, plain)
}

// account tells rank 0 what the ranks did: owned are low pixels, the halo those that come
// from the neighbours. Collective.
func (r *upscaleRun) account(work ranks.Work) (err error) {
	s := r.strips
	mine := s.Low().Owned(r.Comm.Rank())
	reach, _ := s.Reach()
	halo := 0
	if !mine.Empty() {
		halo = (min(s.Rows, mine.Hi[0]+reach) - max(0, mine.Lo[0]-reach)) - (mine.Hi[0] - mine.Lo[0])
	}
	owned := float64(mine.Size())
	r.m.RanksDid, err = lifecycle.Accounts(r.Comm, work, owned, float64(halo*s.Cols), owned)
	return err
}

// upscale predicts by a pair of dictionaries. Collective.
func (r *upscaleRun) upscale(ctx context.Context, phase string, p *scdl.Pair) (*scdl.Upscaled, error) {
	predict, err := p.Predictor(r.c.Code.code(r.unit))
	if err := ranks.AgreeError(r.Comm, err); err != nil {
		return nil, err
	}
	r.Progress.Phase(phase)
	o := r.options()
	o.Progress = func(p scdl.Progress) { r.Progress.Count(phase, p.Iteration, p.Of, "rows of patches") }
	return scdl.Upscale(ctx, r.strips, r.low[0], predict, o)
}

func (r *upscaleRun) options() scdl.UpscaleOptions {
	return scdl.UpscaleOptions{BackProjection: r.c.Image.BackProjection}
}

// compare evaluates the result x and the baselines. They are back-projected as the result
// is, except for plain, which is bicubic interpolation alone. Collective.
func (r *upscaleRun) compare(ctx context.Context, x, plain []float64) error {
	raw, err := r.upscale(ctx, "raw samples as atoms", r.dict.Raw)
	if err != nil {
		return err
	}
	linear, err := scdl.Upscale(ctx, r.strips, r.low[0], r.dict.Linear.Predict, r.options())
	if err != nil {
		return err
	}
	projected := slices.Clone(plain)
	if _, err := r.strips.BackProject(ctx, projected, r.low[0], r.c.Image.BackProjection); err != nil {
		return err
	}
	for _, c := range []struct {
		name string
		x    []float64
	}{{lifecycle.AnswerColumn, x}, {rawColumn, raw.Data}, {linearColumn, linear.Data}, {"bicubic_back_projected", projected}, {"bicubic", plain}} {
		psnr, err := r.strips.PSNR(c.x, r.truth[0])
		if err != nil {
			return err
		}
		ssim, err := r.strips.SSIM(c.x, r.truth[0])
		if err != nil {
			return err
		}
		r.m.Measured(c.name, &lifecycle.Quality{PSNR: lifecycle.Some(psnr), SSIM: lifecycle.Some(ssim)})
	}
	return nil
}

// judge notes how the luminance of the result x agrees with that of the picture: the residual is
// that of the degraded result, and a pixel of the picture has the light of Scale x Scale of the
// result. Collective.
func (r *upscaleRun) judge(x []float64) error {
	ends := []float64{math.Inf(-1), math.Inf(-1)} // of the picture: the largest value, and the least with the sign changed
	sums := make([]float64, 5)                    // flux of the picture and of the result; values of the result, below, above
	for _, v := range r.low[0] {
		ends[0], ends[1] = max(ends[0], v), max(ends[1], -v)
		sums[0] += v
	}
	if err := r.Comm.Allreduce(ends, ends, ranks.Max); err != nil {
		return err
	}
	for _, v := range x {
		sums[1] += v
		sums[2]++
		if v < -ends[1] {
			sums[3]++
		}
		if v > ends[0] {
			sums[4]++
		}
	}
	if err := r.Comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	area := float64(r.strips.Scale * r.strips.Scale)
	r.m.Fit = &lifecycle.Fit{
		ResidualRMS: r.m.Consistency, Below: lifecycle.Some(sums[3] / sums[2]), Above: lifecycle.Some(sums[4] / sums[2]),
		FluxData: lifecycle.Some(sums[0] * r.peak), FluxAnswer: lifecycle.Some(sums[1] * r.peak / area),
	}
	return nil
}

// write leaves the result. Collective.
func (r *upscaleRun) write(x, plain []float64) error {
	if err := r.judge(x); err != nil {
		return err
	}
	m := r.m
	m.Factor, m.Rows, m.Cols = r.strips.Scale, r.strips.HighRows, r.strips.HighCols
	m.Channels, m.Atoms, m.Peak = max(1, len(r.low)-1), r.dict.Pair.Atoms, lifecycle.Number(r.peak)
	m.Iterations = r.c.Image.BackProjection
	m.Source = cmp.Or(r.c.Image.Path, r.c.Image.Truth)
	return r.Finish(lifecycle.Ending{
		Write:   func() error { return r.writePictures(x, plain) },
		Metrics: m,
	})
}

// upscaleFiles are all files that a run may leave.
func upscaleFiles() []string {
	return append([]string{upscaledName, "solution.png", "bicubic.png"}, report.Names("panel")...)
}

// writePictures gathers and writes one picture after the other, so that rank 0 holds one
// whole picture at a time. Collective.
func (r *upscaleRun) writePictures(x, plain []float64) error {
	stretch := imageio.Linear(0, 1)
	var images []report.Image
	var detail imageio.Box
	draw := func(name, title string, luminance plane, rest []plane, data bool) error {
		f, err := r.gather(luminance, rest)
		if err != nil {
			return err
		}
		return ranks.OnRoot(r.Comm, func() error {
			if len(images) == 0 {
				detail = busiest(f)
			}
			images = append(images, report.Image{Title: title, Frame: cutOut(f, detail)})
			if name == "" {
				return nil
			}
			if data {
				shape := []int{f.Channels, f.Rows, f.Cols}
				if f.Channels == 1 {
					shape = shape[1:]
				}
				values := slices.Clone(f.Data)
				for i := range values {
					values[i] *= r.peak
				}
				if err := imageio.WriteNpy(r.Path(upscaledName), shape, values); err != nil {
					return err
				}
			}
			if r.lower {
				f = f.Flipped()
			}
			return imageio.WritePNG(r.Path(name), f, stretch)
		})
	}
	var chroma []plane
	for _, c := range r.low[1:] {
		wide, err := r.strips.Bicubic(c)
		if err != nil {
			return err
		}
		chroma = append(chroma, wide)
	}
	if err := draw("bicubic.png", "bicubic interpolation", plain, chroma, false); err != nil {
		return err
	}
	if err := draw("solution.png", "learned", x, chroma, true); err != nil {
		return err
	}
	if r.truth != nil {
		if err := draw("", "truth", r.truth[0], r.truth[1:], false); err != nil {
			return err
		}
	}
	if r.Comm.Rank() != 0 {
		return nil
	}
	_, path := r.c.picture()
	s := r.strips
	white := "intensity (1 = white)"
	if r.peak != 1 {
		white = fmt.Sprintf("intensity (1 = %.4g in the file)", r.peak)
	}
	panel := report.Panel{
		Title: fmt.Sprintf("%s, %d x %d pixels upscaled to %d x %d", filepath.Base(path), s.Rows, s.Cols, s.HighRows, s.HighCols),
		Notes: []string{fmt.Sprintf("Crop: rows %d to %d and columns %d to %d, the part with the most detail.", detail.R0, detail.R1-1, detail.C0, detail.C1-1), frames.RowNote(r.lower)}, Lower: r.lower,
		X: report.Pixels("column (pixel)", detail.C0, detail.C1-detail.C0), Y: report.Pixels("row (pixel)", detail.R0, detail.R1-detail.R0),
		Images: images, Scales: []report.Scale{{Label: white, Stretch: stretch}},
	}
	return panel.Write(r.Path("panel"), r.Figures()...)
}

// Report adds the rows of the table at the end of a run that this job alone has.
func (m *upscaleMetrics) Report(t *lifecycle.Table) {
	t.Row("picture", "%s", m.Source)
	t.Row("", "%d x %d to %d x %d, %d channels", m.Rows/m.Factor, m.Cols/m.Factor, m.Rows, m.Cols, m.Channels)
	t.Row("dictionaries", "%d atoms", m.Atoms)
	t.Row("consistency", "%.2g root mean square difference of the degraded result from the picture", m.Consistency)
	if m.Quality == nil {
		t.Row("quality", "not known without image.truth")
	}
}
