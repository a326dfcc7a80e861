package tikhonov

import (
	"context"
	"io"
	"math"

	"tessera/forward"
	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image/layers"
)

// twoLayerConfig is everything a two-layer config may say.
type twoLayerConfig struct {
	Job      string                 `toml:"job"`
	Seed     uint64                 `toml:"seed"`
	Image    frames.ImageSection    `toml:"image"`
	Simulate frames.SimulateSection `toml:"simulate"`
	First    frames.BlurSection     `toml:"first"`  // H1
	Second   frames.BlurSection     `toml:"second"` // H2
	Layers   layersSection          `toml:"layers"`
	Output   frames.OutputSection   `toml:"output"`
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
		Image:    frames.ImageSection{Balance: "none"},
		Simulate: frames.SimulateSection{Rows: 256, Cols: 256, Channels: 1, Noise: 0.002},
		First:    frames.BlurSection{Kind: "gaussian", Sigma: 1, FWHM: 3, Beta: 3},
		Second:   frames.BlurSection{Kind: "gaussian", Sigma: 0.7, FWHM: 3, Beta: 3},
		Layers: layersSection{
			Method: string(krylov.RASGMRES), Regulariser: string(forward.Gradient), Border: "reflect",
			Coupling: 1, Lambda1: 1e-4, Lambda2: 1e-3, Overlap: 4, Tile: 12, Tolerance: 1e-8, MaxIterations: 200,
		},
		Output: frames.OutputSection{Dir: "out/two-layer", Stretch: "auto"},
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

// mostLayerBlur is the largest PSF of a layer, in pixels a side.
const mostLayerBlur = 63

func LoadTwoLayer(f *config.File) *lifecycle.Job {
	c := defaultTwoLayer()
	f.Decode(&c)
	c.Image.Check(f)
	c.Simulate.Check(f)
	c.First.Check(f, "first", mostLayerBlur)
	c.Second.Check(f, "second", mostLayerBlur)
	c.Layers.check(f)
	c.Output.Check(f)
	return &lifecycle.Job{
		Dir:        c.Output.Dir,
		Answer:     "solution.npy",
		CheckFiles: func() error { return c.checkFiles(f) },
		Run: lifecycle.Start(f, c.Output.Dir, c.Seed, func(ctx context.Context, base *lifecycle.Run) error {
			return (&twoLayerRun{Run: base, c: &c, m: &twoLayerMetrics{Record: base.Record()}}).run(ctx)
		}),
		Plan: c.plan,
	}
}

// source is where the frame comes from.
func (c *twoLayerConfig) source() *frames.Source {
	return &frames.Source{Seed: c.Seed, Image: &c.Image, Simulate: &c.Simulate, Border: frames.Borders[c.Layers.Border]}
}

// checkFiles looks at every file that the config names.
func (c *twoLayerConfig) checkFiles(f *config.File) error {
	c.source().CheckFiles(f)
	frames.CheckBlurFile(f, "first", &c.First)
	frames.CheckBlurFile(f, "second", &c.Second)
	return f.Err()
}

func (c *twoLayerConfig) plan(_ context.Context, _ ranks.Comm, n int, _ lifecycle.Link) (*lifecycle.Plan, error) {
	shape, err := c.source().Shape()
	if err != nil {
		return nil, err
	}
	pixels := float64(shape.Rows) * float64(shape.Cols) / float64(n)
	side := float64(c.Layers.Tile + 2*c.Layers.Overlap)
	unknowns := 2 * pixels * float64(shape.Channels)
	p := &lifecycle.Plan{Ranks: n, MemoryBytes: 8*4*side*side*side*side + 8*40*unknowns}
	p.Row("frame", "%d x %d x %d, %.0f pixels a rank on %d ranks", shape.Channels, shape.Rows, shape.Cols, pixels, n)
	p.Row("unknowns", "%.0f a rank", unknowns)
	return p, nil
}

// twoLayerRun is the state of one rank of a two-layer job.
type twoLayerRun struct {
	*lifecycle.Run
	c             *twoLayerConfig
	m             *twoLayerMetrics
	first, second forward.PSF
	o             *frames.Observation
	result        *layers.Result
}

// twoLayerMetrics is metrics.json of a two-layer job.
type twoLayerMetrics struct {
	lifecycle.Record

	Source     string           `json:"source"`
	Channels   int              `json:"channels"`
	Rows       int              `json:"rows"`
	Cols       int              `json:"cols"`
	Method     string           `json:"method"`
	Iterations int              `json:"iterations"`
	Converged  bool             `json:"converged"`
	Residual   lifecycle.Number `json:"residual"`
	ErrorBound lifecycle.Number `json:"error_bound"` // estimated, relative, of both layers
	Objective  lifecycle.Number `json:"objective"`
	Misfit     lifecycle.Number `json:"misfit"`
	PSNR       *twoLayerPSNR    `json:"psnr_db,omitempty"`
	Seconds    twoLayerTiming   `json:"seconds"`
	FactorMB   float64          `json:"factor_mb"`
	Tiles      int              `json:"tiles"`
	Factors    int              `json:"factors"`
	History    lifecycle.Series `json:"history"`
}

// twoLayerPSNR is against the truth, which the second layer is after: observed
// counts the observed pixels only.
type twoLayerPSNR struct {
	Observed lifecycle.Number `json:"observed"`
	First    lifecycle.Number `json:"layer1"`
	Second   lifecycle.Number `json:"layer2"`
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
		Method: krylov.Method(s.Method), Regulariser: forward.Regulariser(s.Regulariser), Border: frames.Borders[s.Border],
		Coupling: s.Coupling, Lambda1: s.Lambda1, Lambda2: s.Lambda2, Overlap: s.Overlap, Tile: s.Tile,
		Tolerance: s.Tolerance, MaxIterations: s.MaxIterations,
		Progress: func(p krylov.Progress) {
			r.Progress.Step(p.Phase, p.Iteration, p.Residual, p.Target)
			r.Log.Info("iteration", "iteration", p.Iteration, "residual", lifecycle.Number(p.Residual))
		},
	}
	p := &layers.Problem{Channels: r.o.Channels, Frame: r.o.Frame, Data: r.o.Data, Weights: r.o.Weights, First: r.first, Second: r.second}
	r.Progress.Phase("set-up")
	var unfinished error
	if r.result, unfinished = layers.Solve(ctx, r.Comm, p, o); r.result == nil {
		return unfinished
	}
	if unfinished != nil && !krylov.Unfinished(unfinished) {
		return unfinished
	}
	if err := ranks.AgreeError(r.Comm, ctx.Err()); err != nil {
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
	if r.first, err = frames.BlurPSF(r.Comm, &r.c.First); err != nil {
		return err
	}
	if r.second, err = frames.BlurPSF(r.Comm, &r.c.Second); err != nil {
		return err
	}
	from := r.c.source()
	r.m.Source = from.Describe(false)
	r.Progress.Phase(r.m.Source)
	r.o, err = from.Observe(r.Comm, composed(r.first, r.second))
	return err
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
	if err := r.Comm.Allreduce(longest, longest, ranks.Max); err != nil {
		return err
	}
	if err := r.Comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	m.Channels = r.o.Channels
	m.Rows, m.Cols = r.o.Shape()
	m.Method, m.Iterations, m.Converged, m.History = r.c.Layers.Method, res.Iterations, res.Converged, res.History
	m.Residual, m.ErrorBound, m.Objective, m.Misfit = lifecycle.Number(res.Residual), lifecycle.Number(res.ErrorBound), lifecycle.Number(res.Objective), lifecycle.Number(res.Misfit)
	m.Seconds.Setup, m.Seconds.Solve = longest[0], longest[1]
	m.FactorMB, m.Tiles, m.Factors = sums[0]/1e6, int(sums[1]), int(sums[2])
	if r.o.Truth == nil {
		return nil
	}
	peak := []float64{math.Inf(-1)}
	square := make([]float64, 6) // squared errors, then counts
	for i, t := range r.o.Truth {
		peak[0] = max(peak[0], t)
		for k, v := range []float64{r.o.Data[i], res.First[i], res.Second[i]} {
			if !math.IsNaN(v) {
				square[k] += (v - t) * (v - t)
				square[3+k]++
			}
		}
	}
	if err := r.Comm.Allreduce(peak, peak, ranks.Max); err != nil {
		return err
	}
	if err := r.Comm.Allreduce(square, square, ranks.Sum); err != nil {
		return err
	}
	db := func(k int) lifecycle.Number {
		return lifecycle.Number(10 * math.Log10(peak[0]*peak[0]*square[3+k]/square[k]))
	}
	m.PSNR = &twoLayerPSNR{db(0), db(1), db(2)}
	return nil
}

// write gathers both layers and leaves the result.
func (r *twoLayerRun) write() error {
	rows, cols := r.o.Shape()
	var pictures []*imageio.Frame
	for _, part := range [][]float64{r.o.Data, r.result.First, r.result.Second, r.o.Truth} {
		if part == nil && r.o.Truth == nil && len(pictures) == 3 {
			break
		}
		data, err := r.o.Frame.GatherTo(r.Comm, 0, part, r.o.Channels)
		if err != nil {
			return err
		}
		pictures = append(pictures, &imageio.Frame{Channels: r.o.Channels, Rows: rows, Cols: cols, Data: data})
	}
	return r.Finish(lifecycle.Ending{
		Files: []string{"solution.npy", "solution.png", "layer1.npy", "layer1.png", "panel.png"},
		Write: func() error {
			if r.Comm.Rank() != 0 {
				return nil
			}
			return r.writeFiles(pictures)
		},
		Metrics: func(total, _ float64) any {
			r.m.Seconds.Total = total
			return r.m
		},
		Summary: func(w io.Writer) error { return r.m.summary(w, r.Dir) },
	})
}

// writeFiles leaves observed, first and second layer and, if there is one, the truth.
func (r *twoLayerRun) writeFiles(pictures []*imageio.Frame) error {
	stretch := r.c.Output.StretchOf(pictures[2], r.o.Source)
	for _, layer := range []struct {
		name  string
		frame *imageio.Frame
	}{{"layer1", pictures[1]}, {"solution", pictures[2]}} {
		f := layer.frame
		shape := []int{f.Channels, f.Rows, f.Cols}
		if f.Channels == 1 {
			shape = shape[1:]
		}
		if err := imageio.WriteNpy(r.Path(layer.name+".npy"), shape, f.Data); err != nil {
			return err
		}
		if err := imageio.WritePNG(r.Path(layer.name+".png"), f, stretch); err != nil {
			return err
		}
	}
	var panels []imageio.Panel
	for _, f := range pictures {
		panels = append(panels, imageio.Panel{Frame: frames.Middle(f), Stretch: stretch})
	}
	return imageio.WritePanels(r.Path("panel.png"), panels...)
}

func (m *twoLayerMetrics) summary(w io.Writer, dir string) error {
	t := lifecycle.NewTable(w)
	row := t.Row
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
