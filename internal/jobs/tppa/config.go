package tppa

import (
	"context"

	"tessera/forward"
	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/ranks"
	"tessera/tv"
)

// settings is everything that the config of a tppa job may say.
type settings struct {
	Job      string                 `toml:"job"`
	Seed     uint64                 `toml:"seed"`
	Image    frames.ImageSection    `toml:"image"`
	Simulate frames.SimulateSection `toml:"simulate"`
	Blur     frames.BlurSection     `toml:"blur"`
	PSFModel frames.PSFModelSection `toml:"psf_model"`
	TPPA     applySection           `toml:"tppa"`
	TV       besideSection          `toml:"tv"`
	Output   outputSection          `toml:"output"`
}

// applySection is the section [tppa].
type applySection struct {
	Model  string `toml:"model"` // model.npz of a tppa-train job
	Border string `toml:"border"`
}

// besideSection is the section [tv]: the restoration by total variation beside the learned one.
type besideSection struct {
	Noise         float64 `toml:"noise"` // standard deviation of a pixel of weight 1; 0 = that of [simulate], or found from the data
	Tolerance     float64 `toml:"tolerance"`
	MaxIterations int     `toml:"max_iterations"`
}

// outputSection is the section [output].
type outputSection struct {
	Dir       string        `toml:"dir"`
	Formats   config.Words  `toml:"formats"`   // of figures: png, svg, pdf
	Precision string        `toml:"precision"` // of the arrays in files: double or single
	Stretch   string        `toml:"stretch"`
	Origin    frames.Origin `toml:"origin"`
	Pictures  bool          `toml:"pictures"` // false: no PNG file
	Gather    frames.Gather `toml:"gather"`   // whole arrays on rank 0
}

// section is the part that other jobs have too.
func (s *outputSection) section() *frames.OutputSection {
	return &frames.OutputSection{Dir: s.Dir, Stretch: s.Stretch, Origin: s.Origin}
}

func defaults() settings {
	return settings{
		Seed:     1,
		Image:    frames.DefaultImage(),
		Simulate: frames.SimulateSection{Rows: 256, Cols: 256, Channels: 1, Noise: 0.01},
		Blur:     frames.BlurSection{Kind: "gaussian", Size: 9, Sigma: 1.4142135623730951, FWHM: 3, Beta: 3},
		PSFModel: frames.DefaultPSFModel(),
		TPPA:     applySection{Border: "reflect"},
		TV:       besideSection{Tolerance: 1e-4, MaxIterations: 2000},
		Output:   outputSection{Dir: "out/tppa", Formats: report.Usual(), Precision: lifecycle.Double, Stretch: "auto", Origin: frames.OriginAuto, Pictures: true, Gather: frames.GatherAuto},
	}
}

// Load makes a tppa job of a config. What is wrong with it is recorded in f.
func Load(f *config.File) *lifecycle.Job {
	c := defaults()
	f.Decode(&c)
	c.Image.Check(f)
	c.Simulate.Check(f)
	c.Blur.Check(f, "blur", frames.MostBlur)
	c.PSFModel.Check(f, &c.Blur)
	f.Want(c.TPPA.Model != "", "tppa.model", `the model.npz of a job "tppa-train"`)
	f.OneOf("tppa.border", c.TPPA.Border, "zero", "reflect", "periodic")
	f.Want(c.TV.Noise >= 0, "tv.noise", "0 or more")
	f.Want(c.TV.Tolerance > 0 && c.TV.Tolerance < 1, "tv.tolerance", "more than 0 and less than 1")
	f.Want(c.TV.MaxIterations >= 1, "tv.max_iterations", "1 or more")
	c.Output.section().Check(f)
	c.Output.Gather.Check(f, &c.Image)
	return &lifecycle.Job{
		Dir:        c.Output.Dir,
		Answer:     "solution.npy",
		Files:      files(),
		Metrics:    &metrics{},
		CheckFiles: func() error { return c.checkFiles(f) },
		Run: lifecycle.Start(f, c.Output.Dir, c.Seed, files(), func(ctx context.Context, base *lifecycle.Run) error {
			m := &metrics{Record: frames.Record{Record: base.Record()}, Border: c.TPPA.Border}
			r := &run{
				Restoration: frames.Restoration{Run: base, Common: &m.Record}, m: m,
				c: &c, unused: c.Image.Path != "" && f.Has("simulate"),
			}
			return r.run(ctx)
		}),
		Plan: c.plan,
	}
}

// source says where the frame comes from.
func (c *settings) source() *frames.Source {
	c.Image.PerChannel = true // every value has a weight of its own
	return &frames.Source{Seed: c.Seed, Image: &c.Image, Simulate: &c.Simulate, Model: &c.PSFModel, Border: frames.Borders[c.TPPA.Border]}
}

// checkFiles records what is wrong with the model and what the headers of the other files show
// to be wrong.
func (c *settings) checkFiles(f *config.File) error {
	frame := c.source().CheckFiles(f)
	c.Blur.CheckFiles(f, "blur", frame, frames.Borders[c.TPPA.Border])
	c.PSFModel.CheckFiles(f, frame)
	if _, err := readModel(c.TPPA.Model); err != nil {
		f.Fail("tppa.model", "%v", err)
	}
	return f.Err()
}

// tvOptions are those of the restoration by total variation for an observation, divided by scale.
func (c *settings) tvOptions(o *frames.Observation, scale float64) tv.Options {
	noise := c.TV.Noise
	if noise == 0 {
		noise = o.Noise
	}
	return tv.Options{Method: tv.ADMM, Rule: tv.Discrepancy, Noise: noise / scale, Tolerance: c.TV.Tolerance, MaxIterations: c.TV.MaxIterations, Seed: c.Seed}
}

// blur is H for an observation. Collective.
func (c *settings) blur(comm ranks.Comm, o *frames.Observation, psf forward.PSF) (forward.Convolution, error) {
	return o.Blur(comm, psf, frames.Borders[c.TPPA.Border])
}
