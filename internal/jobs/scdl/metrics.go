package scdl

import (
	"cmp"
	"fmt"
	"io"

	"tessera/internal/lifecycle"
	"tessera/scdl"
)

// trainMetrics is metrics.json of an scdl-train job.
type trainMetrics struct {
	lifecycle.Record

	High         string           `json:"high"` // file; empty = simulated or patches
	Low          string           `json:"low"`
	Samples      int              `json:"samples"`
	HeldOut      int              `json:"held_out"`
	P            int              `json:"high_numbers"`
	M            int              `json:"low_numbers"`
	Atoms        int              `json:"atoms"`
	Iterations   int              `json:"iterations"`
	Converged    bool             `json:"converged"`
	ErrorAt      []int            `json:"error_at"`   // iterations
	ErrorHigh    lifecycle.Series `json:"error_high"` // root mean square, after those iterations
	ErrorLow     lifecycle.Series `json:"error_low"`
	SparsityHigh lifecycle.Number `json:"nonzero_high"` // fraction of the numbers of the thresholded codes
	SparsityLow  lifecycle.Number `json:"nonzero_low"`
	Digest       string           `json:"training_digest"`
	Coherence    lifecycle.Number `json:"coherence_high"` // mean over the atoms of the largest |cosine| with another
	Reseeded     int              `json:"atoms_begun_anew"`
	Learned      *spectralQuality `json:"learned,omitempty"` // on held-out samples
	RawAtoms     *spectralQuality `json:"raw_atoms,omitempty"`
	Regression   *spectralQuality `json:"linear_regression,omitempty"`
	Seconds      trainSeconds     `json:"seconds"`
	BytesSent    int64            `json:"bytes_sent"` // by all ranks, in training
	Method       string           `json:"method"`
	State        string           `json:"state"`         // memory or the folder
	StateRead    int64            `json:"state_read"`    // bytes of files, by all ranks of this run
	StateWritten int64            `json:"state_written"` // the same
	Resumed      int              `json:"resumed"`       // iterations of earlier runs
	PeakMemoryMB float64          `json:"peak_memory_mb"`
}

type trainSeconds struct {
	Read     float64 `json:"read"` // or simulate
	Train    float64 `json:"train"`
	Evaluate float64 `json:"evaluate"` // baselines, and held-out samples
	Write    float64 `json:"write"`
	Total    float64 `json:"total"`
}

// fill completes the metrics. Rank 0 alone.
func (r *trainRun) fill(digest string) *trainMetrics {
	res, m := r.result, r.m
	m.High, m.Low, m.Samples, m.HeldOut, m.P, m.M = r.c.Data.High, r.c.Data.Low, r.learn.Total, r.heldOut.Total, res.P, res.M
	m.Atoms, m.Iterations, m.Converged, m.Reseeded = res.Atoms, res.Iterations, res.Converged, res.Reseeded
	m.Method, m.State, m.Resumed, m.ErrorAt = r.c.SCDL.Method, cmp.Or(r.c.folder(), stateMemory), res.Resumed, res.At
	m.ErrorHigh, m.ErrorLow = res.ErrorHigh, res.ErrorLow
	m.SparsityHigh, m.SparsityLow = lifecycle.Number(res.SparsityHigh), lifecycle.Number(res.SparsityLow)
	m.Digest = digest
	m.Coherence = lifecycle.Number(scdl.Coherence(res.Atoms, res.P, res.High))
	m.Seconds.Train = res.Seconds
	return m
}

// summary writes the table at the end of a run.
func (m *trainMetrics) summary(w io.Writer, dir string) error {
	t := lifecycle.NewTable(w)
	row := t.Row
	last := len(m.ErrorHigh) - 1
	row("samples", "%d of %d and %d numbers, %d held out", m.Samples, m.P, m.M, m.HeldOut)
	row("ranks", "%d, %s", m.Ranks, m.Transport)
	row("dictionaries", "%d atoms, coherence %.3f, %.3f of the numbers in the codes not 0", m.Atoms, m.Coherence, m.SparsityHigh)
	how := fmt.Sprint(m.Iterations)
	if m.Method == methodOnline {
		how += " passes over the samples"
	}
	if m.Resumed > 0 {
		how += fmt.Sprintf(", %d of them before this run", m.Resumed)
	}
	if last >= 0 {
		how += fmt.Sprintf(", error %.4g to %.4g high, %.4g to %.4g low", m.ErrorHigh[0], m.ErrorHigh[last], m.ErrorLow[0], m.ErrorLow[last])
	}
	row("iterations", "%s", how)
	if m.State != stateMemory {
		row("state", "in %s: %.4g MB read, %.4g MB written", m.State, 1e-6*float64(m.StateRead), 1e-6*float64(m.StateWritten))
	}
	for _, q := range []struct {
		name string
		*spectralQuality
	}{{"held out: learned", m.Learned}, {"raw samples as atoms", m.RawAtoms}, {"linear regression", m.Regression}} {
		if q.spectralQuality != nil {
			row(q.name, "%s", q.spectralQuality)
		}
	}
	s := &m.Seconds
	row("seconds", "%.2f read, %.2f train, %.2f evaluate, %.2f write, %.2f in all", s.Read, s.Train, s.Evaluate, s.Write, s.Total)
	row("peak memory", "%.0f MB", m.PeakMemoryMB)
	row("written to", "%s", dir)
	return t.Flush()
}
