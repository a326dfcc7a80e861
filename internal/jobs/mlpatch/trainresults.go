package mlpatch

import (
	"tessera/internal/lifecycle"
	"tessera/internal/training"
	"tessera/mlpatch"
)

// trainMetrics is metrics.json of an mlpatch-train job.
type trainMetrics struct {
	training.Metrics

	Operations float64      `json:"operations"` // of a pixel
	Loss       string       `json:"loss"`
	Curve      *curve       `json:"curve,omitempty"`
	Validation []validation `json:"validation,omitempty"`
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

// validation are mean PSNR over pictures that were not learned from, in dB.
type validation struct {
	Noise   lifecycle.Number `json:"noise"` // standard deviation, by the scale
	Noisy   lifecycle.Number `json:"psnr_noisy_db"`
	Trained lifecycle.Number `json:"psnr_trained_db"`
}

// trainFiles are those that a run may leave.
func trainFiles() []string { return training.Files() }

// write leaves the model, pictures and metrics.json. Collective.
func (r *trainRun) write() error {
	x := training.Result{Parameters: r.model.theta, Model: r.model.write, Metrics: r.m, Rows: r.m.rows}
	if r.c.Output.Pictures {
		x.Plots = r.plot
	}
	return r.Write(x)
}

// plot draws the losses. Rank 0 alone.
func (r *trainRun) plot() error {
	return r.PlotLosses("Training of a local neural field", lossName[r.m.Loss], r.m.Curve.series()...)
}

// rows are those of the summary that are of this job alone.
func (m *trainMetrics) rows(t *lifecycle.Table) {
	t.Row("model", "%d parameters, %.0f operations a pixel, %d steps", m.Parameters, m.Operations, m.Steps)
	t.Row("loss", "%.4g in the first step, %.4g in the last", m.Losses[0], m.Losses[len(m.Losses)-1])
	if c := m.Curve; c != nil {
		t.Row("validation", "loss %.4g after %d steps, the least", c.Best, c.BestAt)
	}
	for _, v := range m.Validation {
		t.Row("PSNR", "%.2f dB noisy, %.2f dB denoised, noise of %.3g of the largest true value (pictures that were not learned from)", v.Noisy, v.Trained, v.Noise)
	}
}
