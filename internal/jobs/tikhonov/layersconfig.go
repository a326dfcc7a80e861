package tikhonov

import (
	"context"

	"tessera/forward"
	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image/layers"
)

// layersSettings is everything that the config of a two-layer job may say.
type layersSettings struct {
	Job      string                 `toml:"job"`
	Seed     uint64                 `toml:"seed"`
	Image    frames.ImageSection    `toml:"image"`
	Simulate frames.SimulateSection `toml:"simulate"`
	First    frames.BlurSection     `toml:"first"`  // H1
	Second   frames.BlurSection     `toml:"second"` // H2
	Layers   layersSection          `toml:"layers"`
	Output   restoredSection        `toml:"output"`
}

// layersSection is the section [layers]; it fills layers.Options.
type layersSection struct {
	Method        string  `toml:"method"`
	Regulariser   string  `toml:"regulariser"` // Q, of the second layer: identity, gradient or laplacian
	Border        string  `toml:"border"`      // of both blurs
	Coupling      float64 `toml:"coupling"`    // mu, of ||H2 u2 - u1||^2
	Lambda1       float64 `toml:"lambda1"`     // of ||u1||^2
	Lambda2       float64 `toml:"lambda2"`     // of ||Q u2||^2
	Overlap       int     `toml:"overlap"`     // pixels
	Tile          int     `toml:"tile"`        // side in pixels
	Tolerance     float64 `toml:"tolerance"`   // relative error of both layers together
	MaxIterations int     `toml:"max_iterations"`
}

func layersDefaults() layersSettings {
	return layersSettings{
		Seed:     1,
		Image:    frames.DefaultImage(),
		Simulate: frames.SimulateSection{Rows: 256, Cols: 256, Channels: 1, Noise: 0.002},
		First:    frames.BlurSection{Kind: "gaussian", Sigma: 1, FWHM: 3, Beta: 3},
		Second:   frames.BlurSection{Kind: "gaussian", Sigma: 0.7, FWHM: 3, Beta: 3},
		Layers: layersSection{
			Method: string(krylov.RASGMRES), Regulariser: string(forward.Gradient), Border: "reflect",
			Coupling: 1, Lambda1: 1e-4, Lambda2: 1e-3, Overlap: 4, Tile: 12, Tolerance: 1e-8, MaxIterations: 200,
		},
		Output: restoredSection{Dir: "out/two-layer", Formats: report.Usual(), Precision: lifecycle.Double, Stretch: "auto", Origin: frames.OriginAuto, Pictures: true, Gather: frames.GatherAuto},
	}
}

func (s *layersSection) check(f *config.File) {
	f.OneOf("layers.method", s.Method, layersMethods()...)
	f.OneOf("layers.regulariser", s.Regulariser, string(forward.Identity), string(forward.Gradient), string(forward.Laplacian))
	f.OneOf("layers.border", s.Border, "zero", "reflect", "periodic")
	f.Want(s.Coupling > 0, "layers.coupling", "more than 0: without coupling the second layer has no data")
	f.Want(s.Lambda1 > 0, "layers.lambda1", "more than 0")
	f.Want(s.Lambda2 > 0, "layers.lambda2", "more than 0")
	f.Want(s.Overlap >= 1 && s.Overlap <= 64, "layers.overlap", "1 to 64 pixels")
	f.Want(s.Tile >= 1 && s.Tile <= 64, "layers.tile", "1 to 64 pixels")
	f.Want(s.Tolerance > 0 && s.Tolerance < 1, "layers.tolerance", "more than 0 and less than 1")
	f.Want(s.MaxIterations >= 1, "layers.max_iterations", "1 or more")
}

// mostLayerBlur is the largest made PSF of a layer, in pixels a side.
const mostLayerBlur = 63

// LoadTwoLayer makes a two-layer job of a config. What is wrong with it is recorded in f.
func LoadTwoLayer(f *config.File) *lifecycle.Job {
	c := layersDefaults()
	f.Decode(&c)
	c.Image.Check(f)
	c.Simulate.Check(f)
	c.First.Check(f, "first", mostLayerBlur)
	c.Second.Check(f, "second", mostLayerBlur)
	c.Layers.check(f)
	c.Output.section().Check(f)
	c.Output.Gather.Check(f, &c.Image)
	return &lifecycle.Job{
		Dir:        c.Output.Dir,
		Answer:     "solution.npy",
		Files:      layersFiles(),
		Metrics:    &layersMetrics{},
		CheckFiles: func() error { return c.checkFiles(f) },
		Run: lifecycle.Start(f, c.Output.Dir, c.Seed, layersFiles(), func(ctx context.Context, base *lifecycle.Run) error {
			m := &layersMetrics{Record: frames.Record{Record: base.Record()}, Method: c.Layers.Method}
			r := &layersRun{
				Restoration: frames.Restoration{Run: base, Common: &m.Record}, m: m,
				c: &c, unused: c.Image.Path != "" && f.Has("simulate"),
			}
			return r.run(ctx)
		}),
		Plan: c.plan,
	}
}

// source says where the frame comes from.
func (c *layersSettings) source() *frames.Source {
	c.Image.PerChannel = true
	return &frames.Source{Seed: c.Seed, Image: &c.Image, Simulate: &c.Simulate, Border: frames.Borders[c.Layers.Border]}
}

// checkFiles records what the headers of the files show to be wrong.
func (c *layersSettings) checkFiles(f *config.File) error {
	frame := c.source().CheckFiles(f)
	c.First.CheckFiles(f, "first", frame, frames.Borders[c.Layers.Border])
	c.Second.CheckFiles(f, "second", frame, frames.Borders[c.Layers.Border])
	return f.Err()
}

// options are those of the solver, without progress.
func (c *layersSettings) options() layers.Options {
	s := &c.Layers
	return layers.Options{
		Method: krylov.Method(s.Method), Regulariser: forward.Regulariser(s.Regulariser), Border: frames.Borders[s.Border],
		Coupling: s.Coupling, Lambda1: s.Lambda1, Lambda2: s.Lambda2, Overlap: s.Overlap, Tile: s.Tile,
		Tolerance: s.Tolerance, MaxIterations: s.MaxIterations,
	}
}

// psfs are those of the two blurs, H1 and H2, and what is to be said of each. Collective.
func (c *layersSettings) psfs(comm ranks.Comm) (first, second forward.PSF, reports [2]*frames.PSFReport, err error) {
	if first, reports[0], err = frames.ReportedPSF(comm, &c.First); err != nil {
		return first, second, reports, err
	}
	second, reports[1], err = frames.ReportedPSF(comm, &c.Second)
	return first, second, reports, err
}

// layersProblem is an observation in the form that layers.Solve takes.
func layersProblem(o *frames.Observation, first, second forward.PSF) *layers.Problem {
	return &layers.Problem{Channels: o.Channels, Frame: o.Frame, Data: o.Data, Weights: o.Weights, First: first, Second: second}
}

// composed is the PSF of one blur after the other, H1 H2, through which a simulated frame
// is seen: the full convolution of the two, (a.Rows+b.Rows-1) x (a.Cols+b.Cols-1) pixels.
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
