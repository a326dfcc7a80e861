package kernel

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"

	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/loadbalance"
	"tessera/ranks"
	"tessera/tikhonov/kernel"
)

// metrics is metrics.json of a kernel job.
type metrics struct {
	lifecycle.Record

	Source       string           `json:"source"`
	Observations int              `json:"observations"`
	Dim          int              `json:"dimensions"`
	Family       string           `json:"family"`
	Width        float64          `json:"width"`
	Lambda       float64          `json:"lambda"`
	Method       string           `json:"method"`
	Mean         float64          `json:"mean"`
	Neighbours   float64          `json:"neighbours"` // entries of a row, on average
	Blocks       int              `json:"blocks"`
	Largest      int              `json:"largest_block"` // points, overlap included
	Iterations   int              `json:"iterations"`
	Converged    bool             `json:"converged"`
	Residual     lifecycle.Number `json:"residual"`
	ErrorBound   lifecycle.Number `json:"error_bound"`
	Certified    bool             `json:"certified"`
	Misfit       float64          `json:"misfit"` // sum ((f(x_i) - y_i) / sigma_i)^2
	Objective    float64          `json:"objective"`
	Truncation   float64          `json:"truncation"` // bound on the norm of what was left out of K

	Search  *searchMetrics  `json:"search,omitempty"`
	Balance *balanceMetrics `json:"balance,omitempty"` // by count
	Refined *balanceMetrics `json:"refined,omitempty"` // then by work or time
	RMSE    float64         `json:"rmse,omitempty"`    // against the truth, over the grid
	PSNR    *framePSNR      `json:"psnr_db,omitempty"`

	Seconds      seconds          `json:"seconds"`
	BytesSent    int64            `json:"bytes_sent"`
	MessagesSent int64            `json:"messages_sent"`
	FactorMB     float64          `json:"factor_mb"`
	PeakMemoryMB float64          `json:"peak_memory_mb"`
	History      lifecycle.Series `json:"history"`

	predictions *imageio.Table
}

// seconds are wall time, the largest over the ranks, but for compute, which
// is the processor time of local work.
type seconds struct {
	Read        float64 `json:"read"`
	Search      float64 `json:"search,omitempty"`
	Setup       float64 `json:"setup"`
	Solve       float64 `json:"solve"`
	Compute     float64 `json:"compute"`      // largest over the ranks
	ComputeMean float64 `json:"compute_mean"` // over the ranks
	Evaluate    float64 `json:"evaluate"`
	Total       float64 `json:"total"`
}

type searchMetrics struct {
	Rule       string           `json:"rule"`
	Candidates []map[string]any `json:"candidates"`
	Edge       map[string]bool  `json:"on_edge"`
	chosen     *kernel.Selection
}

func newSearchMetrics(rule string, s *kernel.Selection) *searchMetrics {
	m := &searchMetrics{Rule: rule, Edge: map[string]bool{"width": s.EdgeWidth, "lambda": s.EdgeLambda}, chosen: s}
	for _, c := range s.Candidates {
		m.Candidates = append(m.Candidates, map[string]any{"width": c.Width, "lambda": c.Lambda, "score": lifecycle.Number(c.Score)})
	}
	return m
}

type balanceMetrics struct {
	Before    []float64        `json:"before"` // loads of the ranks
	Repaired  []float64        `json:"repaired,omitempty"`
	After     []float64        `json:"after"`
	EBefore   float64          `json:"e_before"`
	E         float64          `json:"e"`
	Best      float64          `json:"e_best,omitempty"`
	Moved     int64            `json:"moved"`
	Norm      float64          `json:"norm"`
	Rounds    int              `json:"rounds"`
	Bytes     int64            `json:"bytes"`
	Seconds   float64          `json:"seconds"`
	Overhead  float64          `json:"overhead"`   // T_r / T_DyDD
	BreakEven lifecycle.Number `json:"break_even"` // sweeps after which the move has paid

	report *loadbalance.Report
}

// newBalanceMetrics takes a sweep of the slowest rank to have cost in proportion to
// its load before.
func newBalanceMetrics(b *loadbalance.Report, sweep float64) *balanceMetrics {
	before := sweep * slices.Max(b.Before) / max(1e-300, slices.Max(b.After))
	return &balanceMetrics{
		Before: b.Before, Repaired: b.Repaired, After: b.After, EBefore: b.EBefore, E: b.E, Best: b.Best,
		Moved: b.Moved, Norm: b.Norm, Rounds: b.Rounds, Bytes: b.Bytes, Seconds: b.Seconds,
		Overhead: b.RepairSeconds / b.Seconds, BreakEven: lifecycle.Number(b.BreakEven(before, sweep)), report: b,
	}
}

// framePSNR compares three ways to fill a frame from the same pixels with the
// whole of it: 20 log10(peak / rms error).
type framePSNR struct {
	Kernel   lifecycle.Number `json:"kernel"`
	Nearest  lifecycle.Number `json:"nearest"`
	Tikhonov lifecycle.Number `json:"tikhonov"`
}

// write leaves the result.
func (r *run) write() error {
	coefficients, err := r.coefficients()
	if err != nil {
		return err
	}
	observed, err := r.raster()
	if err != nil {
		return err
	}
	return r.Finish(lifecycle.Ending{
		Files: []string{"fit.npy", "fit.png", "variance.npy", "panel.png", "cells.png",
			"coefficients.npy", "coefficients.csv", "coefficients.fits",
			"predictions.npy", "predictions.csv", "predictions.fits"},
		Write: func() error {
			if r.Comm.Rank() != 0 {
				return nil
			}
			return r.writeFiles(coefficients, observed)
		},
		Metrics: func(total, memory float64) any {
			r.m.PeakMemoryMB, r.m.Seconds.Total = memory, total
			return r.m
		},
		Summary: func(w io.Writer) error { return r.m.summary(w, r.Dir) },
	})
}

// writeFiles leaves the tables, the fit on its grid and the pictures.
func (r *run) writeFiles(coefficients *imageio.Table, observed [2][]float64) error {
	if err := imageio.WriteTable(r.Path("coefficients"+r.extension()), coefficients); err != nil {
		return err
	}
	if t := r.m.predictions; t != nil {
		if err := imageio.WriteTable(r.Path("predictions."+t.Format), t); err != nil {
			return err
		}
	}
	if r.grid != nil {
		if err := imageio.WriteNpy(r.Path("fit.npy"), r.shape, r.grid); err != nil {
			return err
		}
	}
	if r.spread != nil {
		if err := imageio.WriteNpy(r.Path("variance.npy"), r.shape, r.spread); err != nil {
			return err
		}
	}
	if len(r.shape) != 2 {
		return nil
	}
	return r.draw(observed)
}

// extension of the table of coefficients: as the observations came.
func (r *run) extension() string {
	switch e := filepath.Ext(r.c.Observations.Path); e {
	case ".csv", ".fits":
		return e
	}
	return ".npy"
}

// coefficients gathers place, y, sigma and coefficient of all observations, in
// their order, on rank 0.
func (r *run) coefficients() (*imageio.Table, error) {
	p, d := r.fit.Points, r.obs.data.Dim
	width := d + 4
	mine := make([]float64, 0, p.Len()*width)
	for i, id := range p.ID {
		mine = append(mine, float64(id))
		mine = append(mine, p.X[i*d:(i+1)*d]...)
		mine = append(mine, p.Attr[2*i], p.Attr[2*i+1], r.fit.Coefficients[i])
	}
	whole, err := ranks.Counts(r.Comm, len(mine))
	if err != nil {
		return nil, err
	}
	total := 0
	for _, n := range whole {
		total += n
	}
	var all []float64
	if r.Comm.Rank() == 0 {
		all = make([]float64, total)
	}
	if err := r.Comm.Gatherv(all, whole, mine, 0); err != nil || r.Comm.Rank() != 0 {
		return nil, err
	}
	t := &imageio.Table{Rows: total / width, Cols: width - 1, Data: make([]float64, total/width*(width-1))}
	t.Names = append(coordinateNames(d), "value", "sigma", "coefficient")
	for at := 0; at < total; at += width {
		copy(t.Data[int(all[at])*(width-1):], all[at+1:at+width])
	}
	return t, nil
}

// raster is, on rank 0, the mean of the observations in each pixel of a
// two-dimensional grid, NaN where there is none, and their number.
func (r *run) raster() ([2][]float64, error) {
	var out [2][]float64
	if len(r.shape) != 2 {
		return out, nil
	}
	n := r.shape[0] * r.shape[1]
	sums := make([]float64, 2*n)
	for i, y := range r.obs.data.Y {
		at := 0
		for k := range 2 {
			j := 0
			if side := r.obs.hi[k] - r.obs.lo[k]; side > 0 {
				j = int(math.Round((r.obs.data.X[2*i+k] - r.obs.lo[k]) / side * float64(r.shape[k]-1)))
			}
			at = at*r.shape[k] + min(max(j, 0), r.shape[k]-1)
		}
		sums[at] += y
		sums[n+at]++
	}
	if err := r.Comm.Reduce(sums, sums, ranks.Sum, 0); err != nil {
		return out, err
	}
	out[0], out[1] = sums[:n], sums[n:]
	for i, c := range out[1] {
		out[0][i] /= c // NaN where nothing was observed
	}
	return out, nil
}

// draw makes the pictures of a two-dimensional fit.
func (r *run) draw(observed [2][]float64) error {
	frame := func(a []float64) *imageio.Frame {
		return &imageio.Frame{Channels: 1, Rows: r.shape[0], Cols: r.shape[1], Data: a}
	}
	best := r.grid
	if r.truth != nil {
		best = r.truth
	}
	stretch := r.c.Output.StretchOf(frame(best), r.obs.frame)
	if r.obs.survey != nil {
		stretch = imageio.Linear(slices.Min(best), slices.Max(best))
	}
	panels := []imageio.Panel{{Frame: frames.Middle(frame(observed[0])), Stretch: stretch}, {Frame: frames.Middle(frame(r.grid)), Stretch: stretch}}
	for _, a := range [][]float64{r.nearest, r.inpainted, r.truth} {
		if a != nil {
			panels = append(panels, imageio.Panel{Frame: frames.Middle(frame(a)), Stretch: stretch})
		}
	}
	if r.truth != nil {
		difference := make([]float64, len(r.grid))
		for i, v := range r.grid {
			difference[i] = v - r.truth[i]
		}
		f := frame(difference)
		panels = append(panels, imageio.Panel{Frame: frames.Middle(f), Stretch: imageio.Diverging(f)})
	}
	dir := r.c.Output.Dir
	if err := imageio.WritePNG(filepath.Join(dir, "fit.png"), frame(r.grid), stretch); err != nil {
		return err
	}
	if err := imageio.WritePanels(filepath.Join(dir, "panel.png"), panels...); err != nil {
		return err
	}
	equal, err := loadbalance.Strips(r.obs.lo, r.obs.hi, r.Comm.Size())
	if err != nil {
		return err
	}
	var cells []imageio.Panel
	for _, part := range []*loadbalance.Partition{equal, r.fit.Partition} {
		cells = append(cells, imageio.Panel{Frame: frame(r.outline(part, observed[1])), Stretch: imageio.Linear(0, 1)})
	}
	return imageio.WritePanels(filepath.Join(dir, "cells.png"), cells...)
}

// outline draws the density of the observations with the cells of a partition
// outlined.
func (r *run) outline(part *loadbalance.Partition, count []float64) []float64 {
	most := slices.Max(count)
	owner := make([]int, len(count))
	out := make([]float64, len(count))
	for i := range out {
		owner[i] = part.Owner(r.place(nil, i), -1)
		out[i] = 0.75 * math.Log1p(count[i]) / math.Log1p(most)
	}
	cols := r.shape[1]
	for i, o := range owner {
		if i%cols+1 < cols && owner[i+1] != o || i+cols < len(owner) && owner[i+cols] != o {
			out[i] = 1
		}
	}
	return out
}

// summary prints the short table at the end of a run, and the loads before and
// after; w may be nil.
func (m *metrics) summary(w io.Writer, dir string) error {
	t := lifecycle.NewTable(w)
	row := t.Row
	row("observations", "%s", m.Source)
	row("", "%d in %d dimensions, %.0f neighbours each on average", m.Observations, m.Dim, m.Neighbours)
	row("ranks", "%d, %s", m.Ranks, m.Transport)
	chosen := ""
	if s := m.Search; s != nil {
		chosen = fmt.Sprintf(", by %s from %d pairs", s.Rule, len(s.Candidates))
		if s.Edge["width"] || s.Edge["lambda"] {
			chosen += " (on the edge of the grid: widen it)"
		}
	}
	row("kernel", "%s, width %.4g, lambda %.4g%s", m.Family, m.Width, m.Lambda, chosen)
	row("method", "%s, %d blocks, the largest of %d points", m.Method, m.Blocks, m.Largest)
	row("iterations", "%d, residual %.1e", m.Iterations, m.Residual)
	kind := "estimated"
	if m.Certified {
		kind = "guaranteed"
	}
	row("relative error", "at most %.1e (%s)", m.ErrorBound, kind)
	if m.RMSE > 0 {
		row("rms error", "%.4g against the truth, over the grid", m.RMSE)
	}
	if p := m.PSNR; p != nil {
		row("PSNR", "%.2f dB kernel, %.2f dB nearest neighbour, %.2f dB Tikhonov inpainting", p.Kernel, p.Nearest, p.Tikhonov)
	}
	s := &m.Seconds
	row("seconds", "%.2f set-up, %.2f solve, %.2f evaluate, %.2f in all", s.Setup, s.Solve, s.Evaluate, s.Total)
	row("processor seconds", "%.3f on the busiest rank, %.3f on average", s.Compute, s.ComputeMean)
	row("traffic", "%.1f MB in %d messages", float64(m.BytesSent)/1e6, m.MessagesSent)
	row("peak memory", "%.0f MB, %.0f of it factors", m.PeakMemoryMB, m.FactorMB)
	row("written to", "%s", dir)
	if err := t.Flush(); err != nil || m.Balance == nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString("\n")
	last := m.Balance
	if m.Refined != nil {
		if err := last.report.Write(&b); err != nil {
			return err
		}
		b.WriteString("\nthen by what the observations cost:\n")
		last = m.Refined
	}
	if err := last.report.Write(&b); err != nil {
		return err
	}
	switch n := float64(last.BreakEven); {
	case math.IsInf(n, 0):
		b.WriteString("the move does not pay: the busiest rank was no busier before\n")
	default:
		fmt.Fprintf(&b, "the move has paid after %.0f sweeps of the busiest rank\n", n)
	}
	_, err := w.Write(b.Bytes())
	return err
}
