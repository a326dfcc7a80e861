package mlpatch

import (
	"fmt"

	"tessera/internal/lifecycle"
	"tessera/mlpatch"
)

// modelKind is the kind of the model files of these jobs.
const modelKind = "mlpatch denoiser"

// about describes a model in its file.
type about struct {
	Network  mlpatch.Network `json:"network"`
	Scale    float64         `json:"scale"` // the pictures are divided by it: the largest value of the training set
	Low      float64         `json:"noise_low"`
	High     float64         `json:"noise_high"` // standard deviations of the noise, in units of the scale
	Pictures int             `json:"pictures"`
	Rows     int             `json:"rows"`
	Cols     int             `json:"cols"`
	Digest   string          `json:"digest"` // of the training set, SHA-256
	Farthest float64         `json:"farthest"`
	Loss     string          `json:"loss"`
	Steps    int             `json:"steps"`
	Reached  float64         `json:"reached"` // the loss of the validation, of the last batch without one
}

// learned is a model with everything that its file holds.
type learned struct {
	about
	theta []float64
	seen  mlpatch.Seen
}

func (m *learned) write(path string) error {
	return writeModel(path, modelKind, m.about, m.theta, &m.seen)
}

// took is what was taken from the file of a model.
func (m *learned) took(path string) lifecycle.Input {
	return lifecycle.Input{
		File: path, Part: "npz, arrays theta, histogram",
		Axes: axesOfNetwork(&m.Network),
		Note: fmt.Sprintf("learned from %d pictures of %d x %d pixels with values up to %.6g and noise of %.3g to %.3g", m.Pictures, m.Rows, m.Cols, m.Scale, m.Low*m.Scale, m.High*m.Scale),
	}
}

func readModel(path string) (*learned, error) {
	m := &learned{}
	f, err := readNetwork(path, modelKind, &m.about, &m.Network)
	if err != nil {
		return nil, err
	}
	if m.Network.Planes != 1 || m.Network.Levels != 1 || !(m.Scale > 0) || !(m.Low >= 0) || !(m.High >= m.Low) {
		return nil, fmt.Errorf("%s: a network of %d planes and %d levels, scale %g, noise %g to %g: not a denoiser; train one with job = \"mlpatch-train\"", path, m.Network.Planes, m.Network.Levels, m.Scale, m.Low, m.High)
	}
	m.theta, m.seen, err = f.learned(m.Farthest)
	return m, err
}
