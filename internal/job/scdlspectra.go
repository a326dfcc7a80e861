package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
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
			checkMatrix(f, "data.low", c.Data.Low)
			checkMatrix(f, "data.truth", c.Data.Truth)
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
	truth  []float64 // nil if not known
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

// read gets this rank's samples; every rank reads the files.
func (r *spectraRun) read() error {
	p, m := r.dict.Pair.P, r.dict.Pair.M
	low, err := readMatrix(r.c.Data.Low, r.c.Data.Samples)
	if err != nil {
		return err
	}
	shape, err := statMatrix(r.c.Data.Low, r.c.Data.Samples)
	if err != nil {
		return err
	}
	if shape.rows != m {
		return fmt.Errorf("%s has samples of %d numbers, the dictionary's have %d", r.c.Data.Low, shape.rows, m)
	}
	lo, hi := halo.Split(shape.count, r.comm.Size(), r.comm.Rank())
	for q := range r.comm.Size() {
		a, b := halo.Split(shape.count, r.comm.Size(), q)
		r.counts = append(r.counts, b-a)
	}
	r.low = low[lo*m : hi*m]
	if r.c.Data.Truth == "" {
		return nil
	}
	truth, err := readMatrix(r.c.Data.Truth, r.c.Data.Samples)
	if err != nil {
		return err
	}
	if len(truth) != shape.count*p {
		return fmt.Errorf("%s holds %d numbers, want %d samples of %d", r.c.Data.Truth, len(truth), shape.count, p)
	}
	r.truth = truth[lo*p : hi*p]
	return nil
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
