package layers

import (
	"math"

	"tessera/internal/linalg"
	"tessera/ranks"
)

// farUnit is the binary exponent of the largest observed value from which on the data are
// brought to about 1, so that their squares stay in the range of float64.
const farUnit = 30

// mostExponent is the binary exponent of the largest power of two of float64. Data above it
// are brought to less than 2, not less than 1.
const mostExponent = 1023

// inUnit returns the problem with data divided by unit, a power of two that changes no
// digit, and unit. It is 1, and the problem as it is, for data that are neither huge nor
// tiny. Collective.
func inUnit(comm ranks.Comm, p *Problem) (q *Problem, unit float64, err error) {
	plane := max(1, len(p.Data)/p.Channels)
	most := []float64{0}
	for i, v := range p.Data {
		if p.weight(i%plane) != 0 {
			most[0] = max(most[0], math.Abs(v))
		}
	}
	if err := comm.Allreduce(most, most, ranks.Max); err != nil {
		return nil, 0, err
	}
	_, exponent := math.Frexp(most[0])
	if most[0] == 0 || -farUnit <= exponent && exponent <= farUnit {
		return p, 1, nil
	}
	exponent = min(exponent, mostExponent)
	own := *p
	own.Data = make([]float64, len(p.Data))
	for i, v := range p.Data {
		own.Data[i] = math.Ldexp(v, -exponent)
	}
	return &own, math.Ldexp(1, exponent), nil
}

// inUnit brings the result back to the unit of the data.
func (r *Result) inUnit(unit float64) {
	if unit == 1 {
		return
	}
	linalg.Scale(unit, r.First)
	linalg.Scale(unit, r.Second)
	r.Objective, r.Misfit = r.Objective*unit*unit, r.Misfit*unit*unit
}
