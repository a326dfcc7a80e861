package ranks

// swapper is what a reduction by messages needs: Swap sends to dst and fills recv
// from src at the same time, where these are not negative.
type swapper interface {
	Swap(send []float64, dst int, recv []float64, src int) error
}

// combiner reduces by messages along the tree of reduce.go. Short operands are reduced
// whole by recursive doubling, in log P rounds. Of long operands each rank reduces a part,
// by recursive halving, and then the parts are collected: twice the rounds, with about 2 n
// elements sent and n added on each rank (Rabenseifner 2004). Both combine every element
// in the same order.
type combiner struct {
	swapper
	rank, size int
	tmp, sum   []float64
	halvings   []span // of the current recursive halving
}

// span is a range of elements.
type span struct{ lo, hi int }

// long is the length in elements from which operands are halved: 16 KiB.
const long = 2048

func (c *combiner) send(x []float64, dst int) error { return c.Swap(x, dst, nil, -1) }
func (c *combiner) recv(x []float64, src int) error { return c.Swap(nil, -1, x, src) }

// room makes *buf n elements long.
func room(buf *[]float64, n int) []float64 {
	if cap(*buf) < n {
		*buf = make([]float64, n)
	}
	*buf = (*buf)[:n]
	return *buf
}

// reduce folds the ranks' src into dst on root, or everywhere for everyRank.
func (c *combiner) reduce(dst, src []float64, op Op, root int) error {
	n := len(src)
	m, rem := tree(c.size)
	room(&c.tmp, n)
	result := dst // may be src: an element is read before it is written
	if root != everyRank {
		result = room(&c.sum, n)
	}
	// The first pairs: the odd rank joins the tree, the even one waits for the result.
	leaf := c.rank - rem
	if c.rank < 2*rem {
		if c.rank%2 == 0 {
			if err := c.send(src, c.rank+1); err != nil {
				return err
			}
			return c.deliver(dst, nil, root, rem)
		}
		if err := c.recv(c.tmp, c.rank-1); err != nil {
			return err
		}
		combine(op, result, c.tmp, src)
		leaf = c.rank / 2
	} else {
		copy(result, src)
	}
	run := c.double
	switch {
	case n >= long && m > 1:
		run = c.halve
	case root != everyRank:
		run = c.climb
	}
	if err := run(result, op, leaf, m, rem); err != nil {
		return err
	}
	return c.deliver(dst, result, root, rem)
}

// deliver sends the result on: from the odd to the even rank of each first pair, or from
// the root of the tree to the root of the call.
func (c *combiner) deliver(dst, result []float64, root, rem int) error {
	top := c.at(0, rem)
	var err error
	switch {
	case root == everyRank && c.rank < 2*rem && c.rank%2 == 0:
		err = c.recv(dst, c.rank+1)
	case root == everyRank && c.rank < 2*rem:
		err = c.send(result, c.rank-1)
	case root == everyRank:
	case c.rank == top && c.rank == root:
		copy(dst, result)
	case c.rank == top:
		err = c.send(result, root)
	case c.rank == root:
		err = c.recv(dst, top)
	}
	return err
}

// at is the rank of a leaf of the tree.
func (c *combiner) at(leaf, rem int) int {
	if leaf < rem {
		return 2*leaf + 1
	}
	return leaf + rem
}

// join folds theirs into mine, the lower leaf's on the left.
func join(op Op, mine, theirs []float64, leaf, peer int) {
	if leaf < peer {
		combine(op, mine, mine, theirs)
	} else {
		combine(op, mine, theirs, mine)
	}
}

// double is recursive doubling: after k rounds each of the 2^k leaves of a group holds the
// result of the group, and swaps it with the corresponding leaf of the next group.
func (c *combiner) double(x []float64, op Op, leaf, m, rem int) error {
	for step := 1; step < m; step *= 2 {
		peer := leaf ^ step
		r := c.at(peer, rem)
		if err := c.Swap(x, r, c.tmp, r); err != nil {
			return err
		}
		join(op, x, c.tmp, leaf, peer)
	}
	return nil
}

// climb is double in one direction: only leaf 0 gets the result.
func (c *combiner) climb(x []float64, op Op, leaf, m, rem int) error {
	for step := 1; step < m; step *= 2 {
		peer := leaf ^ step
		if peer < leaf {
			return c.send(x, c.at(peer, rem))
		}
		if err := c.recv(c.tmp, c.at(peer, rem)); err != nil {
			return err
		}
		join(op, x, c.tmp, leaf, peer)
	}
	return nil
}

// halve is recursive halving: in each round a leaf keeps one half of the elements that it
// still has and sends away the other half; at the end the leaves collect all elements.
func (c *combiner) halve(x []float64, op Op, leaf, m, rem int) error {
	mine := span{0, len(x)}
	c.halvings = c.halvings[:0]
	for step := 1; step < m; step *= 2 {
		c.halvings = append(c.halvings, mine)
		peer := leaf ^ step
		r := c.at(peer, rem)
		mid := (mine.lo + mine.hi) / 2
		keep, give := span{mine.lo, mid}, span{mid, mine.hi}
		if peer < leaf {
			keep, give = give, keep
		}
		got := c.tmp[keep.lo:keep.hi]
		if err := c.Swap(x[give.lo:give.hi], r, got, r); err != nil {
			return err
		}
		join(op, x[keep.lo:keep.hi], got, leaf, peer)
		mine = keep
	}
	for step := m / 2; step >= 1; step /= 2 {
		whole := c.halvings[len(c.halvings)-1]
		c.halvings = c.halvings[:len(c.halvings)-1]
		r := c.at(leaf^step, rem)
		theirs := span{mine.hi, whole.hi}
		if mine.lo != whole.lo {
			theirs = span{whole.lo, mine.lo}
		}
		if err := c.Swap(x[mine.lo:mine.hi], r, x[theirs.lo:theirs.hi], r); err != nil {
			return err
		}
		mine = whole
	}
	return nil
}
