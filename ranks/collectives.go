package ranks

import (
	"fmt"
	"math/bits"
)

func (c *communicator) Bcast(buf []float64, root int) error {
	return c.bcast("Bcast", asBytes(buf), 8, root)
}

func (c *communicator) BcastBytes(buf []byte, root int) error {
	return c.bcast("BcastBytes", buf, 1, root)
}

func (c *communicator) bcast(call string, b []byte, elem, root int) error {
	if err := c.checkRoot(root); err != nil {
		return fail(call, err)
	}
	start := c.stats.enter()
	err := c.wire.bcast(b, elem, root)
	n := children(c.rank, root, c.size)
	c.countExchange(start, n, n*len(b))
	return fail(call, err)
}

func (c *communicator) Reduce(dst, src []float64, op Op, root int) error {
	err := c.checkRoot(root)
	if err == nil {
		err = checkOp(op)
	}
	if err == nil && c.rank == root && len(dst) != len(src) {
		err = fmt.Errorf("dst holds %d elements, src %d", len(dst), len(src))
	}
	if err != nil {
		return fail("Reduce", err)
	}
	start := c.stats.enter()
	err = c.wire.reduce(dst, src, op, root)
	n := 1
	if c.rank == root {
		n = 0
	}
	c.countReduce(start, n, n*8*len(src))
	return fail("Reduce", err)
}

func (c *communicator) Allreduce(dst, src []float64, op Op) error {
	err := c.wire.aborted()
	if err == nil {
		err = checkOp(op)
	}
	if err == nil && len(dst) != len(src) {
		err = fmt.Errorf("dst holds %d elements, src %d", len(dst), len(src))
	}
	if err != nil {
		return fail("Allreduce", err)
	}
	start := c.stats.enter()
	err = c.wire.reduce(dst, src, op, everyRank)
	n := log2up(c.size)
	c.countReduce(start, n, n*8*len(src))
	return fail("Allreduce", err)
}

func (c *communicator) Gatherv(dst []float64, counts []int, src []float64, root int) error {
	err := c.checkRoot(root)
	if err == nil {
		_, err = c.checkCounts("count", counts, c.rank == root, len(dst), "dst")
	}
	if err == nil && counts[c.rank] != len(src) {
		err = fmt.Errorf("src holds %d elements, counts[%d] is %d", len(src), c.rank, counts[c.rank])
	}
	if err != nil {
		return fail("Gatherv", err)
	}
	start := c.stats.enter()
	err = c.wire.gatherv(dst, counts, src, root)
	n := 1
	if c.rank == root {
		n = 0
	}
	c.countExchange(start, n, n*8*len(src))
	return fail("Gatherv", err)
}

func (c *communicator) Allgatherv(dst []float64, counts []int, src []float64) error {
	err := c.wire.aborted()
	total := 0
	if err == nil {
		total, err = c.checkCounts("count", counts, true, len(dst), "dst")
	}
	if err == nil && counts[c.rank] != len(src) {
		err = fmt.Errorf("src holds %d elements, counts[%d] is %d", len(src), c.rank, counts[c.rank])
	}
	if err != nil {
		return fail("Allgatherv", err)
	}
	start := c.stats.enter()
	err = c.wire.allgatherv(dst, counts, src)
	next := counts[(c.rank+1)%c.size] // in a ring a block is passed on until the next rank's own comes round
	c.countExchange(start, c.size-1, 8*(total-next))
	return fail("Allgatherv", err)
}

func (c *communicator) Alltoallv(recv []float64, recvCounts []int, send []float64, sendCounts []int) error {
	err := c.wire.aborted()
	if err == nil {
		_, err = c.checkCounts("receive count", recvCounts, true, len(recv), "recv")
	}
	if err == nil {
		_, err = c.checkCounts("send count", sendCounts, true, len(send), "send")
	}
	if err != nil {
		return fail("Alltoallv", err)
	}
	start := c.stats.enter()
	err = c.wire.alltoallv(recv, recvCounts, send, sendCounts)
	c.countExchange(start, c.size-1, 8*(len(send)-sendCounts[c.rank]))
	return fail("Alltoallv", err)
}

func (c *communicator) Barrier() error {
	if err := c.wire.aborted(); err != nil {
		return fail("Barrier", err)
	}
	start := c.stats.enter()
	err := c.wire.barrier()
	c.countReduce(start, log2up(c.size), 0)
	return fail("Barrier", err)
}

func (c *communicator) checkRoot(root int) error {
	if err := c.wire.aborted(); err != nil {
		return err
	}
	if root < 0 || root >= c.size {
		return fmt.Errorf("root %d, the communicator has %d ranks", root, c.size)
	}
	return nil
}

// checkCounts returns the sum of counts; where exact, it must be length.
func (c *communicator) checkCounts(what string, counts []int, exact bool, length int, buffer string) (int, error) {
	if len(counts) != c.size {
		return 0, fmt.Errorf("%d %ss for %d ranks", len(counts), what, c.size)
	}
	total := 0
	for r, n := range counts {
		if n < 0 || total+n < total {
			return 0, fmt.Errorf("%s of rank %d is %d", what, r, n)
		}
		total += n
	}
	if exact && total != length {
		return 0, fmt.Errorf("%ss add up to %d elements, %s holds %d", what, total, buffer, length)
	}
	return total, nil
}

func checkOp(op Op) error {
	if op != Sum && op != Max && op != Min {
		return fmt.Errorf("unknown operation %d", op)
	}
	return nil
}

// children is how many ranks this one sends to in a binomial tree from root:
// with v its distance from the root, the ranks v+2^k < size with 2^k above v.
func children(rank, root, size int) int {
	v := (rank - root + size) % size
	n := 0
	for step := 1 << bits.Len(uint(v)); v+step < size; step <<= 1 {
		n++
	}
	return n
}
