package training

import (
	"io"

	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/ranks"
)

// Metrics is what metrics.json says of every training.
type Metrics struct {
	lifecycle.Record

	Pictures   int              `json:"pictures"` // learned from
	Rows       int              `json:"rows"`
	Cols       int              `json:"cols"`
	Parameters int              `json:"parameters"`
	Steps      int              `json:"steps"`
	Digest     string           `json:"digest"` // of the training set, SHA-256
	Scale      lifecycle.Number `json:"scale"`  // the pictures are divided by it
	Losses     lifecycle.Series `json:"losses"` // of every step
	Seconds    Seconds          `json:"seconds"`
	BytesSent  int64            `json:"bytes_sent"`
	Memory     float64          `json:"peak_memory_mb"`
}

// Seconds are wall-clock times.
type Seconds struct {
	Read  float64 `json:"read"` // or simulate
	Train float64 `json:"train"`
	Total float64 `json:"total"`
}

// Files are those that every training may leave.
func Files() []string { return append(report.Names("losses"), "model.npz", "parameters.npy") }

// Result is what a training leaves. The functions are called on rank 0 alone.
type Result struct {
	Parameters []float64
	Model      func(path string) error // writes the model file
	Plots      func() error            // nil = none
	Metrics    any                     // all of metrics.json
	Rows       func(t *lifecycle.Table)
}

// Write leaves the model, its parameters, the plots and metrics.json.
func (r *Run) Write(x Result) error {
	m := r.Metrics
	return r.Finish(lifecycle.Ending{
		Write: func() error {
			return ranks.OnRoot(r.Comm, func() error {
				if err := x.Model(r.Path("model.npz")); err != nil {
					return err
				}
				if err := imageio.WriteNpy(r.Path("parameters.npy"), []int{len(x.Parameters)}, x.Parameters); err != nil || x.Plots == nil {
					return err
				}
				return x.Plots()
			})
		},
		Metrics: func(total, memory float64) any {
			m.Memory, m.Seconds.Total = memory, total
			return x.Metrics
		},
		Remove: r.kept.Remove,
		Summary: func(w io.Writer) error {
			t := lifecycle.NewTable(w)
			t.Row("pictures", "%d of %d x %d pixels, largest value %.4g", m.Pictures, m.Rows, m.Cols, m.Scale)
			t.Row("ranks", "%d, %s", m.Ranks, m.Transport)
			x.Rows(t)
			t.Row("seconds", "%.2f training, %.2f in all", m.Seconds.Train, m.Seconds.Total)
			t.Row("written to", "%s", r.Dir)
			return t.Flush()
		},
	})
}

// PlotLosses draws the loss of each step, and more, into losses.png and .svg.
func (r *Run) PlotLosses(title, y string, more ...report.Series) error {
	loss := report.Series{Name: "training"}
	for i, v := range r.Metrics.Losses {
		loss.X, loss.Y = append(loss.X, float64(i+1)), append(loss.Y, v)
	}
	p := report.Plot{Title: title, X: "step", Y: y, LogY: true, Series: append([]report.Series{loss}, more...)}
	return p.Write(r.Path("losses"))
}
