//go:build !native || !cgo

package linalg

func rectify32(x []float32)      { rectifyPlain(x) }
func keepWhere32(y, x []float32) { keepWherePlain(y, x) }
