package rankstest

import (
	"fmt"

	"tessera/ranks"
)

// randomPrograms runs sequences of calls drawn by chance, the same on all ranks,
// on the communicator and on two splits of it: whatever comes before a call must
// not change it.
func randomPrograms(c ranks.Comm) error {
	odd, err := c.Split(c.Rank()%2, 0)
	if err != nil {
		return err
	}
	turned, err := c.Split(0, -c.Rank())
	if err != nil {
		return err
	}
	for step := range 80 {
		on := []ranks.Comm{c, odd, turned}[pick(3, step, 1)]
		if err := randomCall(on, step); err != nil {
			return fmt.Errorf("step %d on %d ranks: %w", step, on.Size(), err)
		}
	}
	return nil
}

func randomCall(c ranks.Comm, step int) error {
	p, r := c.Size(), c.Rank()
	n := sizes(p)[pick(8, step, 2)]
	root := pick(p, step, 3)
	switch pick(8, step, 4) {
	case 0:
		return exchangeRound(c, 100+step)
	case 1:
		x := values(step, r, n)
		if err := c.Bcast(x, root); err != nil {
			return err
		}
		return same("Bcast", x, values(step, root, n))
	case 2, 3:
		x := values(step, r, n)
		if err := c.Allreduce(x, x, ranks.Sum); err != nil {
			return err
		}
		return checkFold("Allreduce", ranks.Sum, x, p, func(q, i int) float64 { return value(step, q, i) })
	case 4:
		counts, want := blocks(step, p)
		dst := make([]float64, len(want))
		if err := c.Allgatherv(dst, counts, values(step, r, counts[r])); err != nil {
			return err
		}
		return same("Allgatherv", dst, want)
	case 5:
		counts, want := blocks(step, p)
		dst := make([]float64, len(want))
		if err := c.Gatherv(dst, counts, values(step, r, counts[r]), root); err != nil {
			return err
		}
		if r != root {
			return nil
		}
		return same("Gatherv", dst, want)
	case 6:
		got := make([]float64, n)
		if _, err := c.Sendrecv(values(step, r, n), (r+1)%p, 1, got, (r+p-1)%p, 1); err != nil {
			return err
		}
		return same("Sendrecv", got, values(step, (r+p-1)%p, n))
	}
	return c.Barrier()
}
