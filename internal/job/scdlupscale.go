package job

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"tessera/internal/config"
	"tessera/internal/imageio"
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

func loadUpscale(f *config.File) *Job {
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
	return &Job{
		Dir: c.Output.Dir,
		CheckFiles: func() error {
			checkMatrix(f, "dictionary.dir", c.Dictionary.Dir)
			checkFrame(f, "image.path", c.Image.Path)
			checkFrame(f, "image.truth", c.Image.Truth)
			return f.Err()
		},
		Run: func(ctx context.Context, comm ranks.Comm, env Env) error {
			return logged(comm, c.Output.Dir, func(log *slog.Logger) error {
				if comm.Rank() == 0 {
					defer env.Progress.Done()
				}
				r := &upscaleRun{comm: comm, env: env, c: &c, began: comm.Wtime(), m: &upscaleMetrics{}}
				r.m.provenance = newProvenance(comm, env, c.Seed)
				r.m.ConfigFile, r.m.Config = f.Name(), sections(f.Values())
				return r.run(ctx)
			})
		},
		Plan: func(_ context.Context, _ ranks.Comm, w io.Writer, n int, _ Link) error {
			s, err := imageio.Stat(cmp.Or(c.Image.Path, c.Image.Truth))
			if err == nil {
				_, err = fmt.Fprintf(w, "picture  %d x %d x %d, its rows on %d ranks\n", s.Channels, s.Rows, s.Cols, n)
			}
			return err
		},
	}
}

// upscaleRun is the state of one rank of an scdl-upscale job.
type upscaleRun struct {
	comm   ranks.Comm
	env    Env
	c      *upscaleConfig
	began  float64
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
	provenance

	Scale       int              `json:"scale"`
	Rows        int              `json:"rows"` // of the result
	Cols        int              `json:"cols"`
	Channels    int              `json:"channels"`
	Atoms       int              `json:"atoms"`
	Consistency number           `json:"consistency"` // rms difference of the result, made small, from the picture
	Learned     *pictureQuality  `json:"learned,omitempty"`
	RawAtoms    *pictureQuality  `json:"raw_atoms,omitempty"`
	Regression  *pictureQuality  `json:"linear_regression,omitempty"`
	Projected   *pictureQuality  `json:"bicubic_back_projected,omitempty"`
	Bicubic     *pictureQuality  `json:"bicubic,omitempty"`
	Seconds     scdlApplySeconds `json:"seconds"`
	ConfigFile  string           `json:"config_file"`
	Config      any              `json:"config"`
}

type scdlApplySeconds struct {
	Predict float64 `json:"predict"` // the result, with back-projection
	Compare float64 `json:"compare"` // the baselines
	Total   float64 `json:"total"`
}

// pictureQuality is that of the luminance, for a peak of 1.
type pictureQuality struct {
	PSNR number `json:"psnr_db"`
	SSIM number `json:"ssim"`
}

func (r *upscaleRun) run(ctx context.Context) error {
	r.env.Progress.Phase("picture")
	if err := r.read(); err != nil {
		return err
	}
	start := r.comm.Wtime()
	x, err := r.upscale(ctx, "predicting", r.dict.Pair)
	if err != nil {
		return err
	}
	r.m.Consistency = number(x.Consistency)
	r.m.Seconds.Predict = r.comm.Wtime() - start
	start = r.comm.Wtime()
	plain, err := r.strips.Bicubic(r.low[0])
	if err != nil {
		return err
	}
	if r.truth != nil {
		if err := r.compare(ctx, x.Data, plain); err != nil {
			return err
		}
	}
	r.m.Seconds.Compare = r.comm.Wtime() - start
	return r.write(x.Data, plain)
}

// upscale predicts by a pair of dictionaries. Collective.
func (r *upscaleRun) upscale(ctx context.Context, phase string, p *scdl.Pair) (*scdl.Upscaled, error) {
	predict, err := p.Predictor(r.c.Code.code())
	if err := ranks.AgreeError(r.comm, err); err != nil {
		return nil, err
	}
	r.env.Progress.Phase(phase)
	o := r.options()
	o.Progress = func(p scdl.Progress) { r.env.Progress.Count(phase, p.Iteration, p.Of, "rows of patches") }
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
		*c.to = &pictureQuality{number(psnr), number(ssim)}
	}
	return nil
}

// write gathers and writes one picture after the other, so that rank 0 holds no more
// than one whole frame at a time, and metrics.json last of all. Collective.
func (r *upscaleRun) write(x, plain []float64) error {
	dir, m := r.c.Output.Dir, r.m
	r.env.Progress.Phase("writing " + dir)
	err := onRoot(r.comm, func() error {
		return clearResult(dir, "upscaled.png", "bicubic.png", "panel.png", "upscaled.npy")
	})
	if err != nil {
		return err
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	stretch := imageio.Linear(0, 1)
	var panels []imageio.Panel
	var detail imageio.Box
	draw := func(name string, luminance plane, rest []plane, data bool) error {
		f, err := r.gather(luminance, rest)
		if err != nil {
			return err
		}
		return onRoot(r.comm, func() error {
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
				if err := imageio.WriteNpy(in("upscaled.npy"), shape, f.Data); err != nil {
					return err
				}
			}
			return imageio.WritePNG(in(name), f, stretch)
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
	return onRoot(r.comm, func() error {
		if err := imageio.WritePanels(in("panel.png"), panels...); err != nil {
			return err
		}
		m.Scale, m.Rows, m.Cols = r.strips.Scale, r.strips.HighRows, r.strips.HighCols
		m.Channels, m.Atoms = max(1, len(r.low)-1), r.dict.Pair.Atoms
		m.Seconds.Total = r.comm.Wtime() - r.began
		if err := writeMetrics(dir, m); err != nil {
			return err
		}
		r.env.Progress.Done()
		return r.summary(r.env.Summary)
	})
}

func (r *upscaleRun) summary(w io.Writer) error {
	if w == nil {
		return nil
	}
	m, s := r.m, r.strips
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "picture\t%d x %d to %d x %d, %d channels\n", s.Rows, s.Cols, s.HighRows, s.HighCols, m.Channels)
	fmt.Fprintf(t, "ranks\t%d, %s\n", m.Ranks, m.Transport)
	fmt.Fprintf(t, "dictionaries\t%d atoms, %s\n", m.Atoms, r.c.Code.Method)
	fmt.Fprintf(t, "made small\t%.2g from the picture (rms)\n", m.Consistency)
	for _, q := range []struct {
		name string
		*pictureQuality
	}{
		{"learned", m.Learned}, {"raw samples as atoms", m.RawAtoms}, {"linear regression", m.Regression},
		{"bicubic, back-projected", m.Projected}, {"bicubic", m.Bicubic},
	} {
		if q.pictureQuality != nil {
			fmt.Fprintf(t, "%s\t%.2f dB, SSIM %.4f\n", q.name, q.PSNR, q.SSIM)
		}
	}
	if m.Learned == nil {
		fmt.Fprintf(t, "quality\tnot known, nor that of bicubic, without image.truth\n")
	}
	fmt.Fprintf(t, "seconds\t%.2f predicting, %.2f comparing, %.2f in all\n", m.Seconds.Predict, m.Seconds.Compare, m.Seconds.Total)
	fmt.Fprintf(t, "written to\t%s\n", r.c.Output.Dir)
	return t.Flush()
}
