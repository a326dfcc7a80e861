package psf

import (
	"context"
	"math"

	"tessera/internal/checkpoint"
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
	if err := r.evaluate(); err != nil {
		return err
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
	r.m.Resumed = r.Resume
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
	stop := ranks.Measure(r.Comm)
	r.result, err = psf.Deconvolve(ctx, r.Comm, &r.s.Stack, o)
	r.work = stop()
	r.m.BytesSent, r.m.MessagesSent = r.work.BytesSent, r.work.Messages
	return inFile(r.c.Stack.Path, err)
}

// account fills the metrics with what the solve found and what it took on all ranks.
// Collective.
func (r *run) account() error {
	res, m := r.result, r.m
	done := 0
	for _, n := range res.StampIterations {
		done += n
	}
	longest := []float64{res.Setup, res.Solve, res.Transforms}
	sums := []float64{float64(m.BytesSent), float64(m.MessagesSent), float64(r.s.normalised), float64(done), res.Solve}
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
	m.Source, m.Stamps, m.Side, m.Normalised = r.s.source, r.s.Total, r.s.Side, int(sums[2])
	m.Mode, m.Border, m.Precision, m.Noise = s.Mode, s.Border, s.Precision, lifecycle.Number(res.Noise)
	m.Tau, m.SigmaDual, m.Rho, m.Beta = lifecycle.Number(res.Tau), lifecycle.Number(res.SigmaDual), lifecycle.Number(s.Rho), lifecycle.Number(res.Beta)
	m.Iterations, m.Converged, m.Moved = res.Iterations, res.Converged, res.Moved
	if s.Mode == string(psf.LowRank) {
		m.Low = &lowRankMetrics{Lambda: lifecycle.Number(res.Lambda), Threshold: s.Threshold, Singular: res.Singular, Products: res.Passes, Accuracy: lifecycle.Number(res.Accuracy)}
	}
	for _, l := range res.Checks {
		m.Checks = append(m.Checks, checkMetrics{l.Iteration, lifecycle.Number(l.Cost()), lifecycle.Number(l.Misfit), lifecycle.Number(l.Penalty), l.Rank, l.Active})
	}
	m.BytesSent, m.MessagesSent = int64(sums[0]), int64(sums[1])
	m.Seconds.Setup, m.Seconds.Solve = longest[0], longest[1]
	m.PerIteration = 1e6 * sums[4] / sums[3]
	m.Transforms = 1e6 * longest[2]
	return nil
}

// evaluate compares the observed and the restored stamps with the truth, where it is
// known. Collective.
func (r *run) evaluate() error {
	r.m.quality = map[int]psf.Quality{}
	if r.s.truth == nil {
		return nil
	}
	n, count := r.s.Side*r.s.Side, r.s.Count()
	const width = 6
	mine := make([]float64, 0, width*count)
	for i := range count {
		truth := r.s.truth[i*n : (i+1)*n]
		for _, x := range [][]float64{r.s.Data, r.result.Data} {
			q := psf.Compare(r.s.Side, x[i*n:(i+1)*n], truth, r.c.Output.Window)
			mine = append(mine, q.Pixel, q.Ellipticity, q.PSNR)
		}
	}
	all, err := r.collect(mine, width)
	if err != nil || all == nil {
		return err
	}
	columns := make([][]float64, width)
	for i, v := range all {
		if !math.IsNaN(v) {
			columns[i%width] = append(columns[i%width], v)
		}
	}
	for i := range r.s.Total {
		q := all[i*width : (i+1)*width]
		r.m.quality[i] = psf.Quality{Pixel: q[3], Ellipticity: q[4], PSNR: q[5]}
	}
	r.m.Observed = newQuality(columns[:3])
	r.m.Restored = newQuality(columns[3:])
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
