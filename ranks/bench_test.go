package ranks_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"tessera/ranks"
)

// variant is a call to time: run makes it times times with a message of len(x) elements
// between ranks 0 and 1 and returns the seconds of one call.
type variant struct {
	name string
	run  func(c ranks.Comm, times int, x, y []float64) (float64, error)
}

// timed makes a variant of one call.
func timed(name string, call func(c ranks.Comm, peer int, x, y []float64) error) variant {
	return variant{name, func(c ranks.Comm, times int, x, y []float64) (float64, error) {
		start := c.Wtime()
		for range times {
			if err := call(c, 1-c.Rank(), x, y); err != nil {
				return 0, err
			}
		}
		return (c.Wtime() - start) / float64(times), nil
	}}
}

func exchangeWith(c ranks.Comm, nb *ranks.Neighbours, x, y []float64) error {
	nb.Ranks[0], nb.SendCounts[0], nb.RecvCounts[0] = 1-c.Rank(), len(x), len(y)
	return c.Exchange(*nb, x, y)
}

func oneNeighbour() *ranks.Neighbours {
	return &ranks.Neighbours{Ranks: []int{0}, SendCounts: []int{0}, RecvCounts: []int{0}}
}

// variants are the calls of a Comm. Each rank needs its own.
func variants() []variant {
	nb := oneNeighbour()
	return []variant{
		timed("Exchange", func(c ranks.Comm, _ int, x, y []float64) error { return exchangeWith(c, nb, x, y) }),
		timed("Sendrecv", func(c ranks.Comm, peer int, x, y []float64) error {
			_, err := c.Sendrecv(x, peer, 0, y, peer, 0)
			return err
		}),
		{"Send, one way", func(c ranks.Comm, times int, x, y []float64) (float64, error) {
			start := c.Wtime()
			for range times {
				if c.Rank() == 0 {
					if err := c.Send(x, 1, 0); err != nil {
						return 0, err
					}
				}
				if _, err := c.Recv(y, 1-c.Rank(), 0); err != nil {
					return 0, err
				}
				if c.Rank() == 1 {
					if err := c.Send(x, 0, 0); err != nil {
						return 0, err
					}
				}
			}
			return (c.Wtime() - start) / float64(times) / 2, nil
		}},
		timed("Allreduce", func(c ranks.Comm, _ int, x, y []float64) error { return c.Allreduce(y, x, ranks.Sum) }),
	}
}

// table times the variants in turn, so that other load on the machine affects all of them,
// and prints the shortest time of many batches in microseconds.
func table(c ranks.Comm, vs []variant) error {
	const batches = 60
	lengths := []int{1, 8, 64, 512, 4096, 32768, 262144}
	best := make([][]float64, len(vs))
	for v := range best {
		best[v] = make([]float64, len(lengths))
	}
	for l, n := range lengths {
		x, y := make([]float64, n), make([]float64, n)
		for v := range vs {
			best[v][l] = math.Inf(1)
		}
		for range batches {
			for v := range vs {
				if err := c.Barrier(); err != nil {
					return err
				}
				s, err := vs[v].run(c, max(5, 200/(1+n/512)), x, y)
				if err != nil {
					return err
				}
				best[v][l] = min(best[v][l], s*1e6)
			}
		}
	}
	if c.Rank() > 0 {
		return nil
	}
	fmt.Printf("%s, 2 ranks, us, least of %d batches\n%-28s", ranks.Transport(c), batches, "bytes")
	for _, n := range lengths {
		fmt.Printf("%9d", 8*n)
	}
	for v := range vs {
		fmt.Printf("\n%-28s", vs[v].name)
		for _, us := range best[v] {
			fmt.Printf("%9.2f", us)
		}
	}
	fmt.Println()
	return nil
}

// BenchmarkInProcess prints the table of the in-process transport. The mean that the
// testing package computes depends on other load on the machine.
func BenchmarkInProcess(b *testing.B) {
	if b.N > 1 {
		return
	}
	err := ranks.Launch(background, ranks.Options{Ranks: 2}, func(_ context.Context, c ranks.Comm) error { return table(c, variants()) })
	if err != nil {
		b.Fatal(err)
	}
}

// TestNoAllocations: the calls of an iteration do not allocate.
func TestNoAllocations(t *testing.T) {
	if err := ranks.Launch(background, ranks.Options{Ranks: 2}, noAllocations); err != nil {
		t.Fatal(err)
	}
}

// noAllocations counts what this process allocates, the other rank included if
// that is in it, while both make the same calls.
func noAllocations(_ context.Context, c ranks.Comm) error {
	const runs = 100
	nb, peer := oneNeighbour(), 1-c.Rank()
	for _, n := range []int{1, 100, 20000} {
		x, y := make([]float64, n), make([]float64, n)
		for _, k := range []struct {
			name string
			call func() error
		}{
			{"Exchange", func() error { return exchangeWith(c, nb, x, y) }},
			{"Sendrecv", func() error { _, err := c.Sendrecv(x, peer, 0, y, peer, 0); return err }},
			{"Allreduce", func() error { return c.Allreduce(y, x, ranks.Sum) }},
			{"Allreduce in place", func() error { return c.Allreduce(y, y, ranks.Max) }},
			{"Reduce", func() error { return c.Reduce(y, x, ranks.Sum, 1) }},
			{"Bcast", func() error { return c.Bcast(x, 0) }},
			{"Barrier", c.Barrier},
		} {
			var failed error
			call := func() {
				if err := k.call(); err != nil {
					failed = err
				}
			}
			var allocs float64
			if c.Rank() == 0 {
				allocs = testing.AllocsPerRun(runs, call)
			} else {
				for range runs + 1 { // AllocsPerRun warms up once
					call()
				}
			}
			if failed != nil {
				return failed
			}
			if allocs > 0 {
				return fmt.Errorf("%s of %d elements allocates %v times", k.name, n, allocs)
			}
		}
	}
	return nil
}
