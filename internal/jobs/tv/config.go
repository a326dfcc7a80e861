package tv

import (
	"context"
	"math"

	"tessera/forward"
	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/ranks"
	"tessera/tv"
)

// settings is everything that the config of a tv job may say.
type settings struct {
	Job      string                 `toml:"job"`
	Seed     uint64                 `toml:"seed"`
	Image    frames.ImageSection    `toml:"image"`
	Simulate frames.SimulateSection `toml:"simulate"`
	Blur     frames.BlurSection     `toml:"blur"`
	PSFModel frames.PSFModelSection `toml:"psf_model"`
	TV       tvSection              `toml:"tv"`
	Output   outputSection          `toml:"output"`
}

// tvSection is the section [tv]; it fills tv.Options.
type tvSection struct {
	Method        string  `toml:"method"`
	Penalty       string  `toml:"penalty"`
	Coupled       bool    `toml:"coupled"` // the channels share their edges
	Lambda        lambda  `toml:"lambda"`
	Noise         float64 `toml:"noise"`      // standard deviation; 0 = that of [simulate], or found from the data
	NoiseUnit     string  `toml:"noise_unit"` // weight: of a pixel of weight 1; data: of a pixel of median weight, in the unit of the data
	Poisson       string  `toml:"poisson"`    // none, weights or anscombe
	Gain          float64 `toml:"gain"`       // events of a value of 1, with poisson
	Probes        int     `toml:"probes"`     // random vectors of sure
	Border        string  `toml:"border"`
	Lower         bound   `toml:"lower"` // of every pixel, or "none"
	Upper         bound   `toml:"upper"`
	Step          float64 `toml:"step"`  // of fppa, in units of 1/L
	Steps         string  `toml:"steps"` // of fppa: constant or decreasing
	Momentum      bool    `toml:"momentum"`
	Balance       float64 `toml:"balance"`   // of primal-dual
	Tolerance     float64 `toml:"tolerance"` // relative accuracy of the cost
	MaxIterations int     `toml:"max_iterations"`
	Compare       string  `toml:"compare"` // none, or fppa: how far FPPA is above the minimum at the lambda that was found
}

// Values of noise_unit.
const (
	ofWeight = "weight"
	ofData   = "data"
)

// Values of compare.
const (
	compareNone = "none"
	compareFPPA = "fppa"
)

// atLimit is the status of FPPA where the tolerance is below its bias.
const atLimit = "at the limit of FPPA, whose cost is above the minimum by more than the tolerance"

// Values of poisson.
const (
	noPoisson       = "none"
	poissonWeights  = "weights"
	poissonAnscombe = "anscombe"
)

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
	none := bound(math.NaN())
	return settings{
		Seed:  1,
		Image: frames.DefaultImage(),
		Simulate: frames.SimulateSection{
			Rows: 512, Cols: 512, Channels: 1, Noise: 0.01, Missing: 0.01,
		},
		Blur:     frames.BlurSection{Kind: "none", Sigma: 1, FWHM: 3, Beta: 3},
		PSFModel: frames.DefaultPSFModel(),
		TV: tvSection{
			Method: string(tv.FPPA), Penalty: string(tv.Anisotropic), Lambda: lambda{rule: tv.Discrepancy}, NoiseUnit: ofWeight, Poisson: noPoisson, Probes: 2,
			Border: "reflect", Lower: none, Upper: none, Step: 1, Steps: "constant", Momentum: true, Balance: 0.1, Tolerance: 1e-3, MaxIterations: 5000, Compare: compareNone,
		},
		Output: outputSection{Dir: "out/tv", Formats: report.Usual(), Precision: lifecycle.Double, Stretch: "auto", Origin: frames.OriginAuto, Pictures: true, Gather: frames.GatherAuto},
	}
}

func (s *tvSection) check(f *config.File) {
	f.OneOf("tv.method", s.Method, string(tv.FPPA), string(tv.ADMM), string(tv.PrimalDual))
	f.OneOf("tv.penalty", s.Penalty, string(tv.Anisotropic), string(tv.Isotropic))
	f.Want(s.Penalty != string(tv.Isotropic) || s.Method != string(tv.FPPA), "tv.method", `%q or %q with tv.penalty = %q`, tv.ADMM, tv.PrimalDual, tv.Isotropic)
	f.Want(s.Lambda.rule != tv.Fixed || s.Lambda.value > 0, "tv.lambda", "more than 0, or %s", ruleNames)
	f.Want(s.Noise >= 0, "tv.noise", "0 or more")
	f.OneOf("tv.noise_unit", s.NoiseUnit, ofWeight, ofData)
	f.Want(s.Probes >= 1 && s.Probes <= 1000, "tv.probes", "1 to 1000 random vectors")
	f.OneOf("tv.border", s.Border, "zero", "reflect", "periodic")
	f.Want(s.Lower.none() || s.Upper.none() || s.Lower < s.Upper, "tv.upper", "more than tv.lower = %v", s.Lower)
	f.Want(s.Step > 0 && s.Step <= 1, "tv.step", "more than 0 and at most 1, in units of 1/L")
	f.OneOf("tv.steps", s.Steps, "constant", "decreasing")
	f.OneOf("tv.compare", s.Compare, compareNone, compareFPPA)
	f.Want(s.Compare == compareNone || s.Method != string(tv.FPPA) && s.Penalty == string(tv.Anisotropic), "tv.compare",
		`%q with tv.method = %q or tv.penalty = %q`, compareNone, tv.FPPA, tv.Isotropic)
	f.Want(s.Balance > 0 && s.Balance <= 1e6, "tv.balance", "more than 0 and at most 1e6")
	f.Want(s.Tolerance > 0 && s.Tolerance < 1, "tv.tolerance", "more than 0 and less than 1")
	f.Want(s.MaxIterations >= 1, "tv.max_iterations", "1 or more")
}

// checkRule records what the rule for lambda cannot do with the frame.
func (c *settings) checkRule(f *config.File) {
	f.Want(c.TV.Lambda.rule != tv.Oracle || c.Image.Path == "", "tv.lambda",
		`a number, "discrepancy" or "sure" with image.path: "oracle" needs the true frame, which only a simulated observation has`)
}

// checkPoisson records what does not go with data of counts.
func (c *settings) checkPoisson(f *config.File) {
	s := &c.TV
	f.OneOf("tv.poisson", s.Poisson, noPoisson, poissonWeights, poissonAnscombe)
	f.Want(s.Gain >= 0 && !math.IsInf(s.Gain, 0), "tv.gain", "0 or more, a number")
	if s.Poisson == noPoisson {
		f.Want(s.Gain == 0, "tv.gain", `0 without tv.poisson = "weights" or "anscombe"`)
		return
	}
	f.Want(s.Gain > 0, "tv.gain", "the number of events of a value of 1 (such as electrons per unit), with tv.poisson")
	f.Want(s.Noise == 0, "tv.noise", "0 with tv.poisson, from which the noise is known")
	f.Want(c.Image.Path != "", "tv.poisson", `"none" without image.path: the noise of [simulate] is Gaussian`)
	f.Want(c.Image.Sigma == "" && c.Image.Variance == "" && c.Image.Weights == "", "tv.poisson",
		`"none" with image.sigma, image.variance or image.weights, which say the noise already`)
	f.Want(s.Poisson != poissonAnscombe || c.Blur.Kind == "none" && !c.PSFModel.Used(), "tv.poisson", `"weights" with a blur: after the transform of Anscombe the blur is no longer linear`)
}

// options are those of the solver for an observation. Where the config names no noise that
// of a simulated frame is used, which is known. Collective.
func (c *settings) options(comm ranks.Comm, of *frames.Observation) (tv.Options, error) {
	s := &c.TV
	o := tv.Options{
		Method: tv.Method(s.Method), Penalty: tv.Penalty(s.Penalty), Coupled: s.Coupled, Rule: s.Lambda.rule, Lambda: s.Lambda.value,
		Noise: s.Noise, Truth: of.Truth, Probes: s.Probes, Seed: c.Seed, Step: s.Step, Decreasing: s.Steps == "decreasing",
		NoMomentum: !s.Momentum, Balance: s.Balance, Tolerance: s.Tolerance, MaxIterations: s.MaxIterations,
	}
	if !s.Lower.none() || !s.Upper.none() {
		o.Bounds = &tv.Bounds{Lower: s.Lower.or(math.Inf(-1)), Upper: s.Upper.or(math.Inf(1))}
	}
	if s.Poisson != noPoisson {
		o.Noise = 1 // of both ways
		if o.Bounds != nil && s.Poisson == poissonAnscombe {
			o.Bounds.Lower, o.Bounds.Upper = tv.Anscombe(o.Bounds.Lower, s.Gain), tv.Anscombe(o.Bounds.Upper, s.Gain)
		}
		return o, nil
	}
	switch {
	case o.Noise == 0:
		o.Noise = of.Noise
	case s.NoiseUnit == ofData:
		typical, err := of.Weights.Typical(comm, len(of.Data))
		if err != nil {
			return o, err
		}
		o.Noise *= math.Sqrt(typical)
	}
	return o, nil
}

// problem is an observation in the form that tv.Solve takes. Collective.
func (c *settings) problem(comm ranks.Comm, o *frames.Observation, psf forward.PSF) (*tv.Problem, error) {
	border := frames.Borders[c.TV.Border]
	p := &tv.Problem{Frame: o.Frame, Channels: o.Channels, Data: o.Data, Weights: o.Weights, Periodic: c.TV.Border == "periodic"}
	switch c.TV.Poisson {
	case poissonWeights:
		p.Weights = tv.CountWeights(o.Data, o.Weights, c.TV.Gain)
	case poissonAnscombe:
		p.Data = make([]float64, len(o.Data))
		for i, v := range o.Data {
			p.Data[i] = tv.Anscombe(v, c.TV.Gain)
		}
		if o.Weights != nil { // planes that were found say which pixels are missing
			p.Weights = make(forward.Weights, len(o.Weights))
			for i, w := range o.Weights {
				if w > 0 {
					p.Weights[i] = 1
				}
			}
		}
	}
	if psf.Values == nil && o.Varying == nil {
		return p, nil
	}
	h, err := o.Blur(comm, psf, border)
	if err != nil {
		return nil, err
	}
	p.Operator = h
	return p, nil
}

// Load makes a tv job of a config. What is wrong with it is recorded in f.
func Load(f *config.File) *lifecycle.Job {
	c := defaults()
	f.Decode(&c)
	c.Image.Check(f)
	c.Simulate.Check(f)
	c.Blur.Check(f, "blur", frames.MostBlur)
	c.PSFModel.Check(f, &c.Blur)
	c.TV.check(f)
	c.Output.section().Check(f)
	c.Output.Gather.Check(f, &c.Image)
	c.checkRule(f)
	c.checkPoisson(f)
	return &lifecycle.Job{
		Dir:        c.Output.Dir,
		Answer:     "solution.npy",
		Files:      files(),
		Metrics:    &metrics{},
		CheckFiles: func() error { return c.checkFiles(f) },
		Run: lifecycle.Start(f, c.Output.Dir, c.Seed, files(), func(ctx context.Context, base *lifecycle.Run) error {
			s := &c.TV
			m := &metrics{
				Record: frames.Record{Record: base.Record()},
				Method: s.Method, Penalty: s.Penalty, Coupled: s.Coupled, Poisson: s.Poisson, Border: s.Border, LambdaRule: string(s.Lambda.rule),
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
	c.Image.PerChannel = true // every value has a weight of its own
	return &frames.Source{Seed: c.Seed, Image: &c.Image, Simulate: &c.Simulate, Model: &c.PSFModel, Border: frames.Borders[c.TV.Border]}
}

// checkFiles records what the headers of the files show to be wrong.
func (c *settings) checkFiles(f *config.File) error {
	frame := c.source().CheckFiles(f)
	c.Blur.CheckFiles(f, "blur", frame, frames.Borders[c.TV.Border])
	c.PSFModel.CheckFiles(f, frame)
	return f.Err()
}
