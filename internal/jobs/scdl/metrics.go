package scdl

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tessera/internal/lifecycle"
	"tessera/scdl"
)

// trainMetrics is metrics.json of an scdl-train job.
type trainMetrics struct {
	lifecycle.Record

	Samples      int              `json:"samples"`
	HeldOut      int              `json:"held_out"`
	P            int              `json:"high_numbers"`
	M            int              `json:"low_numbers"`
	Atoms        int              `json:"atoms"`
	ErrorAt      []int            `json:"error_at"`   // iterations
	ErrorHigh    lifecycle.Series `json:"error_high"` // root mean square, after those iterations
	ErrorLow     lifecycle.Series `json:"error_low"`
	SparsityHigh lifecycle.Number `json:"nonzero_high"` // fraction of the numbers of the thresholded codes
	SparsityLow  lifecycle.Number `json:"nonzero_low"`
	Digest       string           `json:"training_digest"`
	Coherence    lifecycle.Number `json:"coherence_high"` // mean over the atoms of the largest |cosine| with another
	Reseeded     int              `json:"atoms_begun_anew"`
	Method       string           `json:"method"`
	State        string           `json:"state"`         // memory or the folder
	StateRead    int64            `json:"state_read"`    // bytes of files, by all ranks of this run
	StateWritten int64            `json:"state_written"` // the same
	Earlier      int              `json:"iterations_of_earlier_runs"`
}

// fill completes the metrics. Rank 0 alone.
func (r *trainRun) fill(digest string) {
	res, m := r.result, r.m
	m.Samples, m.HeldOut, m.P, m.M = r.learn.Total, r.heldOut.Total, res.P, res.M
	m.Source = "simulated spectra"
	if files := slices.DeleteFunc([]string{r.c.Patches.Images, r.c.Data.High, r.c.Data.Low}, func(s string) bool { return s == "" }); len(files) > 0 {
		m.Source = strings.Join(files, ", ")
	}
	m.Atoms, m.Iterations, m.Reseeded = res.Atoms, res.Iterations, res.Reseeded
	if r.c.SCDL.Tolerance > 0 {
		why := "the errors of the samples no longer change"
		if !res.Converged {
			why = "scdl.iterations are done"
		}
		m.Ended(res.Iterations, res.Converged, why)
	}
	m.Method, m.State, m.Earlier, m.ErrorAt = r.c.SCDL.Method, cmp.Or(r.c.folder(), stateMemory), res.Resumed, res.At
	m.ErrorHigh, m.ErrorLow = res.ErrorHigh, res.ErrorLow
	m.SparsityHigh, m.SparsityLow = lifecycle.Number(res.SparsityHigh), lifecycle.Number(res.SparsityLow)
	m.Digest = digest
	m.Coherence = lifecycle.Number(scdl.Coherence(res.Atoms, res.P, res.High))
	m.Seconds.Solve = res.Seconds
}

// Report adds the rows of the table at the end of a run that this job alone has.
func (m *trainMetrics) Report(t *lifecycle.Table) {
	row := t.Row
	last := len(m.ErrorHigh) - 1
	row("samples", "%s", m.Source)
	row("", "%d of %d and %d numbers, %d held out", m.Samples, m.P, m.M, m.HeldOut)
	row("dictionaries", "%d atoms, coherence %.3f, %.3f of the numbers in the codes not 0", m.Atoms, m.Coherence, m.SparsityHigh)
	how := fmt.Sprint(m.Iterations)
	if m.Method == methodOnline {
		how += " passes over the samples"
	}
	if m.Earlier > 0 {
		how += fmt.Sprintf(", %d of them before this run", m.Earlier)
	}
	if last >= 0 {
		how += fmt.Sprintf(", error %.4g to %.4g high, %.4g to %.4g low", m.ErrorHigh[0], m.ErrorHigh[last], m.ErrorLow[0], m.ErrorLow[last])
	}
	row("iterations", "%s", how)
	if m.State != stateMemory {
		row("state", "in %s: %.4g MB read, %.4g MB written", m.State, 1e-6*float64(m.StateRead), 1e-6*float64(m.StateWritten))
	}
}
