// Package rankstest is the conformance suite of package ranks, which every transport must
// pass. A Case is a program that all ranks of a communicator run; each gets nil or an error
// that says what was wrong. Expected values come from simple code in this package that
// knows the data of all ranks (value is a function of rank and index), never from another
// transport.
package rankstest

import (
	"fmt"
	"math"

	"tessera/ranks"
)

// A Case checks one property of ranks.Comm, or of a function on it.
type Case struct {
	Name string
	Run  func(c ranks.Comm) error // collective
	// Buffered: the case sends short messages before their receives are called, as no
	// portable program may. It deadlocks in synchronous mode.
	Buffered bool
}

// Cases lists the suite. Each works at any number of ranks.
func Cases() []Case {
	return []Case{
		{Name: "identity", Run: identity},
		{Name: "ring", Run: ring},
		{Name: "bytes", Run: byteMessages},
		{Name: "order", Run: order},
		{Name: "wildcards", Run: wildcards},
		{Name: "tags out of order", Run: tagsOutOfOrder, Buffered: true},
		{Name: "spaces apart", Run: spacesApart, Buffered: true},
		{Name: "sendrecv", Run: sendrecv},
		{Name: "procnull", Run: procNull},
		{Name: "truncation", Run: truncation},
		{Name: "bad arguments", Run: badArguments},
		{Name: "exchange", Run: exchange},
		{Name: "exchange ahead", Run: exchangeAhead},
		{Name: "exchange mismatch", Run: exchangeMismatch},
		{Name: "bcast", Run: bcast},
		{Name: "reduce", Run: reduce},
		{Name: "reduce special values", Run: reduceSpecial},
		{Name: "gatherv", Run: gatherv},
		{Name: "allgatherv", Run: allgatherv},
		{Name: "alltoallv", Run: alltoallv},
		{Name: "alltoallv mismatch", Run: alltoallvMismatch},
		{Name: "barrier", Run: barrier},
		{Name: "split", Run: split},
		{Name: "split apart", Run: splitApart, Buffered: true},
		{Name: "stats", Run: stats},
		{Name: "agree", Run: agree},
		{Name: "agree same", Run: agreeSame},
		{Name: "numbers", Run: numbers},
		{Name: "gather numbers", Run: gatherNumbers},
		{Name: "counts", Run: counts},
		{Name: "exchange counts", Run: exchangeCounts},
		{Name: "deliver", Run: deliver},
		{Name: "on root", Run: onRoot},
		{Name: "share", Run: shared},
		{Name: "random programs", Run: randomPrograms},
	}
}

// value is element i of rank r's data in the given round: spread over many
// binades, so that sums depend on the order.
func value(round, r, i int) float64 {
	h := mix(uint64(round)<<40 ^ uint64(r)<<20 ^ uint64(i))
	return (float64(h>>12)/(1<<52) - 0.5) * float64(uint64(1)<<(h&31))
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// pick is a number in [0, n) that all ranks agree on.
func pick(n int, key ...int) int {
	h := uint64(1)
	for _, k := range key {
		h = mix(h ^ uint64(k))
	}
	return int(h % uint64(n))
}

// values is rank r's data of a round.
func values(round, r, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = value(round, r, i)
	}
	return x
}

// same checks got against want bit by bit, NaN against NaN.
func same(what string, got, want []float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("%s: %d elements, want %d", what, len(got), len(want))
	}
	for i := range got {
		g, w := got[i], want[i]
		if math.Float64bits(g) != math.Float64bits(w) && !(math.IsNaN(g) && math.IsNaN(w)) {
			return fmt.Errorf("%s[%d] = %v (%x), want %v (%x)", what, i, g, math.Float64bits(g), w, math.Float64bits(w))
		}
	}
	return nil
}

// filled is n elements of a value that no case sends.
func filled(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = -12345
	}
	return x
}

// sizes are message lengths for all methods of the transports: empty, copied, lent and
// synchronous messages. With many ranks the longest are left out to save time.
func sizes(p int) []int {
	all := []int{0, 1, 7, 32, 33, 511, 1024, 1025, 5000, 70000}
	if p > 16 {
		return all[:8]
	}
	return all
}

func sum(x []int) int {
	n := 0
	for _, v := range x {
		n += v
	}
	return n
}

func identity(c ranks.Comm) error {
	if c.Size() < 1 || c.Rank() < 0 || c.Rank() >= c.Size() {
		return fmt.Errorf("rank %d of %d", c.Rank(), c.Size())
	}
	if ranks.Transport(c) == "" || ranks.Transport(c) == "unknown" {
		return fmt.Errorf("transport %q", ranks.Transport(c))
	}
	before := c.Wtime()
	after := c.Wtime()
	if after < before || before < 0 {
		return fmt.Errorf("clock went from %v to %v", before, after)
	}
	seen := make([]float64, c.Size())
	seen[c.Rank()] = 1
	if err := c.Allreduce(seen, seen, ranks.Sum); err != nil {
		return err
	}
	for r, n := range seen {
		if n != 1 {
			return fmt.Errorf("%v processes say they are rank %d", n, r)
		}
	}
	return nil
}
