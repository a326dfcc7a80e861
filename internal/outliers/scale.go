// Package outliers tells values that are no light, or no measurement, from those that are only large: numbers
// that programs write for missing values, such as -9999 or 1e30, and pixels that stand far
// above or below all of their neighbours, as hot pixels and cosmic rays do. A star is neither:
// its neighbours are raised, too.
package outliers

import (
	"math"
	"slices"
)

// What the search for outliers goes by. Distances are in robust standard deviations,
// 1.4826 times the median absolute deviation from the median.
const (
	aloneFar    = 50    // distance of a value that is reported if its neighbours are not raised
	aloneCoarse = 1000  // likewise where more than half of the values are equal
	Raised      = 0.05  // what the median of its four nearest neighbours may have of its height, where no PSF says more
	certainFar  = 1e9   // distance of a value that stands alone and is no light
	certainRise = 1e-4  // what the median of its neighbours may have of its height
	markTimes   = 1e10  // a large mark of a missing value by the largest other value
	Share       = 0.01  // share of the values from which on values that stand alone are the nature of the frame
	SampleSize  = 65536 // values of which the median is taken
)

// LooksHuge tells whether a value is one of those that programs write for a missing one and
// that no detector has: a power of ten from 1e19 on, the largest float32 or float64, and the
// marks of netCDF and HEALPix. They come as float32, too.
func LooksHuge(v float64) bool {
	v = math.Abs(v)
	if v < 1e19 {
		return false
	}
	for _, mark := range []float64{math.MaxFloat32, math.MaxFloat64, 9.96921e36, 1.6375e30} {
		if math.Abs(v/mark-1) < 1e-5 {
			return true
		}
	}
	digits := math.Log10(v)
	return math.Abs(digits-math.Round(digits)) < 1e-6
}

// LooksNegative tells whether a value is a negative mark of a missing one: nines, or the
// least whole number of 16 or 32 bits.
func LooksNegative(v float64) bool {
	if v > -99 {
		return false
	}
	switch v {
	case -99, -999, -9999, -99999, -999999, -32768, -2147483648:
		return true
	}
	return false
}

// MayLook tells quickly that a value looks like no mark: the others are worth a closer look.
func MayLook(v float64) bool { return v <= -99 || v >= 1e19 }

// Scale is how the values of one channel are spread, those that look like marks of
// missing ones left out.
type Scale struct {
	Centre, Spread float64 // median and robust standard deviation of a sample; 0 = all values are equal
	Coarse         bool    // more than half of the values are equal; Spread is the median of the other deviations
	Most, Least    float64 // largest absolute value and smallest value; Most = -infinity: every value looks like a mark
	Positive       bool    // standard deviations, variances or weights, which are never negative
}

// Measure fills centre and spread from a sample, which it sorts.
func (s *Scale) Measure(sample []float64) {
	if len(sample) == 0 {
		return
	}
	slices.Sort(sample)
	s.Centre = sample[len(sample)/2]
	for i, v := range sample {
		sample[i] = 2 * math.Abs(v/2-s.Centre/2) // halves: the difference of two float64 may be none
	}
	slices.Sort(sample)
	if s.Spread = 1.4826 * sample[len(sample)/2]; s.Spread > 0 {
		return
	}
	if i, _ := slices.BinarySearch(sample, math.SmallestNonzeroFloat64); i < len(sample) {
		s.Coarse = true
		s.Spread = sample[i+(len(sample)-i)/2]
	}
}

// Times is the distance of two values in robust standard deviations.
func (s *Scale) Times(v, from float64) float64 {
	if s.Spread == 0 {
		return 0
	}
	return math.Abs(v/2-from/2) / (s.Spread / 2)
}

// Looks tells whether a value looks like a mark of a missing one.
func Looks(v float64) bool { return MayLook(v) && (LooksNegative(v) || LooksHuge(v)) }

// IsMark tells whether a value certainly stands for a missing one by itself: it looks so, and is
// IsFar from all others, or there are no others. A positive number that is one of errors or weights is
// data if there are no others: inverse variances may all be 1e30. A negative number is no such value.
func (s *Scale) IsMark(v float64) bool {
	switch {
	case s.Positive && v < 0:
		return Looks(v)
	case math.IsInf(s.Most, -1):
		return !s.Positive && Looks(v)
	case LooksHuge(v):
		return s.Most > 0 && math.Abs(v)/s.Most >= markTimes
	case LooksNegative(v):
		return s.Least-v >= (s.Centre-v)/2 && s.Times(v, s.Centre) >= aloneFar
	}
	return false
}

// ScaleOf is the scale of values, of which those that are not finite are missing.
func ScaleOf(values []float64) *Scale {
	s := &Scale{Most: math.Inf(-1), Least: math.Inf(1)}
	var sample []float64
	step := 1 + len(values)/SampleSize
	for i, v := range values {
		if v-v != 0 || Looks(v) {
			continue
		}
		s.Most, s.Least = max(s.Most, math.Abs(v)), min(s.Least, v)
		if i%step == 0 {
			sample = append(sample, v)
		}
	}
	s.Measure(sample)
	return s
}

// FirstMark is the place of the first value that certainly stands for a missing one among values, -1 = none does.
func FirstMark(values []float64) int {
	if !slices.ContainsFunc(values, Looks) {
		return -1
	}
	return slices.IndexFunc(values, ScaleOf(values).IsMark)
}

// IsFar tells whether a value is worth a look at its neighbours.
func (s *Scale) IsFar(v float64) bool {
	limit := float64(aloneFar)
	if s.Coarse {
		limit = aloneCoarse
	}
	return s.Times(v, s.Centre) >= limit
}

// Between are values between which none is far; other values may be.
func (s *Scale) Between() (low, high float64) {
	if s.Spread == 0 {
		return math.Inf(-1), math.Inf(1)
	}
	reach := aloneFar * s.Spread
	if s.Coarse {
		reach = aloneCoarse * s.Spread
	}
	reach *= 1 - 1e-9
	return s.Centre - reach, s.Centre + reach
}

// Kind is what is found at a pixel.
type Kind int

const (
	None Kind = iota
	Mark
	Certain // alone, and too far for light
	Alone
	Kinds
)

// Judge says what a value that is far is, by its neighbours: first the four that share a
// side with it, then the other four; NaN = not known. raised is what neighbours have at
// most of the height of a value that stands alone.
func (s *Scale) Judge(v float64, near *[8]float64, raised float64) Kind {
	if s.IsMark(v) {
		return Mark
	}
	if !s.IsFar(v) {
		return None
	}
	rise := func(of []float64) float64 { // what the middle one has of the height of v, 0 if none is known
		var list []float64
		for _, n := range of {
			if !math.IsNaN(n) && !math.IsInf(n, 0) && !s.IsMark(n) {
				list = append(list, math.Abs(n/2-s.Centre/2)/math.Abs(v/2-s.Centre/2))
			}
		}
		if len(list) == 0 {
			return 0
		}
		slices.Sort(list)
		return list[len(list)/2]
	}
	switch {
	case s.Times(v, s.Centre) >= certainFar && rise(near[:]) <= certainRise:
		return Certain
	case rise(near[:4]) <= raised:
		return Alone
	}
	return None
}
