package frames

import (
	"fmt"

	"tessera/internal/lifecycle"
)

// Record is the part of metrics.json that the jobs of frames write: what it takes to do the run
// again, the frame, and what the run took.
type Record struct {
	lifecycle.Record

	Gathered bool            `json:"gathered"` // rank 0 held whole arrays to read and to write
	Channels int             `json:"channels"`
	Rows     int             `json:"rows"`
	Cols     int             `json:"cols"`
	Missing  int             `json:"missing_pixels"`      // values, where channels have missing pixels of their own
	Of       int             `json:"pixels"`              // that can be missing: rows x cols, or channels x rows x cols
	PSFModel *PSFModelReport `json:"psf_model,omitempty"` // absent with one PSF for the whole frame

	FactorMB float64 `json:"factor_mb"` // local factors of all ranks
}

// Begin writes the rows about the frame.
func (m *Record) Begin(t *lifecycle.Table) {
	t.Row("frame", "%s", m.Source)
	planes := "1 plane"
	if m.Channels > 1 {
		planes = fmt.Sprintf("%d planes", m.Channels)
	}
	t.Row("", "%s of %d rows x %d columns, %d of %d pixels missing (%.3g %%)", planes, m.Rows, m.Cols, m.Missing, m.Of, 100*float64(m.Missing)/float64(max(1, m.Of)))
	m.Outliers.Row(t)
	name := "PSF model"
	for _, line := range m.PSFModel.Lines() {
		t.Row(name, "%s", line)
		name = ""
	}
}
