package psf

import (
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"

	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/psf"
	"tessera/ranks"
)

// metrics is metrics.json of a psf job.
type metrics struct {
	lifecycle.Record

	Source     string           `json:"source"`
	Stamps     int              `json:"stamps"`
	Side       int              `json:"side"`
	Normalised int              `json:"psfs_normalised"` // did not sum to 1
	Mode       string           `json:"mode"`
	Border     string           `json:"border"`
	Precision  string           `json:"precision"`
	Noise      lifecycle.Number `json:"noise"` // standard deviation, the mean over the stamps
	Tau        lifecycle.Number `json:"tau"`
	SigmaDual  lifecycle.Number `json:"sigma_dual"`
	Rho        lifecycle.Number `json:"rho"`
	Beta       lifecycle.Number `json:"beta"` // largest |H|^2 max W
	Iterations int              `json:"iterations"`
	Converged  bool             `json:"converged"`
	Resumed    bool             `json:"resumed"`
	Low        *lowRankMetrics  `json:"low_rank,omitempty"`
	Observed   *qualityMetrics  `json:"observed,omitempty"` // against the truth
	Restored   *qualityMetrics  `json:"restored,omitempty"`
	Checks     []checkMetrics   `json:"checks"`
	Moved      int              `json:"stamps_moved"` // between ranks, to balance those that still ran

	PerIteration float64 `json:"us_per_stamp_iteration"` // on one core
	Transforms   float64 `json:"us_of_its_transforms"`   // that it cannot do without, timed alone in this run

	Seconds      seconds `json:"seconds"`
	BytesSent    int64   `json:"bytes_sent"`
	MessagesSent int64   `json:"messages_sent"`
	PeakMemoryMB float64 `json:"peak_memory_mb"`

	quality map[int]psf.Quality
}

type lowRankMetrics struct {
	Lambda    lifecycle.Number `json:"lambda"`
	Threshold string           `json:"threshold"`
	Singular  lifecycle.Series `json:"singular_values"`
	Products  int              `json:"products"` // of the block with the stack, in all iterations
	Accuracy  lifecycle.Number `json:"accuracy"` // of the singular vectors, the worst that was used
}

type checkMetrics struct {
	Iteration int              `json:"iteration"`
	Cost      lifecycle.Number `json:"cost"`
	Misfit    lifecycle.Number `json:"misfit"`
	Penalty   lifecycle.Number `json:"penalty"`
	Rank      int              `json:"rank,omitempty"`
	Active    int              `json:"active"`
}

type seconds struct {
	Read  float64 `json:"read"` // or simulate
	Setup float64 `json:"setup"`
	Solve float64 `json:"solve"`
	Write float64 `json:"write"`
	Total float64 `json:"total"`
}

// quartiles of a measure over the stamps.
type quartiles struct {
	Lower  lifecycle.Number `json:"lower_quartile"`
	Median lifecycle.Number `json:"median"`
	Upper  lifecycle.Number `json:"upper_quartile"`
}

type qualityMetrics struct {
	Pixel       quartiles `json:"pixel_error"`
	Ellipticity quartiles `json:"ellipticity_error"`
	PSNR        quartiles `json:"psnr_db"`
}

func newQuality(columns [][]float64) *qualityMetrics {
	of := func(v []float64) quartiles {
		q := psf.Quartiles(v)
		return quartiles{lifecycle.Number(q[0]), lifecycle.Number(q[1]), lifecycle.Number(q[2])}
	}
	return &qualityMetrics{of(columns[0]), of(columns[1]), of(columns[2])}
}

// short writes a number as a person reads it.
func short(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

// write leaves the result.
func (r *run) write() error {
	start := r.Comm.Wtime()
	return r.Finish(lifecycle.Ending{
		Files: []string{"solution.npy", "solution.fits", "mosaic.png", "convergence.png", "convergence.svg"},
		Write: func() error {
			if err := r.writeStack(); err != nil {
				return err
			}
			if err := r.writeMosaic(); err != nil {
				return err
			}
			return ranks.OnRoot(r.Comm, r.writeConvergence)
		},
		Metrics: func(total, memory float64) any {
			r.m.PeakMemoryMB = memory
			r.m.Seconds.Write, r.m.Seconds.Total = r.Comm.Wtime()-start, total
			return r.m
		},
		Remove:  r.kept.Remove,
		Summary: func(w io.Writer) error { return r.m.summary(w, r.Dir) },
	})
}

// batch is how many stamps go to rank 0 at once.
const batch = 64

// writeStack brings the solution to rank 0 a few stamps at a time. Collective.
func (r *run) writeStack() error {
	const tag = 71
	counts, err := ranks.Counts(r.Comm, r.s.Count())
	if err != nil {
		return err
	}
	n := r.s.Side * r.s.Side
	if r.Comm.Rank() != 0 {
		for at := 0; at < r.s.Count(); at += batch {
			end := min(at+batch, r.s.Count())
			if err := r.Comm.Send(r.result.Data[at*n:end*n], 0, tag); err != nil {
				return err
			}
		}
		return ranks.OnRoot(r.Comm, nil) // how the file fared
	}
	path, header := filepath.Join(r.c.Output.Dir, "solution.npy"), imageio.Header(nil)
	if r.s.format == "fits" {
		path, header = filepath.Join(r.c.Output.Dir, "solution.fits"), r.s.header
	}
	m := r.m
	w, failure := imageio.CreateStack(path, r.s.Total, r.s.Side, r.s.Side, r.c.PSF.Precision == string(psf.Single), header,
		fmt.Sprintf("tessera %s: deconvolution of %s", m.Tessera, filepath.Base(r.s.source)),
		fmt.Sprintf("%s, %s border, noise %.4g, %d iterations", m.Mode, m.Border, m.Noise, m.Iterations))
	if w != nil {
		defer w.Abort()
	}
	// What the others send is taken in whatever happens to the file.
	buf := make([]float64, batch*n)
	for q, count := range counts {
		for at := 0; at < count; at += batch {
			k := min(batch, count-at) * n
			part := r.result.Data
			if q == 0 {
				part = part[at*n : at*n+k]
			} else {
				if _, err := r.Comm.Recv(buf[:k], q, tag); err != nil {
					return err
				}
				part = buf[:k]
			}
			if failure == nil {
				failure = w.Write(part)
			}
		}
	}
	return ranks.OnRoot(r.Comm, func() error {
		if failure != nil {
			return failure
		}
		return w.Close()
	})
}

// writeMosaic draws some stamps, evenly spread over the stack: observed, restored,
// what is left, and the truth where it is known. Collective.
func (r *run) writeMosaic() error {
	shown := min(r.c.Output.Mosaic, r.s.Total)
	if shown == 0 {
		return nil
	}
	n := r.s.Side * r.s.Side
	parts := 3
	if r.s.truth != nil {
		parts = 4
	}
	// Each stamp comes from the one rank that has it: a sum with zeros.
	all := make([]float64, shown*parts*n)
	ids := make([]int, shown)
	for k := range ids {
		ids[k] = (2*k + 1) * r.s.Total / (2 * shown)
		i := ids[k] - r.s.First
		if i < 0 || i >= r.s.Count() {
			continue
		}
		to := func(p int) []float64 { return all[(k*parts+p)*n : (k*parts+p+1)*n] }
		copy(to(0), r.s.Data[i*n:(i+1)*n])
		copy(to(1), r.result.Data[i*n:(i+1)*n])
		r.s.Residual(psf.Border(r.c.PSF.Border), i, r.result.Data[i*n:(i+1)*n], to(2))
		if r.s.truth != nil {
			copy(to(3), r.s.truth[i*n:(i+1)*n])
		}
	}
	if err := r.Comm.Reduce(all, all, ranks.Sum, 0); err != nil {
		return err
	}
	return ranks.OnRoot(r.Comm, func() error { return r.drawMosaic(ids, all, parts) })
}

// drawMosaic draws parts pictures of each of the stamps ids.
func (r *run) drawMosaic(ids []int, all []float64, parts int) error {
	side := r.s.Side
	n := side * side
	frame := func(k, p int) *imageio.Frame {
		at := (k*parts + p) * n
		return &imageio.Frame{Channels: 1, Rows: side, Cols: side, Data: all[at : at+n]}
	}
	// One stretch for all of the light, one for all that is left, so that stamps can
	// be compared.
	light := &imageio.Frame{Channels: 1, Rows: 2 * side * len(ids), Cols: side}
	left := &imageio.Frame{Channels: 1, Rows: side * len(ids), Cols: side}
	for k := range ids {
		light.Data = append(append(light.Data, frame(k, 0).Data...), frame(k, 1).Data...)
		left.Data = append(left.Data, frame(k, 2).Data...)
	}
	shine, rest := imageio.Asinh(light), imageio.Diverging(left)
	m := report.Mosaic{Columns: []string{"observed", "restored", "residual", "truth"}[:parts], Blocks: (len(ids) + 5) / 6}
	for k, id := range ids {
		row := report.MosaicRow{Label: []string{"no. " + strconv.Itoa(id)}}
		if q, known := r.m.quality[id]; known {
			row.Label = append(row.Label, fmt.Sprintf("error %.3f", q.Pixel))
		}
		for p := range parts {
			stretch := shine
			if p == 2 {
				stretch = rest
			}
			row.Frames, row.Stretch = append(row.Frames, frame(k, p)), append(row.Stretch, stretch)
		}
		m.Rows = append(m.Rows, row)
	}
	return m.Write(filepath.Join(r.c.Output.Dir, "mosaic.png"))
}

func (m *metrics) summary(w io.Writer, dir string) error {
	t := lifecycle.NewTable(w)
	row := t.Row
	row("stack", "%s", m.Source)
	row("", "%d stamps of %d x %d", m.Stamps, m.Side, m.Side)
	if m.Normalised > 0 {
		row("PSFs", "%d did not sum to 1 and were normalised", m.Normalised)
	}
	row("ranks", "%d, %s", m.Ranks, m.Transport)
	row("method", "%s, %s border, %s precision, noise %.3e", m.Mode, m.Border, m.Precision, m.Noise)
	last := m.Checks[len(m.Checks)-1]
	row("iterations", "%d, cost %.6g = misfit %.6g + penalty %.6g", m.Iterations, last.Cost, last.Misfit, last.Penalty)
	if m.Low != nil {
		row("rank", "%d, lambda %.4g, %s threshold", last.Rank, m.Low.Lambda, m.Low.Threshold)
	}
	if m.Moved > 0 {
		row("balance", "%d stamps changed rank as others were done", m.Moved)
	}
	if q := m.Restored; q != nil {
		o := m.Observed
		row("pixel error", "%.4f (%.4f to %.4f), observed %.4f: medians and quartiles", q.Pixel.Median, q.Pixel.Lower, q.Pixel.Upper, o.Pixel.Median)
		row("ellipticity error", "%.4f (%.4f to %.4f), observed %.4f", q.Ellipticity.Median, q.Ellipticity.Lower, q.Ellipticity.Upper, o.Ellipticity.Median)
		row("PSNR", "%.2f dB (%.2f to %.2f), observed %.2f dB", q.PSNR.Median, q.PSNR.Lower, q.PSNR.Upper, o.PSNR.Median)
	}
	row("a stamp's iteration", "%.1f us on one core, of which its transforms %.1f us", m.PerIteration, m.Transforms)
	s := &m.Seconds
	row("seconds", "%.2f read, %.2f set-up, %.2f solve, %.2f write, %.2f in all", s.Read, s.Setup, s.Solve, s.Write, s.Total)
	row("traffic", "%.1f MB in %d messages", float64(m.BytesSent)/1e6, m.MessagesSent)
	row("peak memory", "%.0f MB", m.PeakMemoryMB)
	row("written to", "%s", dir)
	return t.Flush()
}

// writeConvergence plots by how much an iteration still changed the cost.
func (r *run) writeConvergence() error {
	var x, change []float64
	checks := r.m.Checks
	for k := 1; k < len(checks); k++ {
		a, b := checks[k-1], checks[k]
		x = append(x, float64(b.Iteration))
		change = append(change, math.Abs(float64(b.Cost-a.Cost))/(math.Abs(float64(b.Cost))*float64(b.Iteration-a.Iteration)))
	}
	p := report.Plot{
		Title: fmt.Sprintf("%s, %d stamps: convergence of the cost", r.m.Mode, r.m.Stamps),
		X:     "iteration", Y: "relative change an iteration", LogY: true,
		Series: []report.Series{{X: x, Y: change, Points: true}},
	}
	for _, name := range []string{"convergence.png", "convergence.svg"} {
		if err := p.Write(filepath.Join(r.c.Output.Dir, name)); err != nil {
			return err
		}
	}
	return nil
}
