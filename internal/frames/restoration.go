package frames

import (
	"context"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// Restoration is what the jobs of frames share: this rank's part of the frame, and the common
// part of metrics.json.
type Restoration struct {
	*lifecycle.Run
	Obs    *Observation
	Common *Record // complete on rank 0
	Apart  bool    // no rank holds a whole frame: every rank reads and writes its own part
}

// Observe reads the frame or makes it, seen through a blur with this PSF. unused: the
// config has a [simulate] section that is not used. Collective.
func (r *Restoration) Observe(ctx context.Context, from *Source, psf forward.PSF, unused bool, gather Gather) (err error) {
	start := r.Comm.Wtime()
	if err := gather.Settle(r.Comm, from); err != nil {
		return err
	}
	r.Apart = from.Apart
	m := r.Common
	m.Source, m.Gathered = from.Describe(unused), !r.Apart
	r.Progress.Phase(m.Source)
	r.Log.Info("frame", "source", m.Source, "seed", from.Seed, "gathered", m.Gathered)
	if r.Obs, err = from.Observe(ctx, r.Comm, psf); err != nil {
		return err
	}
	for _, in := range r.Obs.Inputs {
		r.Took(in)
	}
	m.Seconds.Read = r.Comm.Wtime() - start
	m.Channels = r.Obs.Channels
	m.Rows, m.Cols = r.Obs.Shape()
	if r.Obs.Varying != nil && r.Comm.Rank() == 0 {
		m.PSFModel = NewPSFModelReport(r.Obs.Model, r.Obs.Varying, m.Rows, m.Cols)
		for _, line := range m.PSFModel.Lines() {
			r.Log.Info("PSF model", "notice", line)
		}
		if p := m.PSFModel.Path; p != "" {
			r.Took(lifecycle.Input{File: p, Part: m.PSFModel.Format + " model of the PSF", Note: m.PSFModel.Law})
		}
		if p := from.Model.Positions; p != "" {
			r.Took(lifecycle.Input{File: p, Axes: r.Obs.Model.Places})
		}
	}
	return nil
}

// Note completes the report of a PSF for this frame, and logs it. The error is the same on
// all ranks.
func (r *Restoration) Note(report *PSFReport, psf forward.PSF, border halo.Border) error {
	if in, ok := report.Input(); ok {
		r.Took(in)
	}
	err := report.On(psf, r.Common.Rows, r.Common.Cols, border)
	for _, line := range report.Notices() {
		r.Log.Info("PSF", "notice", line)
	}
	return err
}

// Account fills the common part of the metrics: work and the seconds of set-up and solve
// are this rank's, overlap is in pixels. It returns counts added up over the ranks, on
// rank 0. Collective.
func (r *Restoration) Account(work ranks.Work, setup, solve float64, overlap int, factorBytes int64, counts ...float64) ([]float64, error) {
	longest := []float64{setup, solve, work.Exchange, work.Reduce, work.Seconds - setup - solve}
	pixels := len(r.Obs.Data) / r.Obs.Channels
	if r.Obs.ApartChannels() {
		pixels = len(r.Obs.Data)
	}
	missing := pixels - r.Obs.Weights.Observed(pixels)
	sums := append([]float64{float64(work.BytesSent), float64(work.Messages), float64(factorBytes), float64(missing)}, counts...)
	if err := r.Comm.Reduce(longest, longest, ranks.Max, 0); err != nil {
		return nil, err
	}
	if err := r.Comm.Reduce(sums, sums, ranks.Sum, 0); err != nil {
		return nil, err
	}
	own := r.Obs.Frame.Owned(r.Comm.Rank())
	around := own.Grow([]int{overlap, overlap}).Intersect(r.Obs.Frame.Domain())
	owned := float64(own.Size() * r.Obs.Channels)
	list, err := lifecycle.Accounts(r.Comm, work, owned, float64(around.Size()*r.Obs.Channels)-owned, owned)
	if err != nil {
		return nil, err
	}
	m := r.Common
	m.RanksDid = list
	m.Seconds.Setup, m.Seconds.Solve, m.Seconds.Lambda = longest[0], longest[1], longest[4]
	m.Seconds.Exchange, m.Seconds.Reduce = longest[2], longest[3]
	m.BytesSent, m.MessagesSent = int64(sums[0]), int64(sums[1])
	m.FactorMB, m.Missing = sums[2]/1e6, int(sums[3])
	return sums[4:], nil
}

// PSNR is 10 log10(peak^2 / mean squared error) of each array against the truth, on rank
// 0; values that are NaN, those of missing pixels, are not counted. Collective.
func (r *Restoration) PSNR(arrays ...[]float64) ([]lifecycle.Number, error) {
	peak := []float64{math.Inf(-1)}
	sums := make([]float64, 2*len(arrays)) // squared error and count of each
	for i, t := range r.Obs.Truth {
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

// SNR is 10 log10(||truth||^2 / ||array - truth||^2) of each array, on rank 0; values that are
// NaN, those of missing pixels, are not counted, in either sum. Collective.
func (r *Restoration) SNR(arrays ...[]float64) ([]lifecycle.Number, error) {
	sums := make([]float64, 2*len(arrays)) // energy of the truth and of the error, for each
	for i, t := range r.Obs.Truth {
		if math.IsNaN(t) {
			continue // nobody knows it
		}
		for k, a := range arrays {
			if v := a[i]; !math.IsNaN(v) {
				sums[2*k] += t * t
				sums[2*k+1] += (v - t) * (v - t)
			}
		}
	}
	if err := r.Comm.Reduce(sums, sums, ranks.Sum, 0); err != nil {
		return nil, err
	}
	list := make([]lifecycle.Number, len(arrays))
	for k := range list {
		list[k] = lifecycle.Number(10 * math.Log10(sums[2*k]/sums[2*k+1]))
	}
	return list, nil
}

// LargestProcess puts the most resident memory of a rank's process into the metrics.
// Collective.
func (r *Restoration) LargestProcess() error {
	most := []float64{lifecycle.HighWater()}
	err := r.Comm.Reduce(most, most, ranks.Max, 0)
	r.Common.RankMemoryMB = most[0]
	return err
}
