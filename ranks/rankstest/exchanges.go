package rankstest

import (
	"errors"
	"fmt"

	"tessera/ranks"
)

// linked tells whether ranks a and b of p are neighbours in a random graph of the round. A
// rank has six neighbours on average, if p allows, and may be its own. count is the number of
// elements that a sends to b.
func linked(round, p, a, b int) bool { return pick(p+3, round, min(a, b), max(a, b)) < 6 }

func count(round, a, b int) int {
	n := sizes(17)[pick(8, round, 7, a, b)]
	return n + pick(2, round, 8, a, b)
}

func exchange(c ranks.Comm) error {
	for round := range 12 {
		if err := exchangeRound(c, round); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
	}
	return c.Exchange(ranks.Neighbours{}, nil, nil)
}

// exchangeRound exchanges over one random graph. Neighbours are listed from a
// random one on, so that no order is relied on, with ProcNull in between.
func exchangeRound(c ranks.Comm, round int) error {
	p, r := c.Size(), c.Rank()
	var nb ranks.Neighbours
	var send, want []float64
	first := pick(p, round, r)
	for k := range p {
		q := (first + k) % p
		if !linked(round, p, r, q) {
			continue
		}
		nb.Ranks = append(nb.Ranks, q)
		nb.SendCounts = append(nb.SendCounts, count(round, r, q))
		nb.RecvCounts = append(nb.RecvCounts, count(round, q, r))
		send = append(send, values(round, r*1000+q, count(round, r, q))...)
		want = append(want, values(round, q*1000+r, count(round, q, r))...)
		if k%5 == 2 {
			nb.Ranks = append(nb.Ranks, ranks.ProcNull)
			nb.SendCounts = append(nb.SendCounts, 2)
			nb.RecvCounts = append(nb.RecvCounts, 3)
			send = append(send, -1, -1)
			want = append(want, filled(3)...)
		}
	}
	got := filled(len(want))
	if err := c.Exchange(nb, send, got); err != nil {
		return err
	}
	clear(send) // ours again: the neighbour has, or will get, what was in it
	return same("received", got, want)
}

// exchangeAhead lets fast ranks run ahead of slow ones by as much as a chain of
// pairwise exchanges allows.
func exchangeAhead(c ranks.Comm) error {
	p, r := c.Size(), c.Rank()
	for round := range 200 {
		for side := range 2 {
			peer := r + 1
			if (r+side)%2 == 1 {
				peer = r - 1
			}
			if peer < 0 || peer >= p {
				continue
			}
			n := 1 + pick(2, round)*2000
			got := make([]float64, n)
			out := filled(n)
			out[0], out[n-1] = float64(round), float64(r)+float64(round)*float64(min(1, n-1))
			err := c.Exchange(ranks.Neighbours{Ranks: []int{peer}, SendCounts: []int{n}, RecvCounts: []int{n}}, out, got)
			if err != nil {
				return err
			}
			if n > 1 && (got[0] != float64(round) || got[n-1] != float64(peer+round)) {
				return fmt.Errorf("round %d: got %v .. %v from rank %d", round, got[0], got[n-1], peer)
			}
		}
	}
	return nil
}

// exchangeMismatch: if a neighbour sends another number of elements than expected, the
// receiver gets an error, the sender gets none, and the next exchange is right.
func exchangeMismatch(c ranks.Comm) error {
	r := c.Rank()
	if c.Size() == 1 {
		return nil
	}
	if r < 2 {
		pair := func(send, recv int) error {
			return c.Exchange(ranks.Neighbours{Ranks: []int{1 - r}, SendCounts: []int{send}, RecvCounts: []int{recv}},
				make([]float64, send), make([]float64, recv))
		}
		for _, sent := range []int{0, 3, 5, 3000, 5000} {
			var err error
			if r == 0 {
				err = pair(sent, 2)
				if err != nil {
					return fmt.Errorf("the side with the right counts got %w", err)
				}
			} else {
				err = pair(2, 4)
				if !errors.Is(err, ranks.ErrMismatch) {
					return fmt.Errorf("%d elements where 4 are expected: error %v, want ErrMismatch", sent, err)
				}
			}
			if err := pair(1, 1); err != nil {
				return fmt.Errorf("exchange after a mismatch: %w", err)
			}
		}
	}
	return c.Barrier()
}

func alltoallv(c ranks.Comm) error {
	p, r := c.Size(), c.Rank()
	for round := range 6 {
		n := func(a, b int) int { return pick(40*(round+1), round, 3, a, b) * pick(2, round, 4, a, b) }
		if round == 5 {
			n = func(a, b int) int { return 0 }
		}
		sendCounts, recvCounts := make([]int, p), make([]int, p)
		var send, want []float64
		for q := range p {
			sendCounts[q], recvCounts[q] = n(r, q), n(q, r)
			send = append(send, values(round, r*1000+q, n(r, q))...)
			want = append(want, values(round, q*1000+r, n(q, r))...)
		}
		got := filled(len(want))
		if err := c.Alltoallv(got, recvCounts, send, sendCounts); err != nil {
			return err
		}
		clear(send)
		if err := same("received", got, want); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
	}
	return nil
}

func alltoallvMismatch(c ranks.Comm) error {
	p, r := c.Size(), c.Rank()
	sendCounts, recvCounts := make([]int, p), make([]int, p)
	for q := range p {
		sendCounts[q], recvCounts[q] = 2, 2
	}
	if r == p-1 {
		recvCounts[0] = 1 // rank 0 sends two
	}
	err := c.Alltoallv(make([]float64, sum(recvCounts)), recvCounts, make([]float64, 2*p), sendCounts)
	if r == p-1 && !errors.Is(err, ranks.ErrMismatch) {
		return fmt.Errorf("2 elements where 1 is expected: error %v, want ErrMismatch", err)
	}
	if r != p-1 && err != nil {
		return err
	}
	return c.Barrier()
}
