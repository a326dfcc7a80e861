package tikhonov

import (
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/ranks"
)

// picture is one array of a result, which is drawn and may have files of its own.
type picture struct {
	name    string                               // of its PNG file; "" = in panel.png alone
	owned   func() ([]float64, error)            // this rank's part; collective
	stretch func(*imageio.Frame) imageio.Stretch // measured on rank 0; nil = that of the first picture
	panel   int                                  // its place in panel.png, from the left
	files   []frames.File                        // the array itself
}

// part is an array that is there already.
func part(a []float64) func() ([]float64, error) {
	return func() ([]float64, error) { return a, nil }
}

// npy is the file of an array in the directory of the result.
func (r *restoration) npy(name string) []frames.File { return []frames.File{{Path: r.Path(name)}} }

// writeArrays writes one array after the other into its files and, with pictures, draws it.
// It gathers one whole array at a time on rank 0, or none if the run is apart: then pictures
// are drawn from block means, and panel.png from the middle. It returns the seconds that
// gathering the first array, the solution, took. Collective.
func (r *restoration) writeArrays(list []picture, pictures bool) (gathered float64, err error) {
	panels := make([]imageio.Panel, len(list))
	var first [2]imageio.Stretch // of the first picture, and of its middle
	for i, p := range list {
		if !pictures && len(p.files) == 0 {
			continue
		}
		owned, err := p.owned()
		if err != nil {
			return 0, err
		}
		start := r.Comm.Wtime()
		whole, err := r.gather(owned)
		if err != nil {
			return 0, err
		}
		if i == 0 && !r.apart {
			gathered = r.Comm.Wtime() - start
		}
		if err := r.writeFiles(p.files, owned, whole); err != nil {
			return gathered, err
		}
		if !pictures {
			continue
		}
		drawn, middle, err := r.views(owned, whole)
		if err != nil {
			return gathered, err
		}
		err = ranks.OnRoot(r.Comm, func() error {
			stretch := first
			if p.stretch != nil {
				// The noise of block means is smaller than that of pixels.
				stretch[0] = p.stretch(drawn)
				if stretch[1] = stretch[0]; drawn.Rows < r.record.Rows || drawn.Cols < r.record.Cols {
					stretch[1] = p.stretch(middle)
				}
			}
			if i == 0 {
				first = stretch
			}
			panels[p.panel] = imageio.Panel{Frame: middle, Stretch: stretch[1]}
			if p.name == "" {
				return nil
			}
			return imageio.WritePNG(r.Path(p.name), drawn, stretch[0])
		})
		if err != nil {
			return gathered, err
		}
	}
	if !pictures {
		return gathered, nil
	}
	return gathered, ranks.OnRoot(r.Comm, func() error { return imageio.WritePanels(r.Path("panel.png"), panels...) })
}

// gather collects a whole array on rank 0; the result is nil on the other ranks, and on all
// ranks of a run that is apart. Collective.
func (r *restoration) gather(owned []float64) (*imageio.Frame, error) {
	if r.apart {
		return nil, nil
	}
	rows, cols := r.o.Shape()
	data, err := r.o.Frame.GatherTo(r.Comm, 0, owned, r.o.Channels)
	if err != nil || r.Comm.Rank() != 0 {
		return nil, err
	}
	return &imageio.Frame{Channels: r.o.Channels, Rows: rows, Cols: cols, Data: data}, nil
}

// writeFiles writes an array from rank 0, which holds the whole of it, or from all ranks.
// Collective.
func (r *restoration) writeFiles(files []frames.File, owned []float64, whole *imageio.Frame) error {
	for _, f := range files {
		write := func() error { return ranks.OnRoot(r.Comm, func() error { return f.WriteWhole(whole) }) }
		if r.apart {
			write = func() error { return r.o.WriteParts(r.Comm, &f, owned) }
		}
		if err := write(); err != nil {
			return err
		}
	}
	return nil
}

// views is an array as it is drawn, and its middle at full resolution, on rank 0. Collective.
func (r *restoration) views(owned []float64, whole *imageio.Frame) (drawn, middle *imageio.Frame, err error) {
	switch {
	case r.apart:
		return r.o.Views(r.Comm, owned)
	case whole != nil:
		return whole, frames.Middle(whole), nil
	}
	return nil, nil, nil
}
