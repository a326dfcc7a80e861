//go:build !native || !cgo

package stencil

func shifted(dst, src []float32, runs Runs, shifts []int, weights []float32) {
	shiftedPlain(dst, src, runs, shifts, weights)
}
