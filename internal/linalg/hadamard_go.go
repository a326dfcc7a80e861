//go:build !native || !cgo

package linalg

func hadamard2(rectify bool, a, b []float32)       { hadamard2Plain(rectify, a, b) }
func hadamard4(rectify bool, a, b, c, d []float32) { hadamard4Plain(rectify, a, b, c, d) }
func addRectified(y, w, x []float32)               { addRectifiedPlain(y, w, x) }
