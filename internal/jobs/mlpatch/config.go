package mlpatch

import (
	"context"

	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/tv"
)

// denoiseSettings is everything that the config of an mlpatch-denoise job may say.
type denoiseSettings struct {
	Job      string                 `toml:"job"`
	Seed     uint64                 `toml:"seed"`
	Image    frames.ImageSection    `toml:"image"`
	Simulate frames.SimulateSection `toml:"simulate"`
	Noise    noiseSection           `toml:"noise"`
	MLPatch  applySection           `toml:"mlpatch"`
	Bands    bandSection            `toml:"bands"`
	TV       besideSection          `toml:"tv"`
	Output   outputSection          `toml:"output"`
}

// admmSettings is everything that the config of an mlpatch-admm job may say.
type admmSettings struct {
	Job      string                 `toml:"job"`
	Seed     uint64                 `toml:"seed"`
	Image    frames.ImageSection    `toml:"image"`
	Simulate frames.SimulateSection `toml:"simulate"`
	Blur     frames.BlurSection     `toml:"blur"`
	PSFModel frames.PSFModelSection `toml:"psf_model"`
	Noise    noiseSection           `toml:"noise"`
	MLPatch  applySection           `toml:"mlpatch"`
	ADMM     admmSection            `toml:"admm"`
	Beside   quadraticSection       `toml:"beside"`

	Tomography tomographySection `toml:"tomography"`

	TV     besideSection `toml:"tv"`
	Output outputSection `toml:"output"`
}

// noiseSection is the section [noise].
type noiseSection struct {
	Sigma float64 `toml:"sigma"` // standard deviation of a pixel of weight 1; 0 = that of [simulate], or found from the data
}

// applySection is the section [mlpatch].
type applySection struct {
	Model   string     `toml:"model"`  // model.npz of an mlpatch-train job
	Border  string     `toml:"border"` // of the frame
	Average symmetries `toml:"average"`
}

// admmSection is the section [admm]. Levels are by the model's scale.
type admmSection struct {
	Level         float64 `toml:"level"`
	First         float64 `toml:"first"`
	Falling       int     `toml:"falling"`
	Alpha         float64 `toml:"alpha"`
	Damping       float64 `toml:"damping"`
	Tolerance     float64 `toml:"tolerance"`
	MaxIterations int     `toml:"max_iterations"`
	Inner         float64 `toml:"inner"`
	MostInner     int     `toml:"most_inner"`
}

// besideSection is the section [tv]: the restoration by total variation beside the learned one.
type besideSection struct {
	Rule          string  `toml:"rule"`
	Tolerance     float64 `toml:"tolerance"`
	MaxIterations int     `toml:"max_iterations"`
}

// noTV is the rule without a restoration by total variation.
const noTV = "none"

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

// work is what the jobs that apply a model have in common.
type work struct {
	seed     uint64
	image    *frames.ImageSection
	simulate *frames.SimulateSection
	blur     *frames.BlurSection
	sigma    float64
	model    *applySection
	admm     *admmSection // nil: one pass of the denoiser
	tv       *besideSection
	output   *outputSection

	tomography *tomographySection      // nil = none
	beside     *quadraticSection       // nil = none
	bands      *bandSection            // nil = never
	psfModel   *frames.PSFModelSection // nil: none
}

func denoiseDefaults() denoiseSettings {
	return denoiseSettings{
		Seed:     1,
		Image:    frames.DefaultImage(),
		Simulate: frames.SimulateSection{Rows: 256, Cols: 256, Channels: 1, Noise: 0.1},
		MLPatch:  applySection{Border: "reflect", Average: 4},
		TV:       besideSection{Rule: string(tv.Discrepancy), Tolerance: 1e-2, MaxIterations: 2000},
		Output:   outputSection{Dir: "out/mlpatch-denoise", Formats: report.Usual(), Precision: lifecycle.Double, Stretch: "auto", Origin: frames.OriginAuto, Pictures: true, Gather: frames.GatherAuto},
	}
}

func admmDefaults() admmSettings {
	return admmSettings{
		Seed:     1,
		Image:    frames.DefaultImage(),
		Simulate: frames.SimulateSection{Rows: 256, Cols: 256, Channels: 1, Noise: 0.01},
		Blur:     frames.BlurSection{Kind: "gaussian", Size: 9, Sigma: 1.4142135623730951, FWHM: 3, Beta: 3},
		PSFModel: frames.DefaultPSFModel(),
		MLPatch:  applySection{Border: "reflect", Average: 1},
		ADMM:     admmSection{Level: 0.02, First: 0.1, Falling: 15, Alpha: 0.1, Damping: 1, Tolerance: 1e-3, MaxIterations: 40, Inner: 1e-4, MostInner: 100},
		TV:       besideSection{Rule: string(tv.Discrepancy), Tolerance: 1e-2, MaxIterations: 2000},
		Beside:   quadraticSection{Tikhonov: true, Wiener: true},
		Output:   outputSection{Dir: "out/mlpatch-admm", Formats: report.Usual(), Precision: lifecycle.Double, Stretch: "auto", Origin: frames.OriginAuto, Pictures: true, Gather: frames.GatherAuto},
	}
}

// Load makes an mlpatch-denoise job of a config. What is wrong with it is recorded in f.
func Load(f *config.File) *lifecycle.Job {
	c := denoiseDefaults()
	f.Decode(&c)
	c.Bands.check(f, &c.Image, c.TV.Rule, c.Noise.Sigma)
	return (&work{c.Seed, &c.Image, &c.Simulate, &frames.BlurSection{Kind: "none"}, c.Noise.Sigma, &c.MLPatch, nil, &c.TV, &c.Output, nil, nil, &c.Bands, nil}).job(f)
}

// LoadADMM makes an mlpatch-admm job of a config. What is wrong with it is recorded in f.
func LoadADMM(f *config.File) *lifecycle.Job {
	c := admmDefaults()
	f.Decode(&c)
	c.Blur.Check(f, "blur", frames.MostBlur)
	c.Tomography.check(f, &c.Image, &c.Blur, c.Noise.Sigma)
	c.PSFModel.Check(f, &c.Blur)
	f.Want(c.Tomography.Angles == 0 || !c.PSFModel.Used(), "tomography.angles", "0 with [psf_model]: projections are not blurred")
	s := &c.ADMM
	f.Want(s.Level > 0 && s.Level <= 100, "admm.level", "more than 0, by the model's scale")
	f.Want(s.First >= s.Level && s.First <= 100, "admm.first", "at least admm.level = %g", s.Level)
	f.Want(s.Falling >= 0, "admm.falling", "0 iterations or more")
	f.Want(s.Alpha > 0 && s.Alpha <= 1e6, "admm.alpha", "more than 0, by the largest eigenvalue of A'WA")
	f.Want(s.Damping > 0 && s.Damping <= 1, "admm.damping", "more than 0 and at most 1")
	f.Want(s.Tolerance > 0 && s.Tolerance < 1, "admm.tolerance", "more than 0 and less than 1")
	f.Want(s.MaxIterations >= 1, "admm.max_iterations", "1 or more")
	f.Want(s.Inner > 0 && s.Inner < 1, "admm.inner", "more than 0 and less than 1")
	f.Want(s.MostInner >= 1, "admm.most_inner", "1 or more")
	return (&work{c.Seed, &c.Image, &c.Simulate, &c.Blur, c.Noise.Sigma, &c.MLPatch, s, &c.TV, &c.Output, &c.Tomography, &c.Beside, nil, &c.PSFModel}).job(f)
}

// job checks what both jobs have and puts them together.
func (w *work) job(f *config.File) *lifecycle.Job {
	w.image.Check(f)
	w.simulate.Check(f)
	f.Want(w.sigma >= 0, "noise.sigma", "0 or more")
	f.Want(w.model.Model != "", "mlpatch.model", `the model.npz of a job "mlpatch-train", such as configs/models/denoise-cells.npz`)
	f.OneOf("mlpatch.border", w.model.Border, "zero", "reflect", "periodic")
	f.OneOf("tv.rule", w.tv.Rule, noTV, string(tv.Discrepancy), string(tv.Oracle))
	f.Want(w.tv.Rule != string(tv.Oracle) || w.image.Path == "", "tv.rule", `%q for an observed frame, of which the truth is not known`, tv.Discrepancy)
	f.Want(w.tv.Tolerance > 0 && w.tv.Tolerance < 1, "tv.tolerance", "more than 0 and less than 1")
	f.Want(w.tv.MaxIterations >= 1, "tv.max_iterations", "1 or more")
	w.output.section().Check(f)
	w.output.Gather.Check(f, w.image)
	dir := w.output.Dir
	return &lifecycle.Job{
		Dir:        dir,
		Answer:     "solution.npy",
		Files:      w.files(),
		Metrics:    &metrics{},
		CheckFiles: func() error { return w.checkFiles(f) },
		Run: lifecycle.Start(f, dir, w.seed, w.files(), func(ctx context.Context, base *lifecycle.Run) error {
			m := &metrics{Record: frames.Record{Record: base.Record()}, Border: w.model.Border}
			r := &run{
				Restoration: frames.Restoration{Run: base, Common: &m.Record}, m: m,
				w: w, unused: w.image.Path != "" && f.Has("simulate"),
			}
			return r.run(ctx)
		}),
		Plan: w.plan,
	}
}

// source says where the frame comes from.
func (w *work) source() *frames.Source {
	w.image.PerChannel = true // every value has a weight of its own
	image := *w.image
	if w.scanned() {
		image.Truth = "" // it has the shape of the answer, not that of the projections
	}
	return &frames.Source{Seed: w.seed, Image: &image, Simulate: w.simulate, Model: w.psfModel, Border: frames.Borders[w.model.Border]}
}

// checkFiles records what is wrong with the model and what the headers of the other files show
// to be wrong.
func (w *work) checkFiles(f *config.File) error {
	frame := w.source().CheckFiles(f)
	if w.scanned() && frame != nil && w.image.Path != "" {
		f.Want(frame.Rows == w.tomography.Angles && frame.Channels == 1, "tomography.angles", "the %d rows of %s, of one plane", frame.Rows, w.image.Path)
		frames.CheckTruth(f, w.image.Truth, 1, w.tomography.Rows, w.tomography.Cols)
	}
	w.blur.CheckFiles(f, "blur", frame, frames.Borders[w.model.Border])
	w.psfModel.CheckFiles(f, frame)
	if _, err := readModel(w.model.Model); err != nil {
		f.Fail("mlpatch.model", "%v", err)
	}
	return f.Err()
}
