package loadbalance

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"tessera/ranks"
)

// rankArguments are what one rank passes to the collective calls. A case of the table
// below changes those of one rank.
type rankArguments struct {
	part  *Partition
	pts   *Points
	cost  []float64
	g     *Graph
	load  int64
	flow  []int64
	items []float64
	width int
	pick  func(k int, held []float64, n int) []int
}

// goodArguments are right on all ranks: every rank of a chain holds three points and
// four items of two numbers, and sends an item up the chain.
func goodArguments(t *testing.T, n, rank int) *rankArguments {
	part, err := Strips([]float64{0, 0}, []float64{1, 1}, n)
	if err != nil {
		t.Fatal(err)
	}
	a := &rankArguments{part: part, g: Chain(n), load: int64(10 * rank), items: make([]float64, 8), width: 2}
	a.pts = &Points{Dim: 2, Cols: 1, X: []float64{.1, .2, .3, .4, .5, .6}, Attr: []float64{1, 2, 3}}
	for i := range int64(3) {
		a.pts.ID = append(a.pts.ID, 3*int64(rank)+i)
	}
	a.cost = []float64{1, 2, 3}
	for _, next := range a.g.Neighbours(rank) {
		a.flow = append(a.flow, int64(next-rank))
	}
	return a
}

// calls are the collectives of the package with their arguments on one rank.
var calls = map[string]func(c ranks.Comm, a *rankArguments) error{
	"Bounds":     func(c ranks.Comm, a *rankArguments) error { _, _, err := Bounds(c, a.pts); return err },
	"Distribute": func(c ranks.Comm, a *rankArguments) error { _, err := Distribute(c, a.part, a.pts); return err },
	"Rebalance": func(c ranks.Comm, a *rankArguments) error {
		_, _, _, err := Rebalance(c, a.part, a.pts, Options{Cost: a.cost})
		return err
	},
	"ScheduleRank": func(c ranks.Comm, a *rankArguments) error { _, err := ScheduleRank(c, a.g, a.load); return err },
	"Migrate": func(c ranks.Comm, a *rankArguments) error {
		_, _, err := Migrate(c, a.g, a.flow, a.items, a.width, a.pick)
		return err
	},
}

// An argument that is wrong on one rank, the first or the last, gives every rank the
// same error, and the communicator can still be used.
func TestErrorsOnAllRanks(t *testing.T) {
	type change = func(a *rankArguments)
	wrong := []struct {
		name   string
		change change
		want   string
		calls  string
	}{
		{"nothing", func(a *rankArguments) {}, "", "Bounds Distribute Rebalance ScheduleRank Migrate"},

		{"no points", func(a *rankArguments) { a.pts = nil }, "loadbalance: no points on rank", "Bounds Distribute Rebalance"},
		{"short X", func(a *rankArguments) { a.pts.X = a.pts.X[1:] }, "but 5 coordinates and 3 attributes", "Bounds Distribute Rebalance"},
		{"long Attr", func(a *rankArguments) { a.pts.Attr = append(a.pts.Attr, 4) }, "but 6 coordinates and 4 attributes", "Bounds Distribute Rebalance"},
		{"Dim 7", func(a *rankArguments) { a.pts = &Points{Dim: 7} }, "points of 7 coordinates with 0 columns", "Bounds Distribute Rebalance"},
		{"Cols -1", func(a *rankArguments) { a.pts = &Points{Dim: 2, Cols: -1} }, "points of 2 coordinates with -1 columns", "Bounds Distribute Rebalance"},
		{"NaN", func(a *rankArguments) { a.pts.X[3] = math.NaN() }, "coordinate 1 is NaN, want a finite number", "Bounds Distribute Rebalance"},
		{"negative ID", func(a *rankArguments) { a.pts.ID[1] = -7 }, "has the ID -7: want 0 to 2^53-1", "Bounds Distribute Rebalance"},
		{"large ID", func(a *rankArguments) { a.pts.ID[1] = 1 << 53 }, "has the ID 9007199254740992: want 0 to 2^53-1", "Bounds Distribute Rebalance"},
		{"other Dim", func(a *rankArguments) { a.pts = &Points{Dim: 3, Cols: 1} }, "the number of coordinates (Dim) is 2 on one rank and 3 on another", "Bounds"},
		{"other Cols", func(a *rankArguments) { a.pts = &Points{Dim: 2}; a.cost = []float64{} }, "the number of columns (Cols) is 0 on one rank and 1 on another", "Bounds Distribute Rebalance"},

		{"ID twice on a rank", func(a *rankArguments) { a.pts.ID[1] = a.pts.ID[0] }, "two points have the ID", "Distribute"},
		{"ID of another rank", func(a *rankArguments) { a.pts.ID[1] = (a.pts.ID[1] + 3) % 6 }, "two points have the ID", "Distribute"},

		{"no partition", func(a *rankArguments) { a.part = nil }, "loadbalance: no partition on rank", "Distribute Rebalance"},
		{"more cells", func(a *rankArguments) { a.part, _ = Strips([]float64{0, 0}, []float64{1, 1}, a.part.Cells()+1) }, "cells for ", "Distribute Rebalance"},
		{"more axes", func(a *rankArguments) { a.part, _ = Strips([]float64{0, 0, 0}, []float64{1, 1, 1}, a.part.Cells()) }, "points of 2 coordinates, a partition of 3 axes", "Distribute Rebalance"},
		{"other cuts", func(a *rankArguments) { a.part, _ = Strips([]float64{0, 0}, []float64{1, 2}, a.part.Cells()) }, "the partition is not the same on all ranks", "Distribute Rebalance"},

		{"short cost", func(a *rankArguments) { a.cost = a.cost[1:] }, "2 costs for 3 points", "Rebalance"},
		{"negative cost", func(a *rankArguments) { a.cost[2] = -1 }, "has the cost -1: want a finite number, 0 or more", "Rebalance"},
		{"NaN cost", func(a *rankArguments) { a.cost[2] = math.NaN() }, "has the cost NaN: want a finite number, 0 or more", "Rebalance"},
		{"no cost", func(a *rankArguments) { a.cost = nil }, "Options.Cost (1: given, 0: nil) is 0 on one rank and 1 on another", "Rebalance"},

		{"no graph", func(a *rankArguments) { a.g = nil }, "loadbalance: no graph on rank", "ScheduleRank Migrate"},
		{"more nodes", func(a *rankArguments) { a.g = Chain(a.g.Nodes() + 1) }, "subdomains for", "ScheduleRank Migrate"},
		{"turned edge", func(a *rankArguments) {
			edges := append([][2]int(nil), a.g.Edges()...)
			edges[0] = [2]int{1, 0}
			a.g = must(NewGraph(a.g.Nodes(), edges))
		}, "the graph is not the same on all ranks", "ScheduleRank Migrate"},
		{"negative load", func(a *rankArguments) { a.load = -1 }, "has load -1: want 0 to 2^53-1", "ScheduleRank"},
		{"large load", func(a *rankArguments) { a.load = 1 << 53 }, "has load 9007199254740992: want 0 to 2^53-1", "ScheduleRank"},

		{"width 0", func(a *rankArguments) { a.width = 0 }, "8 numbers are not items of 0", "Migrate"},
		{"width 3", func(a *rankArguments) { a.width = 3 }, "8 numbers are not items of 3", "Migrate"},
		{"width 4", func(a *rankArguments) { a.width = 4 }, "width is 2 on one rank and 4 on another", "Migrate"},
		{"long flow", func(a *rankArguments) { a.flow = append(a.flow, 0) }, "neighbours", "Migrate"},
		{"other flow", func(a *rankArguments) { a.flow[0] += 2 }, "want its negative", "Migrate"},
	}
	for _, n := range []int{2, 3, 4} {
		for _, bad := range []int{0, n - 1} {
			for _, k := range wrong {
				for _, call := range strings.Fields(k.calls) {
					said := collect(t, n, func(c ranks.Comm) error {
						a := goodArguments(t, n, c.Rank())
						if c.Rank() == bad {
							k.change(a)
						}
						return calls[call](c, a)
					})
					for r, s := range said {
						if s != said[0] || k.want == "" && s != "<nil>" || !strings.Contains(s, k.want) {
							t.Errorf("%s, %d ranks, %s on rank %d: rank %d returned %s, want ... %s", call, n, k.name, bad, r, s, k.want)
						}
					}
				}
			}
		}
	}
}

// Errors of Migrate that show only after the first round, or in the callback of the one
// rank that sends.
func TestMigrateErrorsOnAllRanks(t *testing.T) {
	places := func(p ...int) func(int, []float64, int) []int {
		return func(int, []float64, int) []int { return p }
	}
	for _, n := range []int{2, 3, 4} {
		for _, from := range []int{0, n - 1} {
			for name, k := range map[string]struct {
				items int64
				pick  func(int, []float64, int) []int
				want  string
			}{
				"right":        {2, places(3, 0), "<nil>"},
				"too many":     {5, nil, "the flow asks for more items than there are"},
				"few places":   {2, places(1), "choose returned 1 places for neighbour 0, want 2"},
				"place twice":  {2, places(1, 1), "choose returned place 1 for neighbour 0: want different places, 0 to 3"},
				"no such item": {2, places(0, 4), "choose returned place 4 for neighbour 0: want different places, 0 to 3"},
			} {
				said := collect(t, n, func(c ranks.Comm) error {
					a := goodArguments(t, n, c.Rank())
					to := 1
					if from > 0 {
						to = from - 1
					}
					for i, next := range a.g.Neighbours(c.Rank()) {
						a.flow[i] = 0
						if c.Rank() == from && next == to {
							a.flow[i] = k.items
						} else if c.Rank() == to && next == from {
							a.flow[i] = -k.items
						}
					}
					if c.Rank() == from {
						a.pick = k.pick
					}
					return calls["Migrate"](c, a)
				})
				for r, s := range said {
					if s != said[0] || !strings.Contains(s, k.want) {
						t.Errorf("%d ranks, %s on rank %d: rank %d returned %s, want ... %s", n, name, from, r, s, k.want)
					}
				}
			}
		}
	}
}

// collect runs a collective call on n ranks and returns each rank's error as text. A
// barrier after the call shows that the ranks are still in step.
func collect(t *testing.T, n int, call func(c ranks.Comm) error) []string {
	t.Helper()
	said := make([]string, n)
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: n, Sync: true}, func(_ context.Context, c ranks.Comm) error {
		said[c.Rank()] = fmt.Sprint(call(c))
		return c.Barrier()
	})
	if err != nil {
		t.Errorf("%d ranks: %v; the ranks returned %q", n, err, said)
	}
	return said
}
