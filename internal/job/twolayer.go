package job

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"path/filepath"
	"text/tabwriter"

	"tessera/forward"
	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image/layers"
)

// twoLayerConfig is everything a two-layer config may say.
type twoLayerConfig struct {
	Job      string          `toml:"job"`
	Seed     uint64          `toml:"seed"`
	Image    imageSection    `toml:"image"`
	Simulate simulateSection `toml:"simulate"`
	First    blurSection     `toml:"first"`  // H1
	Second   blurSection     `toml:"second"` // H2
	Layers   layersSection   `toml:"layers"`
	Output   outputSection   `toml:"output"`
}

// layersSection fills layers.Options.
type layersSection struct {
	Method        string  `toml:"method"`
	Regulariser   string  `toml:"regulariser"` // of the second layer
	Border        string  `toml:"border"`
	Coupling      float64 `toml:"coupling"` // mu
	Lambda1       float64 `toml:"lambda1"`
	Lambda2       float64 `toml:"lambda2"`
	Overlap       int     `toml:"overlap"` // pixels
	Tile          int     `toml:"tile"`    // pixels
	Tolerance     float64 `toml:"tolerance"`
	MaxIterations int     `toml:"max_iterations"`
}

func defaultTwoLayer() twoLayerConfig {
	return twoLayerConfig{
		Seed:     1,
		Image:    imageSection{Balance: "none"},
		Simulate: simulateSection{Rows: 256, Cols: 256, Channels: 1, Noise: 0.002},
		First:    blurSection{Kind: "gaussian", Sigma: 1, FWHM: 3, Beta: 3},
		Second:   blurSection{Kind: "gaussian", Sigma: 0.7, FWHM: 3, Beta: 3},
		Layers: layersSection{
			Method: string(krylov.RASGMRES), Regulariser: string(forward.Gradient), Border: "reflect",
			Coupling: 1, Lambda1: 1e-4, Lambda2: 1e-3, Overlap: 4, Tile: 12, Tolerance: 1e-8, MaxIterations: 200,
		},
		Output: outputSection{Dir: "out/two-layer", Stretch: "auto"},
	}
}

func (s *layersSection) check(f *config.File) {
	f.OneOf("layers.method", s.Method, string(krylov.RASGMRES), string(krylov.ASCG), string(krylov.RAS), string(krylov.CG))
	f.OneOf("layers.regulariser", s.Regulariser, string(forward.Identity), string(forward.Gradient), string(forward.Laplacian))
	f.OneOf("layers.border", s.Border, "zero", "reflect", "periodic")
	f.Want(s.Coupling > 0, "layers.coupling", "more than 0: the layers would not know each other")
	f.Want(s.Lambda1 > 0, "layers.lambda1", "more than 0")
	f.Want(s.Lambda2 > 0, "layers.lambda2", "more than 0")
	f.Want(s.Overlap >= 1 && s.Overlap <= 64, "layers.overlap", "1 to 64 pixels")
	f.Want(s.Tile >= 1 && s.Tile <= 64, "layers.tile", "1 to 64 pixels")
	f.Want(s.Tolerance > 0 && s.Tolerance < 1, "layers.tolerance", "more than 0 and less than 1")
	f.Want(s.MaxIterations >= 1, "layers.max_iterations", "1 or more")
}

// check of a blur under another name than "blur".
func checkBlur(f *config.File, section string, b *blurSection) {
	f.OneOf(section+".kind", b.Kind, "gaussian", "moffat", "box", "file", "none")
	f.Want(b.Size >= 0 && b.Size <= 63 && (b.Size == 0 || b.Size%2 == 1), section+".size", "an odd number of pixels up to 63; 0 = chosen from the width")
	f.Want(b.Sigma > 0 && b.Sigma <= 10, section+".sigma", "more than 0 and at most 10 pixels")
	f.Want(b.FWHM > 0 && b.FWHM <= 15, section+".fwhm", "more than 0 and at most 15 pixels")
	f.Want(b.Beta > 1, section+".beta", "more than 1")
	f.Want(b.Kind != "box" || b.Size > 0, section+".size", "an odd number of pixels: a box has no other width")
	f.Want(b.Kind != "file" || b.Path != "", section+".path", `a file, as %s.kind is "file"`, section)
}

func loadTwoLayer(f *config.File) *Job {
	c := defaultTwoLayer()
	f.Decode(&c)
	c.Image.check(f)
	c.Simulate.check(f)
	checkBlur(f, "first", &c.First)
	checkBlur(f, "second", &c.Second)
	c.Layers.check(f)
	c.Output.check(f)
	return &Job{
		Dir:        c.Output.Dir,
		CheckFiles: func() error { return c.tikhonov().checkFiles(f) },
		Run: func(ctx context.Context, comm ranks.Comm, env Env) error {
			return logged(comm, c.Output.Dir, func(log *slog.Logger) error {
				if comm.Rank() == 0 {
					defer env.Progress.Done()
				}
				r := &twoLayerRun{comm: comm, env: env, log: log, c: &c, began: comm.Wtime(), m: &twoLayerMetrics{}}
				r.m.provenance = newProvenance(comm, env, c.Seed)
				r.m.ConfigFile, r.m.Config = f.Name(), sections(f.Values())
				return r.run(ctx)
			})
		},
		Plan: c.plan,
	}
}

// tikhonov is a tikhonov job with the same frame.
func (c *twoLayerConfig) tikhonov() *tikhonovConfig {
	t := defaultTikhonov()
	t.Seed, t.Image, t.Simulate, t.Output = c.Seed, c.Image, c.Simulate, restoredSection{Dir: c.Output.Dir, Stretch: c.Output.Stretch}
	t.Tikhonov.Border = c.Layers.Border
	return &t
}

func (c *twoLayerConfig) plan(_ context.Context, _ ranks.Comm, w io.Writer, n int, _ Link) error {
	shape, err := c.tikhonov().frameShape()
	if err != nil {
		return err
	}
	pixels := float64(shape.Rows) * float64(shape.Cols) / float64(n)
	side := float64(c.Layers.Tile + 2*c.Layers.Overlap)
	_, err = fmt.Fprintf(w, `frame           %d x %d x %d, %.0f pixels a rank on %d ranks
unknowns        %.0f a rank
factors         %.1f MB for each kind of tile
vectors         about %.1f MB a rank
`, shape.Channels, shape.Rows, shape.Cols, pixels, n, 2*pixels*float64(shape.Channels), 8e-6*4*side*side*side*side,
		8e-6*2*40*pixels*float64(shape.Channels))
	return err
}

// twoLayerRun is the state of one rank of a two-layer job.
type twoLayerRun struct {
	comm          ranks.Comm
	env           Env
	log           *slog.Logger
	c             *twoLayerConfig
	began         float64
	m             *twoLayerMetrics
	first, second forward.PSF
	o             *observation
	result        *layers.Result
}

// twoLayerMetrics is metrics.json of a two-layer job.
type twoLayerMetrics struct {
	provenance

	Source     string         `json:"source"`
	Channels   int            `json:"channels"`
	Rows       int            `json:"rows"`
	Cols       int            `json:"cols"`
	Method     string         `json:"method"`
	Iterations int            `json:"iterations"`
	Converged  bool           `json:"converged"`
	Residual   number         `json:"residual"`
	ErrorBound number         `json:"error_bound"` // estimated, relative, of both layers
	Objective  number         `json:"objective"`
	Misfit     number         `json:"misfit"`
	PSNR       *twoLayerPSNR  `json:"psnr_db,omitempty"`
	Seconds    twoLayerTiming `json:"seconds"`
	FactorMB   float64        `json:"factor_mb"`
	Tiles      int            `json:"tiles"`
	Factors    int            `json:"factors"`
	History    series         `json:"history"`
	ConfigFile string         `json:"config_file"`
	Config     any            `json:"config"`
}

// twoLayerPSNR is against the truth, which the second layer is after: observed
// counts the observed pixels only.
type twoLayerPSNR struct {
	Observed number `json:"observed"`
	First    number `json:"layer1"`
	Second   number `json:"layer2"`
}

type twoLayerTiming struct {
	Setup float64 `json:"setup"`
	Solve float64 `json:"solve"`
	Total float64 `json:"total"`
}

func (r *twoLayerRun) run(ctx context.Context) error {
	if err := r.observe(); err != nil {
		return err
	}
	s := &r.c.Layers
	o := layers.Options{
		Method: krylov.Method(s.Method), Regulariser: forward.Regulariser(s.Regulariser), Border: r.c.tikhonov().Tikhonov.border(),
		Coupling: s.Coupling, Lambda1: s.Lambda1, Lambda2: s.Lambda2, Overlap: s.Overlap, Tile: s.Tile,
		Tolerance: s.Tolerance, MaxIterations: s.MaxIterations,
		Progress: func(p krylov.Progress) {
			r.env.Progress.Step(p.Phase, p.Iteration, p.Residual, p.Target)
			r.log.Info("iteration", "iteration", p.Iteration, "residual", number(p.Residual))
		},
	}
	p := &layers.Problem{Channels: r.o.channels, Frame: r.o.frame, Data: r.o.data, Weights: r.o.weights, First: r.first, Second: r.second}
	r.env.Progress.Phase("set-up")
	var unfinished error
	if r.result, unfinished = layers.Solve(ctx, r.comm, p, o); r.result == nil {
		return unfinished
	}
	if unfinished != nil && !krylov.Unfinished(unfinished) {
		return unfinished
	}
	if err := ranks.AgreeError(r.comm, ctx.Err()); err != nil {
		return err
	}
	if err := r.account(); err != nil {
		return err
	}
	if err := r.write(); err != nil {
		return err
	}
	return unfinished
}

// observe gets the frame and both blurs. A simulated frame has gone through both.
func (r *twoLayerRun) observe() (err error) {
	if r.first, err = blurKernel(r.comm, &r.c.First); err != nil {
		return err
	}
	if r.second, err = blurKernel(r.comm, &r.c.Second); err != nil {
		return err
	}
	t := r.c.tikhonov()
	r.m.Source = t.source(false)
	r.env.Progress.Phase(r.m.Source)
	if r.c.Image.Path != "" {
		r.o, err = readObservation(r.comm, &r.c.Image, nil)
	} else {
		r.o, err = simulateObservation(r.comm, t, composed(r.first, r.second), nil)
	}
	if err := ranks.AgreeError(r.comm, err); err != nil {
		return err
	}
	for i := range r.o.data {
		if r.o.missing(i) {
			r.o.data[i] = math.NaN()
		}
	}
	return nil
}

// composed is the kernel of one blur after the other.
func composed(a, b forward.PSF) forward.PSF {
	if a.Values == nil {
		return b
	}
	if b.Values == nil {
		return a
	}
	k := forward.PSF{Rows: a.Rows + b.Rows - 1, Cols: a.Cols + b.Cols - 1}
	k.Values = make([]float64, k.Rows*k.Cols)
	for i, v := range a.Values {
		for j, w := range b.Values {
			k.Values[(i/a.Cols+j/b.Cols)*k.Cols+i%a.Cols+j%b.Cols] += v * w
		}
	}
	return k
}

func (r *twoLayerRun) account() error {
	res, m := r.result, r.m
	longest := []float64{res.Setup, res.Solve}
	sums := []float64{float64(res.FactorBytes), float64(res.Tiles), float64(res.Factors)}
	if err := r.comm.Allreduce(longest, longest, ranks.Max); err != nil {
		return err
	}
	if err := r.comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	m.Channels = r.o.channels
	m.Rows, m.Cols = r.o.shape()
	m.Method, m.Iterations, m.Converged, m.History = r.c.Layers.Method, res.Iterations, res.Converged, res.History
	m.Residual, m.ErrorBound, m.Objective, m.Misfit = number(res.Residual), number(res.ErrorBound), number(res.Objective), number(res.Misfit)
	m.Seconds.Setup, m.Seconds.Solve = longest[0], longest[1]
	m.FactorMB, m.Tiles, m.Factors = sums[0]/1e6, int(sums[1]), int(sums[2])
	if r.o.truth == nil {
		return nil
	}
	peak := []float64{math.Inf(-1)}
	square := make([]float64, 6) // squared errors, then counts
	for i, t := range r.o.truth {
		peak[0] = max(peak[0], t)
		for k, v := range []float64{r.o.data[i], res.First[i], res.Second[i]} {
			if !math.IsNaN(v) {
				square[k] += (v - t) * (v - t)
				square[3+k]++
			}
		}
	}
	if err := r.comm.Allreduce(peak, peak, ranks.Max); err != nil {
		return err
	}
	if err := r.comm.Allreduce(square, square, ranks.Sum); err != nil {
		return err
	}
	db := func(k int) number { return number(10 * math.Log10(peak[0]*peak[0]*square[3+k]/square[k])) }
	m.PSNR = &twoLayerPSNR{db(0), db(1), db(2)}
	return nil
}

// write leaves the result, metrics.json last.
func (r *twoLayerRun) write() error {
	dir := r.c.Output.Dir
	r.env.Progress.Phase("writing " + dir)
	rows, cols := r.o.shape()
	var frames []*imageio.Frame
	for _, part := range [][]float64{r.o.data, r.result.First, r.result.Second, r.o.truth} {
		if part == nil && r.o.truth == nil && len(frames) == 3 {
			break
		}
		data, err := r.o.frame.GatherTo(r.comm, 0, part, r.o.channels)
		if err != nil {
			return err
		}
		frames = append(frames, &imageio.Frame{Channels: r.o.channels, Rows: rows, Cols: cols, Data: data})
	}
	return onRoot(r.comm, func() error {
		if err := clearResult(dir, "solution.npy", "solution.png", "layer1.npy", "layer1.png", "panel.png"); err != nil {
			return err
		}
		shape := []int{r.o.channels, rows, cols}
		if r.o.channels == 1 {
			shape = shape[1:]
		}
		stretch := r.c.Output.stretch(frames[2], r.o.source)
		for name, f := range map[string]*imageio.Frame{"layer1": frames[1], "solution": frames[2]} {
			if err := imageio.WriteNpy(filepath.Join(dir, name+".npy"), shape, f.Data); err != nil {
				return err
			}
			if err := imageio.WritePNG(filepath.Join(dir, name+".png"), f, stretch); err != nil {
				return err
			}
		}
		var panels []imageio.Panel
		for _, f := range frames {
			panels = append(panels, imageio.Panel{Frame: middle(f), Stretch: stretch})
		}
		if err := imageio.WritePanels(filepath.Join(dir, "panel.png"), panels...); err != nil {
			return err
		}
		r.m.Seconds.Total = r.comm.Wtime() - r.began
		if err := writeMetrics(dir, r.m); err != nil {
			return err
		}
		r.env.Progress.Done()
		return r.m.summary(r.env.Summary, dir)
	})
}

func (m *twoLayerMetrics) summary(w io.Writer, dir string) error {
	if w == nil {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	row("frame", "%s", m.Source)
	row("", "%d x %d x %d", m.Channels, m.Rows, m.Cols)
	row("ranks", "%d, %s", m.Ranks, m.Transport)
	row("method", "%s, %d tiles with %d factors", m.Method, m.Tiles, m.Factors)
	row("iterations", "%d, residual %.1e", m.Iterations, m.Residual)
	row("relative error", "about %.1e at most (estimated)", m.ErrorBound)
	if p := m.PSNR; p != nil {
		row("PSNR", "%.2f dB observed, %.2f dB first layer, %.2f dB second layer", p.Observed, p.First, p.Second)
	}
	row("seconds", "%.2f set-up, %.2f solve, %.2f in all", m.Seconds.Setup, m.Seconds.Solve, m.Seconds.Total)
	row("written to", "%s", dir)
	return t.Flush()
}
