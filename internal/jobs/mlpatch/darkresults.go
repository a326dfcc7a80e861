package mlpatch

import (
	"fmt"
	"math"
	"path/filepath"

	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/internal/training"
	"tessera/ranks"
)

// darkMetrics is metrics.json of a darkmatter job.
type darkMetrics struct {
	frames.Record

	Pixel    float64           `json:"pixel_arcmin"`
	Observed lifecycle.Number  `json:"observed_share"` // share of the pixels
	Galaxies int               `json:"galaxies,omitempty"`
	Signs    string            `json:"-"`        // axes of the ellipticities of a catalogue, as the config says
	Spectrum string            `json:"spectrum"` // the file, or "estimated"
	Wiener   wienerMetrics     `json:"wiener"`
	RMS      rmsMetrics        `json:"rms"`
	Bands    bandMetrics       `json:"bands"`
	Peaks    peakMetrics       `json:"peaks"`
	Model    *correctorMetrics `json:"model,omitempty"`    // absent without a network
	Training *learnMetrics     `json:"training,omitempty"` // absent where none was learned

	Validation []training.Validation `json:"validation,omitempty"` // on simulated skies, at observed pixels
}

// correctorMetrics is what the network was learned for.
type correctorMetrics struct {
	Path       string           `json:"path"`
	Digest     string           `json:"training_digest"`
	Parameters int              `json:"parameters"`
	Pixel      lifecycle.Number `json:"pixel_arcmin"`
	Sigma      lifecycle.Number `json:"sigma"` // median over the observed pixels
	RMS        lifecycle.Number `json:"rms"`   // of the Wiener maps
	Warnings   []string         `json:"warnings"`
}

type wienerMetrics struct {
	Seconds lifecycle.Number `json:"seconds"` // of one map
}

// rmsMetrics are of the modes of Kaiser and Squires at observed pixels.
type rmsMetrics struct {
	E lifecycle.Number `json:"e"`
	B lifecycle.Number `json:"b"`
}

// bandMetrics are spectra C_ell.
type bandMetrics struct {
	Ell    lifecycle.Series `json:"ell"`
	E      lifecycle.Series `json:"e"`
	B      lifecycle.Series `json:"b"`
	Noise  lifecycle.Series `json:"noise"`
	Wiener lifecycle.Series `json:"wiener"`
}

// peakMetrics count peaks of the map of signal to noise.
type peakMetrics struct {
	Over3 int `json:"over_3"`
	Over5 int `json:"over_5"`
}

// wienerColumn is the name of the Wiener map beside the answer of a network.
const wienerColumn = "wiener"

// darkFiles are those that a run may leave.
func darkFiles() []string {
	return append([]string{"solution.npy", "solution.fits", "wiener.npy", "wiener.fits", "model.npz", "ks_e.npy", "ks_b.npy", "spread.npy", "snr.npy", "truth.npy"},
		report.Names("wiener", "learned", "ks_e", "ks_b", "snr", "truth", "spread", "losses", frames.PanelName)...)
}

// write leaves the maps, pictures and metrics.json. Collective.
func (r *darkRun) write() error {
	return r.Finish(lifecycle.Ending{
		Write: func() (err error) {
			if r.m.Seconds.Gather, err = r.WriteArrays(r.pictures(), r.labels()); err != nil || !r.c.learns() {
				return err
			}
			return ranks.OnRoot(r.Comm, r.writeModel)
		},
		Metrics: r.m,
		Remove:  r.learn.Remove,
		Chosen:  r.chosen,
	})
}

// chosen is what config.toml of the result holds in place of the values of the config. Rank 0.
func (r *darkRun) chosen() map[string]config.Value {
	if !r.c.estimate {
		return nil
	}
	return map[string]config.Value{"shear.sigma": {Value: r.sigma, Comment: "the root mean square of the ellipticities of the catalogue"}}
}

// labels are those of the pictures; nil = no pictures.
func (r *darkRun) labels() *frames.Labels {
	if !r.c.Output.Pictures {
		return nil
	}
	of := "a simulated field"
	for _, path := range []string{r.c.Catalogue.Path, r.c.Shear.E1, r.c.Simulate.From} {
		if path != "" {
			of = filepath.Base(path)
			break
		}
	}
	l := &frames.Labels{
		Title: "Mass maps of " + of, Lower: r.c.Output.Origin.Lower(r.headed), Observed: r.outlined, Pixel: r.m.Pixel, Unit: "arcmin",
		Notes: []string{fmt.Sprintf("Pixels of %.3g arcmin, spread of the noise from %d realisations.", r.m.Pixel, r.c.Noise.Realisations)},
	}
	if r.empty > 0 {
		l.Notes = append(l.Notes, fmt.Sprintf("%d of %d pixels have no galaxy.", r.empty, r.m.Rows*r.m.Cols))
	}
	if longest := float64(max(r.m.Rows, r.m.Cols)) * l.Pixel; longest > 300 {
		l.Pixel, l.Unit = l.Pixel/60, "deg"
	}
	return l
}

// pictures are drawn in this order. Both modes of Kaiser and Squires are on one scale, and the truth is on that of the Wiener map.
func (r *darkRun) pictures() []frames.Picture {
	named := func(name string) []frames.File {
		files := r.Npy(name + ".npy")
		if r.headed {
			files = append(files, frames.File{Path: r.Path(name + ".fits"), Header: r.header})
		}
		return files
	}
	files := named("solution")
	if r.learned != nil {
		files = named("wiener")
	}
	const wiener, modes = "convergence of the Wiener map (no unit)", "convergence of Kaiser and Squires (no unit)"
	list := []frames.Picture{
		{Chart: "wiener", Title: "Wiener map", Scale: wiener, Owned: frames.Part(r.wiener), Stretch: symmetric, Panel: 2, Files: files},
		{Chart: "ks_e", Title: "E mode, Kaiser and Squires", Scale: modes, Owned: frames.Part(r.ks), Stretch: symmetric, Panel: 0, Files: r.Npy("ks_e.npy")},
		{Chart: "ks_b", Title: "B mode, Kaiser and Squires", Scale: modes, Owned: frames.Part(r.b), Panel: 1, Files: r.Npy("ks_b.npy")},
		{Chart: "snr", Title: "signal to noise", Scale: "Wiener map / its standard deviation from noise", Owned: frames.Part(r.ratio), Stretch: symmetric, Panel: 3, Files: r.Npy("snr.npy")},
	}
	if r.learned != nil {
		list[len(list)-1].Panel++
		list = append(list, frames.Picture{Chart: "learned", Title: "learned map", Scale: wiener, Owned: frames.Part(r.learned), Panel: 3, Files: named("solution")})
	}
	if r.truth != nil {
		list = append(list, frames.Picture{Chart: "truth", Title: "truth", Scale: wiener, Owned: frames.Part(r.truth), Panel: len(list), Files: r.Npy("truth.npy")})
	}
	spread := frames.Picture{Chart: "spread", Title: "standard deviation from noise", Scale: "standard deviation of the Wiener map (no unit)", Owned: frames.Part(r.spread), Panel: len(list), Files: r.Npy("spread.npy")}
	spread.Stretch = func(f *imageio.Frame) imageio.Stretch { return imageio.Linear(0, largest(f)) }
	return append(list, spread)
}

// symmetric is the stretch of a signed map, from its largest absolute value on both sides of 0.
func symmetric(f *imageio.Frame) imageio.Stretch { return imageio.Symmetric(largest(f)) }

// largest is the largest absolute value of a map; 1 if it has none.
func largest(f *imageio.Frame) float64 {
	most := 0.0
	for _, v := range f.Data {
		if a := math.Abs(v); a > most && !math.IsInf(a, 0) {
			most = a
		}
	}
	if most == 0 {
		return 1
	}
	return most
}

// Report adds the rows of the table at the end of a run that this job alone has.
func (m *darkMetrics) Report(t *lifecycle.Table) {
	row := t.Row
	m.Begin(t)
	row("sky", "%.4g x %.4g degrees, pixels of %g arcmin, %.1f %% observed", float64(m.Rows)*m.Pixel/60, float64(m.Cols)*m.Pixel/60, m.Pixel, 100*float64(m.Observed))
	if m.Galaxies > 0 {
		row("galaxies", "%d", m.Galaxies)
		row("ellipticity", "%s", m.Signs)
		row("", "the rms of E and B modes does not show two wrong signs, and one only where the shear is above the noise")
	}
	row("spectrum", "%s", m.Spectrum)
	row("Wiener", "%.3g s a map", m.Wiener.Seconds)
	row("rms", "E mode %.4g, B mode %.4g (Kaiser and Squires, observed pixels)", m.RMS.E, m.RMS.B)
	row("peaks", "%d with S/N of 3 and more, %d of 5 and more", m.Peaks.Over3, m.Peaks.Over5)
	if x := m.Model; x != nil {
		row("network", "%s, %d parameters, learned for pixels of %g arcmin with a noise of %.3g", x.Path, x.Parameters, float64(x.Pixel), x.Sigma)
		for _, line := range x.Warnings {
			row("", "%s", line)
		}
	}
	if a := m.Training; a != nil {
		row("training", "%d skies, %d steps, loss %.4g to %.4g, %.1f s", a.Pictures, a.Steps, a.Losses[0], a.Losses[len(a.Losses)-1], a.Seconds)
	}
	for _, v := range m.Validation {
		learned, wiener := *v.Quality[lifecycle.AnswerColumn].RMSE, *v.Quality[wienerColumn].RMSE
		row("simulation", "rms error %.4g, %.3f of that of Wiener (skies that were not learned from)", learned, float64(learned/wiener))
	}
}
