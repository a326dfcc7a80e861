package scaling

import (
	"math"
	"slices"
)

// Median returns the median of times and an interval that contains the median of their
// distribution with at least 95 % probability, whatever the distribution is: order
// statistics by the binomial distribution (Hoefler and Belli 2015, section 4.2.2). Fewer
// than 6 times have no such interval; low and high are NaN then. Of no times all are NaN.
func Median(times []float64) (median, low, high float64) {
	n := len(times)
	if n == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	t := slices.Sorted(slices.Values(times))
	median = (t[(n-1)/2] + t[n/2]) / 2
	low, high = math.NaN(), math.NaN()
	// The widest k with 2 P(X < k) <= 0.05, X binomial (n, 1/2): the median lies between
	// the k-th smallest and the k-th largest.
	tail, p, k := 0.0, math.Pow(0.5, float64(n)), 0
	for tail+p <= 0.025 {
		tail += p
		p *= float64(n-k) / float64(k+1)
		k++
	}
	if k > 0 {
		low, high = t[k-1], t[n-k]
	}
	return median, low, high
}
