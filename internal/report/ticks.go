package report

import (
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
)

// linearTicks are at multiples of 1, 2 or 5 times a power of ten, four to nine of them.
func linearTicks(lo, hi float64) []plot.Tick {
	step := math.Pow(10, math.Floor(math.Log10((hi-lo)/4)))
	for _, k := range []float64{5, 2} {
		if k*step <= (hi-lo)/4 {
			step *= k
			break
		}
	}
	digits := max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	var ticks []plot.Tick
	for i := math.Ceil(lo/step-1e-9) + 0; i*step <= hi+1e-9*step; i++ {
		t := plot.Tick{Value: i * step, Label: strconv.FormatFloat(i*step, 'f', digits, 64)}
		if largest := max(math.Abs(lo), math.Abs(hi)); digits > 5 || largest >= 1e6 && step >= 1e5 || largest >= 1e9 {
			t.Label = power(i*step, step)
		}
		ticks = append(ticks, t)
	}
	return ticks
}

// logTicks labels the powers of ten, with 2 and 5 or all digits between them where
// the range is short, and marks the others.
func logTicks(lo, hi float64) []plot.Tick {
	var ticks []plot.Tick
	decades := math.Log10(hi / lo)
	label := label
	if lo < 1e-3*(1-1e-9) || hi >= 1e5 { // one form for all
		label = func(v float64) string { return exponential(v, 0) }
	}
	every := 1
	if decades > 6 {
		every = int(math.Ceil(decades / 6))
	}
	for e := int(math.Floor(math.Log10(lo))); e <= int(math.Ceil(math.Log10(hi))); e++ {
		for d := 1; d <= 9; d++ {
			v := float64(d) * math.Pow(10, float64(e))
			if v < lo*(1-1e-12) || v > hi*(1+1e-12) {
				continue
			}
			labelled := d == 1 && e%every == 0 || decades <= 2 && (d == 2 || d == 5) || decades <= 0.7
			t := plot.Tick{Value: v}
			if labelled {
				t.Label = label(v)
			}
			ticks = append(ticks, t)
		}
	}
	if n := labels(ticks); n < 2 { // a fraction of a decade: as on a linear axis
		for _, t := range linearTicks(lo, hi) {
			if t.Value > 0 {
				ticks = append(ticks, t)
			}
		}
	}
	return ticks
}

func labels(ticks []plot.Tick) (n int) {
	for _, t := range ticks {
		if t.Label != "" {
			n++
		}
	}
	return n
}

// power is a multiple of a step with a power of ten, with the digits that tell it from the next one.
func power(v, step float64) string {
	if v == 0 {
		return "0"
	}
	exponent := func(v float64) int { return int(math.Floor(math.Log10(math.Abs(v)) + 1e-9)) }
	return exponential(v, max(0, exponent(v)-exponent(step)))
}

// exponential is a value with a power of ten.
func exponential(v float64, digits int) string {
	digit, power, _ := strings.Cut(strconv.FormatFloat(v, 'e', digits, 64), "e")
	if power = strings.NewReplacer("+0", "", "-0", "-", "+", "").Replace(power); power == "0" {
		return digit
	}
	return digit + "e" + power
}

// number is a value in few digits.
func number(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 0:
		return "-" + label(-v)
	}
	return label(v)
}

// label is a positive value in few digits.
func label(v float64) string {
	if v >= 1e-3 && v < 1e5 {
		if v > 1e4*(1-1e-9) {
			return strconv.FormatFloat(v, 'f', 0, 64)
		}
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	digits, power, _ := strings.Cut(strconv.FormatFloat(v, 'e', 3, 64), "e")
	digits = strings.TrimSuffix(strings.TrimRight(digits, "0"), ".")
	return digits + "e" + strings.NewReplacer("+0", "", "-0", "-", "+", "").Replace(power)
}
