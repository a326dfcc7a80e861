package kernel

import (
	"context"
	"errors"
	"log/slog"
	"math"

	"tessera/halo"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/progress"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/kernel"
)

// run is the state of one rank of a kernel job.
type run struct {
	*lifecycle.Run
	c      *settings
	m      *metrics // filled on rank 0, there on all
	obs    *scattered
	fit    *kernel.Fit
	shape  []int     // of the grid
	grid   []float64 // rank 0: the fit on the grid
	spread []float64 // rank 0: its variance
	truth  []float64 // rank 0
	// Rank 0: the frame by other means.
	nearest, inpainted []float64
}

func (r *run) run(ctx context.Context) error {
	start := r.Comm.Wtime()
	r.Progress.Phase("observations")
	var err error
	if r.obs, err = r.c.observe(r.Comm); err != nil {
		return err
	}
	r.m.Source, r.m.Dim = r.obs.source, r.obs.data.Dim
	r.m.Seconds.Read = r.Comm.Wtime() - start
	unfinished := r.solve(ctx)
	if unfinished != nil && !krylov.Unfinished(unfinished) {
		return unfinished
	}
	if err := r.evaluate(ctx); err != nil {
		return err
	}
	if err := ranks.AgreeError(r.Comm, ctx.Err()); err != nil {
		return err
	}
	if err := r.write(); err != nil {
		return err
	}
	return unfinished
}

// solve chooses width and lambda where asked to, and fits.
func (r *run) solve(ctx context.Context) error {
	n := []float64{float64(len(r.obs.data.Y))}
	if err := r.Comm.Allreduce(n, n, ranks.Sum); err != nil {
		return err
	}
	o := r.c.options(r.obs.data.Dim, int(n[0]), r.obs.volume())
	if r.Comm.Rank() == 0 {
		o.Progress = progressOf(r.Progress, r.Log)
	}
	if rule := r.c.Kernel.Choose; rule != "none" {
		start := r.Comm.Wtime()
		r.Progress.Phase("choosing width and lambda")
		chosen, err := kernel.Select(ctx, r.Comm, &r.obs.data, o, kernel.Search{
			Rule: kernel.Rule(rule), Folds: r.c.Search.Folds, Widths: r.c.Search.Widths, Lambdas: r.c.Search.Lambdas, Seed: r.c.Seed,
		})
		if err != nil {
			return err
		}
		o.Kernel.Width, o.Lambda = chosen.Width, chosen.Lambda
		r.m.Search = newSearchMetrics(rule, chosen)
		r.m.Seconds.Search = r.Comm.Wtime() - start
	}
	stop := ranks.Measure(r.Comm)
	fit, err := kernel.Solve(ctx, r.Comm, &r.obs.data, o)
	work := stop()
	if fit == nil {
		return err
	}
	r.fit = fit
	if e := r.account(o, work); e != nil {
		return e
	}
	return err
}

func progressOf(line *progress.Line, log *slog.Logger) func(krylov.Progress) {
	return func(p krylov.Progress) {
		if p.Iteration == 0 {
			line.Phase(p.Phase)
			return
		}
		line.Step(p.Phase, p.Iteration, p.Residual, p.Target)
		log.Info("iteration", "phase", p.Phase, "iteration", p.Iteration, "residual", lifecycle.Number(p.Residual))
	}
}

// account adds up over the ranks what the fit took.
func (r *run) account(o kernel.Options, work ranks.Work) error {
	f, m := r.fit, r.m
	longest := []float64{f.Setup, f.Solve, f.Compute, float64(f.Largest)}
	sums := []float64{
		float64(work.BytesSent), float64(work.Messages), float64(f.FactorBytes),
		f.Neighbours * float64(f.Points.Len()), float64(f.Blocks), f.Compute,
	}
	if err := r.Comm.Allreduce(longest, longest, ranks.Max); err != nil {
		return err
	}
	if err := r.Comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	owned := float64(f.Points.Len())
	before := owned
	if f.Balanced != nil {
		before = float64(f.Balanced.Before[r.Comm.Rank()])
	}
	var err error
	if m.RanksDid, err = lifecycle.Accounts(r.Comm, work, owned, 0, before); err != nil {
		return err
	}
	m.Observations, m.Family, m.Width, m.Lambda, m.Method = f.Observations, string(o.Kernel.Family), o.Kernel.Width, o.Lambda, string(o.Method)
	m.Neighbours, m.Blocks, m.Largest = sums[3]/float64(f.Observations), int(sums[4]), int(longest[3])
	m.Iterations, m.Converged, m.Residual, m.ErrorBound, m.Certified = f.Iterations, f.Converged, lifecycle.Number(f.Residual), lifecycle.Number(f.ErrorBound), f.Certified
	m.Mean, m.Misfit, m.Objective, m.Truncation, m.History = f.Mean, f.Misfit, f.Objective, f.Truncation, f.History
	m.Seconds.Setup, m.Seconds.Solve, m.Seconds.Compute, m.Seconds.ComputeMean = longest[0], longest[1], longest[2], sums[5]/float64(r.Comm.Size())
	m.BytesSent, m.MessagesSent, m.FactorMB = int64(sums[0]), int64(sums[1]), sums[2]/1e6
	if b := f.Balanced; b != nil {
		m.Balance = newBalanceMetrics(b, longest[2]/float64(f.Iterations+1))
	}
	if b := f.Refined; b != nil {
		m.Refined = newBalanceMetrics(b, longest[2]/float64(f.Iterations+1))
	}
	r.Log.Info("fitted", "iterations", m.Iterations, "converged", m.Converged, "residual", m.Residual, "seconds", m.Seconds)
	return nil
}

// evaluate fills the grid, or the table of places, and compares with the truth.
func (r *run) evaluate(ctx context.Context) error {
	start := r.Comm.Wtime()
	r.Progress.Phase("evaluating")
	if r.c.Evaluate.Path != "" {
		return r.evaluateTable()
	}
	r.shape, _ = r.c.Evaluate.Shape.Ints(1)
	d := r.obs.data.Dim
	switch {
	case r.obs.rows > 0:
		r.shape = []int{r.obs.rows, r.obs.cols}
	case len(r.shape) == 0:
		r.shape = defaultGrid(r.obs.lo, r.obs.hi)
	case len(r.shape) != d:
		return errors.New("evaluate.shape does not have as many axes as the observations have coordinates")
	}
	total := 1
	for _, n := range r.shape {
		total *= n
	}
	lo, hi := halo.Split(total, r.Comm.Size(), r.Comm.Rank())
	places := make([]float64, 0, (hi-lo)*d)
	for i := lo; i < hi; i++ {
		places = r.place(places, i)
	}
	values, err := r.fit.Predict(places)
	if err != nil {
		return err
	}
	if r.grid, err = r.collect(values, total); err != nil {
		return err
	}
	if r.c.Evaluate.Variance {
		if values, err = r.fit.Variance(places); err != nil {
			return err
		}
		if r.spread, err = r.collect(values, total); err != nil {
			return err
		}
	}
	if s := r.obs.survey; s != nil {
		for i := range values {
			values[i] = s.Truth(places[i*d : (i+1)*d])
		}
		if r.truth, err = r.collect(values, total); err != nil {
			return err
		}
	}
	r.m.Seconds.Evaluate = r.Comm.Wtime() - start
	if r.obs.frame != nil {
		r.truth = r.obs.frame.Data
	}
	if r.obs.rows > 0 {
		if err := r.otherMeans(ctx); err != nil {
			return err
		}
	}
	if r.truth != nil {
		r.m.RMSE = rmse(r.grid, r.truth)
	}
	return nil
}

// place appends the coordinates of point i of the grid.
func (r *run) place(places []float64, i int) []float64 {
	at := len(places)
	places = append(places, r.obs.lo...)
	for k := len(r.shape) - 1; k >= 0; k-- {
		n, j := r.shape[k], i%r.shape[k]
		i /= n
		switch lo, hi := r.obs.lo[k], r.obs.hi[k]; {
		case r.obs.rows > 0:
			places[at+k] = float64(j)
		case n == 1:
			places[at+k] = (lo + hi) / 2
		default:
			places[at+k] = lo + (hi-lo)*float64(j)/float64(n-1)
		}
	}
	return places
}

// defaultGrid has 512 points in one dimension and cells as near to cubes as can be
// in more, 256 or 64 of them along the longest side.
func defaultGrid(lo, hi []float64) []int {
	most := []int{512, 256, 64}[len(lo)-1]
	longest := 0.0
	for k := range lo {
		longest = max(longest, hi[k]-lo[k])
	}
	shape := make([]int, len(lo))
	for k := range shape {
		shape[k] = 1
		if longest > 0 {
			shape[k] = max(1, int(math.Round(float64(most)*(hi[k]-lo[k])/longest)))
		}
	}
	return shape
}

// collect brings values, halo.Split over the ranks, to rank 0; nil elsewhere.
func (r *run) collect(values []float64, total int) ([]float64, error) {
	size := r.Comm.Size()
	counts := make([]int, size)
	for q := range counts {
		lo, hi := halo.Split(total, size, q)
		counts[q] = hi - lo
	}
	var all []float64
	if r.Comm.Rank() == 0 {
		all = make([]float64, total)
	}
	return all, r.Comm.Gatherv(all, counts, values, 0)
}

func rmse(a, b []float64) float64 {
	s := 0.0
	for i, v := range a {
		s += (v - b[i]) * (v - b[i])
	}
	return math.Sqrt(s / float64(len(a)))
}

// evaluateTable predicts at the places of a table, which rank 0 reads.
func (r *run) evaluateTable() error {
	var places []float64
	var t *imageio.Table
	d := r.obs.data.Dim
	err := ranks.OnRoot(r.Comm, func() (err error) {
		if t, err = imageio.ReadTable(r.c.Evaluate.Path); err != nil {
			return err
		}
		places, err = r.placesOf(t)
		return err
	})
	if err != nil {
		return err
	}
	values, err := r.fit.Predict(places)
	if err != nil {
		return err
	}
	var spread []float64
	if r.c.Evaluate.Variance {
		if spread, err = r.fit.Variance(places); err != nil {
			return err
		}
	}
	if r.Comm.Rank() != 0 {
		return nil
	}
	out := &imageio.Table{Rows: len(values), Format: t.Format}
	out.Names = append(coordinateNames(d), "value")
	if spread != nil {
		out.Names = append(out.Names, "variance")
	}
	out.Cols = len(out.Names)
	for i, v := range values {
		out.Data = append(append(out.Data, places[i*d:(i+1)*d]...), v)
		if spread != nil {
			out.Data = append(out.Data, spread[i])
		}
	}
	r.m.predictions = out
	return nil
}

// placesOf takes the coordinates from the first columns of a table.
func (r *run) placesOf(t *imageio.Table) ([]float64, error) {
	d := r.obs.data.Dim
	if t.Cols < d {
		return nil, errors.New(r.c.Evaluate.Path + ": fewer columns than the observations have coordinates")
	}
	var places []float64
	for i := range t.Rows {
		for k, x := range t.Data[i*t.Cols : i*t.Cols+d] {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return nil, errors.New(r.c.Evaluate.Path + ": " + t.Where(i) + ": coordinate " + coordinateNames(d)[k] + " is not finite")
			}
			places = append(places, x)
		}
	}
	return places, nil
}

func coordinateNames(dim int) []string { return []string{"x", "y", "z"}[:dim:dim] }
