package tppa

import (
	"io"

	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
)

// metrics is metrics.json of a tppa job.
type metrics struct {
	frames.Record

	PSF     *frames.PSFReport `json:"psf,omitempty"` // absent without blur
	Border  string            `json:"border"`
	Model   modelMetrics      `json:"model"`
	TV      tvMetrics         `json:"tv"`
	Quality *quality          `json:"quality_db,omitempty"`
}

type modelMetrics struct {
	Path     string           `json:"path"`
	Digest   string           `json:"digest"` // of the training set
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

// quality compares with the truth. Observed counts the observed pixels only.
type quality struct {
	PSNRObserved lifecycle.Number `json:"psnr_observed"`
	PSNRLearned  lifecycle.Number `json:"psnr_learned"`
	PSNRTV       lifecycle.Number `json:"psnr_tv"`
	SNRObserved  lifecycle.Number `json:"snr_observed"`
	SNRLearned   lifecycle.Number `json:"snr_learned"`
	SNRTV        lifecycle.Number `json:"snr_tv"`
}

// files are those that a run may leave.
func files() []string {
	return []string{"solution.npy", "tv.npy", "solution.png", "tv.png", "observed.png", "truth.png", "panel.png"}
}

// write leaves both solutions, pictures, and metrics.json. Collective.
func (r *run) write() error {
	start, gathered := r.Comm.Wtime(), 0.0
	return r.Finish(lifecycle.Ending{
		Write: func() (err error) {
			if gathered, err = r.WriteArrays(r.pictures(), r.c.Output.Pictures); err != nil {
				return err
			}
			return r.LargestProcess()
		},
		Chosen: r.chosen,
		Metrics: func(total, memory float64) any {
			r.m.PeakMemoryMB = memory
			r.m.Seconds.Gather, r.m.Seconds.Write = gathered, r.Comm.Wtime()-start-gathered
			r.m.Seconds.Total = total
			return r.m
		},
		Summary: func(w io.Writer) error { return r.m.summary(w, r.Dir) },
	})
}

// pictures are drawn in this order, all with the stretch of the solution.
func (r *run) pictures() []frames.Picture {
	stretch := func(f *imageio.Frame) imageio.Stretch { return r.c.Output.section().StretchOf(f, r.Obs.Source) }
	list := []frames.Picture{
		{Name: "solution.png", Owned: frames.Part(r.result.learned), Stretch: stretch, Panel: 2, Files: r.Npy("solution.npy")},
		{Name: "tv.png", Owned: frames.Part(r.result.variation), Panel: 1, Files: r.Npy("tv.npy")},
		{Name: "observed.png", Owned: frames.Part(r.Obs.Data)},
	}
	if r.Obs.Truth != nil {
		list = append(list, frames.Picture{Name: "truth.png", Owned: frames.Part(r.Obs.Truth), Panel: 3})
	}
	return list
}

// chosen leaves out of config.toml what had no effect.
func (r *run) chosen() map[string]config.Value {
	m := map[string]config.Value{}
	if r.c.Image.Path != "" {
		for _, key := range []string{"from", "rows", "cols", "channels", "galaxies", "noise", "missing"} {
			m["simulate."+key] = config.Value{Omit: true}
		}
	}
	return m
}

// summary writes the short table at the end of a run.
func (m *metrics) summary(w io.Writer, dir string) error {
	t := lifecycle.NewTable(w)
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
		row("", "the PSF is not the model's: it differs by up to %.2g of the largest value", m.Model.OtherPSF)
	}
	row("TV beside it", "lambda %.4g by discrepancy, %d iterations, relative duality gap %.2g", m.TV.Lambda, m.TV.Iterations, m.TV.RelativeGap)
	if m.TV.Unmet != "" {
		row("", "no lambda meets the discrepancy principle: %s; the one that comes closest is used", m.TV.Unmet)
	}
	if q := m.Quality; q != nil {
		row("PSNR", "%.2f dB observed, %.2f dB TV, %.2f dB learned", q.PSNRObserved, q.PSNRTV, q.PSNRLearned)
		row("SNR", "%.2f dB observed, %.2f dB TV, %.2f dB learned", q.SNRObserved, q.SNRTV, q.SNRLearned)
	}
	return m.End(t, dir)
}
