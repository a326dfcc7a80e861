package psf

import (
	"context"
	"fmt"

	"tessera/internal/checkpoint"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/psf"
	"tessera/ranks"
)

// run is the state of one rank of a psf job.
type run struct {
	*lifecycle.Run
	c      *settings
	m      *metrics // complete on rank 0 only
	s      *stamps
	kept   *lifecycle.Checkpoints
	work   ranks.Work // of psf.Deconvolve
	result *psf.Result
	before []fluxes       // with psf.debias: of each stamp after the last iteration
	table  *imageio.Table // rank 0: the numbers of each stamp
}

func (r *run) run(ctx context.Context) error {
	start := r.Comm.Wtime()
	r.Progress.Phase("stamps")
	var err error
	if r.s, err = r.c.read(ctx, r.Comm); err != nil {
		return err
	}
	r.m.Seconds.Read = r.Comm.Wtime() - start
	if err := r.took(); err != nil {
		return err
	}
	r.kept = lifecycle.NewCheckpoints(r.Run, "psf")
	if err := r.solve(ctx); err != nil {
		return r.kept.Stopped(err)
	}
	// From here on a signal does not stop the run: what follows is short, and would be lost
	// with the solution.
	if err := r.account(); err != nil {
		return err
	}
	start = r.Comm.Wtime()
	r.Progress.Phase("measuring the stamps")
	r.debias()
	if err := r.judge(); err != nil {
		return err
	}
	if text := r.m.lost(); text != "" && r.Comm.Rank() == 0 {
		r.Warning(text)
	}
	r.m.Seconds.Evaluate = r.Comm.Wtime() - start
	return r.write()
}

// solve restores the stamps, from the checkpoint if the run resumes one. Collective.
func (r *run) solve(ctx context.Context) error {
	o := r.c.options()
	o.Given = r.s.start
	o.Save = func(s *psf.Snapshot) error { return r.kept.Keep((*checkpoint.Snapshot)(s)) }
	from, err := r.kept.Begin(r.Resume)
	if err != nil {
		return err
	}
	o.Resume = (*psf.Snapshot)(from)
	if r.Comm.Rank() == 0 {
		o.Progress = func(p psf.Progress) {
			detail := "cost " + short(p.Cost)
			if p.Rank > 0 {
				detail += ", rank " + short(float64(p.Rank))
			}
			if p.Active < r.s.Total {
				detail += ", " + short(float64(p.Active)) + " stamps still iterate"
			}
			r.Progress.Count(r.c.PSF.Mode+" iteration", p.Iteration, p.Of, detail)
			r.Log.Info("check", "iteration", p.Iteration, "cost", lifecycle.Number(p.Cost), "rank", p.Rank, "active", p.Active)
		}
	}
	r.Progress.Phase("set-up")
	stop := ranks.Measure(r.Comm)
	r.result, err = psf.Deconvolve(ctx, r.Comm, &r.s.Stack, o)
	r.work = stop()
	return inFile(r.c.Stack.Path, err)
}

// stopped says why the iterations ended.
func stopped(s *psfSection, res *psf.Result) string {
	if len(res.Checks) == 0 {
		return ""
	}
	last := res.Checks[len(res.Checks)-1]
	text := fmt.Sprintf("the last iteration has changed the stack by %.2g of itself", last.Change)
	switch {
	case !res.Converged:
		return "psf.iterations are done; " + text
	case last.Active == 0:
		return "the cost of every stamp changes by less than psf.stamp_tolerance"
	case s.Still > 0 && last.Change <= s.Still:
		return text
	}
	return "the cost changes by less than psf.tolerance; " + text
}

// noiseRules say how the noise is known.
var noiseRules = map[psf.NoiseRule]string{
	psf.Differences: "found in the stack, by differences", psf.DifferencesPerStamp: "mean over the stamps, found by differences",
	psf.MAD: "found in the stack, by the median absolute deviation", psf.MADPerStamp: "mean over the stamps, by the median absolute deviation",
	psf.Given: "given", psf.FromWeights: "the weights are inverse variances",
}

// account fills the metrics with what the solve found and what it took on all ranks.
// Collective.
func (r *run) account() error {
	res, m := r.result, r.m
	longest := []float64{res.Setup, res.Solve, res.Transforms}
	sums := []float64{float64(r.s.normalised), float64(res.Made), res.Solve}
	if err := r.Comm.Allreduce(longest, longest, ranks.Max); err != nil {
		return err
	}
	if err := r.Comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	stamps := float64(r.s.Count())
	var err error
	if m.RanksDid, err = lifecycle.Accounts(r.Comm, r.work, stamps, 0, stamps); err != nil {
		return err
	}
	s := &r.c.PSF
	m.Source, m.Stamps, m.Side, m.Normalised = r.s.source, r.s.Total, r.s.Side, int(sums[0])
	m.Outliers = r.s.found.Plus(r.s.weightsFound)
	m.Missing, m.Pixels = r.s.missing.nan+r.s.missing.masked+r.s.missing.zero, r.s.Total*r.s.Side*r.s.Side
	m.Bounded = s.Positivity
	m.Mode, m.Border, m.Precision = s.Mode, s.Border, s.Precision
	m.Tau, m.SigmaDual, m.Rho, m.Beta = lifecycle.Number(res.Tau), lifecycle.Number(res.SigmaDual), lifecycle.Number(s.Rho), lifecycle.Number(res.Beta)
	m.Moved = res.Moved
	m.Ended(res.Iterations, res.Converged, stopped(&r.c.PSF, res))
	if s.Mode == string(psf.LowRank) {
		m.Low = &lowRankMetrics{Lambda: lifecycle.Number(res.Lambda), Threshold: s.Threshold, Singular: res.Singular, Products: res.Passes, Accuracy: lifecycle.Number(res.Accuracy)}
	}
	for _, l := range res.Checks {
		m.Checks = append(m.Checks, checkMetrics{l.Iteration, lifecycle.Number(l.Cost()), lifecycle.Number(l.Misfit), lifecycle.Number(l.Penalty), l.Rank, l.Active, lifecycle.Number(l.Change)})
	}
	m.Seconds.Setup, m.Seconds.Solve = longest[0], longest[1]
	if sums[1] > 0 { // a resumed run may have none left to make
		m.PerIteration = 1e6 * sums[2] / sums[1]
	}
	m.Transforms = 1e6 * longest[2]
	return nil
}

// collect gathers width numbers for each stamp, in the order of the stamps, on rank 0; nil
// on the other ranks. Collective.
func (r *run) collect(mine []float64, width int) ([]float64, error) {
	counts, err := ranks.Counts(r.Comm, r.s.Count())
	if err != nil {
		return nil, err
	}
	var all []float64
	for q := range counts {
		counts[q] *= width
	}
	if r.Comm.Rank() == 0 {
		all = make([]float64, r.s.Total*width)
	}
	return all, r.Comm.Gatherv(all, counts, mine, 0)
}
