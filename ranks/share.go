package ranks

// Numbers collects n numbers from every rank: numbers r*n to (r+1)*n-1 of the result
// are rank r's, on every rank. Every rank gives as many. Collective.
func Numbers(c Comm, mine ...float64) ([]float64, error) {
	all := make([]float64, len(mine)*c.Size())
	return all, c.Allgatherv(all, equalCounts(c, len(mine)), mine)
}

// GatherNumbers is Numbers on rank 0 alone, nil on the others. Collective.
func GatherNumbers(c Comm, mine ...float64) ([]float64, error) {
	var all []float64
	if c.Rank() == 0 {
		all = make([]float64, len(mine)*c.Size())
	}
	return all, c.Gatherv(all, equalCounts(c, len(mine)), mine, 0)
}

// Counts collects one whole number, such as the length of its part, from every rank;
// the same result on every rank. Exact up to 2^53. Collective.
func Counts(c Comm, mine int) ([]int, error) {
	all, err := Numbers(c, float64(mine))
	counts := make([]int, len(all))
	for r, v := range all {
		counts[r] = int(v)
	}
	return counts, err
}

// ExchangeCounts sends the whole number mine[r] to each rank r and returns the number
// that came from each. Collective.
func ExchangeCounts(c Comm, mine []int) ([]int, error) {
	ones := equalCounts(c, 1)
	out, in := make([]float64, c.Size()), make([]float64, c.Size())
	for r, n := range mine {
		out[r] = float64(n)
	}
	if err := c.Alltoallv(in, ones, out, ones); err != nil {
		return nil, err
	}
	counts := make([]int, len(in))
	for r, v := range in {
		counts[r] = int(v)
	}
	return counts, nil
}

func equalCounts(c Comm, n int) []int {
	counts := make([]int, c.Size())
	for r := range counts {
		counts[r] = n
	}
	return counts
}

// OnRoot runs work on rank 0 alone; its error becomes the error of every rank, as by
// AgreeError. Collective.
func OnRoot(c Comm, work func() error) error {
	var err error
	if c.Rank() == 0 {
		err = work()
	}
	return AgreeError(c, err)
}

// Share sends whole numbers that rank 0 knows to all ranks. Exact up to 2^53. Collective.
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
