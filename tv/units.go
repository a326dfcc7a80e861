package tv

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

// inUnit returns the problem and the options with data, truth, bounds, noise and lambda
// divided by unit, a power of two that changes no digit, and unit. It is 1, and both are as they are,
// for data that are neither huge nor tiny. Collective.
func inUnit(comm ranks.Comm, p *Problem, o Options) (q *Problem, scaled Options, unit float64, err error) {
	most := []float64{0}
	for i, v := range p.Data {
		if !p.Weights.Missing(i) {
			most[0] = max(most[0], math.Abs(v))
		}
	}
	if err := comm.Allreduce(most, most, ranks.Max); err != nil {
		return nil, o, 0, err
	}
	_, exponent := math.Frexp(most[0])
	if most[0] == 0 || -farUnit <= exponent && exponent <= farUnit {
		return p, o, 1, nil
	}
	exponent = min(exponent, mostExponent)
	divided := func(v float64) float64 { return math.Ldexp(v, -exponent) }
	all := func(a []float64) []float64 {
		if a == nil {
			return nil
		}
		list := make([]float64, len(a))
		for i, v := range a {
			list[i] = divided(v)
		}
		return list
	}
	own := *p
	own.Data, o.Truth = all(p.Data), all(o.Truth)
	o.Noise, o.Lambda = divided(o.Noise), divided(o.Lambda)
	if b := o.Bounds; b != nil {
		o.Bounds = &Bounds{divided(b.Lower), divided(b.Upper)}
	}
	return &own, o, math.Ldexp(1, exponent), nil
}

// inUnit brings the result back to the unit of the data.
func (r *Result) inUnit(unit float64, rule Rule) {
	if unit == 1 {
		return
	}
	linalg.Scale(unit, r.Solution)
	r.Lambda, r.TV = r.Lambda*unit, r.TV*unit
	for _, cost := range []*float64{&r.Cost, &r.Misfit, &r.Gap, &r.Certificate, &r.Excess} {
		*cost = *cost * unit * unit
	}
	if r.Search == nil {
		return
	}
	r.Search.Noise *= unit
	for i := range r.Search.Trials {
		t := &r.Search.Trials[i]
		t.Lambda, t.TV, t.Misfit = t.Lambda*unit, t.TV*unit, t.Misfit*unit*unit
		if rule == Oracle {
			t.Criterion = t.Criterion * unit * unit
		}
	}
}
