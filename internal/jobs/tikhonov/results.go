package tikhonov

import (
	"fmt"
	"path/filepath"
	"slices"

	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/ranks"
)

// write leaves the result: the solution, pictures, and metrics.json. Collective.
func (r *run) write() error {
	return r.Finish(lifecycle.Ending{
		Write: func() (err error) {
			if r.m.Seconds.Gather, err = r.WriteArrays(r.pictures(), r.labels()); err != nil {
				return err
			}
			if err := r.writeErrors(); err != nil {
				return err
			}
			if err := ranks.AgreeError(r.Comm, r.WriteModel()); err != nil {
				return err
			}
			if !r.c.Output.Pictures || r.Comm.Rank() > 0 {
				return nil
			}
			return r.m.Search.draw(r.Path("lambda"), r.Figures(), r.m.LambdaRule, float64(r.m.Lambda))
		},
		Metrics: r.m,
		Chosen:  r.chosen,
	})
}

// resultFiles are all files that a run may leave.
func resultFiles() []string {
	return slices.Concat([]string{
		"solution.npy", "solution.fits", "solution.png", "observed.png", "residual.png", "truth.png", frames.ModelFile,
	}, report.Names(frames.PanelName, "lambda"), errorFiles(), homogenisedFiles)
}

// labels are those of the pictures; nil = no pictures.
func (r *run) labels() *frames.Labels {
	if !r.c.Output.Pictures {
		return nil
	}
	m, source := r.m, r.c.source()
	return r.Obs.Labels(r.c.Output.section(), "Tikhonov restoration of "+source.Subject(), fmt.Sprintf("Regulariser %s, lambda = %.4g.", m.Regulariser, m.Lambda))
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
	if r.even != nil {
		list = append(list, frames.Picture{Name: "homogenised.png", Title: "restored, with the target PSF", Owned: frames.Part(r.even), Panel: len(list), Files: r.homogenisedFiles()})
	}
	return list
}

// solutionFiles are the npy file, and where the frame came from a FITS file also a FITS
// file with its header.
func (r *run) solutionFiles() []frames.File {
	return r.namedFiles("solution", "")
}

// homogenisedFiles are those of the solution blurred with the target PSF.
func (r *run) homogenisedFiles() []frames.File {
	return r.namedFiles("homogenised", ", blurred with the target PSF "+r.c.Target.Kind)
}

func (r *run) namedFiles(name, more string) []frames.File {
	files := r.Npy(name + ".npy")
	if !r.Obs.FITS {
		return files
	}
	m, fits := r.m, frames.File{Path: r.Path(name + ".fits")}
	if src := r.Obs.Source; src != nil { // rank 0
		fits.Header, fits.Tables = src.Header, src.Tables
		fits.History = []string{
			fmt.Sprintf("tessera %s: Tikhonov restoration of %s%s", m.Tessera, filepath.Base(r.c.source().File()), more),
			fmt.Sprintf("method %s, regulariser %s, lambda %.6g, border %s, blur %s%s", m.Method, m.Regulariser, m.Lambda, m.Border, r.c.Blur.Kind, m.PSFModel.History()),
			fmt.Sprintf("%d iterations, relative residual %.2e, relative error bound %.2e", m.Iterations, m.Residual, m.ErrorBound),
		}
	}
	return append(files, fits)
}

// residual is W^(1/2) (y - H w). Collective.
func (r *run) residual() ([]float64, error) {
	return r.Residual(r.psf, frames.Borders[r.c.Tikhonov.Border], r.result.Solution)
}
