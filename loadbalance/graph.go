package loadbalance

import (
	"fmt"
	"hash/fnv"
	"slices"

	"tessera/ranks"
)

// Graph is an undirected connected graph whose nodes are subdomains, numbered from 0.
// It does not change and may be shared between goroutines.
type Graph struct {
	nodes int
	edges [][2]int
	// arcs[i] are the edges of node i in the order of their numbers.
	arcs [][]arc
	// The spanning tree on which integer flows are made to conserve items, found breadth
	// first from node 0: order lists the nodes as found, up[i] is the arc from i to its
	// parent.
	order  []int
	up     []arc
	digest float64 // of nodes and edges, to compare the graphs of two ranks
}

// arc is one end of an edge, seen from a node.
type arc struct {
	edge int
	to   int
	sign int64 // +1 where the node is the edge's first one: a positive flow leaves it
}

// NewGraph makes a graph of nodes 0 to nodes-1 and undirected edges. It must be
// connected, without loops and without two edges between the same nodes. Flows over the
// graph are lists in the order of the edges; a positive flow goes from an edge's first
// node to its second.
func NewGraph(nodes int, edges [][2]int) (*Graph, error) {
	if nodes < 1 {
		return nil, fmt.Errorf("loadbalance: a graph of %d subdomains", nodes)
	}
	g := &Graph{nodes: nodes, edges: slices.Clone(edges), arcs: make([][]arc, nodes), up: make([]arc, nodes)}
	seen := map[[2]int]int{}
	for e, ends := range edges {
		a, b := ends[0], ends[1]
		if a < 0 || a >= nodes || b < 0 || b >= nodes || a == b {
			return nil, fmt.Errorf("loadbalance: edge %d joins %d and %d: want two different subdomains of %d", e, a, b, nodes)
		}
		key := [2]int{min(a, b), max(a, b)}
		if first, twice := seen[key]; twice {
			return nil, fmt.Errorf("loadbalance: edges %d and %d both join %d and %d", first, e, a, b)
		}
		seen[key] = e
		g.arcs[a] = append(g.arcs[a], arc{e, b, 1})
		g.arcs[b] = append(g.arcs[b], arc{e, a, -1})
	}
	found := make([]bool, nodes)
	found[0] = true
	g.order = append(g.order, 0)
	for i := 0; i < len(g.order); i++ {
		n := g.order[i]
		for _, a := range g.arcs[n] {
			if !found[a.to] {
				found[a.to] = true
				g.up[a.to] = arc{a.edge, n, -a.sign}
				g.order = append(g.order, a.to)
			}
		}
	}
	for n, ok := range found {
		if !ok {
			return nil, fmt.Errorf("loadbalance: the graph is not connected: no path from subdomain 0 to subdomain %d", n)
		}
	}
	h := fnv.New64a()
	fmt.Fprint(h, nodes, edges)
	g.digest = float64(h.Sum64() >> 12) // 52 bits, which float64 holds exactly
	return g, nil
}

// check returns what is wrong with g, as the graph of a collective call.
func (g *Graph) check(comm ranks.Comm) error {
	switch {
	case g == nil:
		return fmt.Errorf("loadbalance: no graph on rank %d", comm.Rank())
	case g.nodes != comm.Size():
		return fmt.Errorf("loadbalance: a graph of %d subdomains for %d ranks", g.nodes, comm.Size())
	}
	return nil
}

// same compares the graphs of all ranks.
func (g *Graph) same() ranks.Same {
	s := ranks.Same{Name: "the graph", Hash: true}
	if g != nil {
		s.Value = g.digest
	}
	return s
}

// must panics on an error: the caller's edges are right by construction.
func must(g *Graph, err error) *Graph {
	if err != nil {
		panic(err)
	}
	return g
}

// Chain is the graph 0 - 1 - ... - n-1. It panics if n < 1.
func Chain(n int) *Graph {
	var edges [][2]int
	for i := 1; i < n; i++ {
		edges = append(edges, [2]int{i - 1, i})
	}
	return must(NewGraph(n, edges))
}

// Ring is a chain whose ends are joined; for 1 or 2 nodes it is the chain. It panics if
// n < 1.
func Ring(n int) *Graph {
	g := Chain(n)
	if n < 3 {
		return g
	}
	return must(NewGraph(n, append(g.edges, [2]int{n - 1, 0})))
}

// Star is the graph of n nodes in which node 0 is joined with all others. It panics if
// n < 1.
func Star(n int) *Graph {
	var edges [][2]int
	for i := 1; i < n; i++ {
		edges = append(edges, [2]int{0, i})
	}
	return must(NewGraph(n, edges))
}

// Grid is a grid with shape[k] nodes along axis k, whose numbers run fastest along the
// last axis. Edges along the last axis come first. It panics if the grid is empty.
func Grid(shape ...int) *Graph {
	n := 1
	for _, k := range shape {
		n *= k
	}
	var edges [][2]int
	stride := 1
	for axis := len(shape) - 1; axis >= 0; axis-- {
		for i := range n {
			if i/stride%shape[axis] < shape[axis]-1 {
				edges = append(edges, [2]int{i, i + stride})
			}
		}
		stride *= shape[axis]
	}
	return must(NewGraph(n, edges))
}

// Nodes is the number of subdomains.
func (g *Graph) Nodes() int { return g.nodes }

// Edges lists the edges in the order of flows. The caller must not change the list.
func (g *Graph) Edges() [][2]int { return g.edges }

// Neighbours lists the nodes that share an edge with node i, in the order of the edges.
func (g *Graph) Neighbours(i int) []int {
	n := make([]int, len(g.arcs[i]))
	for k, a := range g.arcs[i] {
		n[k] = a.to
	}
	return n
}
