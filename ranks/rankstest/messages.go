package rankstest

import (
	"errors"
	"fmt"

	"tessera/ranks"
)

// ring passes every size to the next rank; even ranks send first, so that no
// buffering is needed at any ring length but one.
func ring(c ranks.Comm) error {
	p, r := c.Size(), c.Rank()
	if p == 1 {
		return nil
	}
	next, prev := (r+1)%p, (r+p-1)%p
	for round, n := range sizes(c.Size()) {
		out, in := values(round, r, n), filled(n+2)
		give := func() error { return c.Send(out, next, round) }
		take := func() error {
			st, err := c.Recv(in, prev, round)
			if err != nil {
				return err
			}
			if want := (ranks.Status{Source: prev, Tag: round, Count: n}); st != want {
				return fmt.Errorf("status %+v, want %+v", st, want)
			}
			return same("received", in, append(values(round, prev, n), filled(2)...))
		}
		if r%2 == 1 {
			give, take = take, give
		}
		if err := give(); err != nil {
			return err
		}
		if err := take(); err != nil {
			return err
		}
		if err := same("sent", out, values(round, r, n)); err != nil {
			return err
		}
	}
	return nil
}

func byteMessages(c ranks.Comm) error {
	if c.Size() == 1 {
		return nil
	}
	for _, n := range []int{0, 1, 13, 8191, 100001} {
		switch c.Rank() {
		case 0:
			b := make([]byte, n)
			for i := range b {
				b[i] = byte(mix(uint64(i)))
			}
			if err := c.SendBytes(b, 1, 3); err != nil {
				return err
			}
		case 1:
			b := make([]byte, n+5)
			st, err := c.RecvBytes(b, 0, 3)
			if err != nil {
				return err
			}
			if st.Count != n || st.Source != 0 || st.Tag != 3 {
				return fmt.Errorf("status %+v for %d bytes", st, n)
			}
			for i := range b {
				want := byte(0)
				if i < n {
					want = byte(mix(uint64(i)))
				}
				if b[i] != want {
					return fmt.Errorf("byte %d of %d is %d, want %d", i, n, b[i], want)
				}
			}
		}
	}
	return c.Barrier()
}

// order sends many messages with one tag from each rank to rank 0: they arrive
// in the order of sending whatever their length.
func order(c ranks.Comm) error {
	const messages = 60
	length := func(r, k int) int { return pick(3000, r, k) + 1 }
	if c.Rank() > 0 {
		for k := range messages {
			x := values(k, c.Rank(), length(c.Rank(), k))
			x[0] = float64(k)
			if err := c.Send(x, 0, 9); err != nil {
				return err
			}
		}
		return nil
	}
	buf := make([]float64, 3000)
	for r := 1; r < c.Size(); r++ {
		for k := range messages {
			st, err := c.Recv(buf, r, 9)
			if err != nil {
				return err
			}
			if st.Count != length(r, k) || buf[0] != float64(k) {
				return fmt.Errorf("message %d from rank %d has %d elements and number %v, want %d", k, r, st.Count, buf[0], length(r, k))
			}
		}
	}
	return nil
}

func wildcards(c ranks.Comm) error {
	const messages = 20
	if c.Rank() > 0 {
		for k := range messages {
			if err := c.Send([]float64{float64(c.Rank()), float64(k)}, 0, k); err != nil {
				return err
			}
		}
		return nil
	}
	got := make([]int, c.Size())
	for range messages * (c.Size() - 1) {
		buf := make([]float64, 2)
		st, err := c.Recv(buf, ranks.AnySource, ranks.AnyTag)
		if err != nil {
			return err
		}
		if st.Source != int(buf[0]) || st.Tag != int(buf[1]) || st.Tag != got[st.Source] || st.Count != 2 {
			return fmt.Errorf("status %+v for message %v, of this rank %d came before", st, buf, got[st.Source])
		}
		got[st.Source]++
	}
	return nil
}

// tagsOutOfOrder receives in the opposite order of sending.
func tagsOutOfOrder(c ranks.Comm) error {
	if c.Rank() == 0 {
		for r := 1; r < c.Size(); r++ {
			for tag := range 5 {
				if err := c.Send([]float64{float64(tag)}, r, tag); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for tag := 4; tag >= 0; tag-- {
		x := []float64{-1}
		if _, err := c.Recv(x, 0, tag); err != nil {
			return err
		}
		if x[0] != float64(tag) {
			return fmt.Errorf("tag %d brought %v", tag, x[0])
		}
	}
	return nil
}

// spacesApart leaves a message waiting for each rank during collectives and an exchange:
// they must not receive it.
func spacesApart(c ranks.Comm) error {
	p, r := c.Size(), c.Rank()
	if p == 1 {
		return nil // MPICH does not buffer what a rank sends to itself
	}
	next, prev := (r+1)%p, (r+p-1)%p
	if err := c.Send([]float64{100 + float64(r)}, next, 0); err != nil {
		return err
	}
	x := []float64{1}
	if err := c.Allreduce(x, x, ranks.Sum); err != nil {
		return err
	}
	if x[0] != float64(p) {
		return fmt.Errorf("sum of ones is %v", x[0])
	}
	b := []float64{float64(r)}
	if err := c.Bcast(b, p-1); err != nil {
		return err
	}
	if b[0] != float64(p-1) {
		return fmt.Errorf("broadcast %v, want %d", b[0], p-1)
	}
	peer := p - 1 - r
	got := []float64{-1}
	if err := c.Exchange(ranks.Neighbours{Ranks: []int{peer}, SendCounts: []int{1}, RecvCounts: []int{1}}, []float64{float64(r)}, got); err != nil {
		return err
	}
	if got[0] != float64(peer) {
		return fmt.Errorf("exchange with %d brought %v", peer, got[0])
	}
	st, err := c.Recv(x, ranks.AnySource, ranks.AnyTag)
	if err != nil {
		return err
	}
	if st.Source != prev || x[0] != 100+float64(prev) {
		return fmt.Errorf("waiting message is %v from %d, want %d", x[0], st.Source, 100+prev)
	}
	return nil
}

func sendrecv(c ranks.Comm) error {
	p, r := c.Size(), c.Rank()
	for round, n := range sizes(c.Size()) {
		for _, shift := range []int{1, p - 1, 0} {
			dst, src := (r+shift)%p, (r+p-shift)%p
			out, in := values(round, r, n+r%3), filled(n+2)
			st, err := c.Sendrecv(out, dst, round, in, src, round)
			if err != nil {
				return err
			}
			want := values(round, src, n+src%3)
			if (st != ranks.Status{Source: src, Tag: round, Count: len(want)}) {
				return fmt.Errorf("status %+v from %d", st, src)
			}
			if err := same("received", in[:len(want)], want); err != nil {
				return fmt.Errorf("shift %d: %w", shift, err)
			}
			if err := same("rest of the buffer", in[len(want):], filled(n+2-len(want))); err != nil {
				return err
			}
		}
	}
	return nil
}

func procNull(c ranks.Comm) error {
	nothing := ranks.Status{Source: ranks.ProcNull, Tag: ranks.AnyTag}
	x := filled(2)
	if err := c.Send(x, ranks.ProcNull, 0); err != nil {
		return err
	}
	if err := c.SendBytes([]byte{1}, ranks.ProcNull, 0); err != nil {
		return err
	}
	if st, err := c.Recv(x, ranks.ProcNull, 0); err != nil || st != nothing {
		return fmt.Errorf("Recv from ProcNull: %+v, %v", st, err)
	}
	if st, err := c.RecvBytes([]byte{1}, ranks.ProcNull, 0); err != nil || st != nothing {
		return fmt.Errorf("RecvBytes from ProcNull: %+v, %v", st, err)
	}
	// A chain of shifts, open at both ends.
	dst, src := c.Rank()+1, c.Rank()-1
	if dst == c.Size() {
		dst = ranks.ProcNull
	}
	if src < 0 {
		src = ranks.ProcNull
	}
	st, err := c.Sendrecv([]float64{float64(c.Rank())}, dst, 4, x[:1], src, 4)
	if err != nil {
		return err
	}
	if src == ranks.ProcNull {
		if st != nothing {
			return fmt.Errorf("status at the end of the chain %+v", st)
		}
		return same("end of the chain", x, filled(2))
	}
	return same("chain", x, []float64{float64(src), -12345})
}

// truncation: a message too long for the buffer is an error and is lost; the next message is
// received.
func truncation(c ranks.Comm) error {
	if c.Size() == 1 {
		return nil
	}
	for round, n := range []int{5, 20000} {
		switch c.Rank() {
		case 0:
			if err := c.Send(values(round, 0, n), 1, 1); err != nil {
				return err
			}
			if err := c.Send([]float64{42}, 1, 1); err != nil {
				return err
			}
		case 1:
			buf := make([]float64, n-1)
			if _, err := c.Recv(buf, 0, 1); !errors.Is(err, ranks.ErrTruncated) {
				return fmt.Errorf("%d elements into %d: error %v, want ErrTruncated", n, n-1, err)
			}
			st, err := c.Recv(buf, 0, 1)
			if err != nil || st.Count != 1 || buf[0] != 42 {
				return fmt.Errorf("message after a truncated one: %+v, %v, %v", st, buf[0], err)
			}
		}
	}
	return c.Barrier()
}

// badArguments give an error before anything is sent; the communicator can still be used.
func badArguments(c ranks.Comm) error {
	p, r := c.Size(), c.Rank()
	x := make([]float64, 2)
	counts := make([]int, p)
	for i := range counts {
		counts[i] = 1
	}
	all := make([]float64, p)
	_, recvBad := c.Recv(x, p, 0)
	_, recvTag := c.Recv(x, 0, ranks.MaxTag+1)
	_, sendrecvBad := c.Sendrecv(x, 0, 0, x, -7, 0)
	_, sendrecvTag := c.Sendrecv(x, 0, -1, x, 0, 0)
	nb := func(ranksIn, s, v []int) ranks.Neighbours {
		return ranks.Neighbours{Ranks: ranksIn, SendCounts: s, RecvCounts: v}
	}
	bad := map[string]error{
		"Send to rank p":              c.Send(x, p, 0),
		"Send to any":                 c.Send(x, ranks.AnySource, 0),
		"Send with AnyTag":            c.Send(x, 0, ranks.AnyTag),
		"Send with a large tag":       c.Send(x, 0, ranks.MaxTag+1),
		"Recv from rank p":            recvBad,
		"Recv with a large tag":       recvTag,
		"Sendrecv from -7":            sendrecvBad,
		"Sendrecv with tag -1":        sendrecvTag,
		"Exchange, rank p":            c.Exchange(nb([]int{p}, []int{2}, []int{2}), x, x),
		"Exchange, counts missing":    c.Exchange(nb([]int{r}, []int{2}, nil), x, x),
		"Exchange, counts too large":  c.Exchange(nb([]int{r}, []int{3}, []int{2}), x, x),
		"Exchange, counts too small":  c.Exchange(nb([]int{r}, []int{2}, []int{1}), x, x),
		"Exchange, negative count":    c.Exchange(nb([]int{r}, []int{-1}, []int{2}), x, x),
		"Exchange, rank twice":        c.Exchange(nb([]int{r, r}, []int{1, 1}, []int{1, 1}), x, x),
		"Bcast, root p":               c.Bcast(x, p),
		"BcastBytes, root -1":         c.BcastBytes(nil, -1),
		"Reduce, root p":              c.Reduce(x, x, ranks.Sum, p),
		"Allreduce, lengths":          c.Allreduce(x[:1], x, ranks.Sum),
		"Allreduce, unknown op":       c.Allreduce(x, x, ranks.Op(9)),
		"Gatherv, src length":         c.Gatherv(all, counts, x, 0),
		"Gatherv, too many counts":    c.Gatherv(all, append(counts[:p:p], 1), x[:1], 0),
		"Allgatherv, dst length":      c.Allgatherv(append(all[:p:p], 0), counts, x[:1]),
		"Allgatherv, src length":      c.Allgatherv(all, counts, x),
		"Alltoallv, recv length":      c.Alltoallv(append(all[:p:p], 0), counts, all, counts),
		"Alltoallv, send length":      c.Alltoallv(all, counts, append(all[:p:p], 0), counts),
		"Alltoallv, missing a count":  c.Alltoallv(all, counts[1:], all, counts),
		"Alltoallv, a negative count": c.Alltoallv(all[1:], append([]int{-1}, counts[1:]...), all, counts),
	}
	for what, err := range bad {
		if err == nil {
			return fmt.Errorf("%s is not refused", what)
		}
		if errors.Is(err, ranks.ErrAborted) {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return c.Barrier()
}
