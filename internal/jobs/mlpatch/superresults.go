package mlpatch

import (
	"fmt"
	"path/filepath"

	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/internal/training"
	"tessera/mlpatch"
	"tessera/ranks"
)

// superMetrics is metrics.json of an mlpatch-superres job. Rows and columns are those of the answer.
type superMetrics struct {
	frames.Record

	Scale      lifecycle.Number `json:"scale"`
	CoarseRows int              `json:"coarse_rows"`
	CoarseCols int              `json:"coarse_cols"`
	Border     string           `json:"border"`
	Model      upscalerMetrics  `json:"model"`
	Training   *learnMetrics    `json:"training,omitempty"` // absent with a given model

	Validation []training.Validation `json:"validation,omitempty"` // PSNR with the peak 1
}

// cubicColumn is the name of cubic interpolation beside the answer.
const cubicColumn = "cubic"

type upscalerMetrics struct {
	Path       string           `json:"path"`
	Digest     string           `json:"training_digest"` // of the training set
	Parameters int              `json:"parameters"`
	Peak       lifecycle.Number `json:"peak"` // largest value of the training set
	Low        lifecycle.Number `json:"scale_low"`
	High       lifecycle.Number `json:"scale_high"`
	Outside    bool             `json:"scale_outside"` // the scale was not learned
	Score      lifecycle.Number `json:"score"`
	Strange    bool             `json:"strange"`
}

// learnMetrics is what the training of a job that learns before it applies did.
type learnMetrics struct {
	Pictures int              `json:"pictures"` // learned from
	Rows     int              `json:"rows"`
	Cols     int              `json:"cols"`
	Steps    int              `json:"steps"`
	Losses   lifecycle.Series `json:"losses"`
	Curve    *curve           `json:"curve,omitempty"`
	Seconds  lifecycle.Number `json:"seconds"`
}

// warnings say why the answer is not to be trusted.
func (m *superMetrics) warnings() (list []string) {
	if m.Model.Outside {
		list = append(list, fmt.Sprintf("the model has learned scales of %g to %g, not %g: learn one with superres.low and superres.high around it", m.Model.Low, m.Model.High, m.Scale))
	}
	if m.Model.Strange {
		list = append(list, fmt.Sprintf("the answer is unlike the pictures that the model has learned from (score %.2f, more than %.2f): learn from such pictures with data.truth", m.Model.Score, mlpatch.Farther))
	}
	return list
}

// superFiles are those that a run may leave.
func superFiles() []string {
	return append([]string{"solution.npy", "cubic.npy", "model.npz", "solution.png", "cubic.png", "truth.png"}, report.Names(frames.PanelName, "losses")...)
}

// write leaves the answer, the model, pictures and metrics.json. Collective.
func (r *superRun) write() error {
	return r.Finish(lifecycle.Ending{
		Write: func() (err error) {
			if r.m.Seconds.Gather, err = r.WriteArrays(r.pictures(), r.labels()); err != nil || !r.c.learns() {
				return err
			}
			return ranks.OnRoot(r.Comm, r.writeModel)
		},
		Metrics: r.m,
		Remove:  r.learn.Remove,
	})
}

// writeModel leaves the model and its losses. Rank 0 alone.
func (r *superRun) writeModel() error {
	if err := r.model.write(r.Path("model.npz")); err != nil || !r.c.Output.Pictures {
		return err
	}
	r.learn.Metrics.Losses = r.m.Training.Losses
	return r.learn.PlotLosses("Training of a local neural field that enlarges", lossName[r.c.MLPatch.Loss], r.m.Training.Curve.series()...)
}

// lossName is the axis of the losses.
var lossName = map[string]string{"l1": "mean of |x - truth|", "l2": "mean of (x - truth)^2 / 2"}

// series is the curve of the validation; none without one.
func (c *curve) series() []report.Series {
	if c == nil {
		return nil
	}
	s := report.Series{Name: "validation", Points: true, Y: c.Losses}
	for _, at := range c.Steps {
		s.X = append(s.X, float64(at))
	}
	return []report.Series{s}
}

// labels are those of the pictures; nil = no pictures.
func (r *superRun) labels() *frames.Labels {
	if !r.c.Output.Pictures {
		return nil
	}
	of := "a simulated picture"
	if path := r.c.Image.Path; path != "" {
		of = filepath.Base(path)
	}
	return r.Obs.Labels(r.c.Output.section(), fmt.Sprintf("Enlargement of %s by %g", of, r.c.Superres.Scale), fmt.Sprintf("Local neural field of %d parameters.", r.m.Model.Parameters))
}

// pictures are drawn in this order, all with the stretch of the answer. In the panel: cubic interpolation, learned, truth.
func (r *superRun) pictures() []frames.Picture {
	stretch := func(f *imageio.Frame) imageio.Stretch { return r.c.Output.section().StretchOf(f, r.Obs.Source) }
	list := []frames.Picture{
		{Name: "solution.png", Title: "learned", Scale: r.Obs.Intensity(), Owned: frames.Part(r.learned), Stretch: stretch, Panel: 1, Inset: 3, Files: r.Npy("solution.npy")},
		{Name: "cubic.png", Title: "cubic interpolation", Owned: frames.Part(r.Obs.Data), Panel: 0, Inset: 3, Files: r.Npy("cubic.npy")},
	}
	if r.Obs.Truth != nil {
		list = append(list, frames.Picture{Name: "truth.png", Title: "truth", Owned: frames.Part(r.Obs.Truth), Panel: 2, Inset: 3})
	}
	return list
}

// Report adds the rows of the table at the end of a run that this job alone has.
func (m *superMetrics) Report(t *lifecycle.Table) {
	row := t.Row
	m.Begin(t)
	row("scale", "%g: from %d x %d pixels", float64(m.Scale), m.CoarseRows, m.CoarseCols)
	row("model", "%s, %d parameters, learned for scales of %g to %g; score %.2f", m.Model.Path, m.Model.Parameters, m.Model.Low, m.Model.High, m.Model.Score)
	for _, line := range m.warnings() {
		row("", "%s", line)
	}
	if a := m.Training; a != nil {
		row("training", "%d pictures of %d x %d pixels, %d steps, loss %.4g to %.4g, %.1f s", a.Pictures, a.Rows, a.Cols, a.Steps, a.Losses[0], a.Losses[len(a.Losses)-1], a.Seconds)
	}
	for _, v := range m.Validation {
		row("validation", "PSNR %.2f dB cubic interpolation, %.2f dB learned, scale %g (pictures that were not learned from)", *v.Quality[cubicColumn].PSNR, *v.Quality[lifecycle.AnswerColumn].PSNR, float64(*v.Scale))
	}
}
