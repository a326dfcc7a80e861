package scdl

import (
	"context"
	"fmt"
	"io"
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

	Scale       int              `json:"scale"`
	Rows        int              `json:"rows"` // of the result
	Cols        int              `json:"cols"`
	Channels    int              `json:"channels"`
	Peak        lifecycle.Number `json:"peak"` // value of white in the picture
	Atoms       int              `json:"atoms"`
	Consistency lifecycle.Number `json:"consistency"` // root mean square difference of the degraded result from the picture
	Learned     *pictureQuality  `json:"learned,omitempty"`
	RawAtoms    *pictureQuality  `json:"raw_atoms,omitempty"`
	Regression  *pictureQuality  `json:"linear_regression,omitempty"`
	Projected   *pictureQuality  `json:"bicubic_back_projected,omitempty"`
	Bicubic     *pictureQuality  `json:"bicubic,omitempty"`
	Iterations  int              `json:"iterations"` // of back-projection
	Seconds     predictSeconds   `json:"seconds"`
	PeakMemory  float64          `json:"peak_memory_mb"`
}

// pictureQuality compares the luminance with that of the truth; the peak is that of the picture.
type pictureQuality struct {
	PSNR lifecycle.Number `json:"psnr_db"`
	SSIM lifecycle.Number `json:"ssim"`
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
	r.m.Seconds.Predict, start = now-start, now
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
		to **pictureQuality
		x  []float64
	}{{&r.m.Learned, x}, {&r.m.RawAtoms, raw.Data}, {&r.m.Regression, linear.Data}, {&r.m.Projected, projected}, {&r.m.Bicubic, plain}} {
		psnr, err := r.strips.PSNR(c.x, r.truth[0])
		if err != nil {
			return err
		}
		ssim, err := r.strips.SSIM(c.x, r.truth[0])
		if err != nil {
			return err
		}
		*c.to = &pictureQuality{lifecycle.Number(psnr), lifecycle.Number(ssim)}
	}
	return nil
}

// write leaves the result. Collective.
func (r *upscaleRun) write(x, plain []float64) error {
	start := r.Comm.Wtime()
	return r.Finish(lifecycle.Ending{
		Write: func() error { return r.writePictures(x, plain) },
		Metrics: func(total, memory float64) any {
			m := r.m
			m.Scale, m.Rows, m.Cols = r.strips.Scale, r.strips.HighRows, r.strips.HighCols
			m.Channels, m.Atoms, m.Peak = max(1, len(r.low)-1), r.dict.Pair.Atoms, lifecycle.Number(r.peak)
			m.Iterations, m.PeakMemory = r.c.Image.BackProjection, memory
			m.Seconds.Write, m.Seconds.Total = r.Comm.Wtime()-start, total
			return m
		},
		Summary: r.summary,
	})
}

// upscaleFiles are all files that a run may leave.
func upscaleFiles() []string {
	return append(report.Names("panel"), "upscaled.png", "bicubic.png", upscaledName)
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
	if err := draw("upscaled.png", "learned", x, chroma, true); err != nil {
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
	return panel.Write(r.Path("panel"))
}

// summary writes the table at the end of a run.
func (r *upscaleRun) summary(w io.Writer) error {
	m, s := r.m, r.strips
	t := lifecycle.NewTable(w)
	t.Row("picture", "%d x %d to %d x %d, %d channels", s.Rows, s.Cols, s.HighRows, s.HighCols, m.Channels)
	t.Row("ranks", "%d, %s", m.Ranks, m.Transport)
	t.Row("dictionaries", "%d atoms, %s", m.Atoms, r.c.Code.Method)
	t.Row("consistency", "%.2g root mean square difference of the degraded result from the picture", m.Consistency)
	for _, q := range []struct {
		name string
		*pictureQuality
	}{
		{"learned", m.Learned}, {"raw samples as atoms", m.RawAtoms}, {"linear regression", m.Regression},
		{"bicubic, back-projected", m.Projected}, {"bicubic", m.Bicubic},
	} {
		if q.pictureQuality != nil {
			t.Row(q.name, "%.2f dB, SSIM %.4f", q.PSNR, q.SSIM)
		}
	}
	if m.Learned == nil {
		t.Row("quality", "not known without image.truth")
	}
	z := &m.Seconds
	t.Row("seconds", "%.2f read, %.2f predict, %.2f compare, %.2f write, %.2f in all", z.Read, z.Predict, z.Compare, z.Write, z.Total)
	t.Row("peak memory", "%.0f MB", m.PeakMemory)
	t.Row("written to", "%s", r.Dir)
	return t.Flush()
}
