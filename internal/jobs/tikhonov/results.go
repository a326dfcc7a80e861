package tikhonov

import (
	"fmt"
	"io"
	"math"
	"path/filepath"

	"tessera/forward"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// write leaves the result: the solution, pictures, and metrics.json. Collective.
func (r *run) write() error {
	start, gathered := r.Comm.Wtime(), 0.0
	return r.Finish(lifecycle.Ending{
		Files: []string{"solution.npy", "solution.fits", "solution.png", "observed.png", "residual.png", "truth.png", "panel.png", "lambda.png", "lambda.svg"},
		Write: func() (err error) {
			gathered, err = r.writePictures(r.pictures(), r.c.Output.Pictures)
			if err != nil || !r.c.Output.Pictures || r.Comm.Rank() > 0 {
				return err
			}
			return r.m.Search.write(r.Path, r.m.LambdaRule, float64(r.m.Lambda))
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

// pictures are drawn in this order. All but the residual share the stretch of the
// solution, so that they can be compared.
func (r *run) pictures() []picture {
	var shared imageio.Stretch
	same := func(*imageio.Frame) (imageio.Stretch, error) { return shared, nil }
	list := []picture{
		{"solution.png", part(r.result.Solution), func(f *imageio.Frame) (imageio.Stretch, error) {
			shared = r.c.Output.section().StretchOf(f, r.o.Source)
			return shared, r.writeSolution(f)
		}, 1},
		{"observed.png", part(r.o.Data), same, 0},
		{"residual.png", r.residual, func(f *imageio.Frame) (imageio.Stretch, error) {
			return imageio.Diverging(f), nil
		}, 2},
	}
	if r.o.Truth != nil {
		list = append(list, picture{"truth.png", part(r.o.Truth), same, 3})
	}
	return list
}

// writeSolution writes the npy file, and where the frame came from a FITS file also a FITS
// file with its header.
func (r *run) writeSolution(f *imageio.Frame) error {
	if err := r.writeNpy("solution.npy", f); err != nil {
		return err
	}
	src := r.o.Source
	if src == nil || src.Format != "fits" {
		return nil
	}
	out := *f
	out.Header, out.Type = src.Header, "float64"
	m := r.m
	return imageio.WriteFITS(r.Path("solution.fits"), &out,
		fmt.Sprintf("tessera %s: Tikhonov restoration of %s", m.Tessera, filepath.Base(r.c.source().File())),
		fmt.Sprintf("method %s, regulariser %s, lambda %.6g, border %s, blur %s", m.Method, m.Regulariser, m.Lambda, m.Border, r.c.Blur.Kind),
		fmt.Sprintf("%d iterations, relative residual %.2e, relative error bound %.2e", m.Iterations, m.Residual, m.ErrorBound),
	)
}

// residual is W^(1/2) (y - H w), NaN at missing pixels. It is white noise if the model is
// right and the weights are inverse variances. Collective.
func (r *run) residual() ([]float64, error) {
	blur, err := forward.NewBlur(r.Comm, r.o.Frame, r.o.Channels, r.psf, frames.Borders[r.c.Tikhonov.Border])
	if err := ranks.AgreeError(r.Comm, err); err != nil {
		return nil, err
	}
	res := make([]float64, len(r.o.Data))
	if err := blur.Apply(res, r.result.Solution); err != nil {
		return nil, err
	}
	for i, y := range r.o.Data {
		res[i] = (y - res[i]) * math.Sqrt(r.o.Weights.At(i)) // NaN where y is
	}
	return res, nil
}
