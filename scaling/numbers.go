package scaling

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// unknown is shown in tables in place of a number that is not known.
const unknown = "–"

var nan = math.NaN()

func known(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// exact is a number at full precision, empty where it is not known.
func exact(v float64) string {
	if !known(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// rounded is v to a number of decimals; negative numbers round to tens, hundreds and so on.
func rounded(v float64, decimals int) string {
	if decimals < 0 {
		p := math.Pow(10, float64(-decimals))
		v, decimals = math.Round(v/p)*p, 0
	}
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

// magnitude is the decimal exponent: 0 for 1 to 9, -1 for 0.1 to 0.9.
func magnitude(v float64) int { return int(math.Floor(math.Log10(math.Abs(v)))) }

// significant is v to a number of significant digits.
func significant(v float64, digits int) string {
	switch {
	case !known(v):
		return unknown
	case v == 0:
		return "0"
	case math.Abs(v) < 1e-4 || math.Abs(v) >= 1e7:
		return strconv.FormatFloat(v, 'e', digits-1, 64)
	}
	return rounded(v, digits-1-magnitude(v))
}

// within rounds a number and its interval to the first digit of half the interval's width,
// or to the second digit where the first is 1 or 2: 1.2345 with the interval 1.198 to 1.262
// is 1.23 and 1.20 to 1.26. At least two digits and at most six are shown, three where
// there is no interval.
func within(v, low, high float64) (number, interval string) {
	if !known(v) || v == 0 {
		return significant(v, 3), unknown
	}
	if !known(low) || !known(high) {
		return significant(v, 3), unknown
	}
	first := magnitude(v)
	decimals := 5 - first
	if half := (high - low) / 2; half > 0 {
		decimals = min(max(-magnitude(half/3), 1-first), decimals)
	}
	return rounded(v, decimals), rounded(low, decimals) + " to " + rounded(high, decimals)
}

// percent is a fraction in per cent, without the sign.
func percent(v float64) string {
	if known(v) && math.Abs(v) < 0.01 {
		return significant(100*v, 2)
	}
	if !known(v) {
		return unknown
	}
	return rounded(100*v, 1)
}

// whole is a count in groups of three digits, separated by narrow no-break spaces.
func whole(n int64) string {
	s := strconv.FormatInt(n, 10)
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 && s[i-1] != '-' {
			b.WriteRune('\u202f')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// count is "1 run" or "2 runs".
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// times is a factor, without decimals where it is a whole number.
func times(v float64) string {
	if v == math.Round(v) && math.Abs(v) < 1e9 {
		return whole(int64(v))
	}
	return significant(v, 3)
}

// said is a link in words, without what it leaves at 0.
func (l Link) said() string {
	switch {
	case l.Latency == 0 && l.Bandwidth == 0:
		return "no link: communication takes no time"
	case l.Bandwidth == 0:
		return fmt.Sprintf("%s: %.3g us per message", l.Name, 1e6*l.Latency)
	}
	return l.String()
}

// imbalance is the largest load over the mean; 1 = all loads are equal.
func imbalance(loads []float64) float64 {
	var sum, most float64
	for _, v := range loads {
		sum, most = sum+v, max(most, v)
	}
	if sum == 0 {
		return nan
	}
	return most * float64(len(loads)) / sum
}

// efficiencyBounds are the ends of the speed-up's interval, as efficiencies.
func (r *Row) efficiencyBounds() (low, high float64) {
	f := r.Efficiency / r.SpeedUp
	return f * r.SpeedUpLow, f * r.SpeedUpHigh
}

// efficiencySaid is the efficiency in per cent, rounded by its interval.
func (r *Row) efficiencySaid() string {
	low, high := r.efficiencyBounds()
	v, _ := within(100*r.Efficiency, 100*low, 100*high)
	return v
}

// idealSeconds is the time of row r at the efficiency of the first row.
func (s *Summary) idealSeconds(r *Row) float64 {
	if len(s.Rows) == 0 {
		return nan
	}
	b := &s.Rows[0]
	return b.Median * r.Work / b.Work * float64(b.Ranks) / float64(r.Ranks)
}

// bestSerial is the fastest of the other methods on one rank; nil = there is none.
func (s *Summary) bestSerial() *Row {
	var best *Row
	for i := range s.Serial {
		if r := &s.Serial[i]; known(r.Median) && (best == nil || r.Median < best.Median) {
			best = r
		}
	}
	return best
}

// oversubscribed is the number of cores and the least number of ranks in the study that is
// larger; 0 ranks = there is none.
func (s *Summary) oversubscribed() (cores, ranks int) {
	for i := range s.Rows {
		if s.Rows[i].Oversubscribed {
			return s.Study.Cores, s.Rows[i].Ranks
		}
	}
	return s.Study.Cores, 0
}
