package scdl

import (
	"fmt"
	"math"

	"tessera/ranks"
)

// units are those of a training. The samples of the iteration are those of the caller
// divided by 2^exponent, so that the largest number of a high sample, level, is between 1/2
// and 1: a power of two changes no digit, and no unit leaves the range of float32. lambda
// and delta, which the caller gives for a largest number of 1, follow the level. For the
// programs of Options.Compatibility, which know no units, exponent is 0 and level 1.
type units struct {
	exponent int
	level    float64
	half     [2]float64 // powers of two, whose product is 2^-exponent
}

func newUnits(exponent int, level float64) units {
	first := -exponent / 2
	return units{exponent, level, [2]float64{math.Ldexp(1, first), math.Ldexp(1, -exponent-first)}}
}

// strayed is a number by the largest of most samples: it stands for a missing value, or was
// written in another unit.
const strayed = 1e10

// unitsOf finds the units of a training. Samples of which more than half are 1e-10 times the
// largest number or less are refused: beside it they mean nothing. Collective; the error is
// the same on all ranks.
func unitsOf(comm ranks.Comm, s *Samples, o *Options) (units, error) {
	if o.Compatibility != Corrected {
		return newUnits(0, 1), nil
	}
	most, at := 0.0, 0
	tops := make([]float64, s.Count())
	for i, v := range s.High {
		a := math.Abs(v)
		tops[i/s.P] = max(tops[i/s.P], a)
		if a > most {
			most, at = a, i
		}
	}
	all := []float64{most}
	if err := comm.Allreduce(all, all, ranks.Max); err != nil {
		return units{}, err
	}
	if all[0] == 0 {
		return newUnits(0, 1), nil
	}
	counts := []float64{0, 0} // samples that are not zero, and those that are not lost beside the largest
	for _, v := range tops {
		if v > 0 {
			counts[0]++
		}
		if v > all[0]/strayed {
			counts[1]++
		}
	}
	if err := comm.Allreduce(counts, counts, ranks.Sum); err != nil {
		return units{}, err
	}
	var err error
	if 2*counts[1] < counts[0] && most == all[0] {
		err = fmt.Errorf("scdl: high sample %d: number %d is %.3g, more than 1e10 times all numbers of most samples; want samples in one unit, and none with a number that stands for a missing one",
			s.First+at/s.P, at%s.P, s.High[at])
	}
	if err := ranks.AgreeError(comm, err); err != nil {
		return units{}, err
	}
	level, exponent := math.Frexp(all[0])
	return newUnits(exponent, level), nil
}

// scaled are the options of the iteration.
func (u units) scaled(o *Options) *Options {
	own := *o
	own.Lambda, own.Delta = o.Lambda*u.level, o.Delta*u.level*u.level
	return &own
}

// in and out bring a number to the units of the iteration and back.
func (u units) in(v float64) float64  { return v * u.half[0] * u.half[1] }
func (u units) out(v float64) float64 { return math.Ldexp(v, u.exponent) }

// inUnit is a predictor that divides the low samples by unit before, and multiplies the
// high ones by it after another.
func inUnit(unit float64, predict Predictor) Predictor {
	return func(low []float64) ([]float64, error) {
		own := make([]float64, len(low))
		for i, v := range low {
			own[i] = v / unit
		}
		high, err := predict(own)
		for i := range high {
			high[i] *= unit
		}
		return high, err
	}
}
