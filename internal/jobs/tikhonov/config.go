package tikhonov

import (
	"context"

	"tessera/forward"
	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/krylov"
	"tessera/tikhonov/image"
)

// settings is everything that the config of a tikhonov job may say.
type settings struct {
	Job      string                 `toml:"job"`
	Seed     uint64                 `toml:"seed"`
	Image    frames.ImageSection    `toml:"image"`
	Simulate frames.SimulateSection `toml:"simulate"`
	Blur     frames.BlurSection     `toml:"blur"`
	PSFModel frames.PSFModelSection `toml:"psf_model"`
	Tikhonov tikhonovSection        `toml:"tikhonov"`
	Target   frames.BlurSection     `toml:"target"`
	Output   mappedSection          `toml:"output"`
}

// tikhonovSection is the section [tikhonov]; it fills image.Options.
type tikhonovSection struct {
	Method        string  `toml:"method"`
	Regulariser   string  `toml:"regulariser"` // Q: identity, gradient or laplacian
	Lambda        lambda  `toml:"lambda"`
	Noise         float64 `toml:"noise"`      // standard deviation; 0 = that of [simulate], or found from the data
	NoiseUnit     string  `toml:"noise_unit"` // weight: of a pixel of weight 1; data: of a pixel of median weight, in the unit of the data
	Border        string  `toml:"border"`
	Local         string  `toml:"local"`     // local solves of ras-gmres: auto, box or tile
	Overlap       overlap `toml:"overlap"`   // pixels, or "auto"
	Tile          int     `toml:"tile"`      // side in pixels; 0 = 12 for ras-gmres and ras, else 16
	Tolerance     float64 `toml:"tolerance"` // relative error of the solution
	MaxIterations int     `toml:"max_iterations"`
	Restart       int     `toml:"restart"`   // Krylov vectors that ras-gmres keeps; 0 = 30, where the PSF varies 10
	Omega         float64 `toml:"omega"`     // literal: weight of the overlap penalty
	Weighting     string  `toml:"weighting"` // auto: none for as-cg, sqrt for two-level
	Precision     string  `toml:"precision"` // of the local factors
}

// restoredSection is the section [output] of a two-layer job.
type restoredSection struct {
	Dir       string        `toml:"dir"`
	Formats   config.Words  `toml:"formats"`   // of figures: png, svg, pdf
	Precision string        `toml:"precision"` // of the arrays in files: double or single
	Stretch   string        `toml:"stretch"`
	Origin    frames.Origin `toml:"origin"`
	Pictures  bool          `toml:"pictures"` // false: no PNG file
	Gather    frames.Gather `toml:"gather"`   // whole arrays on rank 0
}

// mappedSection is the section [output] of a tikhonov job.
type mappedSection struct {
	Dir          string        `toml:"dir"`
	Formats      config.Words  `toml:"formats"`   // of figures: png, svg, pdf
	Precision    string        `toml:"precision"` // of the arrays in files: double or single
	Stretch      string        `toml:"stretch"`
	Origin       frames.Origin `toml:"origin"`
	Pictures     bool          `toml:"pictures"`      // false: no PNG file
	Gather       frames.Gather `toml:"gather"`        // whole arrays on rank 0
	Errors       string        `toml:"errors"`        // error map: none, noise or posterior (image.ErrorKind)
	ErrorSamples int           `toml:"error_samples"` // of the error map
}

// section is the part that other jobs have too.
func (s *mappedSection) section() *frames.OutputSection {
	return &frames.OutputSection{Dir: s.Dir, Stretch: s.Stretch, Origin: s.Origin}
}

// section is the part that other jobs have too.
func (s *restoredSection) section() *frames.OutputSection {
	return &frames.OutputSection{Dir: s.Dir, Stretch: s.Stretch, Origin: s.Origin}
}

func defaults() settings {
	c := settings{
		Seed:  1,
		Image: frames.DefaultImage(),
		Simulate: frames.SimulateSection{
			Rows: 512, Cols: 512, Channels: 1, Noise: 0.01, Missing: 0.01,
		},
		Blur:     frames.BlurSection{Kind: "none", Sigma: 1, FWHM: 3, Beta: 3},
		PSFModel: frames.DefaultPSFModel(),
		Tikhonov: tikhonovSection{
			Method: string(krylov.Auto), Regulariser: string(forward.Identity), Local: string(image.LocalAuto),
			Lambda: lambda{rule: image.Fixed, value: 0.01}, NoiseUnit: string(image.OfWeight), Border: "reflect", Overlap: automatic,
			Tolerance: 1e-8, MaxIterations: 2000, Weighting: "auto", Precision: string(image.Single),
		},
		Target: frames.BlurSection{Kind: "none", Sigma: 1.5, FWHM: 3, Beta: 3},
		Output: mappedSection{
			Dir: "out/tikhonov", Formats: report.Usual(), Precision: lifecycle.Double, Stretch: "auto", Origin: frames.OriginAuto, Pictures: true, Gather: frames.GatherAuto,
			Errors: errorsNone, ErrorSamples: 50,
		},
	}
	return c
}

// methods are the values of tikhonov.method, and layersMethods those of layers.method.
func methods() []string {
	return []string{
		string(krylov.Auto), string(krylov.RASGMRES), string(krylov.ASCG), string(krylov.TwoLevel),
		string(krylov.RAS), string(krylov.Mult), string(krylov.CG), string(krylov.Spectral), methodLiteral,
	}
}

func layersMethods() []string {
	return []string{string(krylov.RASGMRES), string(krylov.ASCG), string(krylov.RAS), string(krylov.CG)}
}

func (s *tikhonovSection) check(f *config.File) {
	f.OneOf("tikhonov.method", s.Method, methods()...)
	f.OneOf("tikhonov.regulariser", s.Regulariser, string(forward.Identity), string(forward.Gradient), string(forward.Laplacian))
	f.OneOf("tikhonov.weighting", s.Weighting, "auto", string(image.WeightNone), string(image.WeightSqrt))
	f.OneOf("tikhonov.border", s.Border, "zero", "reflect", "periodic")
	f.OneOf("tikhonov.precision", s.Precision, string(image.Single), string(image.Double))
	f.OneOf("tikhonov.local", s.Local, string(image.LocalAuto), string(image.LocalBox), string(image.LocalTile))
	f.Want(s.Lambda.rule != image.Fixed || s.Lambda.value > 0, "tikhonov.lambda", "more than 0, or %s", ruleNames)
	f.Want(s.Noise >= 0, "tikhonov.noise", "0 or more")
	f.OneOf("tikhonov.noise_unit", s.NoiseUnit, string(image.OfWeight), string(image.OfData))
	f.Want(s.Lambda.rule != image.MarginalLikelihood || s.Border != "zero", "tikhonov.border", `reflect or periodic with lambda = "marginal-likelihood"`)
	f.Want(s.Tile >= 0, "tikhonov.tile", "1 pixel or more; 0 = 12 for ras-gmres and ras, 16 for the other methods")
	f.Want(s.Tolerance > 0 && s.Tolerance < 1, "tikhonov.tolerance", "more than 0 and less than 1")
	f.Want(s.MaxIterations >= 1, "tikhonov.max_iterations", "1 or more")
	f.Want(s.Restart == 0 || s.Restart >= 2, "tikhonov.restart", "2 Krylov vectors or more; 0 = 30, where the PSF varies 10")
	f.Want(s.Omega >= 0, "tikhonov.omega", "0 or more")
}

// checkVarying records what needs one PSF for the whole frame.
func (s *tikhonovSection) checkVarying(f *config.File) {
	const one = ", as the PSF varies over the frame ([psf_model])"
	switch krylov.Method(s.Method) {
	case krylov.ASCG, krylov.TwoLevel, krylov.Mult, krylov.Spectral, methodLiteral:
		f.Want(false, "tikhonov.method", "auto, ras-gmres, ras or cg"+one)
	}
	f.Want(s.Local != string(image.LocalTile), "tikhonov.local", "auto or box"+one)
	f.Want(s.Tile == 0, "tikhonov.tile", "0"+one)
	f.Want(s.Lambda.rule != image.MarginalLikelihood, "tikhonov.lambda", `a number, "discrepancy", "gcv" or "l-curve"`+one)
}

// solverOptions are the options for an observation. Where the config names no noise that
// of a simulated frame is used, which is known. On a piece of the frame, where plans try the
// solvers, the overlap is at most what that piece allows.
func (c *settings) solverOptions(of *frames.Observation) image.Options {
	s := &c.Tikhonov
	o := image.Options{
		Method: krylov.Method(s.Method), Regulariser: forward.Regulariser(s.Regulariser),
		Border: frames.Borders[s.Border], Rule: s.Lambda.rule, Lambda: s.Lambda.value, Noise: s.Noise,
		Local: image.Local(s.Local), Overlap: s.Overlap.option(), Tile: s.Tile, Tolerance: s.Tolerance, MaxIterations: s.MaxIterations,
		Restart: s.Restart, Precision: image.Precision(s.Precision), Seed: c.Seed,
	}
	if o.NoiseUnit = image.NoiseUnit(s.NoiseUnit); o.Noise == 0 {
		o.Noise, o.NoiseUnit = of.Noise, image.OfWeight
	}
	o.Overlap = min(o.Overlap, image.MostOverlap(of.Shape()))
	if s.Weighting != "auto" {
		o.Weighting = image.Weighting(s.Weighting)
	}
	return o
}

// Load makes a tikhonov job of a config. What is wrong with it is recorded in f.
func Load(f *config.File) *lifecycle.Job {
	c := defaults()
	f.Decode(&c)
	c.Image.Check(f)
	c.Simulate.Check(f)
	c.Blur.Check(f, "blur", frames.MostBlur)
	c.PSFModel.Check(f, &c.Blur)
	f.Want(c.Tikhonov.Method != string(krylov.Spectral) || c.Tikhonov.Border != "zero" || c.Blur.Kind == "none",
		"tikhonov.border", `reflect or periodic, as tikhonov.method is "spectral" and there is a blur`)
	c.Target.Check(f, "target", frames.MostBlur, kindCommon)
	f.Want(c.Target.Kind != kindCommon || c.Blur.Kind != "none" || c.PSFModel.Used(), "target.kind", `gaussian, moffat, box or file, as there is neither [blur] nor [psf_model] whose widest PSF could be common`)
	f.Want(c.Target.Kind == "none" || c.Tikhonov.Method != methodLiteral, "target.kind", `"none" with tikhonov.method = "literal"`)
	c.Tikhonov.check(f)
	if c.PSFModel.Used() {
		c.Tikhonov.checkVarying(f)
	}
	c.Output.section().Check(f)
	c.Output.Gather.Check(f, &c.Image)
	c.checkErrors(f)
	c.checkRule(f)
	return &lifecycle.Job{
		Dir:        c.Output.Dir,
		Answer:     "solution.npy",
		Files:      resultFiles(),
		Metrics:    &metrics{},
		CheckFiles: func() error { return c.checkFiles(f) },
		Run: lifecycle.Start(f, c.Output.Dir, c.Seed, resultFiles(), func(ctx context.Context, base *lifecycle.Run) error {
			s := &c.Tikhonov
			m := &metrics{
				Record: frames.Record{Record: base.Record()},
				Method: s.Method, Regulariser: s.Regulariser, Border: s.Border, LambdaRule: string(s.Lambda.rule),
			}
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
	c.Image.PerChannel = true
	return &frames.Source{Seed: c.Seed, Image: &c.Image, Simulate: &c.Simulate, Model: &c.PSFModel, Border: frames.Borders[c.Tikhonov.Border]}
}

// checkFiles records what the headers of the files show to be wrong.
func (c *settings) checkFiles(f *config.File) error {
	frame := c.source().CheckFiles(f)
	c.Blur.CheckFiles(f, "blur", frame, frames.Borders[c.Tikhonov.Border])
	c.PSFModel.CheckFiles(f, frame)
	c.Target.CheckFiles(f, "target", frame, frames.Borders[c.Tikhonov.Border])
	if frame != nil {
		most := image.MostOverlap(frame.Rows, frame.Cols)
		f.Want(int(c.Tikhonov.Overlap) <= most, "tikhonov.overlap", "%d pixels or less on a frame of %d x %d", most, frame.Rows, frame.Cols)
	}
	c.checkErrorsOf(f, frame)
	return f.Err()
}
