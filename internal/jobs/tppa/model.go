package tppa

import (
	"fmt"

	"tessera/forward"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/tppa"
	"tessera/train"
)

// modelKind is the kind of the model files of these jobs.
const modelKind = "tppa"

// about describes a model in its file.
type about struct {
	Network  tppa.Network `json:"network"`
	Scale    float64      `json:"scale"` // the pictures are divided by it: the largest value of the training set
	SNR      float64      `json:"snr_db"`
	Border   string       `json:"border"`
	PSFRows  int          `json:"psf_rows"`
	PSFCols  int          `json:"psf_cols"`
	Pictures int          `json:"pictures"`
	Rows     int          `json:"rows"`
	Cols     int          `json:"cols"`
	Digest   string       `json:"digest"` // of the training set, SHA-256
	Farthest float64      `json:"farthest"`
	Method   string       `json:"method"`
	Steps    int          `json:"steps"`
	Loss     float64      `json:"loss"` // mean over the pictures, of the last step
}

// learned is a model with everything that its file holds.
type learned struct {
	about
	theta []float64
	psf   forward.PSF
	seen  tppa.Seen
}

func (m *learned) write(path string) error {
	array := func(name string, data []float64, shape ...int) imageio.Member {
		return imageio.Member{Name: name, Array: imageio.Array{Shape: shape, Data: data}}
	}
	psf := m.psf.Values
	if psf == nil {
		psf = []float64{1}
	}
	f := train.Model{Kind: modelKind, About: m.about, Arrays: []imageio.Member{
		array("theta", m.theta, len(m.theta)), array("psf", psf, len(psf)),
		array("histogram", m.seen.Histogram, len(m.seen.Histogram)/tppa.Bins, tppa.Bins),
	}}
	return f.Write(path)
}

// took is what was taken from the file of a model.
func (m *learned) took(path string) lifecycle.Input {
	return lifecycle.Input{
		File: path, Part: "npz, arrays theta, psf, histogram",
		Axes: fmt.Sprintf("%d layers, %d parameters, a PSF of %d x %d pixels", m.Network.Layers, len(m.theta), m.PSFRows, m.PSFCols),
		Note: fmt.Sprintf("learned from %d pictures of %d x %d pixels with values up to %.6g and noise at %g dB", m.Pictures, m.Rows, m.Cols, m.Scale, m.SNR),
	}
}

func readModel(path string) (*learned, error) {
	m := &learned{}
	f, err := train.ReadModel(path, modelKind, &m.about)
	if err != nil {
		return nil, err
	}
	if err := m.Network.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if !(m.Scale > 0) || m.PSFRows < 0 || m.PSFCols < 0 || m.PSFRows > 1<<12 || m.PSFCols > 1<<12 {
		return nil, fmt.Errorf("%s: a scale of %g and a PSF of %d x %d pixels", path, m.Scale, m.PSFRows, m.PSFCols)
	}
	if m.theta, err = f.Array(path, "theta", m.Network.Parameters()); err != nil {
		return nil, err
	}
	m.seen.Farthest = m.Farthest
	if m.seen.Histogram, err = f.Array(path, "histogram", 2*m.Network.Axes*tppa.Bins); err != nil {
		return nil, err
	}
	psf, err := f.Array(path, "psf", max(1, m.PSFRows*m.PSFCols))
	if m.PSFRows > 0 {
		m.psf = forward.PSF{Rows: m.PSFRows, Cols: m.PSFCols, Values: psf}
	}
	return m, err
}
