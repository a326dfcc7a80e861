package forward

import (
	"fmt"
	"math"
)

// Weights are the weights W of this rank's pixels, 0 or more, usually 1/variance of the
// noise. They also say which pixels are missing (S): a pixel of weight 0 was not
// observed, and its data value is never used, so that it may be NaN. Weights are one
// plane, owned rows x owned cols, for every channel. nil stands for all ones.
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

// Apply multiplies a, one or more channels, by W in place. Missing pixels become 0, also
// where a is NaN.
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

// ApplySqrt multiplies a by W^(1/2) in place. Missing pixels become 0, also where a is NaN.
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

// Mark sets the missing pixels of a, one or more channels, to NaN. This is how they are
// shown in pictures and files.
func (w Weights) Mark(a []float64) {
	for i := range a {
		if w.Missing(i) {
			a[i] = math.NaN()
		}
	}
}

// Observed is the number of elements that were observed, of an array of n elements in one
// or more channels.
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

// Check says what is wrong with the weights or with the data, which have so many
// channels: a wrong length, or a *ValueError that names the pixel.
func (w Weights) Check(data []float64, channels int) error {
	pixels := len(data) / max(1, channels)
	if err := w.check(pixels); err != nil {
		return err
	}
	for i, v := range data {
		if (math.IsNaN(v) || math.IsInf(v, 0)) && !w.Missing(i) {
			return &ValueError{Index: i % pixels, Value: v}
		}
	}
	return nil
}

// check says what is wrong with the weights of so many pixels.
func (w Weights) check(pixels int) error {
	if w != nil && len(w) != pixels {
		return fmt.Errorf("%d weights, want %d", len(w), pixels)
	}
	for i, v := range w {
		if !(v >= 0) || math.IsInf(v, 0) {
			return &ValueError{Index: i, Value: v, Weight: true}
		}
	}
	return nil
}

// ValueError is a weight that is negative or not finite, or a data value that is not
// finite at a pixel whose weight is not 0.
type ValueError struct {
	Index  int     // of the pixel in this rank's plane, row-major
	Value  float64 // the value that was found
	Weight bool    // it is a weight, not a data value
}

func (e *ValueError) Error() string { return e.At(fmt.Sprintf("pixel %d", e.Index)) }

// At is the message with a description of the pixel's place that the caller gives.
func (e *ValueError) At(place string) string {
	if e.Weight {
		return fmt.Sprintf("weight %g at %s, want 0 or more", e.Value, place)
	}
	return fmt.Sprintf("data value %g at %s, which the weights do not mark as missing", e.Value, place)
}
