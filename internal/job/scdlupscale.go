package job

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"path/filepath"
	"text/tabwriter"

	"tessera/halo"
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
		Code: codeSection{Method: "ridge", Lambda: 1e-3, Iterations: 100}, Output: dirSection{Dir: "out/upscale"},
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
	comm       ranks.Comm
	env        Env
	c          *upscaleConfig
	began      float64
	m          *upscaleMetrics
	grid       scdl.Grid
	pair       *scdl.Pair
	low        []*scdl.Image // luminance, then, of a colour picture, what each channel has more than it
	truth      *scdl.Image   // nil if not known
	rows, cols int           // of the high picture
}

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
	Bicubic     *pictureQuality  `json:"bicubic,omitempty"`
	Seconds     scdlApplySeconds `json:"seconds"`
	ConfigFile  string           `json:"config_file"`
	Config      any              `json:"config"`
}

type scdlApplySeconds struct {
	Predict float64 `json:"predict"`
	Total   float64 `json:"total"`
}

// pictureQuality is that of the luminance, for a peak of 1.
type pictureQuality struct {
	PSNR number `json:"psnr_db"`
	SSIM number `json:"ssim"`
}

func judgePicture(x, truth *scdl.Image) *pictureQuality {
	return &pictureQuality{number(-20 * math.Log10(rmse(x.Data, truth.Data))), number(scdl.SSIM(x, truth))}
}

func (r *upscaleRun) run(ctx context.Context) error {
	r.env.Progress.Phase("picture")
	d, err := r.c.Dictionary.read(r.comm)
	if err == nil {
		err = onRoot(r.comm, func() error { return d.ofPictures(r.c.Dictionary.Dir) })
	}
	if err != nil {
		return err
	}
	r.pair, r.grid = d.Pair, d.Head.grid()
	if err := ranks.AgreeError(r.comm, r.read()); err != nil {
		return err
	}
	r.env.Progress.Phase("predicting")
	start := r.comm.Wtime()
	size := r.comm.Size()
	lo, hi := halo.Split(r.rows, size, r.comm.Rank())
	mine, err := r.grid.Predict(r.low[0], r.cols, lo, hi, func(low []float64) ([]float64, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return r.pair.Infer(low, r.c.Code.code())
	})
	if err := ranks.AgreeError(r.comm, err); err != nil {
		return err
	}
	counts := make([]int, size)
	for q := range counts {
		a, b := halo.Split(r.rows, size, q)
		counts[q] = (b - a) * r.cols
	}
	x := &scdl.Image{Rows: r.rows, Cols: r.cols}
	if r.comm.Rank() == 0 {
		x.Data = make([]float64, r.rows*r.cols)
	}
	if err := r.comm.Gatherv(x.Data, counts, mine, 0); err != nil {
		return err
	}
	r.m.Seconds.Predict = r.comm.Wtime() - start
	return onRoot(r.comm, func() error { return r.write(x) })
}

// read gets dictionaries and picture; every rank reads the files.
func (r *upscaleRun) read() error {
	frame, err := imageio.ReadFrame(cmp.Or(r.c.Image.Path, r.c.Image.Truth))
	if err != nil {
		return err
	}
	parts := chroma(frame)
	r.rows, r.cols = r.grid.Scale*frame.Rows, r.grid.Scale*frame.Cols
	if r.c.Image.Truth != "" {
		r.truth, r.rows, r.cols = parts[0], frame.Rows, frame.Cols
		for i, p := range parts {
			parts[i] = r.grid.Degrade(p)
		}
	}
	r.low = parts
	return nil
}

// chroma splits a picture into its luminance and, of three channels, what each has
// more than it. Missing pixels are black.
func chroma(f *imageio.Frame) []*scdl.Image {
	parts := []*scdl.Image{withoutColour(f)}
	n := f.Rows * f.Cols
	for c := 0; f.Channels == 3 && c < 3; c++ {
		p := &scdl.Image{Rows: f.Rows, Cols: f.Cols, Data: make([]float64, n)}
		for i := range n {
			if d := f.Data[c*n+i] - parts[0].Data[i]; !math.IsNaN(d) {
				p.Data[i] = d
			}
		}
		parts = append(parts, p)
	}
	return parts
}

// colour puts a luminance together with the channels' differences, interpolated.
func (r *upscaleRun) colour(x *scdl.Image) *imageio.Frame {
	f := &imageio.Frame{Channels: 1, Rows: x.Rows, Cols: x.Cols, Data: x.Data}
	if len(r.low) == 1 {
		return f
	}
	f.Channels, f.Data = 3, nil
	for _, p := range r.low[1:] {
		d := r.grid.Bicubic(p, x.Rows, x.Cols).Data
		for i := range d {
			d[i] += x.Data[i]
		}
		f.Data = append(f.Data, d...)
	}
	return f
}

// write finishes the picture and leaves it beside what bicubic makes of it.
func (r *upscaleRun) write(x *scdl.Image) error {
	dir, m := r.c.Output.Dir, r.m
	y := r.low[0]
	m.Consistency = number(r.grid.BackProject(x, y, r.c.Image.BackProjection))
	plain := r.grid.Bicubic(y, r.rows, r.cols)
	if r.truth != nil {
		m.Learned, m.Bicubic = judgePicture(x, r.truth), judgePicture(plain, r.truth)
	}
	r.env.Progress.Phase("writing " + dir)
	if err := clearResult(dir, "upscaled.png", "bicubic.png", "panel.png", "upscaled.npy"); err != nil {
		return err
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	stretch := imageio.Linear(0, 1)
	result, other := r.colour(x), r.colour(plain)
	panels := []imageio.Panel{{Frame: middle(other), Stretch: stretch}, {Frame: middle(result), Stretch: stretch}}
	if r.truth != nil {
		panels = append(panels, imageio.Panel{Frame: middle(r.colour(r.truth)), Stretch: stretch})
	}
	shape := []int{result.Channels, result.Rows, result.Cols}
	if result.Channels == 1 {
		shape = shape[1:]
	}
	for _, step := range []func() error{
		func() error { return imageio.WriteNpy(in("upscaled.npy"), shape, result.Data) },
		func() error { return imageio.WritePNG(in("upscaled.png"), result, stretch) },
		func() error { return imageio.WritePNG(in("bicubic.png"), other, stretch) },
		func() error { return imageio.WritePanels(in("panel.png"), panels...) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	m.Scale, m.Rows, m.Cols, m.Channels, m.Atoms = r.grid.Scale, r.rows, r.cols, result.Channels, r.pair.Atoms
	m.Seconds.Total = r.comm.Wtime() - r.began
	if err := writeMetrics(dir, m); err != nil {
		return err
	}
	r.env.Progress.Done()
	if r.env.Summary == nil {
		return nil
	}
	t := tabwriter.NewWriter(r.env.Summary, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "picture\t%d x %d to %d x %d, %d channels, %d atoms\n", y.Rows, y.Cols, r.rows, r.cols, result.Channels, r.pair.Atoms)
	if q := m.Learned; q != nil {
		fmt.Fprintf(t, "learned\t%.2f dB, SSIM %.4f\n", q.PSNR, q.SSIM)
		fmt.Fprintf(t, "bicubic\t%.2f dB, SSIM %.4f\n", m.Bicubic.PSNR, m.Bicubic.SSIM)
	}
	fmt.Fprintf(t, "seconds\t%.2f predicting, %.2f in all\n", m.Seconds.Predict, m.Seconds.Total)
	fmt.Fprintf(t, "written to\t%s\n", dir)
	return t.Flush()
}
