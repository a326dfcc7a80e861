package loadbalance

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"tessera/ranks"
)

var update = flag.Bool("update", false, "rewrite testdata")

// ScheduleRank gives the same flows as Schedule.
func TestScheduleRank(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 0))
	for _, size := range []int{1, 2, 3, 4, 7, 16, 64} {
		graphs := []*Graph{Chain(size), Ring(size), Star(size), randomGraph(rng, size), randomGraph(rng, size)}
		if size%4 == 0 {
			graphs = append(graphs, Grid(size/4, 4))
		}
		for _, g := range graphs {
			loads := randomLoads(rng, size)
			if size == 4 {
				loads = []int64{150, 300, 450, 600} // halves on the ring
			}
			want, err := Schedule(g, loads)
			if err != nil {
				t.Fatal(err)
			}
			err = ranks.Launch(context.Background(), ranks.Options{Ranks: size}, func(_ context.Context, c ranks.Comm) error {
				flow, err := ScheduleRank(c, g, loads[c.Rank()])
				if err != nil {
					return err
				}
				for k, a := range g.arcs[c.Rank()] {
					if flow[k] != a.sign*want[a.edge] {
						return fmt.Errorf("%d to %d: %d, serially %d; loads %v", c.Rank(), a.to, flow[k], a.sign*want[a.edge], loads)
					}
				}
				return nil
			})
			if err != nil {
				t.Errorf("%d ranks: %v", size, err)
			}
		}
	}
}

// Migrate takes as many rounds as Rounds says, loses no item, and leaves every rank with its
// target.
func TestMigrate(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 0))
	type test struct {
		g     *Graph
		loads []int64
	}
	var tests []test
	for _, c := range published {
		tests = append(tests, test{c.g, c.loads})
	}
	for range 10 {
		n := 1 + rng.IntN(16)
		loads := make([]int64, n)
		loads[rng.IntN(n)] = rng.Int64N(1000)
		tests = append(tests, test{randomGraph(rng, n), loads})
	}
	for _, c := range tests {
		flow, err := Schedule(c.g, c.loads)
		if err != nil {
			t.Fatal(err)
		}
		rounds, err := Rounds(c.g, c.loads, flow)
		if err != nil {
			t.Fatal(err)
		}
		targets, _ := Targets(c.loads)
		var mu sync.Mutex
		var all []float64
		err = ranks.Launch(context.Background(), ranks.Options{Ranks: c.g.nodes}, func(_ context.Context, comm ranks.Comm) error {
			me := comm.Rank()
			var items []float64
			for i := range c.loads[me] {
				items = append(items, float64(me), float64(i))
			}
			mine, err := ScheduleRank(comm, c.g, c.loads[me])
			if err != nil {
				return err
			}
			// Take every second item first.
			choose := func(_ int, held []float64, n int) []int {
				var places []int
				for start := range 2 {
					for i := start; i < len(held)/2 && len(places) < n; i += 2 {
						places = append(places, i)
					}
				}
				return places
			}
			if me%2 == 0 {
				choose = nil
			}
			held, m, err := Migrate(comm, c.g, mine, items, 2, choose)
			if err != nil {
				return err
			}
			if len(held) != 2*int(targets[me]) || m.Rounds != len(rounds) {
				return fmt.Errorf("%d items after %d rounds, want %d after %d", len(held)/2, m.Rounds, targets[me], len(rounds))
			}
			mu.Lock()
			defer mu.Unlock()
			for i := 0; i < len(held); i += 2 {
				all = append(all, held[i]*1e6+held[i+1])
			}
			return nil
		})
		if err != nil {
			t.Fatalf("%v: %v", c.loads, err)
		}
		slices.Sort(all)
		var want []float64
		for r, l := range c.loads {
			for i := range l {
				want = append(want, float64(r)*1e6+float64(i))
			}
		}
		if !slices.Equal(all, want) {
			t.Errorf("%v: items were lost or doubled", c.loads)
		}
	}
}

// The transcripts of the published cases are those in testdata, which
// `go test ./loadbalance -update` writes.
func TestTranscripts(t *testing.T) {
	for _, c := range published {
		b, err := Balance(c.g, c.loads)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		if _, err := b.WriteTo(&text); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", c.name+".txt")
		if *update {
			if err := os.MkdirAll("testdata", 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text.String()), 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if text.String() != string(want) {
			t.Errorf("%s:\n%swant:\n%s", c.name, text.String(), want)
		}
	}
}

// A chain of 64 subdomains with all items on the middle one needs 32 rounds.
func TestChainOf64(t *testing.T) {
	loads := make([]int64, 64)
	loads[31] = 64 * 10
	g := Chain(64)
	flow, err := Schedule(g, loads)
	if err != nil {
		t.Fatal(err)
	}
	rounds, err := Rounds(g, loads, flow)
	if err != nil || len(rounds) != 32 {
		t.Errorf("%d rounds, %v; want 32", len(rounds), err)
	}
}

func ExampleBalance() {
	b, err := Balance(Ring(4), []int64{150, 300, 450, 600})
	if err != nil {
		panic(err)
	}
	b.WriteTo(os.Stdout)
	// Output:
	// loads     [150 300 450 600]
	// schedule  0-1:-37 1-2:-112 2-3:-37 3-0:188
	// norm      225.002, of the real-valued flow 225.000
	// round 1   1>0:37 2>1:112 3>2:37 3>0:188
	// final     [375 375 375 375]
	// E         1.0000
}
