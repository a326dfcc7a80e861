package frames

import (
	"fmt"

	"tessera/internal/lifecycle"
)

// Record is the part of metrics.json that the jobs of frames write: what it takes to do the run
// again, the frame, and what the run took.
type Record struct {
	lifecycle.Record

	Source   string `json:"source"`   // of the frame, in words
	Gathered bool   `json:"gathered"` // rank 0 held whole arrays to read and to write
	Channels int    `json:"channels"`
	Rows     int    `json:"rows"`
	Cols     int    `json:"cols"`
	Missing  int    `json:"missing_pixels"` // values, where channels have missing pixels of their own

	PSFModel *PSFModelReport `json:"psf_model,omitempty"` // absent with one PSF for the whole frame

	Seconds      Seconds `json:"seconds"`
	BytesSent    int64   `json:"bytes_sent"`     // by all ranks, in set-up and solve
	MessagesSent int64   `json:"messages_sent"`  // likewise
	FactorMB     float64 `json:"factor_mb"`      // local factors of all ranks
	PeakMemoryMB float64 `json:"peak_memory_mb"` // resident memory of all processes
	RankMemoryMB float64 `json:"rank_memory_mb"` // that of the largest process
}

// Seconds are wall time. Lambda, set-up, solve, exchange and reduce are the largest over
// the ranks, and so is errors; exchange and reduce are parts of lambda, set-up, solve and
// errors.
type Seconds struct {
	Read     float64 `json:"read"`             // or simulate
	Lambda   float64 `json:"lambda,omitempty"` // the search for lambda, before the last solve
	Setup    float64 `json:"setup"`
	Solve    float64 `json:"solve"`
	Errors   float64 `json:"errors,omitempty"` // the error map
	Beside   float64 `json:"beside,omitempty"` // another method, to compare with
	Exchange float64 `json:"exchange"`         // messages between neighbours
	Reduce   float64 `json:"reduce"`           // sums over all ranks
	Gather   float64 `json:"gather"`           // of the solution on rank 0; 0 = not gathered
	Write    float64 `json:"write"`
	Total    float64 `json:"total"`
}

// Begin writes the rows about the frame and the ranks.
func (m *Record) Begin(t *lifecycle.Table) {
	t.Row("frame", "%s", m.Source)
	t.Row("", "%d x %d x %d, %d missing pixels", m.Channels, m.Rows, m.Cols, m.Missing)
	t.Row("ranks", "%d, %s", m.Ranks, m.Transport)
	name := "PSF model"
	for _, line := range m.PSFModel.Lines() {
		t.Row(name, "%s", line)
		name = ""
	}
}

// End writes the rows about time, traffic, memory and the place of the result.
func (m *Record) End(t *lifecycle.Table, dir string) error {
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
