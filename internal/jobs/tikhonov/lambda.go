package tikhonov

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/krylov"
	"tessera/tikhonov/image"
)

// lambda is a number or the rule by which the solver chooses it.
type lambda struct {
	rule  image.LambdaRule
	value float64
}

// rules are those that a config may name in place of a number.
var rules = []image.LambdaRule{image.AutoRule, image.Discrepancy, image.GCV, image.LCurve, image.MarginalLikelihood}

const ruleNames = `"auto", "discrepancy", "gcv", "l-curve" or "marginal-likelihood"`

// UnmarshalTOML reads a number or the name of a rule.
func (l *lambda) UnmarshalTOML(v any) error {
	if s, ok := v.(string); ok && slices.Contains(rules, image.LambdaRule(s)) {
		*l = lambda{rule: image.LambdaRule(s)}
		return nil
	}
	x, err := config.Number(v)
	if err != nil {
		return fmt.Errorf("a number, " + ruleNames)
	}
	*l = lambda{rule: image.Fixed, value: x}
	return nil
}

func (l lambda) String() string {
	if l.rule != image.Fixed {
		return string(l.rule)
	}
	return fmt.Sprint(l.value)
}

// MarshalJSON writes the number or the name of the rule, as the config has it.
func (l lambda) MarshalJSON() ([]byte, error) {
	if l.rule != image.Fixed {
		return fmt.Appendf(nil, "%q", l.rule), nil
	}
	return fmt.Append(nil, l.value), nil
}

// checkRule records what the rule for lambda cannot do with a simulated frame.
func (c *settings) checkRule(f *config.File) {
	if c.Tikhonov.Lambda.rule == image.MarginalLikelihood && c.Image.Path == "" {
		f.Want(c.Simulate.Missing == 0, "simulate.missing", `0 with lambda = "marginal-likelihood", which needs a whole frame`)
	}
}

// search is how lambda was found, in metrics.json. The units are those of image.Search.
type search struct {
	Note       string           `json:"note,omitempty"` // lambda = "auto": why it was not the plain minimum of gcv
	Values     int              `json:"values"`         // observed
	Noise      lifecycle.Number `json:"noise"`          // of a pixel of weight 1; 0 = the rule needs none
	Inferred   bool             `json:"noise_inferred"`
	Trace      lifecycle.Number `json:"trace"`
	TraceError lifecycle.Number `json:"trace_error"`
	Probes     int              `json:"probes"`
	Trials     []trial          `json:"trials"`
}

type trial struct {
	Lambda     lifecycle.Number `json:"lambda"`
	Criterion  lifecycle.Number `json:"criterion"`
	Misfit     lifecycle.Number `json:"misfit"`  // ||W^(1/2) (H w - y)||^2
	Penalty    lifecycle.Number `json:"penalty"` // ||Q w||^2
	Method     string           `json:"method"`  // "" = by the spectrum
	Iterations int              `json:"iterations"`
	Residual   lifecycle.Number `json:"residual"`
	Accuracy   lifecycle.Number `json:"accuracy"`
}

// newSearch is nil where lambda was given.
func newSearch(s *image.Search) *search {
	if s == nil {
		return nil
	}
	n := func(x float64) lifecycle.Number { return lifecycle.Number(x) }
	m := &search{
		Note: s.Note, Values: s.Values, Noise: n(s.Noise), Inferred: s.Inferred,
		Trace: n(s.Trace), TraceError: n(s.TraceError), Probes: s.Probes,
	}
	for _, t := range s.Trials {
		m.Trials = append(m.Trials, trial{n(t.Lambda), n(t.Criterion), n(t.Misfit), n(t.Penalty), string(t.Method), t.Iterations, n(t.Residual), n(t.Accuracy)})
	}
	return m
}

// say adds rows about the noise and the trace to the table on the console.
func (s *search) say(t *lifecycle.Table, rule image.LambdaRule) {
	if s == nil {
		return
	}
	if s.Note != "" {
		t.Row("", "%s", s.Note)
	}
	if s.Noise > 0 {
		how := "given"
		switch {
		case !s.Inferred:
		case rule == image.MarginalLikelihood:
			how = "the most likely one"
		case s.Trace > 0:
			how = "by gcv: sqrt(misfit / (values - trace)) at this lambda"
		default:
			how = "by the finest differences of the data"
		}
		t.Row("noise for lambda", "%.4g for a value of weight 1 (%s)", s.Noise, how)
	}
	if s.Probes > 0 {
		t.Row("trace", "%.5g +- %.2g of %d values (%d probe vectors)", s.Trace, s.TraceError, s.Values, s.Probes)
	}
}

// draw draws the criterion against lambda, with the choice marked.
func (s *search) draw(path string, formats []string, rule string, chosen float64) error {
	if s == nil {
		return nil
	}
	sorted := slices.SortedFunc(slices.Values(s.Trials), func(a, b trial) int { return cmp.Compare(a.Lambda, b.Lambda) })
	p := &report.Plot{Title: "Choice of lambda by " + rule, X: "lambda (unit of the weights)", LogX: true}
	curve := report.Series{Points: true}
	least, most := math.Inf(1), math.Inf(-1)
	for _, t := range sorted {
		x, y := float64(t.Lambda), float64(t.Criterion)
		curve.X, curve.Y = append(curve.X, x), append(curve.Y, y)
		if !math.IsInf(y, 0) && !math.IsNaN(y) {
			least, most = min(least, y), max(most, y)
		}
	}
	switch image.LambdaRule(rule) {
	case image.Discrepancy:
		p.Y = "misfit / (noise^2 x observed values)"
		curve.Name = "misfit"
	case image.GCV:
		p.Y = "V(lambda) (weight x data^2)"
		curve.Name = "cross-validation function"
	case image.LCurve:
		p.Y = "curvature of the L-curve"
		curve.Name = "curvature"
	case image.MarginalLikelihood:
		p.Y = "-2 log(likelihood / largest likelihood)"
		curve.Name = "marginal likelihood"
	}
	p.LogY = least > 0 && most > 20*least // else the logarithmic axis has no ticks to read
	mark := report.Series{Name: fmt.Sprintf("chosen: lambda = %.4g", chosen), X: []float64{chosen}, Dashed: true}
	p.Series = []report.Series{curve, mark}
	if image.LambdaRule(rule) == image.Discrepancy {
		p.Series = append(p.Series, report.Series{Name: "misfit of the noise", Y: []float64{1}, Dashed: true})
	}
	return p.Write(path, formats...)
}

// chosen is what config.toml says in place of the values in force.
func (r *run) chosen() map[string]config.Value {
	m := map[string]config.Value{}
	if s := r.m.Search; s != nil {
		m["tikhonov.lambda"] = config.Value{Value: float64(r.m.Lambda), Comment: fmt.Sprintf("found by %q", r.m.LambdaRule)}
		if s.Inferred && s.Noise > 0 && r.c.Tikhonov.Noise == 0 && r.Obs.Noise == 0 { // an error map needs it again
			m["tikhonov.noise"] = config.Value{Value: float64(s.Noise), Comment: "found from the data"}
			m["tikhonov.noise_unit"] = config.Value{Value: string(image.OfWeight)}
		}
	}
	if s := &r.c.Tikhonov; s.Method == string(krylov.Auto) { // and the same choices are made again
		m["tikhonov.method"] = config.Value{Value: s.Method, Comment: "chose " + r.m.Method}
	}
	if s := &r.c.Tikhonov; s.Overlap == automatic && r.m.Local != "" {
		m["tikhonov.overlap"] = config.Value{Value: s.Overlap, Comment: fmt.Sprintf("chose %d pixels for each %s", r.m.Overlap, r.m.Local)}
	}
	frames.LeaveOut(m, &r.c.Image)
	return m
}
