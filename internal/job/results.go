package job

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"tessera/internal/imageio"
	"tessera/ranks"
	"tessera/tikhonov/image"
)

// panelSide is the side of the pictures in panel.png: the middle of the frame at
// full resolution shows more than all of it made small.
const panelSide = 640

// write gathers and writes one array after the other, so that rank 0 holds no
// more than one whole frame at a time, and metrics.json last of all.
func (r *restoration) write() error {
	r.env.Progress.Phase("writing " + r.c.Output.Dir)
	start, gathered := r.comm.Wtime(), 0.0
	rows, cols := r.o.shape()
	gather := func(owned []float64) (*imageio.Frame, error) {
		before := r.comm.Wtime()
		data, err := r.o.frame.GatherTo(r.comm, 0, owned, r.o.channels)
		gathered += r.comm.Wtime() - before
		return &imageio.Frame{Channels: r.o.channels, Rows: rows, Cols: cols, Data: data}, err
	}
	path := func(name string) string { return filepath.Join(r.c.Output.Dir, name) }
	var panels []imageio.Panel
	// draw writes a picture and keeps its middle for the panel.
	draw := func(name string, f *imageio.Frame, s imageio.Stretch) error {
		panels = append(panels, imageio.Panel{Frame: middle(f), Stretch: s})
		return imageio.WritePNG(path(name), f, s)
	}

	if err := onRoot(r.comm, r.clear); err != nil {
		return err
	}
	solution, err := gather(r.result.Solution)
	if err != nil {
		return err
	}
	var stretch imageio.Stretch
	err = onRoot(r.comm, func() error {
		if r.m != nil {
			r.m.Seconds.Gather = gathered
		}
		stretch = r.c.Output.stretch(solution, r.source())
		if err := r.writeSolution(solution); err != nil {
			return err
		}
		return draw("solution.png", solution, stretch)
	})
	if err != nil {
		return err
	}
	solution = nil

	observed, err := gather(r.o.data)
	if err != nil {
		return err
	}
	if err := onRoot(r.comm, func() error { return draw("observed.png", observed, stretch) }); err != nil {
		return err
	}
	observed = nil

	residual, err := r.residual()
	if err != nil {
		return err
	}
	whole, err := gather(residual)
	if err != nil {
		return err
	}
	err = onRoot(r.comm, func() error { return draw("residual.png", whole, imageio.Diverging(whole)) })
	if err != nil {
		return err
	}
	if r.o.truth != nil {
		if whole, err = gather(r.o.truth); err != nil {
			return err
		}
		if err := onRoot(r.comm, func() error { return draw("truth.png", whole, stretch) }); err != nil {
			return err
		}
	}
	memory, err := peakMemory(r.comm)
	if err != nil {
		return err
	}
	return onRoot(r.comm, func() error {
		panels[0], panels[1] = panels[1], panels[0] // observed, solution, residual, truth
		if err := imageio.WritePanels(path("panel.png"), panels...); err != nil {
			return err
		}
		r.m.PeakMemoryMB = memory
		now := r.comm.Wtime()
		r.m.Seconds.Write = now - start - gathered
		r.m.Seconds.Total = now - r.began
		if err := r.m.write(r.c.Output.Dir); err != nil {
			return err
		}
		r.env.Progress.Done()
		return r.m.summary(r.env.Summary, r.c.Output.Dir)
	})
}

// clear removes what an earlier run left, its metrics first.
func (r *restoration) clear() error {
	for _, name := range []string{
		metricsName, "solution.npy", "solution.fits", "solution.png", "observed.png",
		"residual.png", "truth.png", "panel.png", logName, failedLogName,
	} {
		if err := os.Remove(filepath.Join(r.c.Output.Dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// source is what the frame was read from; nil if it was made up. On rank 0.
func (r *restoration) source() *imageio.Frame { return r.o.source }

// writeSolution writes the npy, and where the frame came from FITS a FITS file
// with its header.
func (r *restoration) writeSolution(f *imageio.Frame) error {
	shape := []int{f.Channels, f.Rows, f.Cols}
	if f.Channels == 1 {
		shape = shape[1:]
	}
	if err := imageio.WriteNpy(filepath.Join(r.c.Output.Dir, "solution.npy"), shape, f.Data); err != nil {
		return err
	}
	src := r.source()
	if src == nil || src.Format != "fits" {
		return nil
	}
	out := *f
	out.Header, out.Type = src.Header, "float64"
	m := r.m
	return imageio.WriteFITS(filepath.Join(r.c.Output.Dir, "solution.fits"), &out,
		fmt.Sprintf("tessera %s: Tikhonov restoration of %s", m.Tessera, filepath.Base(r.c.Image.Path+r.c.Simulate.From)),
		fmt.Sprintf("method %s, regulariser %s, lambda %.6g, border %s, blur %s", m.Method, m.Regulariser, m.Lambda, m.Border, r.c.Blur.Kind),
		fmt.Sprintf("%d iterations, relative residual %.2e, relative error bound %.2e", m.Iterations, m.Residual, m.ErrorBound),
	)
}

// residual is W^(1/2) (y - H w), NaN at missing pixels: white noise if the model
// is right and the weights are inverse variances.
func (r *restoration) residual() ([]float64, error) {
	blur, err := image.NewBlur(r.comm, r.o.frame, r.o.channels, r.kernel, r.c.Tikhonov.border())
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
