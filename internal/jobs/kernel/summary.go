package kernel

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strings"

	"tessera/internal/lifecycle"
)

// flat is a warning about a fit that is little else than the mean of the values.
func (m *metrics) flat() string {
	if m.Observations < 2 || m.Explained >= 0.02 {
		return ""
	}
	return fmt.Sprintf("the fit explains %.2g %% of how the values vary: kernel.lambda, or the standard deviations, are too large for it, or kernel.width too small", 100*max(0, m.Explained))
}

// Report adds the rows of the table at the end of a run that this job alone has.
func (m *metrics) Report(t *lifecycle.Table) {
	row := t.Row
	row("observations", "%s", m.Source)
	row("", "%d in %d dimensions, %.0f neighbours each on average", m.Observations, m.Dim, m.Neighbours)
	m.Outliers.Row(t)
	chosen := ""
	if s := m.Search; s != nil {
		chosen = fmt.Sprintf(", by %s from %d pairs", s.Rule, len(s.Candidates))
		if s.Edge.Width || s.Edge.Lambda {
			chosen += " (on the edge of the grid: widen it)"
		}
	}
	row("kernel", "%s, width %.4g in the unit of the coordinates, lambda %.4g%s", m.Family, m.Width, m.Lambda, chosen)
	if s := m.Search; s != nil && len(s.Refused) > 0 {
		row("", "%d pairs that scored better were refused: rounding keeps their fits from kernel.tolerance, the first (width %.4g, lambda %.4g) from less than %.1e",
			len(s.Refused), s.Refused[0].Width, s.Refused[0].Lambda, float64(s.Refused[0].ErrorBound))
	}
	if s := m.Search; s != nil && s.Sample > 0 {
		row("left out", "rms error %.4g where each of %d observations was left out in turn", s.RMS, s.Sample)
		if s.Limited {
			row("", "a wider kernel would predict better, but has too many neighbours for all observations")
		}
	}
	if m.Trend == linear {
		row("trend", "a plane of slope %s, the rest by the kernel", series(m.Slope))
	}
	row("method", "%s, %d blocks, the largest of %d points", m.Method, m.Blocks, m.Largest)
	kind := "estimated"
	if m.Certified {
		kind = "guaranteed"
	}
	row("relative error", "at most %.1e (%s)", m.ErrorBound, kind)
	about := "mean"
	if m.Trend == linear {
		about = "plane"
	}
	row("explained", "%.3g %% of how the values vary about the %s", 100*m.Explained, about)
	row("processor seconds", "%.3f on the busiest rank, %.3f on average", m.Processor.Most, m.Processor.Mean)
	row("factors", "%.0f MB", m.FactorMB)
}

// series writes numbers with four digits.
func series(list []float64) string {
	var words []string
	for _, v := range list {
		words = append(words, fmt.Sprintf("%.4g", v))
	}
	return strings.Join(words, ", ")
}

// loads prints the loads of the ranks before and after balancing, if there was any.
func (m *metrics) loads(w io.Writer) error {
	if m.Balance == nil {
		return nil
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
