package scdl

import (
	"cmp"
	"context"
	"math"
	"path/filepath"
	"time"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/internal/simulate"
	"tessera/scdl"
)

// trainSettings is everything an scdl-train config may say.
type trainSettings struct {
	Job        string                      `toml:"job"`
	Seed       uint64                      `toml:"seed"`
	Data       matrixSection               `toml:"data"`
	Patches    patchSection                `toml:"patches"`
	Simulate   spectraSection              `toml:"simulate"`
	SCDL       trainSection                `toml:"scdl"`
	Code       codeSection                 `toml:"code"`
	Checkpoint lifecycle.CheckpointSection `toml:"checkpoint"`
	Output     drawnSection                `toml:"output"`
}

// patchSection says which patches of pictures are the samples.
type patchSection struct {
	Images string  `toml:"images"` // a folder of PNG, JPEG and TIFF files
	Count  int     `toml:"count"`  // patches
	Scale  int     `toml:"scale"`  // high pixels for a low pixel, along an axis
	Patch  int     `toml:"patch"`  // rows and columns of a low patch, low pixels
	Blur   float64 `toml:"blur"`   // standard deviation, high pixels
}

func (s *patchSection) grid() scdl.Grid {
	return scdl.Grid{Scale: s.Scale, Patch: s.Patch, Blur: s.Blur}
}

// spectraSection describes the spectra that the job simulates where no files are named.
type spectraSection struct {
	Count int     `toml:"count"`
	High  int     `toml:"high"`  // numbers of a high spectrum; a low one has every third of them
	Noise float64 `toml:"noise"` // standard deviation, in units of the spectra
}

// matrixSection names matched samples: two matrices in which a sample is a column or a row.
type matrixSection struct {
	High    string  `toml:"high"`
	Low     string  `toml:"low"`
	Samples string  `toml:"samples"`  // columns | rows
	HeldOut float64 `toml:"held_out"` // fraction of the samples that is not learned from
}

// trainSection fills scdl.Options.
type trainSection struct {
	Method         string  `toml:"method"` // admm | online
	Atoms          int     `toml:"atoms"`
	Iterations     int     `toml:"iterations"`
	Lambda         float64 `toml:"lambda"`
	C1             float64 `toml:"c1"`
	C2             float64 `toml:"c2"`
	C3             float64 `toml:"c3"`
	Beta           float64 `toml:"beta"`
	Step           float64 `toml:"step"`
	Delta          float64 `toml:"delta"`
	Start          string  `toml:"start"` // random | first
	CheckEvery     int     `toml:"check_every"`
	Tolerance      float64 `toml:"tolerance"`
	Precision      string  `toml:"precision"`
	Compat         string  `toml:"compat"` // none | sequential | spark
	State          string  `toml:"state"`  // memory | disk
	Folder         string  `toml:"folder"` // disk; empty = state/ in the output directory
	Batch          int     `toml:"batch"`  // online
	CodeIterations int     `toml:"code_iterations"`
}

// codeSection says how the code of a low sample is found.
type codeSection struct {
	Method     string  `toml:"method"` // ridge | lasso
	Lambda     float64 `toml:"lambda"`
	Iterations int     `toml:"iterations"` // of lasso
}

// code is the code of low samples whose largest absolute value is unit.
func (s *codeSection) code(unit float64) scdl.Code {
	return scdl.Code{Method: s.Method, Lambda: s.Lambda, MaxIterations: s.Iterations, Unit: unit}
}

func (s *codeSection) check(f *config.File) {
	f.OneOf("code.method", s.Method, "ridge", "lasso")
	f.Want(s.Lambda > 0 && !math.IsInf(s.Lambda, 0), "code.lambda", "more than 0")
	f.Want(s.Iterations >= 1, "code.iterations", "1 or more")
}

// drawnSection says where the result goes and in which formats its figures are.
type drawnSection struct {
	Dir     string       `toml:"dir"`
	Formats config.Words `toml:"formats"` // png, svg, pdf
}

// dirSection says where the result goes.
type dirSection struct {
	Dir string `toml:"dir"`
}

func trainDefaults() trainSettings {
	return trainSettings{
		Seed:     1,
		Data:     matrixSection{Samples: "columns", HeldOut: 0.2},
		Patches:  patchSection{Count: 20000, Scale: 2, Patch: 5, Blur: 0.8},
		Simulate: spectraSection{Count: 4000, High: 25, Noise: 0.002},
		SCDL: trainSection{
			Method: methodADMM, Atoms: 128, Iterations: 50, Lambda: 0.001, C1: 0.4, C2: 0.4, C3: 0.8, Beta: 1, Step: 0.02, Delta: 1e-4,
			Start: "random", CheckEvery: 1, Precision: string(scdl.Single), Compat: "none", State: stateMemory, Batch: 2048, CodeIterations: 30,
		},
		Code:       codeSection{Method: "ridge", Lambda: 1e-3, Iterations: 200},
		Checkpoint: lifecycle.CheckpointSection{Every: 600},
		Output:     drawnSection{Dir: "out/scdl", Formats: report.Usual()},
	}
}

// Values of scdl.method and scdl.state.
const (
	methodADMM   = "admm"
	methodOnline = "online"
	stateMemory  = "memory"
	stateDisk    = "disk"
)

// compatibleDefaults are the defaults where scdl.compat names another program.
func compatibleDefaults() trainSettings {
	c := trainDefaults()
	c.SCDL.Lambda, c.SCDL.Beta, c.SCDL.Start, c.SCDL.Precision = 0.1, 0.01, "first", string(scdl.Double)
	return c
}

// onlineDefaults are the defaults with scdl.method = "online".
func onlineDefaults() trainSettings {
	c := trainDefaults()
	c.SCDL.Method, c.SCDL.Iterations, c.SCDL.Lambda, c.SCDL.Step = methodOnline, 10, 0.01, 1
	return c
}

// mostNumbers is the size of the largest set of high samples, so that no size overflows. A run
// is refused for its memory long before.
const mostNumbers = 1 << 48

func (c *trainSettings) check(f *config.File) {
	s := &c.SCDL
	f.Want((c.Data.High != "") == (c.Data.Low != ""), "data.high", "data.high and data.low, files of matched samples, or neither")
	f.Want(c.Simulate.High >= 3 && c.Simulate.High <= 100000, "simulate.high", "3 to 100000 numbers")
	most := mostNumbers / max(3, min(c.Simulate.High, 100000))
	f.Want(c.Simulate.Count >= 1 && c.Simulate.Count <= most, "simulate.count", "1 to %d spectra of %d numbers, %d numbers in all", most, c.Simulate.High, mostNumbers)
	f.Want(c.Simulate.Noise >= 0 && !math.IsInf(c.Simulate.Noise, 0), "simulate.noise", "0 or more")
	f.Want(c.Data.High == "" || c.Patches.Images == "", "patches.images", "either pictures or matrices of samples in data.high and data.low")
	if err := c.Patches.grid().Check(); err != nil {
		f.Fail("patches.scale", "%v", err)
	} else {
		side := c.Patches.grid().High()
		most := mostNumbers / (side * side)
		f.Want(c.Patches.Count >= 1 && c.Patches.Count <= most, "patches.count", "1 to %d patches of %d x %d pixels, %d pixels in all", most, side, side, mostNumbers)
	}
	f.OneOf("data.samples", c.Data.Samples, "columns", "rows")
	f.Want(c.Data.HeldOut >= 0 && c.Data.HeldOut < 1, "data.held_out", "a fraction, 0 or more and less than 1")
	f.Want(s.Atoms >= 1 && s.Atoms <= 8192, "scdl.atoms", "1 to 8192")
	f.Want(s.Iterations >= 1, "scdl.iterations", "1 or more")
	for key, v := range map[string]float64{"lambda": s.Lambda, "c1": s.C1, "c2": s.C2, "c3": s.C3, "beta": s.Beta, "step": s.Step, "delta": s.Delta} {
		f.Want(v > 0 && !math.IsInf(v, 0), "scdl."+key, "more than 0")
	}
	f.Want(s.Tolerance >= 0 && s.Tolerance < 1, "scdl.tolerance", "a fraction of the error; 0 = run all iterations")
	f.OneOf("scdl.start", s.Start, "random", "first")
	f.OneOf("scdl.precision", s.Precision, string(scdl.Single), string(scdl.Double))
	f.OneOf("scdl.compat", s.Compat, "none", string(scdl.Sequential), string(scdl.Spark))
	f.OneOf("scdl.method", s.Method, methodADMM, methodOnline)
	f.OneOf("scdl.state", s.State, stateMemory, stateDisk)
	f.Want(s.CheckEvery >= 1, "scdl.check_every", "1 or more iterations")
	f.Want(s.Batch >= 1, "scdl.batch", "1 or more samples")
	f.Want(s.CodeIterations >= 1, "scdl.code_iterations", "1 or more")
	f.Want(s.Folder == "" || s.State == stateDisk, "scdl.folder", `scdl.state = "disk" with it`)
	if s.Method == methodOnline {
		f.Want(s.State == stateMemory, "scdl.state", "memory, because online training has no state to keep in files")
		f.Want(s.Compat == "none", "scdl.compat", "none with scdl.method = \"online\": the other programs do not train online")
	}
	c.Checkpoint.Check(f)
	c.Code.check(f)
	f.Want(c.Output.Dir != "", "output.dir", "a directory")
}

// folder is where the state of a training is kept in files; empty = it is in memory.
func (c *trainSettings) folder() string {
	if c.SCDL.State == stateMemory {
		return ""
	}
	return cmp.Or(c.SCDL.Folder, filepath.Join(c.Output.Dir, "state"))
}

// sharedFolder is folder, unless it is the one in the output directory, which no run of
// another output directory uses.
func (c *trainSettings) sharedFolder() string {
	if c.SCDL.Folder == "" {
		return ""
	}
	return c.folder()
}

// checkSamples records what is wrong with the files of samples as far as their shapes tell.
func (c *trainSettings) checkSamples(f *config.File) {
	high := checkSamples(f, "data.high", c.Data.High, c.Data.Samples)
	low := checkSamples(f, "data.low", c.Data.Low, c.Data.Samples)
	switch {
	case c.Data.High == "":
		shape, _, _ := c.shapes()
		high = &shape
	case high == nil || low == nil:
		return
	default:
		if err := sameCount(c.Data.High, high.count, c.Data.Low, low.count); err != nil {
			f.Fail("data.low", "%v", err)
			return
		}
	}
	if c.learned(high.count, 1) < 1 {
		f.Fail("data.held_out", "leaves no sample of %d to learn from", high.count)
	}
}

// checkPictures records what is wrong with the pictures as far as their sizes tell.
func (c *trainSettings) checkPictures(f *config.File) {
	if c.Patches.Images == "" {
		return
	}
	paths, _, err := pictures(c.Patches.Images)
	if err != nil {
		f.Fail("patches.images", "%v", err)
		return
	}
	side := c.Patches.grid().High()
	for _, path := range paths {
		s, err := imageio.Stat(path)
		if err == nil {
			err = checkPicture(path, s, side)
		}
		if err != nil {
			f.Fail("patches.images", "%v", err)
		}
	}
}

func (c *trainSettings) heldOut() heldOut { return heldOut{c.Seed, c.Data.HeldOut} }

// learned is how many of count samples are learned from; the counting stops at enough.
func (c *trainSettings) learned(count, enough int) int {
	if c.Patches.Images != "" {
		return count - int(math.Round(c.Data.HeldOut*float64(count)))
	}
	return c.heldOut().learned(count, enough)
}

// LoadTrain makes a job of a config.
func LoadTrain(f *config.File) *lifecycle.Job {
	c := trainDefaults()
	if compat := scdl.Compatibility(f.String("scdl.compat")); compat == scdl.Sequential || compat == scdl.Spark {
		c = compatibleDefaults()
	} else if f.String("scdl.method") == methodOnline {
		c = onlineDefaults()
	}
	f.Decode(&c)
	c.check(f)
	return &lifecycle.Job{
		Dir:       c.Output.Dir,
		Answer:    dictionaryName,
		Files:     trainFiles(),
		Metrics:   &trainMetrics{},
		Resumable: true,
		State:     c.sharedFolder(),
		CheckFiles: func() error {
			c.checkSamples(f)
			c.checkPictures(f)
			return f.Err()
		},
		Run: lifecycle.Start(f, c.Output.Dir, c.Seed, trainFiles(), func(ctx context.Context, base *lifecycle.Run) error {
			return (&trainRun{Run: base, c: &c, m: &trainMetrics{Record: base.Record()}}).run(ctx)
		}),
		Plan: c.plan,
	}
}

func (c *trainSettings) options() scdl.Options {
	s := &c.SCDL
	o := scdl.Options{
		Atoms: s.Atoms, MaxIterations: s.Iterations, Lambda: s.Lambda, C1: s.C1, C2: s.C2, C3: s.C3, Beta: s.Beta, Step: s.Step,
		Delta: s.Delta, FirstColumns: s.Start == "first", CheckEvery: s.CheckEvery, Tolerance: s.Tolerance, Precision: scdl.Precision(s.Precision),
		Seed: c.Seed, Folder: c.folder(), Batch: s.Batch, CodeIterations: s.CodeIterations,
		SaveEvery: time.Duration(c.Checkpoint.Every * float64(time.Second)),
	}
	if s.Compat != "none" {
		o.Compatibility = scdl.Compatibility(s.Compat)
	}
	return o
}

// shapes are the shapes of the high and of the low samples, which have the same count.
func (c *trainSettings) shapes() (high, low matrixShape, err error) {
	if c.Patches.Images != "" {
		g := c.Patches.grid()
		return matrixShape{g.High() * g.High(), c.Patches.Count}, matrixShape{g.Patch * g.Patch, c.Patches.Count}, nil
	}
	if c.Data.High == "" {
		sim := simulate.Spectra{High: c.Simulate.High}
		return matrixShape{c.Simulate.High, c.Simulate.Count}, matrixShape{sim.Low(), c.Simulate.Count}, nil
	}
	if high, err = statMatrix(c.Data.High, c.Data.Samples); err == nil {
		low, err = statMatrix(c.Data.Low, c.Data.Samples)
	}
	if err == nil {
		err = sameCount(c.Data.High, high.count, c.Data.Low, low.count)
	}
	return high, low, err
}
