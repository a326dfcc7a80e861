package tikhonov

import (
	"fmt"
	"io"

	"tessera/internal/lifecycle"
)

// summary prints the short table at the end of a run; w may be nil.
func (m *metrics) summary(w io.Writer, dir string) error {
	t := lifecycle.NewTable(w)
	row := t.Row
	row("frame", "%s", m.Source)
	row("", "%d x %d x %d, %d missing pixels", m.Channels, m.Rows, m.Cols, m.Missing)
	row("ranks", "%d, %s", m.Ranks, m.Transport)
	row("method", "%s, overlap %d, regulariser %s, %s border", m.Method, m.Overlap, m.Regulariser, m.Border)
	rule := ""
	if m.LambdaRule != "fixed" {
		rule = " by " + m.LambdaRule
	}
	row("lambda", "%.4g%s", m.Lambda, rule)
	row("iterations", "%d, residual %.1e", m.Iterations, m.Residual)
	kind := "estimated"
	if m.Certified {
		kind = "guaranteed"
	}
	row("relative error", "at most %.1e (%s)", m.ErrorBound, kind)
	if b := m.Bias; b != nil {
		row("literal bias", "owner %.1e, averaged %.1e, plain sum %.1e, argmin %.1e", b.Owner, b.Averaged, b.PlainSum, b.ArgMin)
	}
	if p := m.PSNR; p != nil {
		row("PSNR", "%.2f dB observed, %.2f dB restored", p.Observed, p.Restored)
	}
	s := &m.Seconds
	search := ""
	if s.Lambda > 0 {
		search = fmt.Sprintf("%.2f lambda, ", s.Lambda)
	}
	row("seconds", "%s%.2f set-up, %.2f solve (%.2f exchange, %.2f reduce), %.2f in all", search, s.Setup, s.Solve, s.Exchange, s.Reduce, s.Total)
	row("traffic", "%.1f MB in %d messages", float64(m.BytesSent)/1e6, m.MessagesSent)
	row("peak memory", "%.0f MB", m.PeakMemoryMB)
	row("written to", "%s", dir)
	return t.Flush()
}
