//go:build !native || !cgo

package fourier

type mixtureTransform = mixturePlain

func newMixtureTransform(rows, cols int) *mixtureTransform { return newMixturePlain(rows, cols) }

func (m *Mixture) own() {}
