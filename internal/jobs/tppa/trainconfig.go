package tppa

import (
	"context"
	"math"

	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/tppa"
	"tessera/train"
)

// trainSettings is everything that the config of a tppa-train job may say.
type trainSettings struct {
	Job        string                      `toml:"job"`
	Seed       uint64                      `toml:"seed"`
	Data       dataSection                 `toml:"data"`
	Simulate   cellSection                 `toml:"simulate"`
	Blur       frames.BlurSection          `toml:"blur"`
	Noise      noiseSection                `toml:"noise"`
	TPPA       trainSection                `toml:"tppa"`
	Checkpoint lifecycle.CheckpointSection `toml:"checkpoint"`
	Output     trainOutput                 `toml:"output"`
}

// dataSection names true pictures to learn from.
type dataSection struct {
	Truth      string `toml:"truth"`      // npy, (count, rows, cols); "" = simulated cells
	Validation int    `toml:"validation"` // the last pictures, which are not learned from
}

// cellSection describes the cells that the job simulates where no file is named.
type cellSection struct {
	Count int `toml:"count"` // pictures, those of the validation included
	Rows  int `toml:"rows"`
	Cols  int `toml:"cols"`
}

// noiseSection is the noise of the observations that are made of the true pictures.
type noiseSection struct {
	SNR float64 `toml:"snr_db"` // rms of a blurred picture by the standard deviation, in dB
}

// trainSection is the section [tppa].
type trainSection struct {
	Layers          int            `toml:"layers"`
	Shared          bool           `toml:"shared"`
	Border          string         `toml:"border"`
	Average         config.Numbers `toml:"average"` // range of the averages' grid, by the largest true value
	AverageKnots    int            `toml:"average_knots"`
	Difference      config.Numbers `toml:"difference"`
	DifferenceKnots int            `toml:"difference_knots"`
	Method          string         `toml:"method"`
	Rate            float64        `toml:"rate"`
	Steps           int            `toml:"steps"`
	Batch           int            `toml:"batch"` // pictures a step; 0 = all
}

type trainOutput struct {
	Dir      string `toml:"dir"`
	Pictures bool   `toml:"pictures"`
}

func trainDefaults() trainSettings {
	return trainSettings{
		Seed:     1,
		Data:     dataSection{Validation: 4},
		Simulate: cellSection{Count: 28, Rows: 64, Cols: 64},
		Blur:     frames.BlurSection{Kind: "gaussian", Size: 9, Sigma: math.Sqrt2, FWHM: 3, Beta: 3},
		Noise:    noiseSection{SNR: 30},
		TPPA: trainSection{
			Layers: 10, Border: "reflect", Average: config.Numbers{-0.05, 0.75}, AverageKnots: 67,
			Difference: config.Numbers{-0.12, 0.12}, DifferenceKnots: 83, Method: string(train.Adam), Rate: 1e-3, Steps: 120,
		},
		Checkpoint: lifecycle.CheckpointSection{Every: 60},
		Output:     trainOutput{Dir: "out/tppa-train", Pictures: true},
	}
}

func (c *trainSettings) check(f *config.File) {
	const side = 1 << 13
	s := &c.TPPA
	f.Want(c.Data.Validation >= 0, "data.validation", "0 pictures or more")
	f.Want(c.Simulate.Count > c.Data.Validation && c.Simulate.Count <= 1<<20, "simulate.count", "more pictures than data.validation = %d, and at most %d", c.Data.Validation, 1<<20)
	f.Want(c.Simulate.Rows >= 8 && c.Simulate.Rows <= side, "simulate.rows", "8 to %d pixels", side)
	f.Want(c.Simulate.Cols >= 8 && c.Simulate.Cols <= side, "simulate.cols", "8 to %d pixels", side)
	f.Want(c.Noise.SNR >= -20 && c.Noise.SNR <= 200, "noise.snr_db", "-20 to 200 dB")
	f.Want(s.Layers >= 1 && s.Layers <= 200, "tppa.layers", "1 to 200")
	f.OneOf("tppa.border", s.Border, "zero", "reflect", "periodic")
	ends := func(n config.Numbers) bool { return len(n) == 2 && n[0] < n[1] }
	f.Want(ends(s.Average), "tppa.average", "two numbers, the lower one first")
	f.Want(ends(s.Difference), "tppa.difference", "two numbers, the lower one first")
	f.Want(s.AverageKnots >= 4 && s.AverageKnots <= 10000, "tppa.average_knots", "4 to 10000")
	f.Want(s.DifferenceKnots >= 4 && s.DifferenceKnots <= 10000, "tppa.difference_knots", "4 to 10000")
	f.OneOf("tppa.method", s.Method, string(train.Adam), string(train.Nesterov))
	f.Want(s.Rate > 0 && s.Rate <= 1e6, "tppa.rate", "more than 0")
	f.Want(s.Steps >= 1 && s.Steps <= 1e7, "tppa.steps", "1 or more")
	f.Want(s.Batch >= 0 && s.Batch <= 1<<20, "tppa.batch", "pictures a step; 0 = all")
	f.Want(c.Output.Dir != "", "output.dir", "a directory")
	c.Checkpoint.Check(f)
}

// network is what the config describes.
func (c *trainSettings) network() (*tppa.Network, error) {
	s := &c.TPPA
	return tppa.NewNetwork(2, tppa.Options{
		Layers: s.Layers, Shared: s.Shared,
		Average:    tppa.Grid{Low: s.Average[0], High: s.Average[1], Knots: s.AverageKnots},
		Difference: tppa.Grid{Low: s.Difference[0], High: s.Difference[1], Knots: s.DifferenceKnots},
	})
}

// shape is the number of true pictures, and their size.
func (c *trainSettings) shape() (count, rows, cols int, err error) {
	if c.Data.Truth == "" {
		return c.Simulate.Count, c.Simulate.Rows, c.Simulate.Cols, nil
	}
	a, err := imageio.StatNpy(c.Data.Truth)
	if err != nil {
		return 0, 0, 0, err
	}
	if len(a.Shape) != 3 {
		return 0, 0, 0, &shapeError{c.Data.Truth, a.Shape}
	}
	return a.Shape[0], a.Shape[1], a.Shape[2], nil
}

// LoadTrain makes a tppa-train job of a config. What is wrong with it is recorded in f.
func LoadTrain(f *config.File) *lifecycle.Job {
	c := trainDefaults()
	f.Decode(&c)
	c.Blur.Check(f, "blur", frames.MostBlur)
	c.check(f)
	return &lifecycle.Job{
		Dir:        c.Output.Dir,
		Answer:     "parameters.npy",
		Resumable:  true,
		Files:      trainFiles(),
		CheckFiles: func() error { return c.checkFiles(f) },
		Run: lifecycle.Start(f, c.Output.Dir, c.Seed, trainFiles(), func(ctx context.Context, base *lifecycle.Run) error {
			r := &trainRun{Run: base, c: &c, m: &trainMetrics{Record: base.Record(), Method: c.TPPA.Method}}
			return r.run(ctx)
		}),
		Plan: c.plan,
	}
}

// checkFiles records what the headers of the files show to be wrong.
func (c *trainSettings) checkFiles(f *config.File) error {
	count, rows, cols, err := c.shape()
	if err != nil {
		f.Fail("data.truth", "%v", err)
		return f.Err()
	}
	f.Want(c.Data.Truth == "" || count > c.Data.Validation, "data.validation", "fewer than the %d pictures of %s", count, c.Data.Truth)
	f.Want(c.TPPA.Batch <= count-c.Data.Validation, "tppa.batch", "at most the %d pictures to learn from", count-c.Data.Validation)
	c.Blur.CheckFiles(f, "blur", &imageio.Frame{Channels: 1, Rows: rows, Cols: cols}, frames.Borders[c.TPPA.Border])
	return f.Err()
}
