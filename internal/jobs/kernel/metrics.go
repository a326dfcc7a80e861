package kernel

import (
	"slices"

	"tessera/internal/lifecycle"
	"tessera/loadbalance"
	"tessera/tikhonov/kernel"
)

// metrics is metrics.json of a kernel job.
type metrics struct {
	lifecycle.Record

	Observations int              `json:"observations"`
	Dim          int              `json:"dimensions"`
	Family       string           `json:"family"`
	Width        float64          `json:"width"`
	AxisWidths   []float64        `json:"axis_widths,omitempty"` // along each coordinate, where they differ
	Amplitude    float64          `json:"amplitude"`             // unit of the values in the fit
	Lambda       float64          `json:"lambda"`
	Method       string           `json:"method"`
	Mean         float64          `json:"mean"`
	Trend        string           `json:"trend"`
	Slope        []float64        `json:"slope,omitempty"` // of a linear trend, along each coordinate of the solver
	Neighbours   float64          `json:"neighbours"`      // entries of a row, on average
	Blocks       int              `json:"blocks"`
	Largest      int              `json:"largest_block"` // points, overlap included
	Residual     lifecycle.Number `json:"residual"`
	ErrorBound   lifecycle.Number `json:"error_bound"`
	Certified    bool             `json:"certified"`
	Misfit       float64          `json:"misfit"`    // sum ((f(x_i) - y_i) / sigma_i)^2
	Explained    float64          `json:"explained"` // fraction of the misfit of the mean, or of the trend, alone that the fit removes
	Objective    float64          `json:"objective"`
	Truncation   float64          `json:"truncation"` // bound on the norm of what was left out of K

	Search  *searchMetrics  `json:"search,omitempty"`
	Balance *balanceMetrics `json:"balance,omitempty"` // by count
	Refined *balanceMetrics `json:"refined,omitempty"` // then by work or time

	Processor processor        `json:"processor_seconds"`
	FactorMB  float64          `json:"factor_mb"`
	History   lifecycle.Series `json:"history"`
}

// processor is the processor time of the local work of the fit, in seconds.
type processor struct {
	Most float64 `json:"most"` // of the busiest rank
	Mean float64 `json:"mean"` // over the ranks
}

type searchMetrics struct {
	Rule       string      `json:"rule"`
	Candidates []candidate `json:"candidates"`
	Edge       searchEdge  `json:"on_edge"`
	Sample     int         `json:"sample,omitempty"`  // observations that leave-one-out looked at
	RMS        float64     `json:"rms,omitempty"`     // of those that were left out, in the unit of the values
	Limited    bool        `json:"limited,omitempty"` // a wider kernel would be better, but has too many neighbours
	Refused    []refused   `json:"refused,omitempty"` // pairs that scored better, whose fit rounding keeps from the tolerance
	chosen     *kernel.Selection
	refused    []kernel.Candidate
}

// candidate is a pair that was tried.
type candidate struct {
	Width  float64          `json:"width"`
	Lambda float64          `json:"lambda"`
	Score  lifecycle.Number `json:"score"`
}

// refused is a pair whose fit is less accurate than kernel.tolerance.
type refused struct {
	Width      float64          `json:"width"`
	Lambda     float64          `json:"lambda"`
	ErrorBound lifecycle.Number `json:"error_bound"` // that it reached
}

// searchEdge tells which of the chosen pair is the first or the last of its list.
type searchEdge struct {
	Width  bool `json:"width"`
	Lambda bool `json:"lambda"`
}

func newSearchMetrics(rule string, s *kernel.Selection, d *door) *searchMetrics {
	m := &searchMetrics{Rule: rule, Edge: searchEdge{s.EdgeWidth, s.EdgeLambda}, chosen: s, Sample: s.Sample, RMS: s.RMS * d.amplitude, Limited: s.Limited}
	for _, c := range s.Candidates {
		m.Candidates = append(m.Candidates, candidate{c.Width * d.length, c.Lambda, lifecycle.Number(c.Score)})
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
	BreakEven lifecycle.Number `json:"break_even"` // applications of the matrix after which balancing has saved more time than it took

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
