package mlpatch

import (
	"context"

	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/internal/training"
	"tessera/mlpatch"
)

// superSettings is everything that the config of an mlpatch-superres job may say.
type superSettings struct {
	Job        string                      `toml:"job"`
	Seed       uint64                      `toml:"seed"`
	Image      frames.ImageSection         `toml:"image"`
	Data       training.Data               `toml:"data"`
	Simulate   training.Cells              `toml:"simulate"`
	Superres   superSection                `toml:"superres"`
	MLPatch    trainSection                `toml:"mlpatch"`
	Checkpoint lifecycle.CheckpointSection `toml:"checkpoint"`
	Output     outputSection               `toml:"output"`
}

// superSection is the section [superres].
type superSection struct {
	Model   string         `toml:"model"`  // model.npz of such a job; "" = one is learned first
	Scale   float64        `toml:"scale"`  // fine pixels along a pixel of the frame
	Low     float64        `toml:"low"`    // scales that are learned
	High    float64        `toml:"high"`   //
	Noise   float64        `toml:"noise"`  // standard deviation of the noise of the pixels that are learned from, by the largest true value
	Tests   config.Numbers `toml:"tests"`  // scales at which pictures that were not learned from are compared
	Border  string         `toml:"border"` // of the frame
	Average symmetries     `toml:"average"`
}

func superDefaults() superSettings {
	c := superSettings{
		Seed:     1,
		Image:    frames.DefaultImage(),
		Data:     training.Data{Validation: 4},
		Simulate: training.Cells{Count: 48, Rows: 128, Cols: 128},
		Superres: superSection{Scale: 3, Low: 1.5, High: 4, Tests: config.Numbers{2, 2.5, 3, 4}, Border: "reflect", Average: 4},
		MLPatch:  trainDefaults().MLPatch,
		Output:   outputSection{Dir: "out/mlpatch-superres", Formats: report.Usual(), Precision: lifecycle.Double, Stretch: "auto", Origin: frames.OriginAuto, Pictures: true, Gather: frames.GatherAuto},
	}
	c.MLPatch.Side, c.MLPatch.Steps = 7, 1500
	c.Checkpoint.Every = 60
	return c
}

// learns tells whether the job learns a model first.
func (c *superSettings) learns() bool { return c.Superres.Model == "" }

// pictures are those to learn from and of the validation.
func (c *superSettings) pictures() training.Pictures {
	return training.Pictures{Data: c.Data, Cells: c.Simulate, Seed: c.Seed}
}

func (c *superSettings) check(f *config.File) {
	s := &c.Superres
	c.Image.Check(f)
	for key, path := range map[string]string{"mask": c.Image.Mask, "dq": c.Image.DQ, "sigma": c.Image.Sigma, "variance": c.Image.Variance, "weights": c.Image.Weights} {
		f.Want(path == "" || c.Image.Path != "", "image."+key, `"" without image.path: it belongs to that frame`)
	}
	c.pictures().Check(f)
	f.Want(s.Scale >= 1 && s.Scale <= mlpatch.MostScale, "superres.scale", "1 to %d, whole or not", mlpatch.MostScale)
	f.Want(s.Low >= 1 && s.Low <= mlpatch.MostScale, "superres.low", "1 to %d", mlpatch.MostScale)
	f.Want(s.High >= s.Low && s.High <= mlpatch.MostScale, "superres.high", "at least superres.low = %g and at most %d", s.Low, mlpatch.MostScale)
	f.Want(s.Noise >= 0 && s.Noise <= 100, "superres.noise", "0 to 100, by the largest true value")
	for _, v := range s.Tests {
		f.Want(v >= 1 && v <= mlpatch.MostScale && v <= float64(min(c.Simulate.Rows, c.Simulate.Cols)), "superres.tests", "a list of scales of 1 to %d, not %g", mlpatch.MostScale, v)
	}
	f.OneOf("superres.border", s.Border, "zero", "reflect", "periodic")
	c.MLPatch.check(f, "mlpatch", c.Data.Validation, "data.validation")
	f.Want(c.Data.Truth != "" || c.MLPatch.Block <= min(c.Simulate.Rows, c.Simulate.Cols), "mlpatch.block", "1 to 1024 pixels, and no more than a picture has")
	if f.Err() == nil {
		err := c.MLPatch.network(1, 1).Check()
		f.Want(err == nil, "mlpatch.geometry", "another shape of the network: %v", err)
	}
	c.Checkpoint.Check(f)
	c.Output.section().Check(f)
	c.Output.Gather.Check(f, &c.Image)
}

// LoadSuper makes an mlpatch-superres job of a config. What is wrong with it is recorded in f.
func LoadSuper(f *config.File) *lifecycle.Job {
	c := superDefaults()
	f.Decode(&c)
	c.check(f)
	dir := c.Output.Dir
	return &lifecycle.Job{
		Dir:        dir,
		Answer:     "solution.npy",
		Resumable:  c.learns(),
		Files:      superFiles(),
		Metrics:    &superMetrics{},
		CheckFiles: func() error { return c.checkFiles(f) },
		Run: lifecycle.Start(f, dir, c.Seed, superFiles(), func(ctx context.Context, base *lifecycle.Run) error {
			m := &superMetrics{Record: frames.Record{Record: base.Record()}, Border: c.Superres.Border}
			r := &superRun{
				Restoration: frames.Restoration{Run: base, Common: &m.Record}, c: &c, m: m,
				learn: training.Run{Run: base, Kind: "mlpatch-superres", Every: c.Checkpoint.Every, Metrics: &training.Metrics{}},
			}
			return r.run(ctx)
		}),
		Plan: c.plan,
	}
}

// source says where the frame comes from, if it comes from a file.
func (c *superSettings) source() *frames.Source {
	image := c.Image
	image.PerChannel = true // every value has a weight of its own
	image.Truth = ""        // it has the shape of the answer
	return &frames.Source{Seed: c.Seed, Image: &image, Simulate: &frames.SimulateSection{Channels: 1, Rows: 1, Cols: 1}, Border: frames.Borders[c.Superres.Border]}
}

// coarse is the shape of the frame that is enlarged, read from the header of its file.
func (c *superSettings) coarse() (channels, rows, cols int, err error) {
	if c.Image.Path == "" {
		s := c.Superres.Scale
		return 1, int(float64(c.Simulate.Rows)/s + 1e-9), int(float64(c.Simulate.Cols)/s + 1e-9), nil
	}
	shape, err := c.source().Shape()
	if err != nil {
		return 0, 0, 0, err
	}
	return shape.Channels, shape.Rows, shape.Cols, nil
}

// mostFine is the largest answer, in values.
const mostFine = 1 << 40

// checkFiles records what the headers of the files show to be wrong.
func (c *superSettings) checkFiles(f *config.File) error {
	if c.Image.Path != "" {
		if frame := c.source().CheckFiles(f); frame != nil {
			values := float64(frame.Channels) * float64(frame.Rows) * float64(frame.Cols) * c.Superres.Scale * c.Superres.Scale
			f.Want(values <= mostFine, "superres.scale", "an answer of at most %g values, not %.3g", float64(mostFine), values)
			s := c.Superres.Scale
			frames.CheckTruth(f, c.Image.Truth, frame.Channels, mlpatch.Enlarged(frame.Rows, s), mlpatch.Enlarged(frame.Cols, s))
		}
	}
	if !c.learns() {
		if _, err := readUpscaler(c.Superres.Model); err != nil {
			f.Fail("superres.model", "%v", err)
		}
		return f.Err()
	}
	if _, rows, cols, ok := c.pictures().CheckFiles(f); ok {
		f.Want(c.MLPatch.Block <= min(rows, cols), "mlpatch.block", "at most the side of a picture: they have %d x %d pixels", rows, cols)
		for _, v := range c.Superres.Tests {
			f.Want(v <= float64(min(rows, cols)), "superres.tests", "scales of at most the side of a picture: they have %d x %d pixels", rows, cols)
		}
	}
	return f.Err()
}

// outside tells whether the model has not learned a scale.
func (m *upscaler) outside(scale float64) bool {
	return scale < m.Low-1e-9 || scale > m.High+1e-9
}
