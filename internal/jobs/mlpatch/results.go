package mlpatch

import (
	"fmt"

	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
)

// metrics is metrics.json of an mlpatch-denoise and of an mlpatch-admm job.
type metrics struct {
	frames.Record

	PSF    *frames.PSFReport `json:"psf,omitempty"` // absent without blur
	Border string            `json:"border"`
	Model  modelMetrics      `json:"model"`
	ADMM   *admmMetrics      `json:"admm,omitempty"`
	TV     *tvMetrics        `json:"tv,omitempty"`
	Beside []besideMetrics   `json:"beside,omitempty"`

	Tomography *tomographyMetrics `json:"tomography,omitempty"`
}

type tomographyMetrics struct {
	Angles int `json:"angles"`
	Bins   int `json:"bins"` // of each angle
}

type modelMetrics struct {
	Path       string           `json:"path"`
	Digest     string           `json:"training_digest"` // of the training set
	Parameters int              `json:"parameters"`
	Score      lifecycle.Number `json:"score"`
	Strange    bool             `json:"strange"`
	Outside    lifecycle.Number `json:"outside"` // share of the pixels
}

type admmMetrics struct {
	Inner     int              `json:"inner_iterations"`
	Lipschitz lifecycle.Number `json:"lipschitz"`
	Primal    lifecycle.Series `json:"primal"`
	Dual      lifecycle.Series `json:"dual"`
}

type tvMetrics struct {
	Lambda      lifecycle.Number `json:"lambda"`
	Iterations  int              `json:"iterations"`
	Converged   bool             `json:"converged"`
	RelativeGap lifecycle.Number `json:"relative_gap"`
}

// files are those that a run may leave.
func (w *work) files() []string {
	list := append([]string{"solution.npy", "solution.fits", "tv.npy", "solution.png", "tv.png", "observed.png", "truth.png"}, report.Names(frames.PanelName)...)
	if w.admm != nil {
		list = append(list, "tikhonov.npy", "wiener.npy", "backprojection.npy", "tikhonov.png", "wiener.png", frames.ModelFile)
	}
	return list
}

// write leaves the solutions, pictures, and metrics.json. Collective.
func (r *run) write() error {
	return r.Finish(lifecycle.Ending{
		Write: func() (err error) {
			if r.m.Seconds.Gather, err = r.WriteArrays(r.pictures(), r.labels()); err != nil {
				return err
			}
			return r.WriteModel()
		},
		Metrics: r.m,
		Chosen:  r.chosen,
	})
}

// labels are those of the pictures; nil = no pictures.
func (r *run) labels() *frames.Labels {
	if !r.w.output.Pictures {
		return nil
	}
	source, title := r.w.source(), "Denoising of "
	if r.w.admm != nil {
		title = "Plug-and-play restoration of "
	}
	return r.Obs.Labels(r.w.output.section(), title+source.Subject(), fmt.Sprintf("Local neural field of %d parameters, noise of standard deviation %.4g.", r.m.Model.Parameters, r.result.noise))
}

// pictures are drawn in this order, all on the scale of the solution.
func (r *run) pictures() []frames.Picture {
	stretch := func(f *imageio.Frame) imageio.Stretch { return r.w.output.section().StretchOf(f, r.Obs.Source) }
	answer := r.Npy("solution.npy") // of projections: the header is theirs
	if r.scan == nil {
		answer = r.AnswerFiles(fmt.Sprintf("tessera %s: restoration by the local neural field of %s", r.m.Tessera, r.w.model.Model))
	}
	list := []frames.Picture{
		{Name: "solution.png", Title: "learned", Scale: r.Obs.Intensity(), Owned: frames.Part(r.result.learned), Stretch: stretch, Files: answer},
		{Name: "observed.png", Title: "observed", Owned: frames.Part(r.Obs.Data)},
	}
	if r.scan != nil {
		list[1].Title, list[1].Files = "filtered back-projection", r.Npy("backprojection.npy")
	}
	list = append(list, r.drawn(1)...)
	panel := len(list) - 1 // from the left: observed, Tikhonov, Wiener, total variation, learned, truth
	if r.result.variation != nil {
		list = append(list, frames.Picture{Name: "tv.png", Title: "total variation", Owned: frames.Part(r.result.variation), Panel: panel, Files: r.Npy("tv.npy")})
		panel++
	}
	list[0].Panel = panel
	if r.Obs.Truth != nil {
		list = append(list, frames.Picture{Name: "truth.png", Title: "truth", Owned: frames.Part(r.Obs.Truth), Panel: panel + 1})
	}
	return list
}

// chosen leaves out of config.toml what had no effect.
func (r *run) chosen() map[string]config.Value {
	m := map[string]config.Value{}
	if r.w.image.Path != "" {
		for _, key := range []string{"from", "rows", "cols", "channels", "galaxies", "noise", "missing"} {
			m["simulate."+key] = config.Value{Omit: true}
		}
	}
	return m
}

// Report adds the rows of the table at the end of a run that this job alone has.
func (m *metrics) Report(t *lifecycle.Table) {
	row := t.Row
	m.Begin(t)
	name := "PSF"
	for _, line := range m.PSF.Notices() {
		row(name, "%s", line)
		name = ""
	}
	row("model", "%s, %d parameters; score %.2f", m.Model.Path, m.Model.Parameters, m.Model.Score)
	for _, line := range m.warnings() {
		row("", "%s", line)
	}
	if a := m.ADMM; a != nil {
		row("ADMM", "%d iterations of conjugate gradients; residuals %.2g primal, %.2g dual; D - I grows differences by %.2f or more", a.Inner, a.Primal[len(a.Primal)-1], a.Dual[len(a.Dual)-1], a.Lipschitz)
	}
	if m.TV != nil {
		row("TV beside it", "lambda %.4g, %d iterations, relative duality gap %.2g", m.TV.Lambda, m.TV.Iterations, m.TV.RelativeGap)
	}
	for _, b := range m.Beside {
		if b.Lambda > 0 {
			row("beside it", "%s, lambda %.4g", titles[b.Name], b.Lambda)
		}
	}
	if x := m.Tomography; x != nil {
		row("tomography", "%d angles of %d bins; observed is filtered back-projection", x.Angles, x.Bins)
	}
}
