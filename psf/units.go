package psf

import (
	"fmt"
	"math"

	"tessera/ranks"
)

// StackError says what is wrong with a stack as a whole. It is the same on all ranks.
type StackError struct{ Text string }

func (e *StackError) Error() string { return "psf: " + e.Text }

const (
	// brightest is the largest pixel of a stamp by the next smaller ones. A larger value is
	// no light: it stands for a missing pixel, or was written in another unit.
	brightest = 1e10
	// spread is the largest pixel of a stack by that of its faintest stamp.
	spread = 1e25
	// heaviest is the largest weight by the median one: the steps of the iteration become
	// that much shorter.
	heaviest = 1e6
	// farOnes is a start of ones by the largest pixel.
	farOnes = 1e7
)

// entered is a stack as the iteration has it: in units in which its largest observed pixel
// is between 1/2 and 1. The factor is a power of two, so that no digit changes, and
// neither the range of float32 nor that of a square limits the unit of the data.
type entered struct {
	Stack        // Data are 0 where a pixel is not observed; Weights are nil on all ranks or on none
	exponent int // a number of the caller is 2^exponent times one of the iteration
}

// out brings a number of the iteration back to the unit of the data to a power, 2 for a
// cost.
func (e *entered) out(v float64, power int) float64 { return math.Ldexp(v, power*e.exponent) }

// check is a check in the unit of the data.
func (e *entered) check(c Check) Check {
	c.Misfit, c.Penalty = e.out(c.Misfit, 2), e.out(c.Penalty, 2)
	return c
}

// enter makes the stack that the iteration works with, and brings the numbers of the
// options that have the unit of the data to its unit. Pixels that are NaN become pixels of
// weight 0. Relative weights are divided by their median over the stack, 0 left out.
// Collective; an error is the same on all ranks.
func enter(comm ranks.Comm, s *Stack, o *Options) (*entered, error) {
	n := s.Side * s.Side
	seen := []float64{float64(len(s.Data)), 0, 0}          // pixels, observed pixels, stamps with light
	most := []float64{0, math.Inf(-1), 0, 0, math.Inf(-1)} // |y|, -(that of the faintest stamp), whether weights are needed, W, -W
	if s.Weights != nil {
		most[2] = 1
	}
	for i := range s.Count() {
		top := 0.0
		for j := i * n; j < (i+1)*n; j++ {
			w := s.weight(j)
			if math.IsNaN(s.Data[j]) {
				w, most[2] = 0, 1
			}
			if w == 0 {
				continue
			}
			seen[1]++
			top = max(top, math.Abs(s.Data[j]))
			most[3], most[4] = max(most[3], w), max(most[4], -w)
		}
		if top > 0 {
			most[0], most[1] = max(most[0], top), max(most[1], -top)
			seen[2]++
		}
	}
	if err := comm.Allreduce(seen, seen, ranks.Sum); err != nil {
		return nil, err
	}
	if err := comm.Allreduce(most, most, ranks.Max); err != nil {
		return nil, err
	}
	switch {
	case seen[1] == 0:
		return nil, &StackError{fmt.Sprintf("no pixel is observed: all %.0f pixels of the %d stamps are NaN, or have the mask or weight 0 (0 = masked)", seen[0], s.Total)}
	case seen[2] > 0 && most[0]/spread > -most[1]:
		return nil, &StackError{fmt.Sprintf("the largest pixel of the stack is %.3g, and that of its faintest stamp %.3g; want stamps in one unit, and NaN or a mask where a value stands for a missing pixel",
			most[0], -most[1])}
	}
	e := &entered{Stack: *s}
	if most[0] > 0 {
		_, e.exponent = math.Frexp(most[0])
	}
	if ones := math.Ldexp(1, -e.exponent); ones > farOnes && (o.Start == FromOnes || o.Compatible) {
		return nil, &StackError{fmt.Sprintf("the iteration begins with pixels of 1, and the largest pixel of the stack is %.3g: it would not come down to that; "+
			"want the start zero, or the stamps in a unit in which they are about 1", most[0])}
	}
	e.Data = scaledBy(s.Data, -e.exponent)
	o.Given, o.Sigma = scaledBy(o.Given, -e.exponent), math.Ldexp(o.Sigma, -e.exponent)
	if most[2] == 0 {
		e.Weights = nil // on a rank without stamps the caller's may be empty
		return e, nil
	}
	e.Weights = make([]float64, len(s.Data))
	positive := make([]float64, 0, len(s.Data))
	for j, v := range s.Data {
		if w := s.weight(j); w > 0 && !math.IsNaN(v) {
			e.Weights[j] = w
			positive = append(positive, w)
		} else {
			e.Data[j] = 0
		}
	}
	if o.Noise == FromWeights || most[3] == 1 && most[4] == -1 {
		return e, nil
	}
	unit := most[3]
	if -most[4] != unit {
		var err error
		if unit, _, err = stackMedian(comm, positive); err != nil {
			return nil, err
		}
	}
	for j := range e.Weights {
		e.Weights[j] /= unit
	}
	return e, nil
}

// checkFinite returns an error on all ranks if a pixel of one of them is not finite.
// Collective.
func checkFinite(comm ranks.Comm, solution []float64) error {
	bad := 0
	for _, v := range solution {
		if v-v != 0 {
			bad++
		}
	}
	var err error
	if bad > 0 {
		err = fmt.Errorf("psf: %d pixels of the solution are not finite: the data are too large for float64", bad)
	}
	return ranks.AgreeError(comm, err)
}

// scaledBy is a copy of x times 2^exponent; nil for nil.
func scaledBy(x []float64, exponent int) []float64 {
	if x == nil {
		return nil
	}
	y := make([]float64, len(x))
	// Ldexp is slow, and a factor is exact too unless it overflows.
	if f := math.Ldexp(1, exponent); exponent > -1000 && exponent < 1000 {
		for i, v := range x {
			y[i] = v * f
		}
		return y
	}
	for i, v := range x {
		y[i] = math.Ldexp(v, exponent)
	}
	return y
}

// checkWeights refuses a weight, relative to the median, for which the iteration would
// hardly move. largest is that over all ranks.
func checkWeights(largest float64) error {
	if largest <= heaviest {
		return nil
	}
	return &StackError{fmt.Sprintf("the largest weight is %.3g times the median of the weights, and the steps of the iteration become as much shorter; want at most %.0e times: reduce such weights to that",
		largest, heaviest)}
}

// weight is the weight of this rank's pixel j, stamps counted through.
func (s *Stack) weight(j int) float64 {
	if s.Weights == nil {
		return 1
	}
	return s.Weights[j]
}

// outlier is the place of the largest absolute value, if the others are so much smaller
// that they mean nothing beside it; -1 otherwise, and where no other differs from 0. NaN
// and values whose weight is 0 do not count; nil weights are 1.
func outlier(values, weights []float64) int {
	top, at := 0.0, -1
	for i, v := range values {
		if a := math.Abs(v); (weights == nil || weights[i] > 0) && a > top {
			top, at = a, i
		}
	}
	near, far, next := 0, 0, 0.0
	for i, v := range values {
		switch a := math.Abs(v); {
		case weights != nil && weights[i] == 0 || !(a > 0):
		case a > 1e-3*top:
			near++
		default:
			far++
			next = max(next, a)
		}
	}
	if far <= near || next >= top/brightest {
		return -1
	}
	return at
}

// Odd gives PSFs of an even side, in pixels, a line of zeros in each direction, so that the
// pixel numbered centre from 0, along rows and along columns, is the middle one. It is
// side/2 - 1 or side/2. PSFs of an odd side stay as they are; of these centre is side/2.
// Convolution with mode "same" in SciPy, and in programs that use it, has the centre at
// (side-1)/2, rounded down.
func Odd(side int, psfs []float64, centre int) (oddSide int, odd []float64) {
	if side%2 == 1 {
		return side, psfs
	}
	oddSide = side + 1
	shift := oddSide/2 - centre // 1: the zeros come first
	n := oddSide * oddSide
	odd = make([]float64, len(psfs)/(side*side)*n)
	for k := 0; (k+1)*side*side <= len(psfs); k++ {
		for r := range side {
			from := (k*side + r) * side
			copy(odd[k*n+(r+shift)*oddSide+shift:], psfs[from:from+side])
		}
	}
	return oddSide, odd
}
