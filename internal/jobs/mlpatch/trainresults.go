package mlpatch

import (
	"tessera/internal/lifecycle"
	"tessera/internal/training"
	"tessera/mlpatch"
)

// trainMetrics is metrics.json of an mlpatch-train job.
type trainMetrics struct {
	training.Metrics

	Operations float64 `json:"operations"` // of a pixel
	Loss       string  `json:"loss"`
	Curve      *curve  `json:"curve,omitempty"`
}

// curve is the loss of blocks of pictures that were not learned from.
type curve struct {
	Steps  []int            `json:"steps"`
	Losses lifecycle.Series `json:"losses"`
	Best   lifecycle.Number `json:"best"`
	BestAt int              `json:"best_step"`
}

func curveOf(c *mlpatch.Curve) *curve {
	if len(c.Steps) == 0 {
		return nil
	}
	at, least := c.Least()
	return &curve{c.Steps, c.Losses, lifecycle.Number(least), c.Steps[at]}
}

// trainFiles are those that a run may leave.
func trainFiles() []string { return training.Files() }

// write leaves the model, pictures and metrics.json. Collective.
func (r *trainRun) write() error {
	x := training.Result{Parameters: r.model.theta, Model: r.model.write, Metrics: r.m}
	if r.c.Output.Pictures {
		x.Plots = r.plot
	}
	return r.Write(x)
}

// plot draws the losses. Rank 0 alone.
func (r *trainRun) plot() error {
	return r.PlotLosses("Training of a local neural field", lossName[r.m.Loss], r.m.Curve.series()...)
}

// Report adds the rows of the table at the end of a run that this job alone has.
func (m *trainMetrics) Report(t *lifecycle.Table) {
	m.Metrics.Report(t)
	t.Row("model", "%d parameters, %.0f operations a pixel, %d steps", m.Parameters, m.Operations, m.Iterations)
	t.Row("loss", "%.4g in the first step, %.4g in the last", m.Losses[0], m.Losses[len(m.Losses)-1])
	if c := m.Curve; c != nil {
		t.Row("validation", "loss %.4g after %d steps, the least", c.Best, c.BestAt)
	}
	for _, v := range m.Validation {
		t.Row("PSNR", "%.2f dB noisy, %.2f dB denoised, noise of %.3g of the largest true value (pictures that were not learned from)", *v.Quality[lifecycle.ObservedColumn].PSNR, *v.Quality[lifecycle.AnswerColumn].PSNR, *v.Noise)
	}
}
