package kernel

import (
	"context"
	"fmt"
	"math"

	"tessera/halo"
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/internal/simulate"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/kernel"
	"tessera/tikhonov/kernel/deep"
)

// deepRun is the state of one rank of a deep-kernel job.
type deepRun struct {
	*lifecycle.Run
	c      *deepConfig
	m      *deepMetrics
	obs    *scattered
	model  *deep.Model
	single *kernel.Fit
	split  *split // of a table, for the choice of the layers; nil = none
	grid   *grid
	fits   [3][]float64 // rank 0: single layer, deep kernel and its first feature on the grid
}

func (r *deepRun) run(ctx context.Context) error {
	var err error
	start := r.Comm.Wtime()
	r.Progress.Phase("observations")
	if r.obs, err = r.c.observe(ctx, r.Comm); err != nil {
		return err
	}
	for _, in := range r.obs.inputs {
		r.Took(in)
	}
	r.m.Outliers = r.obs.warnOutliers(r.Run)
	r.m.Source = r.obs.source
	r.m.Seconds.Read = r.Comm.Wtime() - start
	start = r.Comm.Wtime()
	o := r.c.options(&r.obs.door)
	if r.Comm.Rank() == 0 {
		o.Progress = func(p deep.Progress) {
			r.Progress.Count(p.Phase, p.Iteration, p.Of, fmt.Sprintf("objective %.5g", p.Objective))
			r.Log.Info("step", "phase", fmt.Sprintf("%s %d of %d", p.Phase, p.Iteration, p.Of), "objective", lifecycle.Number(p.Objective))
		}
	}
	if o.Inner.Family == "" && r.c.Deep.Inner != string(kernel.Gaussian) {
		o.Inner = kernel.Kernel{Family: kernel.Family(r.c.Deep.Inner), Width: r.obs.longestSide() / 2}
	}
	if err := r.choose(ctx, &o); err != nil {
		return err
	}
	r.m.Seconds.Search = r.Comm.Wtime() - start
	start = r.Comm.Wtime()
	stop := ranks.Measure(r.Comm)
	r.model, err = deep.Train(ctx, r.Comm, &r.obs.data, o)
	work := stop()
	if err != nil {
		return err
	}
	if err := r.account(work); err != nil {
		return err
	}
	r.m.Seconds.Solve = r.Comm.Wtime() - start
	start = r.Comm.Wtime()
	r.Progress.Phase("a single layer, to compare")
	if err := r.singleLayer(ctx); err != nil {
		return err
	}
	r.m.Seconds.Compare = r.Comm.Wtime() - start
	r.warn()
	r.keep()
	start = r.Comm.Wtime()
	r.Progress.Phase("evaluating")
	if r.c.Observations.Path == "" {
		if err := r.test(ctx); err != nil {
			return err
		}
	}
	if err := r.evaluate(ctx); err != nil {
		return err
	}
	r.m.Seconds.Evaluate = r.Comm.Wtime() - start
	if err := r.judge(); err != nil {
		return err
	}
	return r.write(ctx)
}

// account adds up over the ranks what the training took. A rank owns its cell of space;
// its part of feature space is as large.
func (r *deepRun) account(work ranks.Work) error {
	lo, hi := halo.Split(r.model.Observations, r.Comm.Size(), r.Comm.Rank())
	var err error
	r.m.RanksDid, err = lifecycle.Accounts(r.Comm, work, float64(hi-lo), 0, float64(hi-lo))
	return err
}

// longestSide of the box of the observations, in the unit of the solver.
func (s *scattered) longestSide() float64 {
	var lo, hi []float64
	for k := range s.lo {
		lo, hi = append(lo, s.lo[k]/s.door.unit[k]), append(hi, s.hi[k]/s.door.unit[k])
	}
	return longestSide(lo, hi)
}

// longestSide of a box; 1 where it has none.
func longestSide(lo, hi []float64) float64 {
	side := 0.0
	for k := range lo {
		side = max(side, hi[k]-lo[k])
	}
	if side == 0 {
		return 1
	}
	return side
}

// singleLayer fits the best Gaussian that cross-validation finds.
func (r *deepRun) singleLayer(ctx context.Context) error {
	widths, lambdas := r.c.Single.lists(&r.obs.door, r.c.singleSide(r.obs.longestSide()))
	o := kernel.Options{Kernel: kernel.Kernel{Family: kernel.Gaussian, Width: widths[0]}, Lambda: lambdas[0], Mean: r.c.Deep.Mean}
	chosen, err := kernel.Select(ctx, r.Comm, &r.obs.data, o, kernel.Search{Widths: widths, Lambdas: lambdas, Seed: r.c.Seed})
	if err != nil {
		return err
	}
	o.Tolerance = 1e-6
	pair := kernel.Candidate{Width: chosen.Width, Lambda: chosen.Lambda, Score: chosen.Score}
	var refused []kernel.Candidate
	for {
		o.Kernel.Width, o.Lambda = pair.Width, pair.Lambda
		r.m.Single = singleLayer{pair.Width * r.obs.door.length, pair.Lambda, lifecycle.Number(pair.Score)}
		r.single, err = kernel.Solve(ctx, r.Comm, &r.obs.data, o)
		refused = append(refused, pair)
		next, found := chosen.Easier(refused)
		if !stagnated(err) || !found || len(refused) > mostRefused {
			break
		}
		pair = next // rounding keeps that one from the tolerance
	}
	if err != nil && !(stagnated(err) && r.single != nil) { // it is only what the deep kernel is compared with
		return err
	}
	return r.compare(ctx, o)
}

func (r *deepRun) keep() {
	m, t := r.m, r.model
	m.Observations, m.Objective, m.Misfit, m.InnerNorm, m.OuterNorm = t.Observations, t.Objective, t.Misfit, t.InnerNorm, t.OuterNorm
	m.Starts, m.Start, m.Accepted, m.Rejected = t.Starts, t.Start, t.Accepted, t.Rejected
	m.Ended(len(t.Steps), t.Status == krylov.Converged, map[krylov.Status]string{
		krylov.Converged: "the last step has lowered the objective by hardly anything", krylov.Stagnated: "no step lowers the objective any more",
	}[t.Status])
	if m.Stopped == "" {
		m.Stopped = fmt.Sprintf("all steps that deep.steps allows are done; -set deep.steps=%d allows more, -set deep.drop=0.001 ends when a step gains less than 0.1 %%", 2*r.c.Deep.Steps)
	}
	for _, s := range t.Steps {
		step := deepStep{Accepted: s.Accepted, Objective: s.Objective, Damping: s.Damping}
		if s.Balance != nil {
			step.EBefore, step.E = s.Balance.EBefore, s.Balance.E
		}
		m.Steps = append(m.Steps, step)
	}
}

// judge notes how the fit agrees with the observations. Collective.
func (r *deepRun) judge() error {
	amplitude := r.obs.door.amplitude
	var y []float64
	for _, v := range r.obs.data.Y {
		y = append(y, v*amplitude)
	}
	unit := amplitude
	switch {
	case len(r.obs.data.Sigma) > 0:
		r.m.Known(1, "by the sigma of the observations")
		unit = 1
	case r.c.Observations.Path == "":
		r.m.Known(r.c.Simulate.Noise, frames.NoiseSimulated)
	}
	return r.obs.judge(r.Run, &r.m.Record, y, r.fits[1], unit*math.Sqrt(r.m.Misfit/float64(max(1, r.m.Observations))))
}

// test compares both fits with the truth at points numbered after the observations.
func (r *deepRun) test(ctx context.Context) error {
	n := r.c.Simulate.Test
	lo, hi := halo.Split(n, r.Comm.Size(), r.Comm.Rank())
	sums := make([]float64, 2)
	err := inParts(ctx, r.Comm, lo, hi, n/r.Comm.Size()+1, func(lo, hi int) error {
		x := make([]float64, 2*(hi-lo))
		for i := range hi - lo {
			simulate.Uniform(r.c.Seed, r.c.Simulate.Count+lo+i, x[2*i:2*i+2])
		}
		a, err := r.model.Predict(x)
		if err != nil {
			return err
		}
		b, err := r.single.Predict(x)
		if err != nil {
			return err
		}
		for i := range a {
			t := simulate.Crease(x[2*i:])
			sums[0] += (a[i] - t) * (a[i] - t)
			sums[1] += (b[i] - t) * (b[i] - t)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := r.Comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	r.m.Tested = n
	for k, name := range []string{lifecycle.AnswerColumn, "single"} {
		r.m.Measured(name, &lifecycle.Quality{RMSE: lifecycle.Some(math.Sqrt(sums[k] / float64(n)))})
	}
	return nil
}

// evaluate fills the grid with both fits and the first feature. Collective.
func (r *deepRun) evaluate(ctx context.Context) error {
	shape, _ := r.c.Evaluate.Shape.Ints(1)
	var err error
	if r.grid, err = newGrid(r.obs, shape); err != nil {
		return err
	}
	var values [3][]float64
	err = r.grid.parts(ctx, r.Comm, func(x []float64) error {
		x = r.obs.door.places(x)
		f, err := r.model.Features(x)
		if err != nil {
			return err
		}
		places := len(x) / r.obs.data.Dim
		for i := range places {
			values[2] = append(values[2], f[i*len(f)/places])
		}
		for k, predict := range []func([]float64) ([]float64, error){r.single.Predict, r.model.Predict} {
			v, err := predict(x)
			if err != nil {
				return err
			}
			values[k] = append(values[k], r.obs.door.values(v)...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for k, v := range values {
		if r.fits[k], err = collect(r.Comm, v, r.grid.total()); err != nil {
			return err
		}
	}
	return nil
}
