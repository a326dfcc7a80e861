package linalg

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
