package rankstest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"tessera/ranks"
)

func bcast(c ranks.Comm) error {
	for round, n := range sizes(c.Size()) {
		root := pick(c.Size(), round)
		x := values(round, c.Rank(), n)
		if err := c.Bcast(x, root); err != nil {
			return err
		}
		if err := same(fmt.Sprintf("Bcast of %d from %d", n, root), x, values(round, root, n)); err != nil {
			return err
		}
		clear(x) // must not reach anybody else
		b := make([]byte, 2*n+1)
		for i := range b {
			b[i] = byte(mix(uint64(c.Rank()*n + i)))
		}
		if err := c.BcastBytes(b, root); err != nil {
			return err
		}
		for i := range b {
			if want := byte(mix(uint64(root*n + i))); b[i] != want {
				return fmt.Errorf("BcastBytes of %d from %d: byte %d is %d, want %d", len(b), root, i, b[i], want)
			}
		}
	}
	return nil
}

// blocks is the expected result of a gather, and the count of each rank.
func blocks(round, p int) (counts []int, all []float64) {
	scale := []int{1, 3, 50, 40000 / (p + 12), 1}[round%5]
	for q := range p {
		n := pick(scale+1, round, q)
		counts = append(counts, n)
		all = append(all, values(round, q, n)...)
	}
	return counts, all
}

func gatherv(c ranks.Comm) error {
	r := c.Rank()
	for round := range 10 {
		counts, want := blocks(round, c.Size())
		root := pick(c.Size(), round, 1)
		var dst []float64
		if r == root {
			dst = filled(len(want))
		}
		src := values(round, r, counts[r])
		if r == root && round%2 == 1 { // in place
			at := sum(counts[:r])
			copy(dst[at:], src)
			src = dst[at : at+counts[r]]
		}
		if err := c.Gatherv(dst, counts, src, root); err != nil {
			return err
		}
		if r == root {
			if err := same(fmt.Sprintf("round %d: dst", round), dst, want); err != nil {
				return err
			}
		} else {
			clear(src)
		}
	}
	return nil
}

func allgatherv(c ranks.Comm) error {
	r := c.Rank()
	for round := range 10 {
		counts, want := blocks(round, c.Size())
		dst := filled(len(want))
		src := values(round, r, counts[r])
		if round%2 == 1 { // in place
			at := sum(counts[:r])
			copy(dst[at:], src)
			src = dst[at : at+counts[r]]
		}
		if err := c.Allgatherv(dst, counts, src); err != nil {
			return err
		}
		if err := same(fmt.Sprintf("round %d: dst", round), dst, want); err != nil {
			return err
		}
		clear(src)
	}
	return nil
}

// barrier: no rank returns before the last one has called, by the machine's clock. Each rank
// is late in turn.
func barrier(c ranks.Comm) error {
	now := func() float64 { return float64(time.Now().UnixNano() % 1e15) }
	for late := range min(c.Size(), 5) {
		if c.Rank() == late {
			time.Sleep(3 * time.Millisecond)
		}
		came := []float64{now()}
		if err := c.Barrier(); err != nil {
			return err
		}
		left := []float64{now()}
		if err := c.Allreduce(came, came, ranks.Max); err != nil {
			return err
		}
		if err := c.Allreduce(left, left, ranks.Min); err != nil {
			return err
		}
		if left[0] < came[0] {
			return fmt.Errorf("a rank left %v us before the last had come", (came[0]-left[0])/1e3)
		}
	}
	return nil
}

func split(c ranks.Comm) error {
	p, r := c.Size(), c.Rank()
	// Three colours, order reversed by the key; the last rank stays out.
	colour := r % 3
	if r == p-1 && p > 1 {
		colour = -1
	}
	s, err := c.Split(colour, -r)
	if err != nil {
		return err
	}
	if colour < 0 {
		if s != nil {
			return fmt.Errorf("a rank without colour got rank %d of %d", s.Rank(), s.Size())
		}
	} else {
		var members []int
		for q := p - 1; q >= 0; q-- {
			if q%3 == colour && !(q == p-1 && p > 1) {
				members = append(members, q)
			}
		}
		if s.Size() != len(members) || members[s.Rank()] != r {
			return fmt.Errorf("rank %d of %d, want the place of %d in %v", s.Rank(), s.Size(), r, members)
		}
		all := make([]float64, len(members))
		counts := make([]int, len(members))
		for i := range counts {
			counts[i] = 1
		}
		if err := s.Allgatherv(all, counts, []float64{float64(r)}); err != nil {
			return err
		}
		for i, q := range members {
			if all[i] != float64(q) {
				return fmt.Errorf("members %v, want %v", all, members)
			}
		}
		if err := reduce(s); err != nil {
			return fmt.Errorf("in the half: %w", err)
		}
		if err := exchangeRound(s, 3); err != nil {
			return fmt.Errorf("in the half: %w", err)
		}
		// Split again with equal keys: the order remains.
		q, err := s.Split(s.Rank()/2, 7)
		if err != nil {
			return err
		}
		if want := s.Rank() % 2; q.Rank() != want {
			return fmt.Errorf("with equal keys rank %d became %d, want %d", s.Rank(), q.Rank(), want)
		}
		if err := ring(q); err != nil {
			return fmt.Errorf("in the quarter: %w", err)
		}
		if q.Stats() != c.Stats() {
			return fmt.Errorf("a split communicator has an account of its own")
		}
	}
	return c.Barrier()
}

// splitApart sends with the same tag between the same ranks on two communicators
// and receives in the other order.
func splitApart(c ranks.Comm) error {
	twin, err := c.Split(0, c.Rank())
	if err != nil {
		return err
	}
	p, r := c.Size(), c.Rank()
	if p == 1 {
		return nil
	}
	next, prev := (r+1)%p, (r+p-1)%p
	if err := c.Send([]float64{1}, next, 5); err != nil {
		return err
	}
	if err := twin.Send([]float64{2}, next, 5); err != nil {
		return err
	}
	x := make([]float64, 1)
	for _, from := range []struct {
		c    ranks.Comm
		want float64
	}{{twin, 2}, {c, 1}} {
		if _, err := from.c.Recv(x, prev, ranks.AnyTag); err != nil {
			return err
		}
		if x[0] != from.want {
			return fmt.Errorf("message of the other communicator: %v, want %v", x[0], from.want)
		}
	}
	return nil
}

// stats checks every call against the formulas in the documentation of Stats.
func stats(c ranks.Comm) error {
	p, r := c.Size(), c.Rank()
	next, prev := (r+1)%p, (r+p-1)%p
	ones := make([]int, p)
	for i := range ones {
		ones[i] = 1
	}
	x, all := make([]float64, 10), make([]float64, p)
	rounds := 0
	for 1<<rounds < p {
		rounds++
	}
	tree := 0 // children in a binomial tree from rank 1 mod p
	v := (r - 1%p + p) % p
	for step := 1; v+step < p; step *= 2 {
		if step > v {
			tree++
		}
	}
	toRoot := min(r, 1)
	checks := []struct {
		name            string
		messages, bytes int
		reduces         bool
		call            func() error
	}{
		{"Sendrecv", 1, 80, false, func() error { _, err := c.Sendrecv(x, next, 0, make([]float64, 10), prev, 0); return err }},
		{"Send to ProcNull", 0, 0, false, func() error { return c.Send(x, ranks.ProcNull, 0) }},
		{"Exchange", 1, 56, false, func() error {
			return c.Exchange(ranks.Neighbours{Ranks: []int{p - 1 - r, ranks.ProcNull}, SendCounts: []int{7, 3}, RecvCounts: []int{7, 3}}, x, make([]float64, 10))
		}},
		{"Bcast", tree, tree * 80, false, func() error { return c.Bcast(x, 1%p) }},
		{"BcastBytes", tree, tree * 3, false, func() error { return c.BcastBytes(make([]byte, 3), 1%p) }},
		{"Reduce", toRoot, toRoot * 80, true, func() error { return c.Reduce(x, x, ranks.Max, 0) }},
		{"Allreduce", rounds, rounds * 80, true, func() error { return c.Allreduce(x, x, ranks.Max) }},
		{"Barrier", rounds, 0, true, c.Barrier},
		{"Gatherv", toRoot, toRoot * 8, false, func() error { return c.Gatherv(all, ones, x[:1], 0) }},
		{"Allgatherv", p - 1, (p - 1) * 8, false, func() error { return c.Allgatherv(all, ones, x[:1]) }},
		{"Alltoallv", p - 1, (p - 1) * 8, false, func() error { return c.Alltoallv(all, ones, make([]float64, p), ones) }},
	}
	for _, k := range checks {
		before := *c.Stats()
		if err := k.call(); err != nil {
			return err
		}
		after := *c.Stats()
		if got := after.Messages - before.Messages; got != int64(k.messages) {
			return fmt.Errorf("%s counts %d messages, want %d", k.name, got, k.messages)
		}
		if got := after.BytesSent - before.BytesSent; got != int64(k.bytes) {
			return fmt.Errorf("%s counts %d bytes, want %d", k.name, got, k.bytes)
		}
		spent, other := after.Exchange-before.Exchange, after.Reduce-before.Reduce
		if k.reduces {
			spent, other = other, spent
		}
		if spent < 0 || other != 0 || spent > 120 {
			return fmt.Errorf("%s took %v s on its account and %v s on the other", k.name, spent, other)
		}
	}
	if s := c.Stats(); s.Exchange <= 0 || s.Reduce <= 0 {
		return fmt.Errorf("no time on the account: %+v", *s)
	}
	return nil
}

func agree(c ranks.Comm) error {
	if err := ranks.AgreeError(c, nil); err != nil {
		return fmt.Errorf("agreed on %w where nobody failed", err)
	}
	p, r := c.Size(), c.Rank()
	var mine error
	if r >= p/2 {
		mine = fmt.Errorf("reading %d.npy: %w", r, ranks.ErrTruncated)
	}
	err := ranks.AgreeError(c, mine)
	if err == nil {
		return fmt.Errorf("rank %d had an error, nobody agreed", p/2)
	}
	var re *ranks.RankError
	want := fmt.Sprintf("rank %d: reading %d.npy: ", p/2, p/2)
	if !errors.As(err, &re) || re.Rank != p/2 || !strings.HasPrefix(err.Error(), want) || !errors.Is(err, ranks.ErrTruncated) {
		return fmt.Errorf("agreed on %q, want %q...", err, want)
	}
	// Agreeing on the same error again does not repeat the number of its rank.
	if again := ranks.AgreeError(c, err); again.Error() != err.Error() {
		return fmt.Errorf("agreed again: %q, before %q", again, err)
	}
	return nil
}

// agreeSame: all ranks get an error if the last rank has another number or hash than the
// others, and the error of the last rank if it has one.
func agreeSame(c ranks.Comm) error {
	alone, last := c.Size() == 1, 0.0
	if !alone && c.Rank() == c.Size()-1 {
		last = 1
	}
	for _, k := range []struct {
		err  error
		same []ranks.Same
		want string
	}{
		{nil, nil, ""},
		{nil, []ranks.Same{{Name: "root", Value: -2}, {Name: "planes", Value: 3}}, ""},
		{nil, []ranks.Same{{Name: "root"}, {Name: "planes", Value: 2 + last}}, "x: Call: ranks: calls do not match: planes is 2 on one rank and 3 on another"},
		{nil, []ranks.Same{{Name: "the domain", Value: 1 << 52 * (1 + last), Hash: true}}, "x: Call: ranks: calls do not match: the domain is not the same on all ranks"},
		{nil, []ranks.Same{ranks.SameText("mode", "fast"), ranks.SameText("seed", uint64(1<<60)+uint64(last))}, "x: Call: ranks: calls do not match: seed is not the same on all ranks"},
		{errors.New("no data"), []ranks.Same{{Name: "planes", Value: last}}, fmt.Sprintf("rank %d: no data", c.Size()-1)},
	} {
		mine := k.err
		if mine != nil && c.Rank() != c.Size()-1 {
			mine = nil
		}
		err := ranks.AgreeSame(c, "x: Call", mine, k.same...)
		want := k.want
		if alone && k.err == nil {
			want = "" // one rank agrees with itself
		}
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			return fmt.Errorf("AgreeSame returned %v, want %s", err, want)
		}
		if err != nil && errors.Is(err, ranks.ErrMismatch) != (k.err == nil) {
			return fmt.Errorf("AgreeSame: ErrMismatch in %v", err)
		}
	}
	return nil
}
