package kernel

import (
	"bytes"
	"fmt"
	"io"
	"math"

	"tessera/internal/lifecycle"
)

// flat is a warning about a fit that is little else than the mean of the values.
func (m *metrics) flat() string {
	if m.Observations < 2 || m.Explained >= 0.02 {
		return ""
	}
	return fmt.Sprintf("the fit explains %.2g %% of how the values vary: kernel.lambda, or the standard deviations, are too large for it, or kernel.width too small", 100*max(0, m.Explained))
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
	if s := m.Search; s != nil && s.Sample > 0 {
		row("left out", "rms error %.4g where each of %d observations was left out in turn", s.RMS, s.Sample)
		if s.Limited {
			row("", "a wider kernel would predict better, but has too many neighbours for all observations")
		}
	}
	row("method", "%s, %d blocks, the largest of %d points", m.Method, m.Blocks, m.Largest)
	row("iterations", "%d, residual %.1e", m.Iterations, m.Residual)
	kind := "estimated"
	if m.Certified {
		kind = "guaranteed"
	}
	row("relative error", "at most %.1e (%s)", m.ErrorBound, kind)
	row("explained", "%.3g %% of how the values vary about the mean", 100*m.Explained)
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
		b.WriteString("\nthen by the cost of the observations:\n")
		last = m.Refined
	}
	if err := last.report.Write(&b); err != nil {
		return err
	}
	switch n := float64(last.BreakEven); {
	case math.IsInf(n, 0):
		b.WriteString("balancing saved no time: the busiest rank was not busier before\n")
	default:
		fmt.Fprintf(&b, "balancing saved more time than it took after %.0f applications of the matrix\n", n)
	}
	_, err := w.Write(b.Bytes())
	return err
}
