//go:build !native || !cgo

package linalg

func rectify32(x []float32) { rectifyPlain(x) }

func rectified32(g, x []float32) { rectifiedPlain(g, x) }
