package frames

import (
	"tessera/internal/imageio"
	"tessera/ranks"
)

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
		f.Single, f.ChannelsLast = r.Single(), r.Obs.Source != nil && r.Obs.Source.ChannelsLast && r.Obs.Source.Channels == r.Obs.Channels
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
