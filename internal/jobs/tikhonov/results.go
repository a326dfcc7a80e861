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

// picture is one array of a result that is drawn.
type picture struct {
	name  string
	owned func() ([]float64, error) // this rank's part
	// draw says how, on rank 0, and does what else is done with the whole array.
	draw func(*imageio.Frame) (imageio.Stretch, error)
}

// write gathers and writes one array after the other, so that rank 0 holds no
// more than one whole frame at a time.
func (r *run) write() error {
	start, gathered := r.Comm.Wtime(), 0.0
	return r.Finish(lifecycle.Ending{
		Files: []string{"solution.npy", "solution.fits", "solution.png", "observed.png", "residual.png", "truth.png", "panel.png"},
		Write: func() (err error) {
			gathered, err = r.writePictures()
			return err
		},
		Metrics: func(total, memory float64) any {
			r.m.PeakMemoryMB = memory
			r.m.Seconds.Gather, r.m.Seconds.Write = gathered, r.Comm.Wtime()-start-gathered
			r.m.Seconds.Total = total
			return r.m
		},
		Summary: func(w io.Writer) error { return r.m.summary(w, r.Dir) },
	})
}

// writePictures leaves the solution and the pictures and returns the seconds that
// gathering the solution took.
func (r *run) writePictures() (gathered float64, err error) {
	start := r.Comm.Wtime()
	var panels []imageio.Panel
	for i, p := range r.pictures() {
		if i > 0 && !r.c.Output.Pictures {
			break
		}
		f, err := r.gather(p)
		if err != nil {
			return 0, err
		}
		if i == 0 {
			gathered = r.Comm.Wtime() - start
		}
		err = ranks.OnRoot(r.Comm, func() error {
			stretch, err := p.draw(f)
			if err != nil {
				return err
			}
			if !r.c.Output.Pictures {
				return nil
			}
			panels = append(panels, imageio.Panel{Frame: frames.Middle(f), Stretch: stretch})
			return imageio.WritePNG(r.Path(p.name), f, stretch)
		})
		if err != nil {
			return 0, err
		}
	}
	if panels == nil {
		return gathered, nil
	}
	panels[0], panels[1] = panels[1], panels[0] // observed first
	return gathered, imageio.WritePanels(r.Path("panel.png"), panels...)
}

// pictures are drawn in this order. All but the residual share the stretch of the
// solution, so that they can be compared.
func (r *run) pictures() []picture {
	var shared imageio.Stretch
	same := func(*imageio.Frame) (imageio.Stretch, error) { return shared, nil }
	part := func(a []float64) func() ([]float64, error) {
		return func() ([]float64, error) { return a, nil }
	}
	list := []picture{
		{"solution.png", part(r.result.Solution), func(f *imageio.Frame) (imageio.Stretch, error) {
			shared = r.c.Output.section().StretchOf(f, r.o.Source)
			return shared, r.writeSolution(f)
		}},
		{"observed.png", part(r.o.Data), same},
		{"residual.png", r.residual, func(f *imageio.Frame) (imageio.Stretch, error) {
			return imageio.Diverging(f), nil
		}},
	}
	if r.o.Truth != nil {
		list = append(list, picture{"truth.png", part(r.o.Truth), same})
	}
	return list
}

// gather collects a picture's whole array on rank 0; the others get a frame
// without pixels.
func (r *run) gather(p picture) (*imageio.Frame, error) {
	owned, err := p.owned()
	if err != nil {
		return nil, err
	}
	rows, cols := r.o.Shape()
	data, err := r.o.Frame.GatherTo(r.Comm, 0, owned, r.o.Channels)
	return &imageio.Frame{Channels: r.o.Channels, Rows: rows, Cols: cols, Data: data}, err
}

// writeSolution writes the npy, and where the frame came from FITS a FITS file
// with its header.
func (r *run) writeSolution(f *imageio.Frame) error {
	shape := []int{f.Channels, f.Rows, f.Cols}
	if f.Channels == 1 {
		shape = shape[1:]
	}
	if err := imageio.WriteNpy(r.Path("solution.npy"), shape, f.Data); err != nil {
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

// residual is W^(1/2) (y - H w), NaN at missing pixels: white noise if the model
// is right and the weights are inverse variances.
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
