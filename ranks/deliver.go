package ranks

// Deliver sends parts[r] to rank r, where nobody knows beforehand how much will
// come, and returns what came from each rank. Collective.
func Deliver(c Comm, parts [][]float64) ([][]float64, error) {
	size := c.Size()
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
