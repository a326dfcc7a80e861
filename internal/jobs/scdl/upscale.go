package scdl

import (
	"cmp"
	"context"
	"io"
	"slices"

	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/ranks"
	"tessera/scdl"
)

// upscaleConfig is everything an scdl-upscale config may say.
type upscaleConfig struct {
	Job        string            `toml:"job"`
	Seed       uint64            `toml:"seed"`
	Dictionary dictionarySection `toml:"dictionary"`
	Image      smallSection      `toml:"image"`
	Code       codeSection       `toml:"code"`
	Output     dirSection        `toml:"output"`
}

// smallSection names the picture.
type smallSection struct {
	Path           string `toml:"path"`  // to upscale
	Truth          string `toml:"truth"` // one that is made small first and compared with; then path is not used
	BackProjection int    `toml:"back_projection"`
}

func defaultUpscale() upscaleConfig {
	return upscaleConfig{
		Seed: 1, Dictionary: dictionarySection{Dir: "out/scdl-grey"}, Image: smallSection{BackProjection: 10},
		Code: codeSection{Method: "ridge", Lambda: 0.5, Iterations: 200}, Output: dirSection{Dir: "out/upscale"},
	}
}

func LoadUpscale(f *config.File) *lifecycle.Job {
	c := defaultUpscale()
	f.Decode(&c)
	f.Want(c.Dictionary.Dir != "", "dictionary.dir", "a directory that an scdl-train job with pictures has written")
	f.Want(c.Image.Path != "" || c.Image.Truth != "", "image.path", "a picture, or in image.truth one that is made small first")
	if c.Image.Truth != "" {
		c.Image.Path = ""
	}
	f.Want(c.Image.BackProjection >= 0 && c.Image.BackProjection <= 1000, "image.back_projection", "0 to 1000 iterations")
	c.Code.check(f)
	f.Want(c.Output.Dir != "", "output.dir", "a directory")
	return &lifecycle.Job{
		Dir:    c.Output.Dir,
		Answer: "upscaled.npy",
		CheckFiles: func() error {
			checkMatrix(f, "dictionary.dir", c.Dictionary.Dir)
			frames.CheckFrame(f, "image.path", c.Image.Path)
			frames.CheckFrame(f, "image.truth", c.Image.Truth)
			return f.Err()
		},
		Run: lifecycle.Start(f, c.Output.Dir, c.Seed, func(ctx context.Context, base *lifecycle.Run) error {
			return (&upscaleRun{Run: base, c: &c, m: &upscaleMetrics{Record: base.Record()}}).run(ctx)
		}),
		Plan: func(_ context.Context, _ ranks.Comm, n int, _ lifecycle.Link) (*lifecycle.Plan, error) {
			s, err := imageio.Stat(cmp.Or(c.Image.Path, c.Image.Truth))
			if err != nil {
				return nil, err
			}
			p := &lifecycle.Plan{Ranks: n, MemoryBytes: 8 * float64(s.Channels*s.Rows*s.Cols/n)}
			p.Row("picture", "%d x %d x %d, its rows on %d ranks", s.Channels, s.Rows, s.Cols, n)
			return p, nil
		},
	}
}

// upscaleRun is the state of one rank of an scdl-upscale job.
type upscaleRun struct {
	*lifecycle.Run
	c      *upscaleConfig
	m      *upscaleMetrics
	dict   *dictionary
	strips *scdl.Strips
	low    []plane // this rank's rows: luminance, then, of a colour picture, what each channel has more than it
	truth  []plane // likewise; nil if not known
}

// plane is this rank's rows of one number a pixel.
type plane = []float64

// upscaleMetrics is metrics.json of an scdl-upscale job.
type upscaleMetrics struct {
	lifecycle.Record

	Scale       int              `json:"scale"`
	Rows        int              `json:"rows"` // of the result
	Cols        int              `json:"cols"`
	Channels    int              `json:"channels"`
	Atoms       int              `json:"atoms"`
	Consistency lifecycle.Number `json:"consistency"` // rms difference of the result, made small, from the picture
	Learned     *pictureQuality  `json:"learned,omitempty"`
	RawAtoms    *pictureQuality  `json:"raw_atoms,omitempty"`
	Regression  *pictureQuality  `json:"linear_regression,omitempty"`
	Projected   *pictureQuality  `json:"bicubic_back_projected,omitempty"`
	Bicubic     *pictureQuality  `json:"bicubic,omitempty"`
	Seconds     upscaleSeconds   `json:"seconds"`
}

type upscaleSeconds struct {
	Predict float64 `json:"predict"` // the result, with back-projection
	Compare float64 `json:"compare"` // the baselines
	Total   float64 `json:"total"`
}

// pictureQuality is that of the luminance, for a peak of 1.
type pictureQuality struct {
	PSNR lifecycle.Number `json:"psnr_db"`
	SSIM lifecycle.Number `json:"ssim"`
}

func (r *upscaleRun) run(ctx context.Context) error {
	r.Progress.Phase("picture")
	if err := r.read(); err != nil {
		return err
	}
	start := r.Comm.Wtime()
	x, err := r.upscale(ctx, "predicting", r.dict.Pair)
	if err != nil {
		return err
	}
	r.m.Consistency = lifecycle.Number(x.Consistency)
	r.m.Seconds.Predict = r.Comm.Wtime() - start
	start = r.Comm.Wtime()
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

// upscale predicts by a pair of dictionaries. Collective.
func (r *upscaleRun) upscale(ctx context.Context, phase string, p *scdl.Pair) (*scdl.Upscaled, error) {
	predict, err := p.Predictor(r.c.Code.code())
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

// compare judges the result and the baselines, which are back-projected as it is, but
// for plain bicubic interpolation. Collective.
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

// write leaves the result.
func (r *upscaleRun) write(x, plain []float64) error {
	return r.Finish(lifecycle.Ending{
		Files: []string{"upscaled.png", "bicubic.png", "panel.png", "upscaled.npy"},
		Write: func() error { return r.writePictures(x, plain) },
		Metrics: func(total, _ float64) any {
			m := r.m
			m.Scale, m.Rows, m.Cols = r.strips.Scale, r.strips.HighRows, r.strips.HighCols
			m.Channels, m.Atoms = max(1, len(r.low)-1), r.dict.Pair.Atoms
			m.Seconds.Total = total
			return m
		},
		Summary: r.summary,
	})
}

// writePictures gathers and writes one picture after the other, so that rank 0 holds no
// more than one whole frame at a time. Collective.
func (r *upscaleRun) writePictures(x, plain []float64) error {
	stretch := imageio.Linear(0, 1)
	var panels []imageio.Panel
	var detail imageio.Box
	draw := func(name string, luminance plane, rest []plane, data bool) error {
		f, err := r.gather(luminance, rest)
		if err != nil {
			return err
		}
		return ranks.OnRoot(r.Comm, func() error {
			if len(panels) == 0 {
				detail = busiest(f)
			}
			panels = append(panels, imageio.Panel{Frame: cutOut(f, detail), Stretch: stretch})
			if name == "" {
				return nil
			}
			if data {
				shape := []int{f.Channels, f.Rows, f.Cols}
				if f.Channels == 1 {
					shape = shape[1:]
				}
				if err := imageio.WriteNpy(r.Path("upscaled.npy"), shape, f.Data); err != nil {
					return err
				}
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
	if err := draw("bicubic.png", plain, chroma, false); err != nil {
		return err
	}
	if err := draw("upscaled.png", x, chroma, true); err != nil {
		return err
	}
	if r.truth != nil {
		if err := draw("", r.truth[0], r.truth[1:], false); err != nil {
			return err
		}
	}
	if r.Comm.Rank() != 0 {
		return nil
	}
	return imageio.WritePanels(r.Path("panel.png"), panels...)
}

func (r *upscaleRun) summary(w io.Writer) error {
	m, s := r.m, r.strips
	t := lifecycle.NewTable(w)
	t.Row("picture", "%d x %d to %d x %d, %d channels", s.Rows, s.Cols, s.HighRows, s.HighCols, m.Channels)
	t.Row("ranks", "%d, %s", m.Ranks, m.Transport)
	t.Row("dictionaries", "%d atoms, %s", m.Atoms, r.c.Code.Method)
	t.Row("made small", "%.2g from the picture (rms)", m.Consistency)
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
		t.Row("quality", "not known, nor that of bicubic, without image.truth")
	}
	t.Row("seconds", "%.2f predicting, %.2f comparing, %.2f in all", m.Seconds.Predict, m.Seconds.Compare, m.Seconds.Total)
	t.Row("written to", "%s", r.Dir)
	return t.Flush()
}
