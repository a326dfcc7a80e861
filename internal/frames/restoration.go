package frames

import (
	"context"
	"fmt"
	"strings"

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
	stated *plane  // rank 0: what says the noise of every pixel of an observed frame; nil = nothing does
	sharp  bool    // the frame is seen through no blur
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
	if r.Comm.Rank() == 0 {
		r.stated = from.Image.stated()
		r.sharp = psf.Rows*psf.Cols <= 1 && r.Obs.Varying == nil
	}
	for _, in := range r.Obs.Inputs {
		r.Took(in)
	}
	m.Outliers = r.Obs.Outliers
	if len(r.Obs.Inputs) > 0 {
		r.Obs.Outliers.Warn(r.Run, r.Obs.Inputs[0].File)
	}
	for _, beside := range r.Obs.marks {
		beside.report.Warn(r.Run, beside.file)
		m.Outliers = m.Outliers.Plus(beside.report)
	}
	if err := r.warnUnseen(from.Image.Path); err != nil {
		return err
	}
	m.Seconds.Read = r.Comm.Wtime() - start
	m.Channels = r.Obs.Channels
	m.Rows, m.Cols = r.Obs.Shape()
	if r.Obs.Varying != nil && r.Comm.Rank() == 0 {
		m.PSFModel = NewPSFModelReport(r.Obs.Model, r.Obs.Varying, m.Rows, m.Cols)
		for _, line := range m.PSFModel.Lines() {
			r.Log.Info("PSF model", "notice", line)
		}
		if far := m.PSFModel.offCentre(); far != "" {
			r.Progress.Say("PSF model: " + far)
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

// warnUnseen warns of channels of a frame of which no value was observed. Collective.
func (r *Restoration) warnUnseen(path string) error {
	if path == "" || r.Obs.Channels == 1 {
		return nil
	}
	counts, err := r.Obs.Observed(r.Comm)
	if err != nil {
		return err
	}
	var list []string
	for k, n := range counts {
		if n == 0 {
			list = append(list, fmt.Sprint(k))
		}
	}
	switch len(list) {
	case 0:
	case 1:
		r.Warning(fmt.Sprintf("%s: channel %s has no observed value: it is not restored, and NaN in the result", path, list[0]))
	default:
		r.Warning(fmt.Sprintf("%s: channels %s have no observed value: they are not restored, and NaN in the result", path, strings.Join(list, ", ")))
	}
	return nil
}

// Note completes the report of a PSF for this frame, logs it, and shows before anything is solved what is unusual
// about it. The error is the same on all ranks.
func (r *Restoration) Note(report *PSFReport, psf forward.PSF, border halo.Border) error {
	if in, ok := report.Input(); ok {
		r.Took(in)
	}
	err := report.On(psf, r.Common.Rows, r.Common.Cols, border)
	for _, line := range report.Notices() {
		r.Log.Info("PSF", "notice", line)
	}
	report.Tell(r.Run)
	return err
}

// Account fills the common part of the metrics: work and the seconds of set-up and solve
// are this rank's, overlap is in pixels. It returns counts added up over the ranks, on
// rank 0. Collective.
func (r *Restoration) Account(work ranks.Work, setup, solve float64, overlap int, factorBytes int64, counts ...float64) ([]float64, error) {
	longest := []float64{setup, solve, work.Seconds - setup - solve}
	pixels := len(r.Obs.Data) / r.Obs.Channels
	if r.Obs.ApartChannels() {
		pixels = len(r.Obs.Data)
	}
	missing := pixels - r.Obs.Weights.Observed(pixels)
	sums := append([]float64{float64(factorBytes), float64(missing), float64(pixels)}, counts...)
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
	m.Seconds.Setup, m.Seconds.Solve, m.Seconds.Search = longest[0], longest[1], longest[2]
	m.FactorMB, m.Missing, m.Of = sums[0]/1e6, int(sums[1]), int(sums[2])
	return sums[3:], nil
}
