package training

import (
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
	Digest     string           `json:"training_digest"` // of the training set, SHA-256
	Scale      lifecycle.Number `json:"peak"`            // the largest true value, which the pictures are divided by
	Losses     lifecycle.Series `json:"losses"`          // of every step
	Validation []Validation     `json:"validation,omitempty"`
}

// Validation are means over pictures that were not learned from.
type Validation struct {
	Pictures int                           `json:"pictures"`
	Noise    *lifecycle.Number             `json:"noise,omitempty"`  // standard deviation, by the peak; nil = that of the config
	Scale    *lifecycle.Number             `json:"scale,omitempty"`  // of an enlargement
	TVGap    *lifecycle.Number             `json:"tv_gap,omitempty"` // largest relative duality gap of total variation beside it
	Quality  map[string]*lifecycle.Quality `json:"quality"`
}

// Files are those that every training may leave.
func Files() []string {
	return append([]string{"model.npz", "parameters.npy"}, report.Names("losses")...)
}

// Result is what a training leaves. The functions are called on rank 0 alone.
type Result struct {
	Parameters []float64
	Model      func(path string) error // writes the model file
	Plots      func() error            // nil = none
	Metrics    lifecycle.Metrics       // all of metrics.json
}

// Write leaves the model, its parameters, the plots and metrics.json.
func (r *Run) Write(x Result) error {
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
		Metrics: x.Metrics,
		Remove:  r.kept.Remove,
	})
}

// Report adds the rows of the table at the end of every training.
func (m *Metrics) Report(t *lifecycle.Table) {
	t.Row("pictures", "%d of %d x %d pixels, largest value %.4g: %s", m.Pictures, m.Rows, m.Cols, m.Scale, m.Source)
}

// PlotLosses draws the loss of each step, and more, into losses.png and .svg.
func (r *Run) PlotLosses(title, y string, more ...report.Series) error {
	loss := report.Series{Name: "training"}
	for i, v := range r.Metrics.Losses {
		loss.X, loss.Y = append(loss.X, float64(i+1)), append(loss.Y, v)
	}
	p := report.Plot{Title: title, X: "step", Y: y, LogY: true, Series: append([]report.Series{loss}, more...)}
	return p.Write(r.Path("losses"), r.Figures()...)
}
