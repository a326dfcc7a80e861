package scdl

import (
	"context"

	"tessera/internal/config"
	"tessera/internal/lifecycle"
)

// highName is the file of the predicted samples.
const highName = "solution.npy"

// spectraSettings is everything an scdl-spectra config may say.
type spectraSettings struct {
	Job        string            `toml:"job"`
	Seed       uint64            `toml:"seed"`
	Dictionary dictionarySection `toml:"dictionary"`
	Data       lowSection        `toml:"data"`
	Code       codeSection       `toml:"code"`
	Output     dirSection        `toml:"output"`
}

// lowSection names the low samples, whose high samples are predicted.
type lowSection struct {
	Low     string `toml:"low"`
	Truth   string `toml:"truth"`   // the high samples, to compare with
	Samples string `toml:"samples"` // columns | rows
}

func spectraDefaults() spectraSettings {
	return spectraSettings{
		Seed: 1,
		Data: lowSection{Samples: "columns"}, Dictionary: dictionarySection{Dir: "out/scdl"},
		Code: codeSection{Method: "ridge", Lambda: 1e-3, Iterations: 200}, Output: dirSection{Dir: "out/spectra"},
	}
}

// LoadSpectra makes a job of a config.
func LoadSpectra(f *config.File) *lifecycle.Job {
	c := spectraDefaults()
	f.Decode(&c)
	f.Want(c.Dictionary.Dir != "", "dictionary.dir", "a directory that an scdl-train job has written")
	f.OneOf("data.samples", c.Data.Samples, "columns", "rows")
	f.Want(c.Data.Low != "", "data.low", "a file of samples")
	c.Code.check(f)
	f.Want(c.Output.Dir != "", "output.dir", "a directory")
	return &lifecycle.Job{
		Dir:     c.Output.Dir,
		Answer:  highName,
		Files:   spectraFiles(),
		Metrics: &spectraMetrics{},
		CheckFiles: func() error {
			c.checkFiles(f)
			return f.Err()
		},
		Run: lifecycle.Start(f, c.Output.Dir, c.Seed, spectraFiles(), func(ctx context.Context, base *lifecycle.Run) error {
			return (&spectraRun{Run: base, c: &c, m: &spectraMetrics{Record: base.Record()}}).run(ctx)
		}),
		Plan: c.plan,
	}
}

// checkFiles compares the shapes of the files with those of the dictionaries.
func (c *spectraSettings) checkFiles(f *config.File) {
	d := checkDictionary(f, c.Dictionary.Dir)
	low := checkSamples(f, "data.low", c.Data.Low, c.Data.Samples)
	truth := checkSamples(f, "data.truth", c.Data.Truth, c.Data.Samples)
	if low != nil && truth != nil {
		if err := sameCount(c.Data.Low, low.count, c.Data.Truth, truth.count); err != nil {
			f.Fail("data.truth", "%v", err)
		}
	}
	for _, s := range []struct {
		key   string
		shape *matrixShape
		want  func(*dictionaryHead) int
	}{{"data.low", low, func(h *dictionaryHead) int { return h.Low }}, {"data.truth", truth, func(h *dictionaryHead) int { return h.High }}} {
		if d != nil && s.shape != nil && s.shape.rows != s.want(&d.Head) {
			f.Fail(s.key, "has samples of %d numbers, the dictionary's have %d", s.shape.rows, s.want(&d.Head))
		}
	}
}
