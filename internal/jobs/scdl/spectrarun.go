package scdl

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tessera/halo"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// spectraRun is the state of one rank of an scdl-spectra job.
type spectraRun struct {
	*lifecycle.Run
	c      *spectraSettings
	m      *spectraMetrics
	dict   *dictionary
	counts []int     // samples of each rank
	low    []float64 // this rank's samples x M
	unit   float64   // largest absolute value of the low samples
	truth  []float64 // this rank's samples x P; empty if not known
}

// spectraMetrics is metrics.json of an scdl-spectra job.
type spectraMetrics struct {
	lifecycle.Record

	Samples int `json:"samples"`
	P       int `json:"high_numbers"`
	M       int `json:"low_numbers"`
	Atoms   int `json:"atoms"`
}

func (r *spectraRun) run(ctx context.Context) error {
	start := r.Comm.Wtime()
	r.Progress.Phase("samples")
	var err error
	if r.dict, err = r.c.Dictionary.read(r.Comm); err != nil {
		return err
	}
	if err := ranks.AgreeError(r.Comm, errors.Join(r.read(), ctx.Err())); err != nil {
		return err
	}
	if r.unit, err = largest(r.Comm, r.low); err != nil {
		return err
	}
	pair, now := r.dict.Pair, r.Comm.Wtime()
	r.m.Seconds.Read, start = now-start, now
	r.Progress.Phase("predicting")
	stop := ranks.Measure(r.Comm)
	high, err := pair.Infer(ctx, r.low, r.c.Code.code(r.unit))
	work := stop()
	if err := ranks.AgreeError(r.Comm, err); err != nil {
		return err
	}
	samples := float64(len(r.low) / pair.M)
	if r.m.RanksDid, err = lifecycle.Accounts(r.Comm, work, samples, 0, samples); err != nil {
		return err
	}
	now = r.Comm.Wtime()
	r.m.Seconds.Solve, start = now-start, now
	if err := r.compare(ctx, high); err != nil {
		return err
	}
	if err := ranks.AgreeError(r.Comm, ctx.Err()); err != nil {
		return err
	}
	r.m.Seconds.Compare = r.Comm.Wtime() - start
	return r.write(high)
}

// compare evaluates the prediction and the baselines, raw samples as atoms and linear
// regression, where the truth is known. Collective.
func (r *spectraRun) compare(ctx context.Context, high []float64) error {
	if r.c.Data.Truth == "" {
		return nil
	}
	r.Progress.Phase("comparing")
	raw, err := r.dict.Raw.Infer(ctx, r.low, r.c.Code.code(r.unit))
	if err := ranks.AgreeError(r.Comm, err); err != nil {
		return err
	}
	for _, c := range []struct {
		name string
		x    []float64
	}{{lifecycle.AnswerColumn, high}, {rawColumn, raw}, {linearColumn, r.dict.Linear.Apply(r.low)}} {
		q, err := spectral(r.Comm, c.x, r.truth, r.dict.Pair.P, r.dict.Pair.M, false)
		if err != nil {
			return err
		}
		r.m.Measured(c.name, q)
	}
	return nil
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
	if r.Comm.Rank() == 0 {
		r.Took(tookSamples(d.Low, d.Samples, low, ""))
		if d.Truth != "" {
			r.Took(tookSamples(d.Truth, d.Samples, truth, ""))
		}
		r.Took(r.dict.took(r.c.Dictionary.Dir))
	}
	if low.rows != m {
		return fmt.Errorf("%s has samples of %d numbers, the dictionary's have %d", d.Low, low.rows, m)
	}
	if want := (matrixShape{p, low.count}); d.Truth != "" && truth != want {
		return fmt.Errorf("%s has %d samples of %d numbers, want %d samples of %d", d.Truth, truth.count, truth.rows, want.count, want.rows)
	}
	each, root := r.c.memory(r.dict, low.count, r.Comm.Size())
	if err := checkRoom(r.Comm, each, root, "the number of samples in "+d.Low); err != nil {
		return err
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

// write leaves the predicted samples, in the order of the low ones. Collective.
func (r *spectraRun) write(high []float64) error {
	pair := r.dict.Pair
	m, total := r.m, 0
	for _, n := range r.counts {
		total += n
	}
	m.Samples, m.P, m.M, m.Atoms, m.Source = total, pair.P, pair.M, pair.Atoms, r.c.Data.Low
	return r.Finish(lifecycle.Ending{
		Write:   func() error { return r.writeHigh(high, total) },
		Metrics: m,
	})
}

// spectraFiles are all files that a run may leave.
func spectraFiles() []string {
	return []string{highName}
}

// writeHigh gathers the predicted samples on rank 0 and writes them. Collective.
func (r *spectraRun) writeHigh(high []float64, total int) error {
	p := r.dict.Pair.P
	counts := make([]int, len(r.counts))
	for q, n := range r.counts {
		counts[q] = n * p
	}
	var all []float64
	if r.Comm.Rank() == 0 {
		all = make([]float64, total*p)
	}
	if err := r.Comm.Gatherv(all, counts, high, 0); err != nil || r.Comm.Rank() != 0 {
		return err
	}
	shape := []int{total, p}
	if r.c.Data.Samples == "columns" {
		shape, all = []int{p, total}, transposed(all, p)
	}
	return imageio.WriteNpy(r.Path(highName), shape, all)
}

// Report adds the rows of the table at the end of a run that this job alone has.
func (m *spectraMetrics) Report(t *lifecycle.Table) {
	t.Row("samples", "%d of %s, from %d to %d numbers with %d atoms", m.Samples, m.Source, m.M, m.P, m.Atoms)
	if m.Quality == nil {
		t.Row("quality", "not known without data.truth")
	}
}
