//go:build !native || !cgo

package linalg

func rectify32(x []float32) { rectifyPlain(x) }
