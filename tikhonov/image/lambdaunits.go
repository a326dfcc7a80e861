package image

import (
	"math"

	"tessera/ranks"
)

// units are what a problem was divided by before it was solved: W = weight x the solver's
// weights, y = data x the solver's data. The solution in other units of data and weights
// is then the same, also where float32 could not hold numbers of that size.
type units struct{ weight, data float64 }

// noise is the unit of W^(1/2) y.
func (u units) noise() float64 { return math.Sqrt(u.weight) * u.data }

// misfit is the unit of ||W^(1/2) (H w - y)||^2.
func (u units) misfit() float64 { return u.weight * u.data * u.data }

// inUnits brings a problem and its options to units in which the weights are about 1 and
// the data neither huge nor tiny. Weights that are all the same or 0 become exactly 1 or 0;
// other weights are divided by a power of 4, and data by a power of 2, which changes no
// digit. The caller's arrays stay as they are. Collective.
func inUnits(comm ranks.Comm, p *Problem, o Options) (*Problem, Options, units, error) {
	u := units{1, 1}
	plane := len(p.Data) / p.Channels
	// Largest 1/weight, largest weight, largest |y|; sum and number of positive weights.
	most, sums := []float64{0, 0, 0}, []float64{0, 0}
	for i := range plane {
		w := p.Weights.At(i)
		if w == 0 {
			continue
		}
		most[0], most[1] = max(most[0], 1/w), max(most[1], w)
		sums[0] += w
		sums[1]++
		for c := range p.Channels {
			most[2] = max(most[2], math.Abs(p.Data[c*plane+i]))
		}
	}
	if err := comm.Allreduce(most, most, ranks.Max); err != nil {
		return nil, o, u, err
	}
	if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return nil, o, u, err
	}
	if sums[1] == 0 {
		return p, o, u, nil
	}
	equal := most[0] == 1/most[1]
	if u.weight = math.Ldexp(1, 2*int(math.Round(math.Log2(sums[0]/sums[1])/2))); equal {
		u.weight = most[1]
	}
	if e := min(math.Round(math.Log2(most[2])), 1023); most[2] > 0 && math.Abs(e) > 30 {
		u.data = math.Ldexp(1, int(e))
	}
	if u == (units{1, 1}) {
		return p, o, u, nil
	}
	q := *p
	if u.weight != 1 {
		q.Weights = make([]float64, plane)
		missing := false
		for i := range plane {
			q.Weights[i] = p.Weights.At(i) / u.weight
			missing = missing || q.Weights[i] == 0
		}
		if equal && !missing {
			q.Weights = nil
		}
	}
	if u.data != 1 {
		q.Data = make([]float64, len(p.Data))
		for i, v := range p.Data {
			q.Data[i] = v / u.data
		}
	}
	o.Lambda /= u.weight
	o.Noise /= u.data
	if o.NoiseUnit != OfData {
		o.Noise /= math.Sqrt(u.weight)
	}
	return &q, o, u, nil
}

// inUnits brings a result back to the caller's units.
func (r *Result) inUnits(u units) {
	if u.data != 1 {
		for i := range r.Solution {
			r.Solution[i] *= u.data
		}
	}
	r.Lambda *= u.weight
	r.Misfit *= u.misfit()
	r.Objective *= u.misfit()
}
