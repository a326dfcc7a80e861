package frames

import (
	"tessera/internal/imageio"
	"tessera/ranks"
)

// Picture is one array of a result, which is drawn and may have files of its own.
type Picture struct {
	Name    string                               // of its PNG file; "" = in panel.png alone
	Owned   func() ([]float64, error)            // this rank's part; collective
	Stretch func(*imageio.Frame) imageio.Stretch // measured on rank 0; nil = that of the first picture
	Panel   int                                  // its place in panel.png, from the left
	Inset   int                                  // how many times its panel enlarges the middle in a corner; 0 = not
	Files   []File                               // the array itself
}

// Part is an array that is there already.
func Part(a []float64) func() ([]float64, error) {
	return func() ([]float64, error) { return a, nil }
}

// Npy is the file of an array in the directory of the result.
func (r *Restoration) Npy(name string) []File { return []File{{Path: r.Path(name)}} }

// WriteArrays writes one array after the other into its files and, with pictures, draws it.
// It gathers one whole array at a time on rank 0, or none if the run is apart: then pictures
// are drawn from block means, and panel.png from the middle. It returns the seconds that
// gathering the first array, the solution, took. Collective.
func (r *Restoration) WriteArrays(list []Picture, pictures bool) (gathered float64, err error) {
	panels := make([]imageio.Panel, len(list))
	var first [2]imageio.Stretch // of the first picture, and of its middle
	for i, p := range list {
		if !pictures && len(p.Files) == 0 {
			continue
		}
		owned, err := p.Owned()
		if err != nil {
			return 0, err
		}
		start := r.Comm.Wtime()
		whole, err := r.Gather(owned)
		if err != nil {
			return 0, err
		}
		if i == 0 && !r.Apart {
			gathered = r.Comm.Wtime() - start
		}
		if err := r.WriteFiles(p.Files, owned, whole); err != nil {
			return gathered, err
		}
		if !pictures {
			continue
		}
		drawn, middle, err := r.Views(owned, whole)
		if err != nil {
			return gathered, err
		}
		err = ranks.OnRoot(r.Comm, func() error {
			stretch := first
			if p.Stretch != nil {
				// The noise of block means is smaller than that of pixels.
				stretch[0] = p.Stretch(drawn)
				if stretch[1] = stretch[0]; drawn.Rows < r.Common.Rows || drawn.Cols < r.Common.Cols {
					stretch[1] = p.Stretch(middle)
				}
			}
			if i == 0 {
				first = stretch
			}
			panels[p.Panel] = imageio.Panel{Frame: middle, Stretch: stretch[1], Inset: p.Inset}
			if p.Name == "" {
				return nil
			}
			return imageio.WritePNG(r.Path(p.Name), drawn, stretch[0])
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

// Gather collects a whole array on rank 0; the result is nil on the other ranks, and on all
// ranks of a run that is apart. Collective.
func (r *Restoration) Gather(owned []float64) (*imageio.Frame, error) {
	if r.Apart {
		return nil, nil
	}
	rows, cols := r.Obs.Shape()
	data, err := r.Obs.Frame.GatherTo(r.Comm, 0, owned, r.Obs.Channels)
	if err != nil || r.Comm.Rank() != 0 {
		return nil, err
	}
	return &imageio.Frame{Channels: r.Obs.Channels, Rows: rows, Cols: cols, Data: data}, nil
}

// WriteFiles writes an array from rank 0, which holds the whole of it, or from all ranks.
// Collective.
func (r *Restoration) WriteFiles(files []File, owned []float64, whole *imageio.Frame) error {
	for _, f := range files {
		write := func() error { return ranks.OnRoot(r.Comm, func() error { return f.WriteWhole(whole) }) }
		if r.Apart {
			write = func() error { return r.Obs.WriteParts(r.Comm, &f, owned) }
		}
		if err := write(); err != nil {
			return err
		}
	}
	return nil
}

// Views is an array as it is drawn, and its middle at full resolution, on rank 0. Collective.
func (r *Restoration) Views(owned []float64, whole *imageio.Frame) (drawn, middle *imageio.Frame, err error) {
	switch {
	case r.Apart:
		return r.Obs.Views(r.Comm, owned)
	case whole != nil:
		return whole, Middle(whole), nil
	}
	return nil, nil, nil
}
