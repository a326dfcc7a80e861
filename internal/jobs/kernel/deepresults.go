package kernel

import (
	"bytes"
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
	Layers       layersSection    `json:"chosen_layers"`         // of the deep kernel
	HeldOut      *heldOutMetrics  `json:"unseen,omitempty"`      // of a table
	Tested       int              `json:"test_points,omitempty"` // that were not fitted, of the comparison with the truth
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

// write leaves the result, metrics.json last. Collective.
func (r *deepRun) write(ctx context.Context) error {
	if err := ranks.AgreeError(r.Comm, ctx.Err()); err != nil {
		return err
	}
	layers, err := r.model.Layers()
	if err != nil {
		return err
	}
	return r.Finish(lifecycle.Ending{
		Write: func() error {
			if r.Comm.Rank() != 0 {
				return nil
			}
			if len(layers.Outer)*(layers.Dim+2*layers.Width+1) <= mostSaved {
				if err := r.save(r.Path(fitName), layers); err != nil {
					return err
				}
			}
			return r.writeFiles()
		},
		Metrics: r.m,
		After:   r.m.course,
	})
}

// deepFiles are all files that a run may leave.
func deepFiles() []string {
	return append([]string{"solution.npy", earlierName, "single.npy", "features.npy", fitName}, report.Names("panel")...)
}

// writeFiles leaves single layer, deep kernel and its first feature on the grid.
func (r *deepRun) writeFiles() error {
	const single, deep, feature = 0, 1, 2 // of fits
	for name, k := range map[string]int{"single.npy": single, "solution.npy": deep, earlierName: deep, "features.npy": feature} {
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
	cut := ""
	if r.c.Observations.Path != "" { // a few values far outside of the data would leave all others one grey
		lo, hi = middleRange(reference)
		cut = " The scale is from the 1st to the 99th percentile of the deep kernel."
	}
	low, high := rangeOf(r.fits[2])
	images = append(images, report.Image{Title: "single layer", Frame: d.frame(r.fits[0])}, report.Image{Title: "deep kernel", Frame: d.frame(r.fits[1])},
		report.Image{Title: "its first feature", Frame: d.frame(r.fits[2]), Scale: 1})
	scales := []report.Scale{{Label: d.label(d.value), Stretch: imageio.Linear(lo, hi)}, {Label: "first feature (no unit)", Stretch: imageio.Linear(low, high)}}
	d.labels.Notes = []string{fmt.Sprintf("%d observations; the single layer is a Gaussian of width %.3g.%s", r.m.Observations, r.m.Single.Width, cut)}
	return d.panel("Deep kernel fit", scales, images...).Write(r.Path("panel"), r.Figures()...)
}

// Report adds the rows of the table at the end of a run that this job alone has.
func (m *deepMetrics) Report(t *lifecycle.Table) {
	t.Row("observations", "%d, %s", m.Observations, m.Source)
	m.Outliers.Row(t)
	t.Row("starts", "objectives %.4g; number %d was trained", []float64(m.Starts), m.Start+1)
	t.Row("objective", "%.5g, of which misfit %.4g; squared norms: f %.4g, g %.4g", m.Objective, m.Misfit, m.InnerNorm, m.OuterNorm)
	t.Row("steps", "%d accepted, %d rejected", m.Accepted, m.Rejected)
	l := &m.Layers
	t.Row("layers", "%d features, deep.outer_width %.4g, deep.inner_lambda %.3g, deep.outer_lambda %.3g", l.Features, l.OuterWidth, l.InnerLambda, l.OuterLambda)
	if h := m.HeldOut; h != nil {
		t.Row("held out", "rms error %.4g deep kernel, %.4g single layer, of %d observations, by fits to %d others", float64(h.RMS), float64(h.Single), h.Observations, h.Trained)
	}
	t.Row("single layer", "gaussian, width %.3g in the unit of the coordinates, lambda %.3g by cross-validation", m.Single.Width, m.Single.Lambda)
}

// course prints the steps.
func (m *deepMetrics) course(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString("\nstep  objective  damping   cells of feature space, E\n")
	for i, s := range m.Steps {
		switch {
		case !s.Accepted:
			fmt.Fprintf(&b, "%4d  %9.5g  %7.1e   rejected\n", i+1, s.Objective, s.Damping)
		default:
			fmt.Fprintf(&b, "%4d  %9.5g  %7.1e   %.3f -> %.3f\n", i+1, s.Objective, s.Damping, s.EBefore, s.E)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}
