package scdl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"tessera/halo"
	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// spectraConfig is everything an scdl-spectra config may say.
type spectraConfig struct {
	Job        string            `toml:"job"`
	Seed       uint64            `toml:"seed"`
	Dictionary dictionarySection `toml:"dictionary"`
	Data       lowSection        `toml:"data"`
	Code       codeSection       `toml:"code"`
	Output     dirSection        `toml:"output"`
}

// lowSection names the samples whose high resolution is wanted.
type lowSection struct {
	Low     string `toml:"low"`
	Truth   string `toml:"truth"`
	Samples string `toml:"samples"`
}

func defaultSpectra() spectraConfig {
	return spectraConfig{
		Seed: 1,
		Data: lowSection{Samples: "columns"}, Dictionary: dictionarySection{Dir: "out/scdl"},
		Code: codeSection{Method: "ridge", Lambda: 1e-3, Iterations: 200}, Output: dirSection{Dir: "out/spectra"},
	}
}

func LoadSpectra(f *config.File) *lifecycle.Job {
	c := defaultSpectra()
	f.Decode(&c)
	f.Want(c.Dictionary.Dir != "", "dictionary.dir", "a directory that an scdl-train job has written")
	f.OneOf("data.samples", c.Data.Samples, "columns", "rows")
	f.Want(c.Data.Low != "", "data.low", "a file of samples")
	c.Code.check(f)
	f.Want(c.Output.Dir != "", "output.dir", "a directory")
	return &lifecycle.Job{
		Dir:    c.Output.Dir,
		Answer: "high.npy",
		CheckFiles: func() error {
			checkMatrix(f, "dictionary.dir", c.Dictionary.Dir)
			low := checkSamples(f, "data.low", c.Data.Low, c.Data.Samples)
			truth := checkSamples(f, "data.truth", c.Data.Truth, c.Data.Samples)
			if low != nil && truth != nil {
				if err := sameCount(c.Data.Low, low.count, c.Data.Truth, truth.count); err != nil {
					f.Fail("data.truth", "%v", err)
				}
			}
			return f.Err()
		},
		Run: lifecycle.Start(f, c.Output.Dir, c.Seed, func(ctx context.Context, base *lifecycle.Run) error {
			return (&spectraRun{Run: base, c: &c, m: &spectraMetrics{Record: base.Record()}}).run(ctx)
		}),
		Plan: func(_ context.Context, _ ranks.Comm, n int, _ lifecycle.Link) (*lifecycle.Plan, error) {
			low, err := statMatrix(c.Data.Low, c.Data.Samples)
			if err != nil {
				return nil, err
			}
			p := &lifecycle.Plan{Ranks: n, MemoryBytes: 8 * float64(low.rows*low.count/n)}
			p.Row("samples", "%d of %d numbers on %d ranks", low.count, low.rows, n)
			return p, nil
		},
	}
}

// spectraRun is the state of one rank of an scdl-spectra job.
type spectraRun struct {
	*lifecycle.Run
	c      *spectraConfig
	m      *spectraMetrics
	dict   *dictionary
	counts []int // samples of each rank
	low    []float64
	truth  []float64 // empty if not known
}

// spectraMetrics is metrics.json of an scdl-spectra job.
type spectraMetrics struct {
	lifecycle.Record

	Samples    int              `json:"samples"`
	P          int              `json:"high_numbers"`
	M          int              `json:"low_numbers"`
	Atoms      int              `json:"atoms"`
	Learned    *spectralQuality `json:"learned,omitempty"`
	RawAtoms   *spectralQuality `json:"raw_atoms,omitempty"`
	Regression *spectralQuality `json:"linear_regression,omitempty"`
	Seconds    trainSeconds     `json:"seconds"`
}

func (r *spectraRun) run(ctx context.Context) error {
	r.Progress.Phase("samples")
	var err error
	if r.dict, err = r.c.Dictionary.read(r.Comm); err != nil {
		return err
	}
	if err := ranks.AgreeError(r.Comm, r.read()); err != nil {
		return err
	}
	r.Progress.Phase("predicting")
	pair := r.dict.Pair
	high, err := pair.Infer(r.low, r.c.Code.code())
	if err := ranks.AgreeError(r.Comm, errors.Join(err, ctx.Err())); err != nil {
		return err
	}
	if r.c.Data.Truth != "" {
		raw, err := r.dict.Raw.Infer(r.low, r.c.Code.code())
		if err := ranks.AgreeError(r.Comm, err); err != nil {
			return err
		}
		for _, c := range []struct {
			to **spectralQuality
			x  []float64
		}{{&r.m.Learned, high}, {&r.m.RawAtoms, raw}, {&r.m.Regression, r.dict.Linear.Apply(r.low)}} {
			if *c.to, err = spectral(r.Comm, c.x, r.truth, pair.P, pair.M, false); err != nil {
				return err
			}
		}
	}
	total := 0
	counts := make([]int, len(r.counts))
	for q, n := range r.counts {
		total += n
		counts[q] = n * r.dict.Pair.P
	}
	var all []float64
	if r.Comm.Rank() == 0 {
		all = make([]float64, total*r.dict.Pair.P)
	}
	if err := r.Comm.Gatherv(all, counts, high, 0); err != nil {
		return err
	}
	r.m.Samples, r.m.P, r.m.M, r.m.Atoms = total, r.dict.Pair.P, r.dict.Pair.M, r.dict.Pair.Atoms
	return r.write(all, total)
}

// read gets this rank's samples. Collective.
func (r *spectraRun) read() error {
	d := &r.c.Data
	var low, truth matrixShape
	err := ranks.OnRoot(r.Comm, func() (err error) {
		if low, err = statMatrix(d.Low, d.Samples); err == nil && d.Truth != "" {
			truth, err = statMatrix(d.Truth, d.Samples)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := ranks.Share(r.Comm, &low.rows, &low.count, &truth.rows, &truth.count); err != nil {
		return err
	}
	p, m := r.dict.Pair.P, r.dict.Pair.M
	if low.rows != m {
		return fmt.Errorf("%s has samples of %d numbers, the dictionary's have %d", d.Low, low.rows, m)
	}
	if want := (matrixShape{p, low.count}); d.Truth != "" && truth != want {
		return fmt.Errorf("%s has %d samples of %d numbers, want %d samples of %d", d.Truth, truth.count, truth.rows, want.count, want.rows)
	}
	for q := range r.Comm.Size() {
		a, b := halo.Split(low.count, r.Comm.Size(), q)
		r.counts = append(r.counts, b-a)
	}
	lo, hi := halo.Split(low.count, r.Comm.Size(), r.Comm.Rank())
	all := slices.Repeat([]bool{true}, hi-lo)
	if r.low, err = readSamples(d.Low, d.Samples, m, lo, all); err == nil && d.Truth != "" {
		r.truth, err = readSamples(d.Truth, d.Samples, p, lo, all)
	}
	return err
}

// write leaves the predicted samples, on rank 0, in the order of the low ones.
func (r *spectraRun) write(high []float64, total int) error {
	return r.Finish(lifecycle.Ending{
		Files: []string{"high.npy"},
		Write: func() error {
			if r.Comm.Rank() != 0 {
				return nil
			}
			shape := []int{total, r.dict.Pair.P}
			if r.c.Data.Samples == "columns" {
				shape, high = []int{r.dict.Pair.P, total}, transposed(high, r.dict.Pair.P)
			}
			return imageio.WriteNpy(r.Path("high.npy"), shape, high)
		},
		Metrics: func(seconds, _ float64) any {
			r.m.Seconds.Total = seconds
			return r.m
		},
		Summary: func(w io.Writer) error {
			t := lifecycle.NewTable(w)
			t.Row("samples", "%d, from %d to %d numbers with %d atoms", total, r.m.M, r.m.P, r.m.Atoms)
			if q := r.m.Learned; q != nil {
				t.Row("learned", "%s", q)
				t.Row("raw samples as atoms", "%s", r.m.RawAtoms)
				t.Row("linear regression", "%s", r.m.Regression)
			} else {
				t.Row("quality", "not known without data.truth")
			}
			t.Row("written to", "%s", r.Dir)
			return t.Flush()
		},
	})
}
