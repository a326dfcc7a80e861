package tv

import (
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/tv"
)

// metrics is metrics.json of a tv job.
type metrics struct {
	frames.Record

	PSF           *frames.PSFReport `json:"psf,omitempty"` // absent without blur
	Method        string            `json:"method"`
	Penalty       string            `json:"penalty"`
	Coupled       bool              `json:"coupled"`
	Poisson       string            `json:"poisson"` // none, weights or anscombe
	Border        string            `json:"border"`
	Lambda        lifecycle.Number  `json:"lambda"`
	LambdaRule    string            `json:"lambda_rule"` // fixed, discrepancy, sure or oracle
	Search        *search           `json:"lambda_search,omitempty"`
	AllIterations int               `json:"all_iterations"` // of all solves
	Gaps          int               `json:"gap_count"`      // duality gaps that were computed
	Restarts      int               `json:"restarts"`
	Objective     lifecycle.Number  `json:"objective"`
	Misfit        lifecycle.Number  `json:"misfit"`
	TV            lifecycle.Number  `json:"total_variation"`
	Gap           lifecycle.Number  `json:"gap"`
	RelativeGap   lifecycle.Number  `json:"relative_gap"`
	Certificate   lifecycle.Number  `json:"certificate"`
	Excess        lifecycle.Number  `json:"excess"`
	FPPA          *fppaMetrics      `json:"fppa,omitempty"` // with tv.compare
	Step          lifecycle.Number  `json:"step"`
	Norm          lifecycle.Number  `json:"norm"`
	History       lifecycle.Series  `json:"relative_gaps"` // at the iterations of checked
	Checked       []int             `json:"checked"`
}

// fppaMetrics is what FPPA finds at the same lambda.
type fppaMetrics struct {
	Iterations  int              `json:"iterations"`
	Objective   lifecycle.Number `json:"objective"`
	Certificate lifecycle.Number `json:"certificate"`
	Excess      lifecycle.Number `json:"excess"`
	AboveLeast  lifecycle.Number `json:"above_least"` // the objective is at least this much above the minimum
	AboveMost   lifecycle.Number `json:"above_most"`  // and at most this much
}

// search is how lambda was found. The units are those of tv.Search.
type search struct {
	Values   int              `json:"values"` // observed
	Noise    lifecycle.Number `json:"noise"`
	Inferred bool             `json:"noise_inferred"`
	Probes   int              `json:"probes"`
	Unmet    string           `json:"unmet"`
	Trials   []trial          `json:"trials"`
}

type trial struct {
	Lambda     lifecycle.Number `json:"lambda"`
	Criterion  lifecycle.Number `json:"criterion"`
	Error      lifecycle.Number `json:"error"`
	Misfit     lifecycle.Number `json:"misfit"`
	TV         lifecycle.Number `json:"total_variation"`
	Iterations int              `json:"iterations"`
}

// newSearch is nil where lambda was given.
func newSearch(s *tv.Search) *search {
	if s == nil {
		return nil
	}
	n := func(x float64) lifecycle.Number { return lifecycle.Number(x) }
	m := &search{Values: s.Values, Noise: n(s.Noise), Inferred: s.Inferred, Probes: s.Probes, Unmet: s.Unmet}
	for _, t := range s.Trials {
		m.Trials = append(m.Trials, trial{n(t.Lambda), n(t.Criterion), n(t.Error), n(t.Misfit), n(t.TV), t.Iterations})
	}
	return m
}
