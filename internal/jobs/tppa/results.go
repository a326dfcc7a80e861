package tppa

import (
	"fmt"

	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
)

// metrics is metrics.json of a tppa job.
type metrics struct {
	frames.Record

	PSF    *frames.PSFReport `json:"psf,omitempty"` // absent without blur
	Border string            `json:"border"`
	Model  modelMetrics      `json:"model"`
	TV     tvMetrics         `json:"tv"`

	Tikhonov tikhonovMetrics `json:"tikhonov"`
	Wavelet  waveletMetrics  `json:"wavelet"`
}

type modelMetrics struct {
	Path     string           `json:"path"`
	Digest   string           `json:"training_digest"` // of the training set
	Layers   int              `json:"layers"`
	Score    lifecycle.Number `json:"score"`
	Strange  bool             `json:"strange"`
	OtherPSF lifecycle.Number `json:"other_psf"`
}

type tvMetrics struct {
	Lambda      lifecycle.Number `json:"lambda"`
	Unmet       string           `json:"lambda_unmet"` // why no lambda meets the discrepancy principle; "" = one does
	Iterations  int              `json:"iterations"`
	Converged   bool             `json:"converged"`
	RelativeGap lifecycle.Number `json:"relative_gap"`
}

// files are those that a run may leave.
func files() []string {
	return append([]string{"solution.npy", "solution.fits", "tikhonov.npy", "tv.npy", "wavelet.npy",
		"solution.png", "tikhonov.png", "tv.png", "wavelet.png", "observed.png", "truth.png", frames.ModelFile}, report.Names(frames.PanelName)...)
}

// write leaves both solutions, pictures, and metrics.json. Collective.
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

// insetZoom is how many times the panels enlarge the middle in a corner.
const insetZoom = 3

// labels are those of the pictures; nil = no pictures.
func (r *run) labels() *frames.Labels {
	if !r.c.Output.Pictures {
		return nil
	}
	source := r.c.source()
	return r.Obs.Labels(r.c.Output.section(), "Restorations of "+source.Subject(),
		fmt.Sprintf("Learned with %d layers; total variation with lambda = %.4g. In each corner the middle, enlarged %d times.", r.m.Model.Layers, r.m.TV.Lambda, insetZoom))
}

// pictures are drawn in this order, all on the scale of the solution. The panel has the truth, if it
// is known, the observation, and the restorations, the learned one last.
func (r *run) pictures() []frames.Picture {
	stretch := func(f *imageio.Frame) imageio.Stretch { return r.c.Output.section().StretchOf(f, r.Obs.Source) }
	list := []frames.Picture{{Name: "solution.png", Title: "learned", Scale: r.Obs.Intensity(), Owned: frames.Part(r.result.learned), Stretch: stretch, Files: r.AnswerFiles(fmt.Sprintf("tessera %s: restoration by the unrolled proximal iteration of %s", r.m.Tessera, r.c.TPPA.Model))}}
	add := func(name, title string, x []float64, files []frames.File) {
		if x != nil {
			list = append(list, frames.Picture{Name: name + ".png", Title: title, Owned: frames.Part(x), Panel: len(list) - 1, Files: files})
		}
	}
	add("truth", "truth", r.Obs.Truth, nil)
	add("observed", "observed", r.Obs.Data, nil)
	add("tikhonov", "Tikhonov", r.result.smoothed.x, r.Npy("tikhonov.npy"))
	add("tv", "total variation", r.result.variation, r.Npy("tv.npy"))
	add("wavelet", "wavelet plug-and-play", r.result.plugged.Solution, r.Npy("wavelet.npy"))
	list[0].Panel = len(list) - 1
	for i := range list {
		list[i].Inset = insetZoom
	}
	return list
}

// chosen leaves out of config.toml what had no effect.
func (r *run) chosen() map[string]config.Value {
	m := map[string]config.Value{}
	frames.LeaveOut(m, &r.c.Image)
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
	row("model", "%s, %d layers", m.Model.Path, m.Model.Layers)
	row("data", "%s", m.Model.String())
	if m.Model.OtherPSF > 0.01 {
		row("", "%s", m.Model.otherText())
	}
	row("TV beside it", "lambda %.4g by discrepancy; the cost is at most %.2g of it above its minimum (duality gap after %d iterations)", m.TV.Lambda, m.TV.RelativeGap, m.TV.Iterations)
	if m.TV.Unmet != "" {
		row("", "no lambda meets the discrepancy principle: %s; the one that comes closest is used", m.TV.Unmet)
	}
	row("Tikhonov", "%s", m.Tikhonov.String())
	row("wavelet", "plug-and-play, %d levels, threshold %.4g, misfit %.3g of that of the noise", m.Wavelet.Levels, m.Wavelet.Threshold, m.Wavelet.Misfit)
	if m.Wavelet.Unmet != "" {
		row("", "no threshold meets the discrepancy principle: %s; the one that comes closest is used", m.Wavelet.Unmet)
	}
}
