package mlpatch

import (
	"fmt"

	"tessera/internal/lifecycle"
	"tessera/mlpatch"
	"tessera/mlpatch/massmap"
)

// correctorKind is the kind of the model files of darkmatter.
const correctorKind = "mlpatch mass map"

// aboutCorrector describes a network that corrects Wiener maps in its file.
type aboutCorrector struct {
	Network   mlpatch.Network `json:"network"`
	Scale     float64         `json:"scale"`        // the Wiener maps are divided by it: their root mean square
	KSScale   float64         `json:"ks_scale"`     // that of the maps of Kaiser and Squires
	Top       float64         `json:"top"`          // largest 1/sigma of a pixel
	Pixel     float64         `json:"pixel_arcmin"` // side of a pixel
	Sigma     float64         `json:"sigma"`        // noise of a pixel, the median
	Rows      int             `json:"rows"`
	Cols      int             `json:"cols"`
	Skies     int             `json:"skies"` // learned from
	ShiftLow  float64         `json:"shift_low"`
	ShiftHigh float64         `json:"shift_high"`
	Digest    string          `json:"digest"` // of the survey and of what the skies depend on, SHA-256
	Loss      string          `json:"loss"`
	Steps     int             `json:"steps"`
	Reached   float64         `json:"reached"` // the loss of the validation, of the last batch without one
}

// corrector is a network with everything that its file holds.
type corrector struct {
	aboutCorrector
	theta []float64
}

func (m *corrector) write(path string) error {
	return writeModel(path, correctorKind, m.aboutCorrector, m.theta, nil)
}

// took is what was taken from the file of a network.
func (m *corrector) took(path string) lifecycle.Input {
	return lifecycle.Input{
		File: path, Part: "npz, array theta", Axes: axesOfNetwork(&m.Network),
		Note: fmt.Sprintf("learned from %d simulated skies of %d x %d pixels of %g arcmin with a noise of %.3g a pixel", m.Skies, m.Rows, m.Cols, m.Pixel, m.Sigma),
	}
}

func readCorrector(path string) (*corrector, error) {
	m := &corrector{}
	f, err := readNetwork(path, correctorKind, &m.aboutCorrector, &m.Network)
	if err != nil {
		return nil, err
	}
	if m.Network.Planes != massmap.Planes || m.Network.Levels != 0 || !(m.Scale > 0) || !(m.KSScale > 0) || !(m.Top > 0) || !(m.Pixel > 0) {
		return nil, fmt.Errorf("%s: a network of %d planes and %d levels with the scales %g, %g and %g: none for maps of the mass; learn one with job = \"darkmatter\" and learned.skies", path, m.Network.Planes, m.Network.Levels, m.Scale, m.KSScale, m.Top)
	}
	m.theta, err = f.theta()
	return m, err
}
