package loadbalance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

func repeat(x int64, n int) []int64 { return slices.Repeat([]int64{x}, n) }

// The published cases with their results.
var published = []struct {
	name       string
	g          *Graph
	loads      []int64
	repaired   []int64
	flow       []int64 // nil: only its norm is known
	final      []int64
	norm, real float64 // 0 = not known
	rounds     int
}{
	{"two", Chain(2), []int64{1000, 500}, nil, []int64{250}, repeat(750, 2), 250, 250, 1},
	{"two-one-empty", Chain(2), []int64{1500, 0}, []int64{750, 750}, []int64{0}, repeat(750, 2), 0, 0, 0},
	{"four-chain", Chain(4), []int64{150, 300, 450, 600}, nil, []int64{-225, -300, -225}, repeat(375, 4), 437.32, 437.32, 1},
	{"four-grid", Grid(2, 2), []int64{150, 300, 450, 600}, nil, []int64{-75, -75, -150, -150}, repeat(375, 4), 237.17, 237.17, 1},
	{"four-ring", Ring(4), []int64{150, 300, 450, 600}, nil, []int64{-37, -112, -37, 188}, repeat(375, 4), 0, 225, 1},
	{"four-one-empty", Chain(4), []int64{450, 0, 450, 600}, []int64{225, 225, 450, 600}, []int64{-150, -300, -225}, repeat(375, 4), 0, 0, 1},
	{"four-two-empty", Chain(4), []int64{0, 0, 300, 1200}, []int64{75, 75, 150, 1200}, []int64{-300, -600, -825}, repeat(375, 4), 0, 0, 3},
	{"four-three-empty", Chain(4), []int64{0, 0, 0, 1500}, []int64{187, 188, 375, 750}, []int64{-188, -375, -375}, repeat(375, 4), 0, 0, 1},
	{"eight-star", Star(8), append([]int64{962}, repeat(10, 7)...), nil, repeat(119, 7), repeat(129, 8), 314.84, 314.84, 1},
	{"nine-grid", Grid(3, 3), []int64{9, 2, 7, 1, 20, 4, 3, 5, 12}, nil, nil, repeat(7, 9), 8.832, 8.787, 1},
}

func TestPublishedCases(t *testing.T) {
	for _, c := range published {
		b, err := Balance(c.g, c.loads)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if c.repaired == nil {
			c.repaired = c.loads
		}
		if !slices.Equal(b.Repaired, c.repaired) || c.flow != nil && !slices.Equal(b.Flow, c.flow) || !slices.Equal(b.Final, c.final) {
			t.Errorf("%s: repaired %v flow %v final %v, want %v %v %v", c.name, b.Repaired, b.Flow, b.Final, c.repaired, c.flow, c.final)
		}
		if c.norm > 0 && math.Abs(Norm(b.Flow)-c.norm) > 0.006 || c.real > 0 && math.Abs(Norm(b.Real)-c.real) > 0.006 {
			t.Errorf("%s: norms %.3f %.3f, want %.3f %.3f", c.name, Norm(b.Flow), Norm(b.Real), c.norm, c.real)
		}
		if len(b.Rounds) != c.rounds {
			t.Errorf("%s: %d rounds, want %d", c.name, len(b.Rounds), c.rounds)
		}
	}
}

// Items that all lie on one subdomain end with the largest possible E.
func TestBestE(t *testing.T) {
	for _, c := range []struct {
		m    int64
		p    int
		want string
	}{
		{1032, 2, "1.0000"}, {1032, 4, "1.0000"}, {1032, 8, "1.0000"}, {1032, 16, "0.9846"}, {1032, 32, "0.9697"}, {1032, 64, "0.9412"},
		{1500, 2, "1.0000"}, {1500, 4, "1.0000"}, {1500, 8, "0.9947"}, {1500, 16, "0.9894"}, {1500, 32, "0.9787"}, {1500, 64, "0.9583"},
		{2000, 2, "1.0000"}, {2000, 16, "1.0000"}, {2000, 32, "0.9841"}, {2000, 64, "0.9688"},
	} {
		for name, g := range map[string]*Graph{"star": Star(c.p), "chain": Chain(c.p), "ring": Ring(c.p)} {
			loads := append([]int64{c.m - 5*int64(c.p-1)}, repeat(5, c.p-1)...)
			b, err := Balance(g, loads)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("%.4f", E(b.Final)); got != c.want {
				t.Errorf("%s of %d with %d: E = %s, want %s", name, c.p, c.m, got, c.want)
			}
		}
	}
}

// randomGraph is a random spanning tree with some more edges.
func randomGraph(rng *rand.Rand, n int) *Graph {
	var edges [][2]int
	seen := map[[2]int]bool{}
	add := func(a, b int) {
		if key := [2]int{min(a, b), max(a, b)}; a != b && !seen[key] {
			seen[key] = true
			edges = append(edges, [2]int{a, b})
		}
	}
	for i := 1; i < n; i++ {
		add(i, rng.IntN(i))
	}
	for range rng.IntN(2*n + 1) {
		add(rng.IntN(n), rng.IntN(n))
	}
	return must(NewGraph(n, edges))
}

func randomLoads(rng *rand.Rand, n int) []int64 {
	loads := make([]int64, n)
	switch most := rng.Int64N(1_000_000) / int64(n); rng.IntN(4) {
	case 0:
		loads[rng.IntN(n)] = most * int64(n)
	case 1: // fewer items than subdomains
		for i := range loads {
			loads[i] = rng.Int64N(2) * rng.Int64N(2)
		}
	case 2:
		for i := range loads {
			loads[i] = rng.Int64N(2) * rng.Int64N(most+1)
		}
	default:
		for i := range loads {
			loads[i] = rng.Int64N(most + 1)
		}
	}
	return loads
}

func TestBalanceOnAnyGraph(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 0))
	for trial := range 600 {
		n := 1 + rng.IntN(64)
		graphs := []*Graph{Star(n), Chain(n), Ring(n), Grid(1+n/8, 1+n%8), randomGraph(rng, n)}
		g := graphs[trial%len(graphs)]
		loads := randomLoads(rng, g.nodes)
		b, err := Balance(g, loads)
		if err != nil {
			t.Fatalf("%v on %v: %v", loads, g.edges, err)
		}
		var m int64
		for _, l := range loads {
			m += l
		}
		p := int64(g.nodes)
		var sum int64
		for i, l := range b.Final {
			sum += l
			if l != m/p && l != (m+p-1)/p {
				t.Fatalf("%v on %v: subdomain %d ends with %d of %d", loads, g.edges, i, l, m)
			}
		}
		if sum != m {
			t.Fatalf("%v on %v: %d items become %d", loads, g.edges, m, sum)
		}
		held := slices.Clone(b.Repaired)
		carried := make([]int64, len(g.edges))
		for _, round := range b.Rounds {
			sent := make([]int64, g.nodes)
			for _, x := range round {
				sent[x.From] += x.Items
				held[x.To] += x.Items
				if carried[x.Edge] += x.Items; g.edges[x.Edge][0] != x.From {
					carried[x.Edge] -= 2 * x.Items
				}
			}
			for i, s := range sent {
				if held[i] -= s; s > 0 && held[i] < 0 {
					t.Fatalf("%v: subdomain %d sends %d and does not hold it", loads, i, s)
				}
			}
		}
		if !slices.Equal(held, b.Final) || !slices.Equal(carried, b.Flow) {
			t.Fatalf("%v: the rounds carry %v to %v, want %v to %v", loads, carried, held, b.Flow, b.Final)
		}
		// Rounding moves each edge by less than the number of off-tree edges.
		if real := Norm(b.Real); real > 1000*float64(g.nodes) && Norm(b.Flow) > 1.01*real {
			t.Errorf("%v on %v: norm %.2f, real %.2f", loads, g.edges, Norm(b.Flow), real)
		}
	}
}

// The norm of Flow is that of a dense least-norm solution.
func TestFlowIsTheSmallest(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 0))
	for range 20 {
		g := randomGraph(rng, 2+rng.IntN(20))
		n := g.nodes
		loads := make([]float64, n)
		mean := 0.0
		for i := range loads {
			loads[i] = 1000 * rng.Float64()
			mean += loads[i] / float64(n)
		}
		flow, err := Flow(g, loads)
		if err != nil {
			t.Fatal(err)
		}
		l := mat.NewDense(n, n, nil)
		for _, e := range g.edges {
			for _, k := range []int{0, 1} {
				l.Set(e[k], e[k], l.At(e[k], e[k])+1)
				l.Set(e[k], e[1-k], -1)
			}
		}
		b := mat.NewVecDense(n, nil)
		for j := range n { // ground node 0
			l.Set(0, j, 0)
			b.SetVec(j, loads[j]-mean)
		}
		l.Set(0, 0, 1)
		b.SetVec(0, 0)
		var x mat.VecDense
		if err := x.SolveVec(l, b); err != nil {
			t.Fatal(err)
		}
		for e, ends := range g.edges {
			if want := x.AtVec(ends[0]) - x.AtVec(ends[1]); math.Abs(flow[e]-want) > 1e-9*1000 {
				t.Errorf("edge %v: %v, want %v", ends, flow[e], want)
			}
		}
	}
}

func TestGraphRefuses(t *testing.T) {
	for _, c := range []struct {
		nodes int
		edges [][2]int
		want  string
	}{
		{0, nil, "loadbalance: a graph of 0 subdomains"},
		{2, nil, "loadbalance: the graph is not connected: no path from subdomain 0 to subdomain 1"},
		{2, [][2]int{{0, 0}}, "loadbalance: edge 0 joins 0 and 0: want two different subdomains of 2"},
		{2, [][2]int{{0, 1}, {1, 0}}, "loadbalance: edges 0 and 1 both join 1 and 0"},
		{2, [][2]int{{0, 2}}, "loadbalance: edge 0 joins 0 and 2: want two different subdomains of 2"},
	} {
		if _, err := NewGraph(c.nodes, c.edges); err == nil || err.Error() != c.want {
			t.Errorf("NewGraph(%d, %v): %v, want %s", c.nodes, c.edges, err, c.want)
		}
	}
	if _, err := Schedule(Chain(2), []int64{1, -1}); err == nil {
		t.Error("a negative load was scheduled")
	}
	if _, err := Flow(Chain(2), []float64{1, math.NaN()}); err == nil {
		t.Error("a load that is no number was scheduled")
	}
	if _, err := Rounds(Chain(2), []int64{1, 1}, []int64{5}); err == nil {
		t.Error("a flow larger than what there is was carried out")
	}
}

func BenchmarkSchedule64(b *testing.B) {
	rng := rand.New(rand.NewPCG(9, 0))
	g := Grid(8, 8)
	loads := make([]int64, 64)
	for i := range loads {
		loads[i] = rng.Int64N(30000)
	}
	for b.Loop() {
		if _, err := Schedule(g, loads); err != nil {
			b.Fatal(err)
		}
	}
}
