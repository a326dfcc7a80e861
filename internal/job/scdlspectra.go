package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"tessera/halo"
	"tessera/internal/config"
	"tessera/internal/imageio"
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

func loadSpectra(f *config.File) *Job {
	c := defaultSpectra()
	f.Decode(&c)
	f.Want(c.Dictionary.Dir != "", "dictionary.dir", "a directory that an scdl-train job has written")
	f.OneOf("data.samples", c.Data.Samples, "columns", "rows")
	f.Want(c.Data.Low != "", "data.low", "a file of samples")
	c.Code.check(f)
	f.Want(c.Output.Dir != "", "output.dir", "a directory")
	return &Job{
		Dir: c.Output.Dir,
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
		Run: func(ctx context.Context, comm ranks.Comm, env Env) error {
			return logged(comm, c.Output.Dir, func(log *slog.Logger) error {
				if comm.Rank() == 0 {
					defer env.Progress.Done()
				}
				r := &spectraRun{comm: comm, env: env, c: &c, began: comm.Wtime(), m: &spectraMetrics{}}
				r.m.provenance = newProvenance(comm, env, c.Seed)
				r.m.ConfigFile, r.m.Config = f.Name(), sections(f.Values())
				return r.run(ctx)
			})
		},
		Plan: func(_ context.Context, _ ranks.Comm, w io.Writer, n int, _ Link) error {
			low, err := statMatrix(c.Data.Low, c.Data.Samples)
			if err == nil {
				_, err = fmt.Fprintf(w, "samples  %d of %d numbers on %d ranks\n", low.count, low.rows, n)
			}
			return err
		},
	}
}

// spectraRun is the state of one rank of an scdl-spectra job.
type spectraRun struct {
	comm   ranks.Comm
	env    Env
	c      *spectraConfig
	began  float64
	m      *spectraMetrics
	dict   *dictionary
	counts []int // samples of each rank
	low    []float64
	truth  []float64 // empty if not known
}

// spectraMetrics is metrics.json of an scdl-spectra job.
type spectraMetrics struct {
	provenance

	Samples    int              `json:"samples"`
	P          int              `json:"high_numbers"`
	M          int              `json:"low_numbers"`
	Atoms      int              `json:"atoms"`
	Learned    *spectralQuality `json:"learned,omitempty"`
	RawAtoms   *spectralQuality `json:"raw_atoms,omitempty"`
	Regression *spectralQuality `json:"linear_regression,omitempty"`
	Seconds    scdlSeconds      `json:"seconds"`
	ConfigFile string           `json:"config_file"`
	Config     any              `json:"config"`
}

func (r *spectraRun) run(ctx context.Context) error {
	r.env.Progress.Phase("samples")
	var err error
	if r.dict, err = r.c.Dictionary.read(r.comm); err != nil {
		return err
	}
	if err := ranks.AgreeError(r.comm, r.read()); err != nil {
		return err
	}
	r.env.Progress.Phase("predicting")
	pair := r.dict.Pair
	high, err := pair.Infer(r.low, r.c.Code.code())
	if err := ranks.AgreeError(r.comm, errors.Join(err, ctx.Err())); err != nil {
		return err
	}
	if r.c.Data.Truth != "" {
		raw, err := r.dict.Raw.Infer(r.low, r.c.Code.code())
		if err := ranks.AgreeError(r.comm, err); err != nil {
			return err
		}
		for _, c := range []struct {
			to **spectralQuality
			x  []float64
		}{{&r.m.Learned, high}, {&r.m.RawAtoms, raw}, {&r.m.Regression, r.dict.Linear.Apply(r.low)}} {
			if *c.to, err = spectral(r.comm, c.x, r.truth, pair.P, pair.M, false); err != nil {
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
	if r.comm.Rank() == 0 {
		all = make([]float64, total*r.dict.Pair.P)
	}
	if err := r.comm.Gatherv(all, counts, high, 0); err != nil {
		return err
	}
	r.m.Samples, r.m.P, r.m.M, r.m.Atoms = total, r.dict.Pair.P, r.dict.Pair.M, r.dict.Pair.Atoms
	return onRoot(r.comm, func() error { return r.write(all, total) })
}

// read gets this rank's samples. Collective.
func (r *spectraRun) read() error {
	d := &r.c.Data
	var low, truth matrixShape
	err := onRoot(r.comm, func() (err error) {
		if low, err = statMatrix(d.Low, d.Samples); err == nil && d.Truth != "" {
			truth, err = statMatrix(d.Truth, d.Samples)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := share(r.comm, &low.rows, &low.count, &truth.rows, &truth.count); err != nil {
		return err
	}
	p, m := r.dict.Pair.P, r.dict.Pair.M
	if low.rows != m {
		return fmt.Errorf("%s has samples of %d numbers, the dictionary's have %d", d.Low, low.rows, m)
	}
	if want := (matrixShape{p, low.count}); d.Truth != "" && truth != want {
		return fmt.Errorf("%s has %d samples of %d numbers, want %d samples of %d", d.Truth, truth.count, truth.rows, want.count, want.rows)
	}
	for q := range r.comm.Size() {
		a, b := halo.Split(low.count, r.comm.Size(), q)
		r.counts = append(r.counts, b-a)
	}
	lo, hi := halo.Split(low.count, r.comm.Size(), r.comm.Rank())
	all := slices.Repeat([]bool{true}, hi-lo)
	if r.low, err = readSamples(d.Low, d.Samples, m, lo, all); err == nil && d.Truth != "" {
		r.truth, err = readSamples(d.Truth, d.Samples, p, lo, all)
	}
	return err
}

// write leaves the predicted samples in the order of the low ones.
func (r *spectraRun) write(high []float64, total int) error {
	dir := r.c.Output.Dir
	r.env.Progress.Phase("writing " + dir)
	if err := clearResult(dir, "high.npy"); err != nil {
		return err
	}
	shape := []int{total, r.dict.Pair.P}
	if r.c.Data.Samples == "columns" {
		shape, high = []int{r.dict.Pair.P, total}, transposed(high, r.dict.Pair.P)
	}
	if err := imageio.WriteNpy(filepath.Join(dir, "high.npy"), shape, high); err != nil {
		return err
	}
	r.m.Seconds.Total = r.comm.Wtime() - r.began
	if err := writeMetrics(dir, r.m); err != nil {
		return err
	}
	r.env.Progress.Done()
	if r.env.Summary == nil {
		return nil
	}
	t := tabwriter.NewWriter(r.env.Summary, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "samples\t%d, from %d to %d numbers with %d atoms\n", total, r.m.M, r.m.P, r.m.Atoms)
	if q := r.m.Learned; q != nil {
		fmt.Fprintf(t, "learned\t%s\nraw samples as atoms\t%s\nlinear regression\t%s\n", q, r.m.RawAtoms, r.m.Regression)
	} else {
		fmt.Fprintf(t, "quality\tnot known without data.truth\n")
	}
	fmt.Fprintf(t, "written to\t%s\n", dir)
	return t.Flush()
}
