package forward

import (
	"fmt"
	"math"
)

// Weights are the weights W and the missing pixels S of this rank's pixels in one: a
// pixel of weight 0 was not observed, and whatever its data hold is never looked at.
// They are one plane, the same for every channel; nil stands for ones.
type Weights []float64

// At is the weight of element i of an array of one or more channels.
func (w Weights) At(i int) float64 {
	if w == nil {
		return 1
	}
	return w[i%len(w)]
}

// Missing tells whether element i of an array of one or more channels was not observed.
func (w Weights) Missing(i int) bool { return w != nil && w[i%len(w)] == 0 }

// Apply multiplies a, channel by channel, by W. What stands at missing pixels becomes 0,
// also where it was NaN.
func (w Weights) Apply(a []float64) {
	for ; w != nil && len(a) > 0; a = a[len(w):] {
		for i, v := range w {
			if v == 0 {
				a[i] = 0
			} else {
				a[i] *= v
			}
		}
	}
}

// ApplySqrt multiplies a by W^(1/2) in the same way.
func (w Weights) ApplySqrt(a []float64) {
	for ; w != nil && len(a) > 0; a = a[len(w):] {
		for i, v := range w {
			if v == 0 {
				a[i] = 0
			} else {
				a[i] *= math.Sqrt(v)
			}
		}
	}
}

// Mark sets what stands at missing pixels to NaN, as pictures and files show it.
func (w Weights) Mark(a []float64) {
	for i := range a {
		if w.Missing(i) {
			a[i] = math.NaN()
		}
	}
}

// Observed counts the elements of an array of n that were observed.
func (w Weights) Observed(n int) int {
	if w == nil {
		return n
	}
	count := 0
	for _, v := range w {
		if v > 0 {
			count += n / len(w)
		}
	}
	return count
}

// Check finds what is wrong with the weights of data of n elements in channels: a
// *ValueError names the element.
func (w Weights) Check(data []float64, channels int) error {
	pixels := len(data) / max(1, channels)
	if w != nil && len(w) != pixels {
		return fmt.Errorf("%d weights, want %d", len(w), pixels)
	}
	for i, v := range w {
		if !(v >= 0) || math.IsInf(v, 0) {
			return &ValueError{Index: i, Value: v, Weight: true}
		}
	}
	for i, v := range data {
		if (math.IsNaN(v) || math.IsInf(v, 0)) && !w.Missing(i) {
			return &ValueError{Index: i % pixels, Value: v}
		}
	}
	return nil
}

// ValueError is a weight that is negative or not finite, or a data value that is not
// finite though its weight is not 0. Index is the pixel's place on this rank.
type ValueError struct {
	Index  int
	Value  float64
	Weight bool
}

func (e *ValueError) Error() string { return e.At(fmt.Sprintf("pixel %d", e.Index)) }

// At is the message with the pixel's place in the caller's words.
func (e *ValueError) At(place string) string {
	if e.Weight {
		return fmt.Sprintf("weight %g at %s, want 0 or more", e.Value, place)
	}
	return fmt.Sprintf("data value %g at %s, which the weights do not mark as missing", e.Value, place)
}
