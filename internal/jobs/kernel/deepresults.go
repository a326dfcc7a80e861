package kernel

import (
	"context"
	"fmt"
	"io"

	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/internal/simulate"
	"tessera/ranks"
)

// deepMetrics is metrics.json of a deep-kernel job.
type deepMetrics struct {
	lifecycle.Record

	Source       string           `json:"source"`
	Observations int              `json:"observations"`
	Objective    float64          `json:"objective"`
	Misfit       float64          `json:"misfit"`
	InnerNorm    float64          `json:"inner_norm"`
	OuterNorm    float64          `json:"outer_norm"`
	Starts       lifecycle.Series `json:"starts"` // J of each after its g-step
	Start        int              `json:"start"`  // the one that was trained, from 0
	Accepted     int              `json:"accepted_steps"`
	Rejected     int              `json:"rejected_steps"`
	Steps        []deepStep       `json:"steps"`
	Single       singleLayer      `json:"single"`
	RMSE         *deepRMSE        `json:"test_rmse,omitempty"`
	Iterations   int              `json:"iterations"` // steps, accepted or not
	Seconds      deepSeconds      `json:"seconds"`
	BytesSent    int64            `json:"bytes_sent"` // by all ranks, training
	MessagesSent int64            `json:"messages_sent"`
	PeakMemoryMB float64          `json:"peak_memory_mb"`
}

// deepSeconds are wall time of rank 0.
type deepSeconds struct {
	Read     float64 `json:"read"`
	Train    float64 `json:"train"`
	Single   float64 `json:"single"`
	Evaluate float64 `json:"evaluate"`
	Total    float64 `json:"total"`
}

// deepStep is one step: E is the balance of feature space before and after DyDD.
type deepStep struct {
	Accepted  bool    `json:"accepted"`
	Objective float64 `json:"objective"`
	Damping   float64 `json:"damping"`
	EBefore   float64 `json:"e_before,omitempty"`
	E         float64 `json:"e,omitempty"`
}

// singleLayer is the Gaussian fit that cross-validation chose.
type singleLayer struct {
	Width  float64          `json:"width"`
	Lambda float64          `json:"lambda"`
	Score  lifecycle.Number `json:"score"`
}

// deepRMSE is against the truth at points that were not fitted.
type deepRMSE struct {
	Deep   float64 `json:"deep"`
	Single float64 `json:"single"`
	Points int     `json:"points"`
}

// write leaves the result, metrics.json last. Collective.
func (r *deepRun) write(ctx context.Context) error {
	if err := ranks.AgreeError(r.Comm, ctx.Err()); err != nil {
		return err
	}
	return r.Finish(lifecycle.Ending{
		Write: func() error {
			if r.Comm.Rank() != 0 {
				return nil
			}
			return r.writeFiles()
		},
		Metrics: func(total, memory float64) any {
			r.m.PeakMemoryMB, r.m.Seconds.Total = memory, total
			return r.m
		},
		Summary: func(w io.Writer) error { return r.m.summary(w, r.Dir) },
	})
}

// deepFiles are all files that a run may leave.
func deepFiles() []string {
	return append(report.Names("panel"), "fit.npy", "single.npy", "features.npy")
}

// writeFiles leaves single layer, deep kernel and its first feature on the grid.
func (r *deepRun) writeFiles() error {
	for k, name := range []string{"single.npy", "fit.npy", "features.npy"} {
		if err := imageio.WriteNpy(r.Path(name), r.grid.shape, r.fits[k]); err != nil {
			return err
		}
	}
	if len(r.grid.shape) != 2 {
		return nil
	}
	return r.draw()
}

// draw shows truth, single layer, deep kernel and its first feature.
func (r *deepRun) draw() error {
	d := r.obs.sheet(r.grid, &r.c.Output)
	reference := r.fits[1]
	var images []report.Image
	if r.c.Observations.Path == "" {
		reference = make([]float64, len(r.fits[1]))
		for i := range reference {
			reference[i] = simulate.Crease(r.grid.place(nil, i))
		}
		images = append(images, report.Image{Title: "truth", Frame: d.frame(reference)})
	}
	lo, hi := rangeOf(reference)
	low, high := rangeOf(r.fits[2])
	images = append(images, report.Image{Title: "single layer", Frame: d.frame(r.fits[0])}, report.Image{Title: "deep kernel", Frame: d.frame(r.fits[1])},
		report.Image{Title: "its first feature", Frame: d.frame(r.fits[2]), Scale: 1})
	scales := []report.Scale{{Label: d.label(d.value), Stretch: imageio.Linear(lo, hi)}, {Label: "first feature (no unit)", Stretch: imageio.Linear(low, high)}}
	d.labels.Notes = []string{fmt.Sprintf("%d observations; the single layer is a Gaussian of width %.3g.", r.m.Observations, r.m.Single.Width)}
	return d.panel("Deep kernel fit", scales, images...).Write(r.Path("panel"))
}

func (m *deepMetrics) summary(w io.Writer, dir string) error {
	fmt.Fprintf(w, "step  objective  damping   cells of feature space, E\n")
	for i, s := range m.Steps {
		switch {
		case !s.Accepted:
			fmt.Fprintf(w, "%4d  %9.5g  %7.1e   rejected\n", i+1, s.Objective, s.Damping)
		default:
			fmt.Fprintf(w, "%4d  %9.5g  %7.1e   %.3f -> %.3f\n", i+1, s.Objective, s.Damping, s.EBefore, s.E)
		}
	}
	t := lifecycle.NewTable(w)
	row := t.Row
	row("observations", "%d, %s", m.Observations, m.Source)
	row("ranks", "%d, %s", m.Ranks, m.Transport)
	row("starts", "objectives %.4g; number %d was trained", []float64(m.Starts), m.Start+1)
	row("objective", "%.5g, of which misfit %.4g; squared norms: f %.4g, g %.4g", m.Objective, m.Misfit, m.InnerNorm, m.OuterNorm)
	row("steps", "%d accepted, %d rejected", m.Accepted, m.Rejected)
	row("single layer", "gaussian, width %.3g, lambda %.3g by cross-validation", m.Single.Width, m.Single.Lambda)
	if e := m.RMSE; e != nil {
		row("test rms error", "%.4f deep, %.4f single layer, at %d points", e.Deep, e.Single, e.Points)
	}
	row("seconds", "%.2f training, %.2f single layer, %.2f in all", m.Seconds.Train, m.Seconds.Single, m.Seconds.Total)
	row("written to", "%s", dir)
	return t.Flush()
}
