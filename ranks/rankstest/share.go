package rankstest

import (
	"errors"
	"fmt"
	"slices"

	"tessera/ranks"
)

// numbers: 0, 1 and 3 numbers from every rank, in the order of the ranks.
func numbers(c ranks.Comm) error {
	for _, n := range []int{0, 1, 3} {
		got, err := ranks.Numbers(c, values(n, c.Rank(), n)...)
		if err != nil {
			return err
		}
		if err := same(fmt.Sprintf("Numbers of %d", n), got, fromAll(c, n)); err != nil {
			return err
		}
	}
	return nil
}

// gatherNumbers is numbers on rank 0; the others get nil.
func gatherNumbers(c ranks.Comm) error {
	for _, n := range []int{0, 1, 3} {
		got, err := ranks.GatherNumbers(c, values(n, c.Rank(), n)...)
		if err != nil {
			return err
		}
		if c.Rank() != 0 {
			if got != nil {
				return fmt.Errorf("GatherNumbers gave %v to rank %d, want nil", got, c.Rank())
			}
			continue
		}
		if err := same(fmt.Sprintf("GatherNumbers of %d", n), got, fromAll(c, n)); err != nil {
			return err
		}
	}
	return nil
}

// fromAll is n values of every rank, rank by rank.
func fromAll(c ranks.Comm, n int) []float64 {
	all := []float64{}
	for r := range c.Size() {
		all = append(all, values(n, r, n)...)
	}
	return all
}

// counts: whole numbers of either sign arrive exactly, up to 2^53.
func counts(c ranks.Comm) error {
	number := func(r int) int { return []int{0, r, -7 * r, 1<<53 - r}[r%4] }
	got, err := ranks.Counts(c, number(c.Rank()))
	if err != nil {
		return err
	}
	for r, n := range got {
		if n != number(r) {
			return fmt.Errorf("Counts gave %d for rank %d, want %d", n, r, number(r))
		}
	}
	if len(got) != c.Size() {
		return fmt.Errorf("Counts gave %d numbers for %d ranks", len(got), c.Size())
	}
	return nil
}

// exchangeCounts: the number for rank r reaches rank r alone. A list of another
// length is refused before anything is sent.
func exchangeCounts(c ranks.Comm) error {
	p, me := c.Size(), c.Rank()
	number := func(from, to int) int { return 1000*from - to }
	mine := make([]int, p)
	for r := range mine {
		mine[r] = number(me, r)
	}
	for _, wrong := range [][]int{mine[1:], append(slices.Clone(mine), 5)} {
		if _, err := ranks.ExchangeCounts(c, wrong); err == nil {
			return fmt.Errorf("ExchangeCounts took %d numbers for %d ranks", len(wrong), p)
		}
	}
	got, err := ranks.ExchangeCounts(c, mine)
	if err != nil {
		return err
	}
	if len(got) != p {
		return fmt.Errorf("ExchangeCounts gave %d numbers for %d ranks", len(got), p)
	}
	for r, n := range got {
		if n != number(r, me) {
			return fmt.Errorf("ExchangeCounts: %d from rank %d, want %d", n, r, number(r, me))
		}
	}
	return nil
}

// deliver: parts whose lengths only the sender knows, some of them empty.
func deliver(c ranks.Comm) error {
	p, me := c.Size(), c.Rank()
	length := func(from, to int) int { return 37 * ((from + 2*to) % 3) }
	parts := make([][]float64, p)
	for r := range parts {
		parts[r] = values(me, r, length(me, r))
	}
	if _, err := ranks.Deliver(c, append(slices.Clone(parts), nil)); err == nil {
		return fmt.Errorf("Deliver took %d parts for %d ranks", p+1, p)
	}
	got, err := ranks.Deliver(c, parts)
	if err != nil {
		return err
	}
	if len(got) != p {
		return fmt.Errorf("Deliver gave %d parts for %d ranks", len(got), p)
	}
	for r, part := range got {
		if err := same(fmt.Sprintf("Deliver from rank %d", r), part, values(r, me, length(r, me))); err != nil {
			return err
		}
	}
	return nil
}

// onRoot: the work runs on rank 0 alone, and its error is that of every rank.
func onRoot(c ranks.Comm) error {
	ran := 0
	work := func(err error) func() error {
		return func() error { ran++; return err }
	}
	if err := ranks.OnRoot(c, work(nil)); err != nil {
		return err
	}
	err := ranks.OnRoot(c, work(fmt.Errorf("writing x.npy: %w", ranks.ErrTruncated)))
	const want = "rank 0: writing x.npy: "
	var re *ranks.RankError
	if !errors.As(err, &re) || re.Rank != 0 || !errors.Is(err, ranks.ErrTruncated) || len(err.Error()) <= len(want) || err.Error()[:len(want)] != want {
		return fmt.Errorf("OnRoot returned %v, want %q...", err, want)
	}
	if times := 2 * (1 - min(c.Rank(), 1)); ran != times {
		return fmt.Errorf("OnRoot ran the work %d times on rank %d, want %d", ran, c.Rank(), times)
	}
	return nil
}

// shared: what rank 0 knows replaces what the other ranks held.
func shared(c ranks.Comm) error {
	rows, cols, seed := -1, c.Rank(), 5
	if c.Rank() == 0 {
		rows, cols, seed = 480, -640, 1<<53-1
	}
	if err := ranks.Share(c, &rows, &cols, &seed); err != nil {
		return err
	}
	if rows != 480 || cols != -640 || seed != 1<<53-1 {
		return fmt.Errorf("Share gave %d, %d and %d", rows, cols, seed)
	}
	return ranks.Share(c)
}
