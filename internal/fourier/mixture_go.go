//go:build !native || !cgo

package fourier

type (
	mixtureTransform = mixturePlain
	mixtureSpace     = mixturePlainSpace
)

func newMixtureTransform(rows, cols int, space *MixtureSpace) *mixtureTransform {
	return newMixturePlain(rows, cols, &space.mixtureSpace)
}

func (m *Mixture) own() {}
