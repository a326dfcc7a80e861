package ranks

import "fmt"

// Deliver sends parts[r] to each rank r and returns what this rank received, by
// rank of the sender. The receivers need not know the lengths: these travel first.
// Collective. If parts does not hold one part for each rank, this rank alone gets
// an error before it sends.
func Deliver(c Comm, parts [][]float64) ([][]float64, error) {
	size := c.Size()
	if len(parts) != size {
		return nil, fmt.Errorf("ranks: Deliver: %d parts for %d ranks", len(parts), size)
	}
	send := make([]int, size)
	var all []float64
	for r, p := range parts {
		send[r] = len(p)
		all = append(all, p...)
	}
	recv, err := ExchangeCounts(c, send)
	if err != nil {
		return nil, err
	}
	total := 0
	for _, n := range recv {
		total += n
	}
	got := make([]float64, total)
	if err := c.Alltoallv(got, recv, all, send); err != nil {
		return nil, err
	}
	from := make([][]float64, size)
	for r, n := range recv {
		from[r], got = got[:n:n], got[n:]
	}
	return from, nil
}
