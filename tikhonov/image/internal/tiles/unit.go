package tiles

import (
	"math"

	"tessera/ranks"
)

const (
	// farUnit is the binary exponent of the largest observed value from which on the data are
	// brought to about 1, so that their squares stay in the range of float64.
	farUnit = 30
	// mostExponent is the binary exponent of the largest power of two of float64. Data above
	// it are brought to less than 2, not less than 1.
	mostExponent = 1023
)

// Unit returns data, channels planes, divided by unit: a power of two that changes no digit.
// It is 1, and the data are as they are, where the observed ones of all ranks are neither huge
// nor tiny. weights of a plane are 0 where nothing was observed; nil = all was. Collective.
func Unit(comm ranks.Comm, channels int, data, weights []float64) (scaled []float64, unit float64, err error) {
	plane := max(1, len(data)/channels)
	most := []float64{0}
	for i, v := range data {
		if weights == nil || weights[i%plane] != 0 {
			most[0] = max(most[0], math.Abs(v))
		}
	}
	if err := comm.Allreduce(most, most, ranks.Max); err != nil {
		return nil, 0, err
	}
	_, exponent := math.Frexp(most[0])
	if most[0] == 0 || -farUnit <= exponent && exponent <= farUnit {
		return data, 1, nil
	}
	exponent = min(exponent, mostExponent)
	scaled = make([]float64, len(data))
	for i, v := range data {
		scaled[i] = math.Ldexp(v, -exponent)
	}
	return scaled, math.Ldexp(1, exponent), nil
}
