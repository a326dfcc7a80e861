package tikhonov

import (
	"context"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// restoration is what the two jobs share: this rank's part of the frame, and the common
// part of metrics.json.
type restoration struct {
	*lifecycle.Run
	o      *frames.Observation
	record *record // complete on rank 0
}

// observe reads the frame or makes it, seen through a blur with this PSF. unused: the
// config has a [simulate] section that is not used. Collective.
func (r *restoration) observe(ctx context.Context, from *frames.Source, psf forward.PSF, unused bool) (err error) {
	start := r.Comm.Wtime()
	m := r.record
	m.Source = from.Describe(unused)
	r.Progress.Phase(m.Source)
	r.Log.Info("frame", "source", m.Source, "seed", from.Seed)
	if r.o, err = from.Observe(ctx, r.Comm, psf); err != nil {
		return err
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

// picture is one array of a result that is drawn.
type picture struct {
	name  string                    // of its PNG file; "" = in panel.png alone
	owned func() ([]float64, error) // this rank's part
	// draw says how, on rank 0, and writes the array itself where that is wanted.
	draw  func(*imageio.Frame) (imageio.Stretch, error)
	panel int // its place in panel.png, from the left
}

// part is an array that is there already.
func part(a []float64) func() ([]float64, error) {
	return func() ([]float64, error) { return a, nil }
}

// writePictures gathers, draws and writes one array after the other, so that rank 0 holds
// no more than one whole frame at a time. Without pictures it stops after the first, which
// is the solution. It returns the seconds that gathering the solution took. Collective.
func (r *restoration) writePictures(list []picture, pictures bool) (gathered float64, err error) {
	start := r.Comm.Wtime()
	panels := make([]imageio.Panel, len(list))
	for i, p := range list {
		f, err := r.gather(p)
		if err != nil {
			return 0, err
		}
		if i == 0 {
			gathered = r.Comm.Wtime() - start
		}
		err = ranks.OnRoot(r.Comm, func() error {
			stretch, err := p.draw(f)
			if err != nil || !pictures {
				return err
			}
			panels[p.panel] = imageio.Panel{Frame: frames.Middle(f), Stretch: stretch}
			if p.name == "" {
				return nil
			}
			return imageio.WritePNG(r.Path(p.name), f, stretch)
		})
		if err != nil || !pictures {
			return gathered, err
		}
	}
	return gathered, ranks.OnRoot(r.Comm, func() error { return imageio.WritePanels(r.Path("panel.png"), panels...) })
}

// gather collects a picture's whole array on rank 0; the other ranks get a frame without
// pixels. Collective.
func (r *restoration) gather(p picture) (*imageio.Frame, error) {
	owned, err := p.owned()
	if err != nil {
		return nil, err
	}
	rows, cols := r.o.Shape()
	data, err := r.o.Frame.GatherTo(r.Comm, 0, owned, r.o.Channels)
	return &imageio.Frame{Channels: r.o.Channels, Rows: rows, Cols: cols, Data: data}, err
}

// writeNpy writes a frame as (channels, rows, cols), or (rows, cols) for one channel.
func (r *restoration) writeNpy(name string, f *imageio.Frame) error {
	shape := []int{f.Channels, f.Rows, f.Cols}
	if f.Channels == 1 {
		shape = shape[1:]
	}
	return imageio.WriteNpy(r.Path(name), shape, f.Data)
}
