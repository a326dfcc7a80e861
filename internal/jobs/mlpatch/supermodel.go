package mlpatch

import (
	"fmt"

	"tessera/internal/lifecycle"
	"tessera/mlpatch"
)

// upscalerKind is the kind of the model files of mlpatch-superres.
const upscalerKind = "mlpatch upscaler"

// aboutUpscaler describes a model in its file.
type aboutUpscaler struct {
	Network  mlpatch.Network `json:"network"`
	Scale    float64         `json:"scale"` // the pictures are divided by it: the largest value of the training set
	Low      float64         `json:"scale_low"`
	High     float64         `json:"scale_high"` // fine pixels along a coarse one
	Noise    float64         `json:"noise"`      // standard deviation, in units of the scale
	Pictures int             `json:"pictures"`
	Rows     int             `json:"rows"`
	Cols     int             `json:"cols"`
	Digest   string          `json:"digest"` // of the training set, SHA-256
	Farthest float64         `json:"farthest"`
	Loss     string          `json:"loss"`
	Steps    int             `json:"steps"`
	Reached  float64         `json:"reached"` // the loss of the validation, of the last batch without one
}

// upscaler is a model with everything that its file holds.
type upscaler struct {
	aboutUpscaler
	theta []float64
	seen  mlpatch.Seen
}

func (m *upscaler) write(path string) error {
	return writeModel(path, upscalerKind, m.aboutUpscaler, m.theta, &m.seen)
}

// took is what was taken from the file of a model.
func (m *upscaler) took(path string) lifecycle.Input {
	return lifecycle.Input{
		File: path, Part: "npz, arrays theta, histogram", Axes: axesOfNetwork(&m.Network),
		Note: fmt.Sprintf("learned from %d pictures of %d x %d pixels with values up to %.6g at scales of %.3g to %.3g", m.Pictures, m.Rows, m.Cols, m.Scale, m.Low, m.High),
	}
}

func readUpscaler(path string) (*upscaler, error) {
	m := &upscaler{}
	f, err := readNetwork(path, upscalerKind, &m.aboutUpscaler, &m.Network)
	if err != nil {
		return nil, err
	}
	if m.Network.Planes != 1 || m.Network.Levels != 1 || !(m.Scale > 0) || !(m.Low >= 1) || !(m.High >= m.Low) {
		return nil, fmt.Errorf("%s: a network of %d planes and %d levels, values up to %g, scales of %g to %g: no model that enlarges; learn one with job = \"mlpatch-superres\" and superres.model = \"\"", path, m.Network.Planes, m.Network.Levels, m.Scale, m.Low, m.High)
	}
	m.theta, m.seen, err = f.learned(m.Farthest)
	return m, err
}
