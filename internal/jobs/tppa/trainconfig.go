package tppa

import (
	"context"
	"errors"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/internal/training"
	"tessera/ranks"
	"tessera/tppa"
	"tessera/train"
	"tessera/tv"
)

// trainSettings is everything that the config of a tppa-train job may say.
type trainSettings struct {
	Job        string                      `toml:"job"`
	Seed       uint64                      `toml:"seed"`
	Data       training.Data               `toml:"data"`
	Simulate   training.Cells              `toml:"simulate"`
	Blur       frames.BlurSection          `toml:"blur"`
	Noise      noiseSection                `toml:"noise"`
	TPPA       trainSection                `toml:"tppa"`
	Checkpoint lifecycle.CheckpointSection `toml:"checkpoint"`
	Output     training.Output             `toml:"output"`
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

func trainDefaults() trainSettings {
	return trainSettings{
		Seed:     1,
		Data:     training.Data{Validation: 4},
		Simulate: training.Cells{Count: 28, Rows: 64, Cols: 64},
		Blur:     frames.BlurSection{Kind: "gaussian", Size: 9, Sigma: math.Sqrt2, FWHM: 3, Beta: 3},
		Noise:    noiseSection{SNR: 30},
		TPPA: trainSection{
			Layers: 10, Border: "reflect", Average: config.Numbers{-0.05, 0.75}, AverageKnots: 67,
			Difference: config.Numbers{-0.12, 0.12}, DifferenceKnots: 83, Method: string(train.Adam), Rate: 1e-3, Steps: 120,
		},
		Checkpoint: lifecycle.CheckpointSection{Every: 60},
		Output:     training.Output{Dir: "out/tppa-train", Formats: report.Usual(), Pictures: true},
	}
}

func (c *trainSettings) check(f *config.File) {
	s := &c.TPPA
	c.pictures().Check(f)
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

// pictures are those to learn from and of the validation.
func (c *trainSettings) pictures() training.Pictures {
	return training.Pictures{Data: c.Data, Cells: c.Simulate, Seed: c.Seed}
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
		Metrics:    &trainMetrics{},
		CheckFiles: func() error { return c.checkFiles(f) },
		Run: lifecycle.Start(f, c.Output.Dir, c.Seed, trainFiles(), func(ctx context.Context, base *lifecycle.Run) error {
			m := &trainMetrics{Metrics: training.Metrics{Record: base.Record()}, Method: c.TPPA.Method}
			r := &trainRun{Run: training.Run{Run: base, Kind: "tppa-train", Every: c.Checkpoint.Every, Metrics: &m.Metrics}, c: &c, m: m}
			return r.run(ctx)
		}),
		Plan: c.plan,
	}
}

// checkFiles records what the headers of the files show to be wrong.
func (c *trainSettings) checkFiles(f *config.File) error {
	count, rows, cols, ok := c.pictures().CheckFiles(f)
	if !ok {
		return f.Err()
	}
	f.Want(c.TPPA.Batch <= count-c.Data.Validation, "tppa.batch", "at most the %d pictures to learn from", count-c.Data.Validation)
	c.Blur.CheckFiles(f, "blur", &imageio.Frame{Channels: 1, Rows: rows, Cols: cols}, frames.Borders[c.TPPA.Border])
	return f.Err()
}

// variationGap is the relative duality gap of the restorations by total variation beside the validation.
const variationGap = 1e-3

// variation restores pairs on this rank alone by total variation, each time with the lambda of the least error: to the
// minimum, with the relative duality gap of that, and by FPPA, whose bias smooths the stairs of the minimiser. Collective;
// what it returns is not.
func (c *trainSettings) variation(comm ranks.Comm, psf forward.PSF, rows, cols int) (func(context.Context, tppa.Pair) (*tv.Result, *tv.Result, error), error) {
	alone, err := comm.Split(comm.Rank(), 0)
	if err != nil {
		return nil, err
	}
	frame, err := halo.Decompose([]int{rows, cols}, 1)
	if err != nil {
		return nil, err
	}
	h, err := forward.NewBlur(alone, frame, 1, psf, frames.Borders[c.TPPA.Border])
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, pair tppa.Pair) (least, fppa *tv.Result, err error) {
		p := &tv.Problem{Frame: frame, Channels: 1, Operator: h, Data: pair.Data, Periodic: c.TPPA.Border == "periodic"}
		for method, r := range map[tv.Method]**tv.Result{tv.ADMM: &least, tv.FPPA: &fppa} {
			*r, err = tv.Solve(ctx, alone, p, tv.Options{Method: method, Rule: tv.Oracle, Truth: pair.Truth, Tolerance: variationGap})
			if *r == nil || err != nil && !errors.As(err, new(*tv.NotConvergedError)) {
				return nil, nil, err
			}
		}
		return least, fppa, nil
	}, nil
}
