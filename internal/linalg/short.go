package linalg

import "unsafe"

// DotOf and AxpyOf are for vectors of a tile's length, in cache: gonum's
// assembly on both back ends, since a call into C would cost more than it
// saves. The error of DotOf is that of plain summation.

// DotOf returns x'y.
func DotOf[T Float](x, y []T) T {
	checkLength("DotOf", len(y), len(x))
	switch x := any(x).(type) {
	case []float32:
		return T(level1.Sdot(len(x), x, 1, any(y).([]float32), 1))
	case []float64:
		return T(level1.Ddot(len(x), x, 1, any(y).([]float64), 1))
	}
	panic("unreachable: Float has two types")
}

// AxpyOf computes y += alpha x.
func AxpyOf[T Float](alpha T, x, y []T) {
	checkLength("AxpyOf", len(y), len(x))
	switch x := any(x).(type) {
	case []float32:
		level1.Saxpy(len(x), float32(alpha), x, 1, any(y).([]float32), 1)
	case []float64:
		level1.Daxpy(len(x), float64(alpha), x, 1, any(y).([]float64), 1)
	}
}

// SizeOf is the number of bytes of a T.
func SizeOf[T Float]() int {
	var t T
	return int(unsafe.Sizeof(t))
}
