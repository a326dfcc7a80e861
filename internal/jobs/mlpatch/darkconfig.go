package mlpatch

import (
	"context"
	"math"

	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/internal/training"
	"tessera/mlpatch"
	"tessera/mlpatch/massmap"
)

// darkSettings is everything that the config of a darkmatter job may say.
type darkSettings struct {
	Job       string           `toml:"job"`
	Seed      uint64           `toml:"seed"`
	Shear     shearSection     `toml:"shear"`
	Catalogue catalogueSection `toml:"catalogue"`
	Simulate  fieldSection     `toml:"simulate"`
	Spectrum  spectrumSection  `toml:"spectrum"`
	Wiener    wienerSection    `toml:"wiener"`
	Noise     drawsSection     `toml:"noise"`
	Learned   learnedSection   `toml:"learned"`
	Network   trainSection     `toml:"network"`

	Checkpoint lifecycle.CheckpointSection `toml:"checkpoint"`
	Output     darkOutput                  `toml:"output"`

	estimate bool // the noise of a galaxy is the spread of the catalogue: shear.sigma is not given
}

// learnedSection is the section [learned]: a local network that corrects the Wiener map.
type learnedSection struct {
	Model      string     `toml:"model"`      // model.npz of such a job; "" = one is learned from simulated skies
	Skies      int        `toml:"skies"`      // simulated skies, those of the validation included; 0 = no network without a model
	Validation int        `toml:"validation"` // the last skies, which are not learned from
	ShiftLow   float64    `toml:"shift_low"`  // kappa > -shift x rms of a simulated sky
	ShiftHigh  float64    `toml:"shift_high"`
	Average    symmetries `toml:"average"`
}

// shearSection names maps of the shear. Every path is that of an image of one plane.
type shearSection struct {
	E1       string          `toml:"e1"`
	E2       string          `toml:"e2"`
	Sigma1   string          `toml:"sigma1"` // standard deviations of a pixel
	Sigma2   string          `toml:"sigma2"`
	Counts   string          `toml:"counts"`   // galaxies of a pixel, in the place of sigma1 and sigma2
	Mask     string          `toml:"mask"`     // 0 = missing
	Outliers frames.Outliers `toml:"outliers"` // what happens to shears and ellipticities far from all others
	Sigma    float64         `toml:"sigma"`    // of a pixel; with counts or a catalogue of a galaxy; each component
	Pixel    float64         `toml:"pixel"`    // side, arcmin
	FlipE1   bool            `toml:"flip_e1"`
	FlipE2   bool            `toml:"flip_e2"`
}

// catalogueSection names a table of galaxies.
type catalogueSection struct {
	Path   string `toml:"path"`
	RA     string `toml:"ra"` // names of columns
	Dec    string `toml:"dec"`
	E1     string `toml:"e1"`
	E2     string `toml:"e2"`
	Weight string `toml:"weight"` // "" = all 1
}

// fieldSection is the section [simulate]: a true convergence that the program observes itself.
type fieldSection struct {
	From  string  `toml:"from"` // an image of one plane; "" = a lognormal field
	Rows  int     `toml:"rows"`
	Cols  int     `toml:"cols"`
	RMS   float64 `toml:"rms"`
	Width float64 `toml:"width"`
	Turn  float64 `toml:"turn"`
}

type spectrumSection struct {
	Path string `toml:"path"` // a table of ell and C_ell, or an array (2, n); "" = estimated
}

type wienerSection struct {
	Tolerance     float64 `toml:"tolerance"`
	MaxIterations int     `toml:"max_iterations"`
}

type drawsSection struct {
	Realisations int `toml:"realisations"`
}

type darkOutput struct {
	Dir       string        `toml:"dir"`
	Formats   config.Words  `toml:"formats"`   // of figures: png, svg, pdf
	Precision string        `toml:"precision"` // of the arrays in files: double or single
	Origin    frames.Origin `toml:"origin"`    // of pictures
	Pictures  bool          `toml:"pictures"`
}

const arcmin = math.Pi / 180 / 60

func darkDefaults() darkSettings {
	return darkSettings{
		Seed:      1,
		Shear:     shearSection{Sigma: 0.03, Pixel: 2, Outliers: frames.OutliersReport},
		Catalogue: catalogueSection{RA: "ra", Dec: "dec", E1: "e1", E2: "e2", Weight: "weight"},
		Simulate:  fieldSection{Rows: 128, Cols: 128, RMS: 0.02, Width: 0.8, Turn: 1000},
		Wiener:    wienerSection{Tolerance: 1e-6, MaxIterations: 1000},
		Noise:     drawsSection{Realisations: 8},
		Learned:   learnedSection{Validation: 4, ShiftLow: 1, ShiftHigh: 2, Average: mlpatch.Symmetries},
		Network: trainSection{
			Geometry: string(mlpatch.Rings), Side: 3, Radii: 5, Angles: 8, Radius: 20, Hidden: config.Numbers{48, 32}, Chunks: 1, Mixer: config.Numbers{}, Residual: true,
			Loss: string(mlpatch.L2), Rate: 2e-3, Steps: 800, Batch: 16, Block: 16, Blocks: 256, Every: 100,
		},
		Checkpoint: lifecycle.CheckpointSection{Every: 60},
		Output:     darkOutput{Dir: "out/darkmatter", Formats: report.Usual(), Precision: lifecycle.Double, Origin: frames.OriginLower, Pictures: true},
	}
}

// learns tells whether the job learns a network, and applies whether it has one.
func (c *darkSettings) learns() bool  { return c.Learned.Model == "" && c.Learned.Skies > 0 }
func (c *darkSettings) applies() bool { return c.Learned.Model != "" || c.learns() }

// observed tells whether the shear comes from files.
func (c *darkSettings) observed() bool { return c.Shear.E1 != "" || c.Catalogue.Path != "" }

func (c *darkSettings) check(f *config.File) {
	s, m := &c.Shear, &c.Simulate
	s.Outliers.Check(f, "shear.outliers")
	f.Want((s.E1 == "") == (s.E2 == ""), "shear.e2", "maps of both components, shear.e1 and shear.e2, or of none")
	f.Want((s.Sigma1 == "") == (s.Sigma2 == ""), "shear.sigma2", "maps of both components, shear.sigma1 and shear.sigma2, or of none")
	f.Want(s.Counts == "" || s.Sigma1 == "", "shear.counts", "shear.counts or shear.sigma1 and shear.sigma2, not both")
	f.Want(s.Sigma > 0 && !math.IsInf(s.Sigma, 0), "shear.sigma", "more than 0")
	f.Want(s.E1 == "" || s.Sigma1 != "" || f.Has("shear.sigma"), "shear.sigma", "the noise of the maps: shear.sigma1 and shear.sigma2, shear.counts with shear.sigma, or shear.sigma")
	f.Want(s.Pixel > 0 && s.Pixel <= 600, "shear.pixel", "more than 0 and at most 600 arcmin")
	f.Want(s.E1 == "" || f.Has("shear.pixel"), "shear.pixel", "the side of a pixel of the maps in arcmin")
	f.Want(c.Catalogue.Path == "" || s.E1 == "" && s.Counts == "" && s.Sigma1 == "", "catalogue.path", "a catalogue or maps of the shear, not both")
	c.estimate = c.Catalogue.Path != "" && !f.Has("shear.sigma")
	if c.Catalogue.Path != "" {
		for key, name := range map[string]string{"ra": c.Catalogue.RA, "dec": c.Catalogue.Dec, "e1": c.Catalogue.E1, "e2": c.Catalogue.E2} {
			f.Want(name != "", "catalogue."+key, "the name of a column")
		}
	}
	f.Want(m.Rows >= 4 && m.Rows <= 1<<20, "simulate.rows", "4 to %d pixels", 1<<20)
	f.Want(m.Cols >= 4 && m.Cols <= 1<<20, "simulate.cols", "4 to %d pixels", 1<<20)
	f.Want(m.RMS > 0 && m.RMS <= 100, "simulate.rms", "more than 0 and at most 100")
	f.Want(m.Width > 0 && m.Width <= 3, "simulate.width", "more than 0 and at most 3")
	f.Want(m.Turn > 0, "simulate.turn", "a multipole of more than 0")
	f.Want(c.Wiener.Tolerance > 0 && c.Wiener.Tolerance < 1, "wiener.tolerance", "more than 0 and less than 1")
	f.Want(c.Wiener.MaxIterations >= 1, "wiener.max_iterations", "1 or more")
	f.Want(c.Noise.Realisations >= 2 && c.Noise.Realisations <= 1<<20, "noise.realisations", "2 or more")
	l := &c.Learned
	f.Want(l.Skies >= 0 && l.Skies <= 1<<20, "learned.skies", "0 to %d; 0 = no network without learned.model", 1<<20)
	f.Want(l.Validation >= 0 && (l.Skies == 0 || l.Validation < l.Skies), "learned.validation", "0 skies or more, fewer than learned.skies = %d", l.Skies)
	f.Want(l.ShiftLow > 0 && l.ShiftLow <= 1000, "learned.shift_low", "more than 0 and at most 1000, by the root mean square of kappa")
	f.Want(l.ShiftHigh >= l.ShiftLow && l.ShiftHigh <= 1000, "learned.shift_high", "at least learned.shift_low = %g and at most 1000", l.ShiftLow)
	c.Network.check(f, "network", l.Validation, "learned.validation")
	if f.Err() == nil {
		err := c.network().Check()
		f.Want(err == nil, "network.geometry", "another shape of the network: %v", err)
	}
	c.Checkpoint.Check(f)
	f.Want(c.Output.Dir != "", "output.dir", "a directory")
	c.Output.Origin.Check(f)
}

// network is that of the section [network].
func (c *darkSettings) network() *mlpatch.Network { return c.Network.network(massmap.Planes, 0) }

// LoadDark makes a darkmatter job of a config. What is wrong with it is recorded in f.
func LoadDark(f *config.File) *lifecycle.Job {
	c := darkDefaults()
	f.Decode(&c)
	c.check(f)
	return &lifecycle.Job{
		Dir:        c.Output.Dir,
		Answer:     "solution.npy",
		Resumable:  c.learns(),
		Files:      darkFiles(),
		Metrics:    &darkMetrics{},
		CheckFiles: func() error { return c.checkFiles(f) },
		Run: lifecycle.Start(f, c.Output.Dir, c.Seed, darkFiles(), func(ctx context.Context, base *lifecycle.Run) error {
			m := &darkMetrics{Record: frames.Record{Record: base.Record()}}
			r := &darkRun{
				Restoration: frames.Restoration{Run: base, Common: &m.Record}, m: m, c: &c,
				learn: training.Run{Run: base, Kind: "darkmatter", Every: c.Checkpoint.Every, Metrics: &training.Metrics{}},
			}
			return r.run(ctx)
		}),
		Plan: c.plan,
	}
}

// maps are the keys of the images that the config names, and their paths; the first one gives the shape.
func (c *darkSettings) maps() (list [][2]string) {
	for _, p := range [][2]string{
		{"shear.e1", c.Shear.E1}, {"shear.e2", c.Shear.E2}, {"simulate.from", c.Simulate.From}, {"shear.sigma1", c.Shear.Sigma1},
		{"shear.sigma2", c.Shear.Sigma2}, {"shear.counts", c.Shear.Counts}, {"shear.mask", c.Shear.Mask},
	} {
		if p[1] != "" {
			list = append(list, p)
		}
	}
	return list
}

// checkFiles records what the files show to be wrong.
func (c *darkSettings) checkFiles(f *config.File) error {
	var first *imageio.Frame
	for _, p := range c.maps() {
		frame := frames.CheckFrame(f, p[0], p[1])
		if frame == nil {
			continue
		}
		f.Want(frame.Channels == 1, p[0], "%s: one plane, not %d", p[1], frame.Channels)
		if first == nil {
			first = frame
		}
		f.Want(frame.Rows == first.Rows && frame.Cols == first.Cols, p[0], "%s: %d x %d pixels, as %s has, not %d x %d", p[1], first.Rows, first.Cols, c.maps()[0][1], frame.Rows, frame.Cols)
	}
	if c.Spectrum.Path != "" {
		if _, _, err := readSpectrum(c.Spectrum.Path); err != nil {
			f.Fail("spectrum.path", "%v", err)
		}
	}
	if c.Catalogue.Path != "" {
		if _, _, err := c.sky(); err != nil {
			f.Fail("catalogue.path", "%v", err)
		}
	}
	if c.Learned.Model != "" {
		if _, err := readCorrector(c.Learned.Model); err != nil {
			f.Fail("learned.model", "%v", err)
		}
	}
	return f.Err()
}
