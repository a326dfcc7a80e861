package tikhonov

import (
	"fmt"

	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/tikhonov/image"
)

// notices writes what a user should know of a PSF, if there is anything.
func notices(t *lifecycle.Table, name string, report *frames.PSFReport) {
	for _, line := range report.Notices() {
		t.Row(name, "%s", line)
		name = ""
	}
}

// Report adds the rows of the table at the end of a run that this job alone has.
func (m *metrics) Report(t *lifecycle.Table) {
	row := t.Row
	m.Begin(t)
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
	m.Search.say(t, image.LambdaRule(m.LambdaRule))
	row("relative error", "%s", errorBound(float64(m.ErrorBound), m.Certified))
	if b := m.Bias; b != nil {
		row("literal bias", "owner %.1e, averaged %.1e, plain sum %.1e, argmin %.1e", b.Owner, b.Averaged, b.PlainSum, b.ArgMin)
	}
	if t := m.Target; t != nil {
		row("target PSF", "%s, FWHM %.3f pixels", t.Kind, t.FWHM)
		for _, p := range t.Places {
			row("", "row %d, column %d: FWHM %.3f before, %.3f effective, ellipticity %.4f, flux %.5f, noise x %.3g", p.Row, p.Col, p.Before, p.FWHM, p.Ellipticity, p.Flux, p.NoiseGain)
		}
	}
	m.Errors.summary(t)
}

// Report adds the rows of the table at the end of a run that this job alone has.
func (m *layersMetrics) Report(t *lifecycle.Table) {
	row := t.Row
	m.Begin(t)
	notices(t, "first PSF", m.First)
	notices(t, "second PSF", m.Second)
	row("method", "%s, %d tiles with %d factors", m.Method, m.Tiles, m.Factors)
	row("relative error", "%s", errorBound(float64(m.ErrorBound), false))
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
