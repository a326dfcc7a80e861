package tikhonov

import (
	"context"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// restoration is what the two jobs share: this rank's part of the frame, and the common
// part of metrics.json.
type restoration struct {
	*lifecycle.Run
	o      *frames.Observation
	record *record // complete on rank 0
	apart  bool    // no rank holds a whole frame: every rank reads and writes its own part
}

// observe reads the frame or makes it, seen through a blur with this PSF. unused: the
// config has a [simulate] section that is not used. Collective.
func (r *restoration) observe(ctx context.Context, from *frames.Source, psf forward.PSF, unused bool, gather frames.Gather) (err error) {
	start := r.Comm.Wtime()
	if err := gather.Settle(r.Comm, from); err != nil {
		return err
	}
	r.apart = from.Apart
	m := r.record
	m.Source, m.Gathered = from.Describe(unused), !r.apart
	r.Progress.Phase(m.Source)
	r.Log.Info("frame", "source", m.Source, "seed", from.Seed, "gathered", m.Gathered)
	if r.o, err = from.Observe(ctx, r.Comm, psf); err != nil {
		return err
	}
	for _, in := range r.o.Inputs {
		r.Took(in)
	}
	m.Seconds.Read = r.Comm.Wtime() - start
	m.Channels = r.o.Channels
	m.Rows, m.Cols = r.o.Shape()
	return nil
}

// note completes the report of a PSF for this frame, and logs it. The error is the same on
// all ranks.
func (r *restoration) note(report *frames.PSFReport, psf forward.PSF, border halo.Border) error {
	err := report.On(psf, r.record.Rows, r.record.Cols, border)
	for _, line := range report.Notices() {
		r.Log.Info("PSF", "notice", line)
	}
	return err
}

// account fills the common part of the metrics: work and the seconds of set-up and solve
// are this rank's, overlap is in pixels. It returns counts added up over the ranks, on
// rank 0. Collective.
func (r *restoration) account(work ranks.Work, setup, solve float64, overlap int, factorBytes int64, counts ...float64) ([]float64, error) {
	longest := []float64{setup, solve, work.Exchange, work.Reduce, work.Seconds - setup - solve}
	pixels := len(r.o.Data) / r.o.Channels
	if apartChannels(r.o) {
		pixels = len(r.o.Data)
	}
	missing := pixels - r.o.Weights.Observed(pixels)
	sums := append([]float64{float64(work.BytesSent), float64(work.Messages), float64(factorBytes), float64(missing)}, counts...)
	if err := r.Comm.Reduce(longest, longest, ranks.Max, 0); err != nil {
		return nil, err
	}
	if err := r.Comm.Reduce(sums, sums, ranks.Sum, 0); err != nil {
		return nil, err
	}
	own := r.o.Frame.Owned(r.Comm.Rank())
	around := own.Grow([]int{overlap, overlap}).Intersect(r.o.Frame.Domain())
	owned := float64(own.Size() * r.o.Channels)
	list, err := lifecycle.Accounts(r.Comm, work, owned, float64(around.Size()*r.o.Channels)-owned, owned)
	if err != nil {
		return nil, err
	}
	m := r.record
	m.RanksDid = list
	m.Seconds.Setup, m.Seconds.Solve, m.Seconds.Lambda = longest[0], longest[1], longest[4]
	m.Seconds.Exchange, m.Seconds.Reduce = longest[2], longest[3]
	m.BytesSent, m.MessagesSent = int64(sums[0]), int64(sums[1])
	m.FactorMB, m.Missing = sums[2]/1e6, int(sums[3])
	return sums[4:], nil
}

// psnr is 10 log10(peak^2 / mean squared error) of each array against the truth, on rank
// 0; values that are NaN, those of missing pixels, are not counted. Collective.
func (r *restoration) psnr(arrays ...[]float64) ([]lifecycle.Number, error) {
	peak := []float64{math.Inf(-1)}
	sums := make([]float64, 2*len(arrays)) // squared error and count of each
	for i, t := range r.o.Truth {
		if math.IsNaN(t) {
			continue // nobody knows it
		}
		peak[0] = max(peak[0], t)
		for k, a := range arrays {
			if v := a[i]; !math.IsNaN(v) {
				sums[2*k] += (v - t) * (v - t)
				sums[2*k+1]++
			}
		}
	}
	if err := r.Comm.Reduce(peak, peak, ranks.Max, 0); err != nil {
		return nil, err
	}
	if err := r.Comm.Reduce(sums, sums, ranks.Sum, 0); err != nil {
		return nil, err
	}
	list := make([]lifecycle.Number, len(arrays))
	for k := range list {
		list[k] = lifecycle.Number(10 * math.Log10(peak[0]*peak[0]*sums[2*k+1]/sums[2*k]))
	}
	return list, nil
}

// largestProcess puts the most resident memory of a rank's process into the metrics.
// Collective.
func (r *restoration) largestProcess() error {
	most := []float64{lifecycle.HighWater()}
	err := r.Comm.Reduce(most, most, ranks.Max, 0)
	r.record.RankMemoryMB = most[0]
	return err
}
