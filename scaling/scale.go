package scaling

import (
	"math"
	"strconv"
	"strings"
)

// scale maps values to positions on an axis.
type scale struct {
	low, high float64 // values at the ends
	from, to  float64 // positions of the ends
	log       bool
}

func (s scale) at(v float64) float64 {
	low, high := s.low, s.high
	if s.log {
		v, low, high = math.Log(v), math.Log(low), math.Log(high)
	}
	if low == high {
		return (s.from + s.to) / 2
	}
	return s.from + (s.to-s.from)*(v-low)/(high-low)
}

// oneTwoFive is 1, 2 or 5 times a power of ten: 0 for 1, 1 for 2, 2 for 5, 3 for 10, -1 for 0.5.
func oneTwoFive(i int) float64 {
	q := int(math.Floor(float64(i) / 3))
	v, _ := strconv.ParseFloat([]string{"1e", "2e", "5e"}[i-3*q]+strconv.Itoa(q), 64)
	return v
}

// logTicks are values of the series 1, 2, 5, 10 ... that enclose low and high. Powers of
// ten replace them where there would be too many; where there are three or fewer, values
// between them are added.
func logTicks(low, high float64) []float64 {
	first := 3 * magnitude(low)
	for oneTwoFive(first+1) <= low*(1+1e-12) {
		first++
	}
	last := first + 1
	for oneTwoFive(last) < high*(1-1e-12) {
		last++
	}
	step := 1
	if last-first > 7 {
		step = 3
		first -= ((first % 3) + 3) % 3
		last += ((-last % 3) + 3) % 3
	}
	if (last-first)/step > 8 {
		step *= (last - first) / step / 4
	}
	var ticks []float64
	for i := first; i < last+step; i += step {
		ticks = append(ticks, oneTwoFive(i))
	}
	if len(ticks) > 3 {
		return ticks
	}
	fine := ticks[:1:1]
	for _, t := range ticks[1:] {
		// Between 1, 2, 5 and 10: 1.5, then 3 and 4, then 7.
		switch from := fine[len(fine)-1]; {
		case math.Abs(t/from-2.5) < 1e-9:
			fine = append(fine, 1.5*from, 2*from)
		case strings.HasPrefix(strconv.FormatFloat(from, 'e', -1, 64), "1"):
			fine = append(fine, 1.5*from)
		default:
			fine = append(fine, 1.4*from)
		}
		fine = append(fine, t)
	}
	return fine
}

// linearTicks are about six equidistant values from 0 that enclose high.
func linearTicks(high float64) []float64 {
	if !(high > 0) {
		high = 1
	}
	i := 3 * magnitude(high/7)
	for high/oneTwoFive(i) > 6.5 {
		i++
	}
	step := oneTwoFive(i)
	n := int(math.Ceil(high/step - 1e-9))
	ticks := make([]float64, n+1)
	for k := range ticks {
		ticks[k] = float64(k) * step
	}
	return ticks
}

// spread moves positions, which rise, apart to at least gap and keeps them between low and
// high as far as there is room.
func spread(places []float64, gap, low, high float64) []float64 {
	out := make([]float64, len(places))
	copy(out, places)
	for i := range out {
		out[i] = max(out[i], low)
		if i > 0 {
			out[i] = max(out[i], out[i-1]+gap)
		}
	}
	bound := high
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = min(out[i], bound)
		bound = out[i] - gap
	}
	return out
}

// tickLabel is a tick with as few digits as possible.
func tickLabel(v float64) string {
	if v != 0 && (math.Abs(v) < 1e-3 || math.Abs(v) >= 1e5) {
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}
