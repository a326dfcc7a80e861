package mlpatch

import (
	"context"
	"math"

	"tessera/internal/config"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/internal/training"
	"tessera/mlpatch"
)

// trainSettings is everything that the config of an mlpatch-train job may say.
type trainSettings struct {
	Job        string                      `toml:"job"`
	Seed       uint64                      `toml:"seed"`
	Data       training.Data               `toml:"data"`
	Simulate   training.Cells              `toml:"simulate"`
	Noise      levelSection                `toml:"noise"`
	MLPatch    trainSection                `toml:"mlpatch"`
	Checkpoint lifecycle.CheckpointSection `toml:"checkpoint"`
	Output     training.Output             `toml:"output"`
}

// levelSection is the range of the standard deviation of the noise, by the largest true value.
type levelSection struct {
	Low  float64 `toml:"low"`
	High float64 `toml:"high"`
}

// trainSection is the section [mlpatch].
type trainSection struct {
	Geometry string         `toml:"geometry"`
	Side     int            `toml:"side"`
	Radii    int            `toml:"radii"`
	Angles   int            `toml:"angles"`
	Radius   float64        `toml:"radius"`
	Learned  bool           `toml:"learned"`
	Hidden   config.Numbers `toml:"hidden"`
	Chunks   int            `toml:"chunks"`
	Features int            `toml:"features"`
	Mixer    config.Numbers `toml:"mixer"`
	Residual bool           `toml:"residual"`
	Loss     string         `toml:"loss"`
	Rate     float64        `toml:"rate"`
	Steps    int            `toml:"steps"`
	Batch    int            `toml:"batch"`    // blocks a step
	Block    int            `toml:"block"`    // side of a block, pixels
	Blocks   int            `toml:"blocks"`   // of the validation
	Every    int            `toml:"every"`    // steps between validations
	Patience int            `toml:"patience"` // validations without a better one before the end; 0 = all steps
}

func trainDefaults() trainSettings {
	return trainSettings{
		Seed:     1,
		Data:     training.Data{Validation: 4},
		Simulate: training.Cells{Count: 64, Rows: 128, Cols: 128},
		Noise:    levelSection{Low: 0.01, High: 0.25},
		MLPatch: trainSection{
			Geometry: string(mlpatch.Square), Side: 9, Radii: 9, Angles: 9, Radius: 4, Hidden: config.Numbers{64, 64}, Chunks: 1, Mixer: config.Numbers{}, Residual: true,
			Loss: string(mlpatch.L2), Rate: 8e-3, Steps: 3000, Batch: 16, Block: 16, Blocks: 128, Every: 100,
		},
		Checkpoint: lifecycle.CheckpointSection{Every: 60},
		Output:     training.Output{Dir: "out/mlpatch-train", Formats: report.Usual(), Pictures: true},
	}
}

// network is what the config describes.
func (c *trainSettings) network() *mlpatch.Network { return c.MLPatch.network(1, 1) }

// network is what the section describes, with so many planes and levels.
func (s *trainSection) network(planes, levels int) *mlpatch.Network {
	hidden, _ := s.Hidden.Ints(1) // check has looked at them
	mixer, _ := s.Mixer.Ints(1)
	return &mlpatch.Network{
		Planes: planes, Levels: levels, Hidden: hidden, Chunks: s.Chunks, Features: s.Features, Mixer: mixer, Residual: s.Residual,
		Geometry: mlpatch.Geometry{Kind: mlpatch.Kind(s.Geometry), Side: s.Side, Radii: s.Radii, Angles: s.Angles, Radius: s.Radius, Learned: s.Learned},
	}
}

// check records in f what is wrong with a section of this name. validation is the number of items that are not learned from, by the key
// of that name.
func (s *trainSection) check(f *config.File, section string, validation int, key string) {
	f.OneOf(section+".geometry", s.Geometry, string(mlpatch.Square), string(mlpatch.Round), string(mlpatch.Rings))
	for key, list := range map[string]config.Numbers{"hidden": s.Hidden, "mixer": s.Mixer} {
		_, ok := list.Ints(1)
		f.Want(ok, section+"."+key, "a list of whole numbers of 1 or more")
	}
	f.OneOf(section+".loss", s.Loss, string(mlpatch.L1), string(mlpatch.L2))
	f.Want(s.Rate > 0 && s.Rate <= 10, section+".rate", "more than 0 and at most 10")
	f.Want(s.Steps >= 1 && s.Steps <= 1e8, section+".steps", "1 or more")
	f.Want(s.Batch >= 1 && s.Batch <= 1<<20, section+".batch", "1 block or more a step")
	f.Want(s.Block >= 1 && s.Block <= 1024, section+".block", "1 to 1024 pixels, and no more than a picture has")
	f.Want(s.Blocks >= 1 && s.Blocks <= 1<<20, section+".blocks", "1 block or more")
	f.Want(s.Every >= 1, section+".every", "1 step or more")
	f.Want(s.Patience >= 0 && (s.Patience == 0 || validation > 0), section+".patience", "0 or more; with more than 0 %s = 1 or more", key)
}

func (c *trainSettings) check(f *config.File) {
	s := &c.MLPatch
	c.pictures().Check(f)
	f.Want(c.Noise.Low >= 0 && !math.IsInf(c.Noise.Low, 0), "noise.low", "0 or more, by the largest true value")
	f.Want(c.Noise.High >= c.Noise.Low && c.Noise.High > 0 && c.Noise.High <= 100, "noise.high", "more than 0, at least noise.low = %g and at most 100", c.Noise.Low)
	s.check(f, "mlpatch", c.Data.Validation, "data.validation")
	f.Want(c.Data.Truth != "" || s.Block <= min(c.Simulate.Rows, c.Simulate.Cols), "mlpatch.block", "1 to 1024 pixels, and no more than a picture has")
	if f.Err() == nil {
		err := c.network().Check()
		f.Want(err == nil, "mlpatch.geometry", "another shape of the network: %v", err)
	}
	f.Want(c.Output.Dir != "", "output.dir", "a directory")
	c.Checkpoint.Check(f)
}

// pictures are those to learn from and of the validation.
func (c *trainSettings) pictures() training.Pictures {
	return training.Pictures{Data: c.Data, Cells: c.Simulate, Seed: c.Seed}
}

// LoadTrain makes an mlpatch-train job of a config. What is wrong with it is recorded in f.
func LoadTrain(f *config.File) *lifecycle.Job {
	c := trainDefaults()
	f.Decode(&c)
	c.check(f)
	return &lifecycle.Job{
		Dir:        c.Output.Dir,
		Answer:     "parameters.npy",
		Resumable:  true,
		Files:      trainFiles(),
		Metrics:    &trainMetrics{},
		CheckFiles: func() error { return c.checkFiles(f) },
		Run: lifecycle.Start(f, c.Output.Dir, c.Seed, trainFiles(), func(ctx context.Context, base *lifecycle.Run) error {
			m := &trainMetrics{Metrics: training.Metrics{Record: base.Record()}, Loss: c.MLPatch.Loss}
			r := &trainRun{Run: training.Run{Run: base, Kind: "mlpatch-train", Every: c.Checkpoint.Every, Metrics: &m.Metrics}, c: &c, m: m}
			return r.run(ctx)
		}),
		Plan: c.plan,
	}
}

// checkFiles records what the headers of the files show to be wrong.
func (c *trainSettings) checkFiles(f *config.File) error {
	_, rows, cols, ok := c.pictures().CheckFiles(f)
	if !ok {
		return f.Err()
	}
	f.Want(c.MLPatch.Block <= min(rows, cols), "mlpatch.block", "at most the side of a picture: they have %d x %d pixels", rows, cols)
	return f.Err()
}
