package tikhonov

import (
	"fmt"
	"io"

	"tessera/internal/frames"
	"tessera/internal/lifecycle"
)

// begin writes the rows about the frame and the ranks.
func (m *record) begin(t *lifecycle.Table) {
	t.Row("frame", "%s", m.Source)
	t.Row("", "%d x %d x %d, %d missing pixels", m.Channels, m.Rows, m.Cols, m.Missing)
	t.Row("ranks", "%d, %s", m.Ranks, m.Transport)
}

// notices writes what a user should know of a PSF, if there is anything.
func notices(t *lifecycle.Table, name string, report *frames.PSFReport) {
	for _, line := range report.Notices() {
		t.Row(name, "%s", line)
		name = ""
	}
}

// end writes the rows about time, traffic, memory and the place of the result.
func (m *record) end(t *lifecycle.Table, dir string) error {
	s := &m.Seconds
	search := ""
	if s.Lambda > 0 {
		search = fmt.Sprintf("%.2f lambda, ", s.Lambda)
	}
	errors := ""
	if s.Errors > 0 {
		errors = fmt.Sprintf(", %.2f error map", s.Errors)
	}
	t.Row("seconds", "%s%.2f set-up, %.2f solve%s (%.2f exchange, %.2f reduce), %.2f in all", search, s.Setup, s.Solve, errors, s.Exchange, s.Reduce, s.Total)
	t.Row("traffic", "%.1f MB in %d messages", float64(m.BytesSent)/1e6, m.MessagesSent)
	t.Row("peak memory", "%.0f MB", m.PeakMemoryMB)
	t.Row("written to", "%s", dir)
	return t.Flush()
}

// summary writes the short table at the end of a run.
func (m *metrics) summary(w io.Writer, dir string) error {
	t := lifecycle.NewTable(w)
	row := t.Row
	m.begin(t)
	notices(t, "PSF", m.PSF)
	local := ""
	if m.Local != "" {
		local = fmt.Sprintf(" (local solves: %s, overlap %d)", m.Local, m.Overlap)
	}
	row("method", "%s%s, regulariser %s, %s border", m.Method, local, m.Regulariser, m.Border)
	if m.Fallback != "" {
		row("", "after %s", m.Fallback)
	}
	rule := ""
	if m.LambdaRule != "fixed" {
		rule = " by " + m.LambdaRule
	}
	row("lambda", "%.4g%s", m.Lambda, rule)
	m.Search.say(t)
	row("iterations", "%d, residual %.1e", m.Iterations, m.Residual)
	row("relative error", "%s", errorBound(float64(m.ErrorBound), m.Certified))
	if b := m.Bias; b != nil {
		row("literal bias", "owner %.1e, averaged %.1e, plain sum %.1e, argmin %.1e", b.Owner, b.Averaged, b.PlainSum, b.ArgMin)
	}
	if p := m.PSNR; p != nil {
		row("PSNR", "%.2f dB observed, %.2f dB restored", p.Observed, p.Restored)
	}
	m.Errors.summary(t)
	return m.end(t, dir)
}

// summary writes the short table at the end of a run.
func (m *layersMetrics) summary(w io.Writer, dir string) error {
	t := lifecycle.NewTable(w)
	row := t.Row
	m.begin(t)
	notices(t, "first PSF", m.First)
	notices(t, "second PSF", m.Second)
	row("method", "%s, %d tiles with %d factors", m.Method, m.Tiles, m.Factors)
	row("iterations", "%d, residual %.1e", m.Iterations, m.Residual)
	row("relative error", "%s", errorBound(float64(m.ErrorBound), false))
	if p := m.PSNR; p != nil {
		row("PSNR", "%.2f dB observed, %.2f dB first layer, %.2f dB second layer", p.Observed, p.First, p.Second)
	}
	return m.end(t, dir)
}

// errorBound says how far the solution can be from the minimiser.
func errorBound(bound float64, certified bool) string {
	switch {
	case !(bound < 1):
		return "not known: the residual is too large to bound it"
	case certified:
		return fmt.Sprintf("at most %.1e (guaranteed)", bound)
	}
	return fmt.Sprintf("about %.1e (estimated)", bound)
}
