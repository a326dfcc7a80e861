package ranks

// Deliver sends parts[r] to rank r, where nobody knows beforehand how much will
// come, and returns what came from each rank. Collective.
func Deliver(c Comm, parts [][]float64) ([][]float64, error) {
	size := c.Size()
	ones, send, recv := make([]int, size), make([]int, size), make([]int, size)
	out, in := make([]float64, size), make([]float64, size)
	total := 0
	for r, p := range parts {
		ones[r], send[r], out[r] = 1, len(p), float64(len(p))
		total += len(p)
	}
	if err := c.Alltoallv(in, ones, out, ones); err != nil {
		return nil, err
	}
	all := make([]float64, 0, total)
	for _, p := range parts {
		all = append(all, p...)
	}
	total = 0
	for r, n := range in {
		recv[r] = int(n)
		total += recv[r]
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
