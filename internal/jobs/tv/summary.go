package tv

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/tv"
)

// Report adds the rows of the table at the end of a run that this job alone has.
func (m *metrics) Report(t *lifecycle.Table) {
	row := t.Row
	m.Begin(t)
	name := "PSF"
	for _, line := range m.PSF.Notices() {
		row(name, "%s", line)
		name = ""
	}
	channels := ""
	if m.Coupled {
		channels = ", channels coupled"
	}
	row("method", "%s, %s TV%s, %s border", m.Method, m.Penalty, channels, m.Border)
	switch m.Poisson {
	case poissonWeights:
		row("noise", "of counts: every value has the inverse of its variance as weight")
	case poissonAnscombe:
		row("noise", "of counts: the transform of Anscombe, and its unbiased inverse; lambda and objective are those of the transformed data")
	}
	rule := ""
	if m.LambdaRule != string(tv.Fixed) {
		rule = " by " + m.LambdaRule
	}
	if m.LambdaRule == string(tv.Oracle) {
		rule += ", which knows the true frame: no observer has it"
	}
	row("lambda", "%.4g%s", m.Lambda, rule)
	if s := m.Search; s != nil && s.Unmet != "" {
		row("", "no lambda meets the rule: %s", s.Unmet)
		row("", "the one that was tried and comes closest is used; a number or another rule may be better")
	}
	if m.Restarts > 0 {
		row("restarts", "%d of the momentum", m.Restarts)
	}
	if cost := float64(m.Objective); math.IsInf(cost, 0) || cost == 0 && m.RelativeGap > 0 { // as the squares of data of 1e200 and 1e-200
		row("objective", "no float64 in the unit of these data, at most %.2g of it above the minimum (duality gap)", m.RelativeGap)
		return
	}
	row("objective", "%.6g, at most %.2g (%.2g of it) above the minimum (duality gap)", m.Objective, m.Gap, m.RelativeGap)
	if m.Method == string(tv.FPPA) {
		row("bias of FPPA", "its limit is at most %.2g above the minimum (gamma G^2/2); by the differences of the result %.2g", m.Certificate, m.Excess)
	}
	if f := m.FPPA; f != nil {
		row("FPPA beside it", "%d iterations, objective %.6g: certified at most %.2g above the minimum (gamma G^2/2), by the differences of its result %.2g", f.Iterations, f.Objective, f.Certificate, f.Excess)
		row("", "it is between %.3g and %.3g above the minimum", f.AboveLeast, f.AboveMost)
	}
}

// writePlots draws the relative gap against the iterations, and the criterion against lambda
// where a rule found it. Rank 0 alone.
func (r *run) writePlots() error {
	p := r.m.gapPlot(r.c.TV.Tolerance)
	if err := p.Write(r.Path("gap"), r.Figures()...); err != nil || r.m.Search == nil {
		return err
	}
	return r.m.Search.plot(r.m.LambdaRule, float64(r.m.Lambda)).Write(r.Path("lambda"), r.Figures()...)
}

// gapPlot is the relative gap against the iterations.
func (m *metrics) gapPlot(tolerance float64) *report.Plot {
	gap := report.Series{Name: "relative duality gap", Points: true}
	for i, g := range m.History {
		gap.X, gap.Y = append(gap.X, float64(m.Checked[i])), append(gap.Y, g)
	}
	if len(gap.X) == 1 { // one marker is no curve: the legend has its numbers
		gap.Name = fmt.Sprintf("relative duality gap: %.2g at iteration %.0f, the only check", gap.Y[0], gap.X[0])
	}
	aim := report.Series{Name: "tolerance", Y: []float64{tolerance}, Dashed: true}
	p := &report.Plot{Title: "Convergence of " + named(tv.Method(m.Method)), X: "iteration", Y: "duality gap / objective", LogY: true, Series: []report.Series{gap, aim}}
	if len(gap.X) == 1 && gap.Y[0] <= tolerance { // the search for lambda has left a good start
		p.Title += ": within the tolerance at the first check"
	}
	return p
}

// named is a method as a title names it.
func named(m tv.Method) string {
	if m == tv.PrimalDual {
		return "the primal-dual method"
	}
	return strings.ToUpper(string(m))
}

// plot is the criterion against lambda, with the choice marked.
func (s *search) plot(rule string, chosen float64) *report.Plot {
	sorted := slices.SortedFunc(slices.Values(s.Trials), func(a, b trial) int { return cmp.Compare(a.Lambda, b.Lambda) })
	p := &report.Plot{Title: "Choice of lambda by " + rule, X: "lambda (unit of the weights x data)", LogX: true}
	curve := report.Series{Points: true}
	for _, t := range sorted {
		x, y := float64(t.Lambda), float64(t.Criterion)
		curve.X, curve.Y = append(curve.X, x), append(curve.Y, y)
	}
	switch tv.Rule(rule) {
	case tv.Discrepancy:
		p.Y, curve.Name = "misfit / (noise^2 x observed values)", "misfit"
	case tv.SURE:
		p.Y, curve.Name = "estimated squared error of H x / noise^2", "Stein's unbiased risk estimate"
	case tv.Oracle:
		p.Y, curve.Name = "mean squared error", "error against the truth"
	}
	p.Series = []report.Series{curve, {Name: fmt.Sprintf("chosen: lambda = %.4g", chosen), X: []float64{chosen}, Dashed: true}}
	return p
}
