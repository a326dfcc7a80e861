package linalg

import "math"

// Rectify replaces negative numbers by 0, in place: x = max(x, 0). NaN stays.
func Rectify[T Float](x []T) {
	switch x := any(x).(type) {
	case []float32:
		rectify32(x)
	case []float64:
		for i, v := range x {
			if v < 0 {
				x[i] = 0
			}
		}
	}
}

// rectifyPlain has no branch for the sign, which is random in the layers of a network.
func rectifyPlain(x []float32) {
	for i, v := range x {
		x[i] = max(v, 0)
	}
}

// KeepWhere replaces y[i] by 0 where x[i] is 0: with x that Rectify left it goes from the gradient by x to that by what Rectify was
// given.
func KeepWhere[T Float](y, x []T) {
	checkLength("KeepWhere", len(y), len(x))
	switch y := any(y).(type) {
	case []float32:
		keepWhere32(y, any(x).([]float32))
	case []float64:
		for i, v := range any(x).([]float64) {
			if v == 0 {
				y[i] = 0
			}
		}
	}
}

// keepWherePlain has no branch for what is 0, which is random in the layers of a network.
func keepWherePlain(y, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		size := math.Float32bits(v) << 1 // without the sign
		all := uint32(int32(size|-size) >> 31)
		y[i] = math.Float32frombits(math.Float32bits(y[i]) & all)
	}
}
