package mlpatch

import (
	"io"

	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/mlpatch"
	"tessera/ranks"
)

// trainMetrics is metrics.json of an mlpatch-train job.
type trainMetrics struct {
	lifecycle.Record

	Pictures   int              `json:"pictures"` // learned from
	Rows       int              `json:"rows"`
	Cols       int              `json:"cols"`
	Parameters int              `json:"parameters"`
	Operations float64          `json:"operations"` // of a pixel
	Loss       string           `json:"loss"`
	Steps      int              `json:"steps"`
	Digest     string           `json:"digest"`
	Scale      lifecycle.Number `json:"scale"`
	Losses     lifecycle.Series `json:"losses"`
	Curve      *curve           `json:"curve,omitempty"`
	Validation []validation     `json:"validation,omitempty"`
	Seconds    trainSeconds     `json:"seconds"`
	BytesSent  int64            `json:"bytes_sent"`
	Memory     float64          `json:"peak_memory_mb"`
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

type trainSeconds struct {
	Read  float64 `json:"read"` // or simulate
	Train float64 `json:"train"`
	Total float64 `json:"total"`
}

// trainFiles are those that a run may leave.
func trainFiles() []string {
	return []string{"model.npz", "parameters.npy", "losses.png", "losses.svg"}
}

// write leaves the model, pictures and metrics.json. Collective.
func (r *trainRun) write() error {
	return r.Finish(lifecycle.Ending{
		Write: func() error {
			return ranks.OnRoot(r.Comm, func() error {
				if err := r.model.write(r.Path("model.npz")); err != nil {
					return err
				}
				if err := imageio.WriteNpy(r.Path("parameters.npy"), []int{len(r.model.theta)}, r.model.theta); err != nil || !r.c.Output.Pictures {
					return err
				}
				return r.plot()
			})
		},
		Metrics: func(total, memory float64) any {
			r.m.Memory, r.m.Seconds.Total = memory, total
			return r.m
		},
		Remove:  r.kept.Remove,
		Summary: func(w io.Writer) error { return r.m.summary(w, r.Dir) },
	})
}

// plot draws the losses. Rank 0 alone.
func (r *trainRun) plot() error {
	loss := report.Series{Name: "training"}
	for i, v := range r.m.Losses {
		loss.X, loss.Y = append(loss.X, float64(i+1)), append(loss.Y, v)
	}
	p := &report.Plot{Title: "training of a local neural field", X: "step", Y: "mean of " + map[string]string{"l1": "|x - truth|", "l2": "(x - truth)^2 / 2"}[r.m.Loss], LogY: true, Series: []report.Series{loss}}
	if c := r.m.Curve; c != nil {
		test := report.Series{Name: "validation", Points: true, Y: c.Losses}
		for _, s := range c.Steps {
			test.X = append(test.X, float64(s))
		}
		p.Series = append(p.Series, test)
	}
	for _, end := range []string{".png", ".svg"} {
		if err := p.Write(r.Path("losses" + end)); err != nil {
			return err
		}
	}
	return nil
}

// summary writes the short table at the end of a run.
func (m *trainMetrics) summary(w io.Writer, dir string) error {
	t := lifecycle.NewTable(w)
	row := t.Row
	row("pictures", "%d of %d x %d pixels, largest value %.4g", m.Pictures, m.Rows, m.Cols, m.Scale)
	row("ranks", "%d, %s", m.Ranks, m.Transport)
	row("model", "%d parameters, %.0f operations a pixel, %d steps", m.Parameters, m.Operations, m.Steps)
	row("loss", "%.4g in the first step, %.4g in the last", m.Losses[0], m.Losses[len(m.Losses)-1])
	if c := m.Curve; c != nil {
		row("validation", "loss %.4g after %d steps, the least", c.Best, c.BestAt)
	}
	for _, v := range m.Validation {
		row("PSNR", "%.2f dB noisy, %.2f dB denoised, noise of %.3g of the largest true value (pictures that were not learned from)", v.Noisy, v.Trained, v.Noise)
	}
	row("seconds", "%.2f training, %.2f in all", m.Seconds.Train, m.Seconds.Total)
	row("written to", "%s", dir)
	return t.Flush()
}
