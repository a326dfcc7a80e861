package tv

import (
	"fmt"
	"math"
	"path/filepath"

	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/ranks"
	"tessera/tv"
)

// files are those that a run may leave.
func files() []string {
	return append([]string{"solution.npy", "solution.fits", "solution.png", "observed.png", "residual.png", "truth.png", frames.ModelFile}, report.Names(frames.PanelName, "lambda", "gap")...)
}

// write leaves the result: the solution, pictures, and metrics.json. Collective.
func (r *run) write() error {
	return r.Finish(lifecycle.Ending{
		Write: func() (err error) {
			if r.m.Seconds.Gather, err = r.WriteArrays(r.pictures(), r.labels()); err != nil {
				return err
			}
			if err := ranks.AgreeError(r.Comm, r.WriteModel()); err != nil {
				return err
			}
			if !r.c.Output.Pictures || r.Comm.Rank() > 0 {
				return nil
			}
			return r.writePlots()
		},
		Metrics: r.m,
		Chosen:  r.chosen,
	})
}

// labels are those of the pictures; nil = no pictures.
func (r *run) labels() *frames.Labels {
	if !r.c.Output.Pictures {
		return nil
	}
	m, source := r.m, r.c.source()
	return r.Obs.Labels(r.c.Output.section(), "Total variation restoration of "+source.Subject(), fmt.Sprintf("Penalty: %s TV, lambda = %.4g.", m.Penalty, m.Lambda))
}

// pictures are drawn in this order. All but the residual are on the scale of the
// solution, so that they can be compared.
func (r *run) pictures() []frames.Picture {
	stretch := func(f *imageio.Frame) imageio.Stretch { return r.c.Output.section().StretchOf(f, r.Obs.Source) }
	list := []frames.Picture{
		{Name: "solution.png", Title: "restored", Scale: r.Obs.Intensity(), Owned: frames.Part(r.result.Solution), Stretch: stretch, Panel: 1, Files: r.solutionFiles()},
		{Name: "observed.png", Title: "observed", Owned: frames.Part(r.Obs.Data)},
		{Name: "residual.png", Title: "residual", Scale: r.Obs.Residual(), Owned: r.residual, Stretch: imageio.Diverging, Panel: 2},
	}
	if r.Obs.Truth != nil {
		list = append(list, frames.Picture{Name: "truth.png", Title: "truth", Owned: frames.Part(r.Obs.Truth), Panel: 3})
	}
	return list
}

// solutionFiles are the npy file, and where the frame came from a FITS file also a FITS
// file with its header.
func (r *run) solutionFiles() []frames.File {
	files := r.Npy("solution.npy")
	if !r.Obs.FITS {
		return files
	}
	m, fits := r.m, frames.File{Path: r.Path("solution.fits")}
	if src := r.Obs.Source; src != nil { // rank 0
		fits.Header, fits.Tables = src.Header, src.Tables
		fits.History = []string{
			fmt.Sprintf("tessera %s: total variation of %s", m.Tessera, filepath.Base(r.c.source().File())),
			fmt.Sprintf("method %s, penalty %s, lambda %.6g, border %s, blur %s%s", m.Method, m.Penalty, m.Lambda, m.Border, r.c.Blur.Kind, m.PSFModel.History()),
			fmt.Sprintf("%d iterations, relative duality gap %.2e", m.Iterations, m.RelativeGap),
		}
	}
	return append(files, fits)
}

// residual is W^(1/2) (y - H x), NaN at missing pixels. It is white noise if the model is
// right and the weights are inverse variances. Collective.
func (r *run) residual() ([]float64, error) {
	res := append([]float64(nil), r.solved...)
	if h := r.problem.Operator; h != nil {
		if err := h.Apply(res, r.solved); err != nil {
			return nil, err
		}
	}
	for i, y := range r.problem.Data {
		res[i] = (y - res[i]) * math.Sqrt(r.problem.Weights.At(i)) // NaN where y is
	}
	return res, nil
}

// chosen is what config.toml says in place of the values in force.
func (r *run) chosen() map[string]config.Value {
	m := map[string]config.Value{}
	if s := r.m.Search; s != nil {
		m["tv.lambda"] = config.Value{Value: float64(r.m.Lambda), Comment: fmt.Sprintf("found by %q", r.m.LambdaRule)}
		if r.c.TV.Method == string(tv.FPPA) && r.c.TV.Steps == "constant" {
			m["tv.step"] = config.Value{Value: min(1, float64(r.m.Step)*float64(r.m.Norm)), Comment: fmt.Sprintf("the config says %g", r.c.TV.Step)}
		}
	}
	frames.LeaveOut(m, &r.c.Image)
	return m
}
