package frames

import (
	"encoding/json"
	"path/filepath"

	"tessera/internal/imageio"
	"tessera/ranks"
)

// File is a file that an array over the frame is written to: (channels, rows, cols), or (rows, cols)
// for one channel. It is a FITS file if its name ends in .fits, else npy.
type File struct {
	Path         string
	Single       bool // float32; false: float64. The same on all ranks, as is ChannelsLast
	ChannelsLast bool // of an npy file: (rows, cols, channels)
	// Of a FITS file; used on rank 0 alone.
	Header  imageio.Header
	Tables  []byte   // extensions that the header refers to, as in imageio.Frame
	History []string // text of the HISTORY cards
}

// WriteWhole writes an array that this rank holds whole.
func (f *File) WriteWhole(whole *imageio.Frame) error {
	out := *whole
	out.Type, out.ChannelsLast = f.kind(), f.ChannelsLast
	if filepath.Ext(f.Path) == ".fits" {
		out.Header, out.Tables = f.Header, f.Tables
		return imageio.WriteFITS(f.Path, &out, f.History...)
	}
	return imageio.WriteFrame(f.Path, &out)
}

// kind is the type of its numbers.
func (f *File) kind() string {
	if f.Single {
		return "float32"
	}
	return "float64"
}

// WriteParts writes an array of which every rank holds its own part, channels x owned box:
// rank 0 creates a hidden file at its full length, every rank writes its rows at their
// offsets and syncs them, and rank 0 gives the file its name once all have done so. The
// bytes are those of WriteWhole. All ranks must see the directory.
//
// Collective. An error on any rank is an error on all ranks; the file then does not appear,
// and an earlier one of its name stays.
func (o *Observation) WriteParts(comm ranks.Comm, f *File, owned []float64) error {
	var w *imageio.PartsFile
	defer func() { w.Drop() }()
	var layout []byte
	err := ranks.OnRoot(comm, func() (err error) {
		rows, cols := o.Shape()
		shape := &imageio.Frame{Channels: o.Channels, Rows: rows, Cols: cols, Header: f.Header, Tables: f.Tables, Type: f.kind(), ChannelsLast: f.ChannelsLast}
		if w, err = imageio.CreateParts(f.Path, shape, f.History...); err != nil {
			return err
		}
		layout, err = json.Marshal(w.Layout())
		return err
	})
	if err != nil {
		return err
	}
	length := len(layout)
	if err := ranks.Share(comm, &length); err != nil {
		return err
	}
	if comm.Rank() != 0 {
		layout = make([]byte, length)
	}
	if err := comm.BcastBytes(layout, 0); err != nil {
		return err
	}
	if comm.Rank() != 0 {
		var l imageio.PartsLayout
		if err = json.Unmarshal(layout, &l); err == nil {
			w, err = imageio.OpenParts(f.Path, l)
		}
	}
	if err == nil {
		err = w.WriteBox(o.ownBox(comm), owned)
	}
	if err == nil {
		err = w.Close()
	}
	if err := ranks.AgreeError(comm, err); err != nil {
		return err
	}
	return ranks.OnRoot(comm, w.Publish)
}
