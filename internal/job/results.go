package job

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"tessera/forward"
	"tessera/internal/imageio"
	"tessera/ranks"
)

// panelSide is the side of the pictures in panel.png: the middle of the frame at
// full resolution shows more than all of it made small.
const panelSide = 640

// picture is one array of a result that is drawn.
type picture struct {
	name  string
	owned func() ([]float64, error) // this rank's part
	// draw says how, on rank 0, and does what else is done with the whole array.
	draw func(*imageio.Frame) (imageio.Stretch, error)
}

// write gathers and writes one array after the other, so that rank 0 holds no
// more than one whole frame at a time, and metrics.json last of all.
func (r *restoration) write() error {
	r.env.Progress.Phase("writing " + r.c.Output.Dir)
	if err := onRoot(r.comm, r.clear); err != nil {
		return err
	}
	start := r.comm.Wtime()
	var panels []imageio.Panel
	gathered := 0.0 // seconds, for the solution
	for i, p := range r.pictures() {
		if i > 0 && !r.c.Output.Pictures {
			break
		}
		f, err := r.gather(p)
		if err != nil {
			return err
		}
		if i == 0 {
			gathered = r.comm.Wtime() - start
		}
		err = onRoot(r.comm, func() error {
			stretch, err := p.draw(f)
			if err != nil {
				return err
			}
			if !r.c.Output.Pictures {
				return nil
			}
			panels = append(panels, imageio.Panel{Frame: middle(f), Stretch: stretch})
			return imageio.WritePNG(r.path(p.name), f, stretch)
		})
		if err != nil {
			return err
		}
	}
	memory, err := peakMemory(r.comm)
	if err != nil {
		return err
	}
	return onRoot(r.comm, func() error {
		if r.c.Output.Pictures {
			panels[0], panels[1] = panels[1], panels[0] // observed first
			if err := imageio.WritePanels(r.path("panel.png"), panels...); err != nil {
				return err
			}
		}
		r.m.PeakMemoryMB = memory
		now := r.comm.Wtime()
		r.m.Seconds.Gather, r.m.Seconds.Write = gathered, now-start-gathered
		r.m.Seconds.Total = now - r.began
		if err := writeMetrics(r.c.Output.Dir, r.m); err != nil {
			return err
		}
		r.env.Progress.Done()
		return r.m.summary(r.env.Summary, r.c.Output.Dir)
	})
}

// pictures are drawn in this order. All but the residual share the stretch of the
// solution, so that they can be compared.
func (r *restoration) pictures() []picture {
	var shared imageio.Stretch
	same := func(*imageio.Frame) (imageio.Stretch, error) { return shared, nil }
	part := func(a []float64) func() ([]float64, error) {
		return func() ([]float64, error) { return a, nil }
	}
	list := []picture{
		{"solution.png", part(r.result.Solution), func(f *imageio.Frame) (imageio.Stretch, error) {
			shared = r.c.Output.section().stretch(f, r.o.source)
			return shared, r.writeSolution(f)
		}},
		{"observed.png", part(r.o.data), same},
		{"residual.png", r.residual, func(f *imageio.Frame) (imageio.Stretch, error) {
			return imageio.Diverging(f), nil
		}},
	}
	if r.o.truth != nil {
		list = append(list, picture{"truth.png", part(r.o.truth), same})
	}
	return list
}

// gather collects a picture's whole array on rank 0; the others get a frame
// without pixels.
func (r *restoration) gather(p picture) (*imageio.Frame, error) {
	owned, err := p.owned()
	if err != nil {
		return nil, err
	}
	rows, cols := r.o.shape()
	data, err := r.o.frame.GatherTo(r.comm, 0, owned, r.o.channels)
	return &imageio.Frame{Channels: r.o.channels, Rows: rows, Cols: cols, Data: data}, err
}

func (r *restoration) path(name string) string { return filepath.Join(r.c.Output.Dir, name) }

func (r *restoration) clear() error {
	return clearResult(r.c.Output.Dir, "solution.npy", "solution.fits", "solution.png", "observed.png",
		"residual.png", "truth.png", "panel.png")
}

// clearResult removes what an earlier run left, its metrics first.
func clearResult(dir string, names ...string) error {
	for _, name := range append([]string{metricsName, logName, failedLogName}, names...) {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// writeSolution writes the npy, and where the frame came from FITS a FITS file
// with its header.
func (r *restoration) writeSolution(f *imageio.Frame) error {
	shape := []int{f.Channels, f.Rows, f.Cols}
	if f.Channels == 1 {
		shape = shape[1:]
	}
	if err := imageio.WriteNpy(r.path("solution.npy"), shape, f.Data); err != nil {
		return err
	}
	src := r.o.source
	if src == nil || src.Format != "fits" {
		return nil
	}
	out := *f
	out.Header, out.Type = src.Header, "float64"
	m := r.m
	return imageio.WriteFITS(r.path("solution.fits"), &out,
		fmt.Sprintf("tessera %s: Tikhonov restoration of %s", m.Tessera, filepath.Base(r.c.file())),
		fmt.Sprintf("method %s, regulariser %s, lambda %.6g, border %s, blur %s", m.Method, m.Regulariser, m.Lambda, m.Border, r.c.Blur.Kind),
		fmt.Sprintf("%d iterations, relative residual %.2e, relative error bound %.2e", m.Iterations, m.Residual, m.ErrorBound),
	)
}

// residual is W^(1/2) (y - H w), NaN at missing pixels: white noise if the model
// is right and the weights are inverse variances.
func (r *restoration) residual() ([]float64, error) {
	blur, err := forward.NewBlur(r.comm, r.o.frame, r.o.channels, r.kernel, r.c.Tikhonov.border())
	if err := ranks.AgreeError(r.comm, err); err != nil {
		return nil, err
	}
	res := make([]float64, len(r.o.data))
	if err := blur.Apply(res, r.result.Solution); err != nil {
		return nil, err
	}
	for i, y := range r.o.data {
		res[i] = y - res[i] // NaN where y is
		if r.o.weights != nil {
			res[i] *= math.Sqrt(r.o.weights[i%len(r.o.weights)])
		}
	}
	return res, nil
}

// middle copies at most panelSide x panelSide pixels around the centre.
func middle(f *imageio.Frame) *imageio.Frame {
	m := &imageio.Frame{Channels: f.Channels, Rows: min(f.Rows, panelSide), Cols: min(f.Cols, panelSide)}
	m.Data = make([]float64, 0, m.Channels*m.Rows*m.Cols)
	r0, c0 := (f.Rows-m.Rows)/2, (f.Cols-m.Cols)/2
	for c := range f.Channels {
		for i := range m.Rows {
			at := (c*f.Rows+r0+i)*f.Cols + c0
			m.Data = append(m.Data, f.Data[at:at+m.Cols]...)
		}
	}
	return m
}

// stretch is how pictures of pixel values are drawn: as the config says, or in
// proportion for a photograph and asinh for everything else.
func (s *outputSection) stretch(f, source *imageio.Frame) imageio.Stretch {
	photograph := source != nil && (source.Format == "png" || source.Format == "jpeg")
	if s.Stretch == "linear" || s.Stretch == "auto" && photograph {
		if photograph {
			return imageio.Linear(0, 1)
		}
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, v := range f.Data {
			lo, hi = min(lo, v), max(hi, v)
		}
		if lo < hi {
			return imageio.Linear(lo, hi)
		}
	}
	return imageio.Asinh(f)
}
