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

// Rectified is the way back through Rectify: g = 0 where x, its result, is 0 or less. Where x is NaN, g stays.
// g and x have one length.
func Rectified[T Float](g, x []T) {
	g = g[:len(x)]
	switch x := any(x).(type) {
	case []float32:
		rectified32(any(g).([]float32), x)
	case []float64:
		for i, v := range x {
			if v <= 0 {
				g[i] = 0
			}
		}
	}
}

// rectifiedPlain looks at the bits of a number, so that it has no branch for the sign: those of one above 0 are an
// integer above 0.
func rectifiedPlain(g, x []float32) {
	g = g[:len(x)]
	for i, v := range x {
		bits := int32(math.Float32bits(v))
		keep := ^((bits - 1) | bits) >> 31 // all ones, or 0
		if v != v {
			keep = -1
		}
		g[i] = math.Float32frombits(math.Float32bits(g[i]) & uint32(keep))
	}
}
