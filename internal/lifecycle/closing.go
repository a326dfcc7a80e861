package lifecycle

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
)

// Summary is the line of JSON that a run with -json prints on standard output when it has
// left a result. Files are paths.
type Summary struct {
	Job        string    `json:"job"`
	Status     Status    `json:"status"`
	Dir        string    `json:"dir"`
	Solution   string    `json:"solution"`
	Metrics    string    `json:"metrics"`
	Seconds    float64   `json:"seconds"` // of the whole run
	Ranks      int       `json:"ranks"`
	PeakMemory float64   `json:"peak_memory_mb"`
	Iterations int       `json:"iterations"`
	Converged  *bool     `json:"converged,omitempty"`
	Noise      *Number   `json:"noise,omitempty"`
	Fit        *Fit      `json:"fit,omitempty"`
	Outliers   *Outliers `json:"outliers,omitempty"` // nil = none was found, or looked for
	Quality    *Quality  `json:"quality,omitempty"`  // of the answer
}

// summary is what a run has to say in one line.
func (r *Record) summary(dir string) Summary {
	return Summary{
		Job: r.Job, Status: r.Status, Dir: dir, Solution: filepath.Join(dir, r.Solution), Metrics: filepath.Join(dir, MetricsName),
		Seconds: r.Seconds.Total, Ranks: r.Ranks, PeakMemory: r.PeakMemoryMB, Iterations: r.Iterations, Converged: r.Converged,
		Noise: r.Noise, Fit: r.Fit, Outliers: r.Outliers, Quality: r.Quality[AnswerColumn],
	}
}

// close says how a run went: as a table, and as a line of JSON. Rank 0 alone.
func (r *Run) close(e Ending) error {
	m := e.Metrics.Common()
	if r.Env.JSON != nil {
		line, err := json.Marshal(m.summary(r.Dir))
		if err == nil {
			_, err = fmt.Fprintf(r.Env.JSON, "%s\n", line)
		}
		if err != nil {
			return err
		}
	}
	if r.Env.Summary == nil {
		return nil
	}
	t := NewTable(r.Env.Summary)
	e.Metrics.Report(t)
	m.rows(t, r.Dir)
	if err := t.Flush(); err != nil || e.After == nil {
		return err
	}
	return e.After(r.Env.Summary)
}

// rows are those of every job, where they exist.
func (r *Record) rows(t *Table, dir string) {
	if r.Converged != nil {
		how := "yes"
		if !*r.Converged {
			how = "no"
		}
		how += fmt.Sprintf(", after %d iterations", r.Iterations)
		if r.Stopped != "" && r.Stopped != string(r.Status) {
			how += ": " + r.Stopped
		}
		t.Row("converged", "%s", how)
	}
	r.fitRows(t)
	r.qualityRows(t)
	t.Row("ranks", "%d, %s", r.Ranks, r.Transport)
	s := &r.Seconds
	var parts []string
	for _, p := range []struct {
		name string
		took float64
	}{
		{"read", s.Read}, {"search", s.Search}, {"set-up", s.Setup}, {"solve", s.Solve}, {"error map", s.Errors}, {"evaluate", s.Evaluate},
		{"comparison", s.Compare}, {"gather", s.Gather}, {"write", s.Write},
	} {
		if p.took >= 0.005 {
			parts = append(parts, fmt.Sprintf("%.2f %s", p.took, p.name))
		}
	}
	parts = append(parts, fmt.Sprintf("%.2f in all; %.2f exchange and %.2f reduce are parts of these", s.Total, s.Exchange, s.Reduce))
	t.Row("seconds", "%s", strings.Join(parts, ", "))
	t.Row("traffic", "%.1f MB in %d messages", float64(r.BytesSent)/1e6, r.MessagesSent)
	t.Row("peak memory", "%.0f MB", r.PeakMemoryMB)
	t.Row("written to", "%s", dir)
}

// fitRows say how the answer agrees with the data.
func (r *Record) fitRows(t *Table) {
	f := r.Fit
	if f == nil {
		if r.Noise != nil {
			t.Row("noise", "%.4g, standard deviation of a value of weight 1 (%s)", *r.Noise, r.NoiseRule)
		}
		return
	}
	if f.Stated != nil {
		t.Row("noise", "%.3g of the noise that %s states, by the finest differences of the data", *f.Stated, f.StatedBy)
	}
	text := fmt.Sprintf("rms %.4g", f.ResidualRMS)
	if f.Stated != nil {
		text += fmt.Sprintf(" of the noise that %s states", f.StatedBy)
	}
	if r.Noise != nil && f.Stated != nil {
		text += fmt.Sprintf(", %.3g of the noise (%s)", *f.ByNoise, r.NoiseRule)
	} else if r.Noise != nil {
		text += fmt.Sprintf(", %.3g of the noise: %.4g for a value of weight 1 (%s)", *f.ByNoise, *r.Noise, r.NoiseRule)
	}
	t.Row("residual", "%s", text)
	if f.Below != nil {
		t.Row("range", "%.3g %% of the solution below the least observed value, %.3g %% above the largest", 100**f.Below, 100**f.Above)
	}
	if f.FluxData != nil {
		in, out := float64(*f.FluxData), float64(*f.FluxAnswer)
		t.Row("flux", "%.6g in the data, %.6g in the solution over the observed pixels (%s)", in, out, change(in, out))
	}
}

// change is by how many percent a number has changed, to two digits or to one percent.
func change(from, to float64) string {
	p := 100 * (to - from) / from
	if math.Abs(p) >= 10 && math.Abs(p) < 1e6 {
		return fmt.Sprintf("%+.0f %%", p)
	}
	return fmt.Sprintf("%+.2g %%", p)
}

// Names of what is compared with the truth in every job.
const (
	ObservedColumn = "observed"
	AnswerColumn   = "solution"
)

// Columns are the names of what is compared with the truth, the observation and the answer
// first.
func (r *Record) Columns() []string {
	place := func(name string) int { return slices.Index([]string{AnswerColumn, ObservedColumn}, name) }
	return slices.SortedFunc(maps.Keys(r.Quality), func(a, b string) int {
		if d := place(b) - place(a); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
}

// qualityRows compare with the truth.
func (r *Record) qualityRows(t *Table) {
	for _, m := range []struct {
		name, format string
		of           func(q *Quality) *Number
	}{
		{"PSNR", "%.2f dB", func(q *Quality) *Number { return q.PSNR }},
		{"PSNR in holes", "%.2f dB", func(q *Quality) *Number { return q.PSNRHoles }},
		{"SNR", "%.2f dB", func(q *Quality) *Number { return q.SNR }},
		{"SSIM", "%.4f", func(q *Quality) *Number { return q.SSIM }},
		{"rms error", "%.4g", func(q *Quality) *Number { return q.RMSE }},
		{"correlation", "%.3f", func(q *Quality) *Number { return q.Correlation }},
		{"angle", "%.3f degrees", func(q *Quality) *Number { return q.SAM }},
		{"ERGAS", "%.3f", func(q *Quality) *Number { return q.ERGAS }},
	} {
		r.compare(t, m.name, func(q *Quality) string {
			v := m.of(q)
			if v == nil {
				return ""
			}
			return fmt.Sprintf(m.format, *v)
		})
	}
	for _, m := range []struct {
		name, format string
		of           func(q *Quality) *Quartiles
	}{
		{"pixel error", "%.4f (%.4f to %.4f)", func(q *Quality) *Quartiles { return q.Pixel }},
		{"ellipticity error", "%.4f (%.4f to %.4f)", func(q *Quality) *Quartiles { return q.Ellipticity }},
		{"flux error", "%+.4f (%+.4f to %+.4f)", func(q *Quality) *Quartiles { return q.Flux }},
		{"PSNR of stamps", "%.2f dB (%.2f to %.2f)", func(q *Quality) *Quartiles { return q.StampPSNR }},
	} {
		r.compare(t, m.name, func(q *Quality) string {
			v := m.of(q)
			if v == nil {
				return ""
			}
			return fmt.Sprintf(m.format, v.Median, v.Lower, v.Upper)
		})
	}
}

// compare adds a row with a measure of all that has it.
func (r *Record) compare(t *Table, name string, measure func(*Quality) string) {
	var list []string
	for _, column := range r.Columns() {
		if text := measure(r.Quality[column]); text != "" {
			list = append(list, text+" "+strings.ReplaceAll(column, "_", " "))
		}
	}
	if list != nil {
		t.Row(name, "%s", strings.Join(list, ", "))
	}
}
