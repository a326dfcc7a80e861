package ranks

import "fmt"

// Numbers collects n numbers from every rank, n = len(mine) on every rank. The
// result holds n*Size numbers, rank r's at [r*n, (r+1)*n), and is the same on every
// rank. Collective. If n differs between ranks, each rank gets an error that wraps
// ErrMismatch in-process; MPI libraries differ in what they do.
func Numbers(c Comm, mine ...float64) ([]float64, error) {
	all := make([]float64, len(mine)*c.Size())
	return all, c.Allgatherv(all, equalCounts(c, len(mine)), mine)
}

// GatherNumbers is Numbers with the result on rank 0 alone and nil on the other
// ranks. Collective.
func GatherNumbers(c Comm, mine ...float64) ([]float64, error) {
	var all []float64
	if c.Rank() == 0 {
		all = make([]float64, len(mine)*c.Size())
	}
	return all, c.Gatherv(all, equalCounts(c, len(mine)), mine, 0)
}

// Counts collects one whole number, such as the length of its part, from every
// rank. The result, one number a rank, is the same on every rank. The numbers
// travel as float64 and are exact up to 2^53. Collective.
func Counts(c Comm, mine int) ([]int, error) {
	all, err := Numbers(c, float64(mine))
	return wholeNumbers(all), err
}

// ExchangeCounts sends the whole number mine[r] to each rank r and returns the
// numbers that this rank received, by rank of the sender. Exact up to 2^53.
// Collective. If mine does not hold one number for each rank, this rank alone gets
// an error before it sends.
func ExchangeCounts(c Comm, mine []int) ([]int, error) {
	if len(mine) != c.Size() {
		return nil, fmt.Errorf("ranks: ExchangeCounts: %d numbers for %d ranks", len(mine), c.Size())
	}
	ones := equalCounts(c, 1)
	out, in := make([]float64, len(mine)), make([]float64, len(mine))
	for r, n := range mine {
		out[r] = float64(n)
	}
	err := c.Alltoallv(in, ones, out, ones)
	return wholeNumbers(in), err
}

func equalCounts(c Comm, n int) []int {
	counts := make([]int, c.Size())
	for r := range counts {
		counts[r] = n
	}
	return counts
}

func wholeNumbers(x []float64) []int {
	n := make([]int, len(x))
	for i, v := range x {
		n[i] = int(v)
	}
	return n
}

// OnRoot runs work on rank 0 alone. Its error becomes the error of every rank, as
// AgreeError makes it. Collective.
func OnRoot(c Comm, work func() error) error {
	var err error
	if c.Rank() == 0 {
		err = work()
	}
	return AgreeError(c, err)
}

// Share sends whole numbers from rank 0 to all other ranks, where they replace what
// the pointers point to. Every rank passes as many pointers. Exact up to 2^53.
// Collective.
func Share(c Comm, numbers ...*int) error {
	buf := make([]float64, len(numbers))
	for i, n := range numbers {
		buf[i] = float64(*n)
	}
	if err := c.Bcast(buf, 0); err != nil {
		return err
	}
	for i, n := range numbers {
		*n = int(buf[i])
	}
	return nil
}
