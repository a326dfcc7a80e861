package loadbalance

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Targets is what each subdomain is to hold: floor(m/p) or ceil(m/p), the larger
// ones for the most loaded, ties by number.
func Targets(loads []int64) ([]int64, error) {
	p := int64(len(loads))
	if p == 0 {
		return nil, fmt.Errorf("loadbalance: no subdomains")
	}
	var m int64
	for i, l := range loads {
		if l < 0 || l >= maxID {
			return nil, fmt.Errorf("loadbalance: subdomain %d has load %d: want 0 to 2^53-1", i, l)
		}
		if m += l; m >= maxID {
			return nil, fmt.Errorf("loadbalance: more than 2^53 items in all")
		}
	}
	order := make([]int, p)
	targets := make([]int64, p)
	for i := range order {
		order[i] = i
		targets[i] = m / p
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(loads[b], loads[a]) })
	for _, i := range order[:m%p] {
		targets[i]++
	}
	return targets, nil
}

// Flow is the real-valued flow over the edges that turns loads into their mean and
// is smallest in the Euclidean norm: positive from an edge's first node to its
// second.
func Flow(g *Graph, loads []float64) ([]float64, error) {
	if len(loads) != g.nodes {
		return nil, fmt.Errorf("loadbalance: %d loads for %d subdomains", len(loads), g.nodes)
	}
	for i, l := range loads {
		if !(l >= 0) || math.IsInf(l, 0) {
			return nil, fmt.Errorf("loadbalance: subdomain %d has load %v: want a number, 0 or more", i, l)
		}
	}
	mean := fold(loads) / float64(g.nodes)
	surplus := make([]float64, g.nodes)
	for i, l := range loads {
		surplus[i] = l - mean
	}
	x := g.potential(surplus)
	flow := make([]float64, len(g.edges))
	for e, ends := range g.edges {
		flow[e] = x[ends[0]] - x[ends[1]]
	}
	return flow, nil
}

// Schedule is the flow over the edges, in whole items, after which every
// subdomain holds its target: the smallest flow, rounded outside the spanning tree
// and closed by conservation on it, leaves first.
func Schedule(g *Graph, loads []int64) ([]int64, error) {
	if len(loads) != g.nodes {
		return nil, fmt.Errorf("loadbalance: %d loads for %d subdomains", len(loads), g.nodes)
	}
	targets, err := Targets(loads)
	if err != nil {
		return nil, err
	}
	surplus := make([]float64, g.nodes)
	left := make([]int64, g.nodes) // what is still to go from each node
	for i := range loads {
		left[i] = loads[i] - targets[i]
		surplus[i] = float64(left[i])
	}
	x := g.potential(surplus)
	flow := make([]int64, len(g.edges))
	for e, ends := range g.edges {
		a, b := ends[0], ends[1]
		if g.inTree(e) {
			continue
		}
		flow[e] = wholeFlow(x[a], x[b])
		left[a] -= flow[e]
		left[b] += flow[e]
	}
	for _, n := range slices.Backward(g.order[1:]) {
		up := g.up[n]
		flow[up.edge] = up.sign * left[n]
		left[up.to] += left[n]
	}
	return flow, nil
}

// wholeFlow rounds x_a - x_b, halves upwards.
func wholeFlow(xa, xb float64) int64 { return int64(math.Floor(xa - xb + 0.5)) }

// inTree tells whether an edge is of the spanning tree.
func (g *Graph) inTree(e int) bool {
	a, b := g.edges[e][0], g.edges[e][1]
	return a != 0 && g.up[a].edge == e || b != 0 && g.up[b].edge == e
}

// potential solves L x = b for the graph's Laplacian, sum b = 0, by conjugate
// gradients. ScheduleRank does the same operations in the same order with one node
// a rank: sums fold like those of package ranks, and the rows of L add up their
// neighbours in the order of the edges. So both round the same numbers.
func (g *Graph) potential(b []float64) []float64 {
	n := g.nodes
	x, r, p, q := make([]float64, n), slices.Clone(b), slices.Clone(b), make([]float64, n)
	terms := make([]float64, n)
	dot := func(u, v []float64) float64 {
		for i := range terms {
			terms[i] = float64(u[i] * v[i])
		}
		return fold(terms)
	}
	rr := dot(r, r)
	first := rr
	for range maxPotentialSteps(n) {
		if rr <= potentialTolerance*first {
			break
		}
		for i := range q {
			q[i] = laplacianRow(g.arcs[i], p[i], func(k int) float64 { return p[g.arcs[i][k].to] })
		}
		alpha := rr / dot(p, q)
		for i := range x {
			x[i] += float64(alpha * p[i])
			r[i] -= float64(alpha * q[i])
		}
		next := dot(r, r)
		beta := next / rr
		rr = next
		for i := range p {
			p[i] = r[i] + float64(beta*p[i])
		}
	}
	return x
}

// The residual ends 1e-14 of the right side: a flow of 1e6 items is then right to
// far less than a half. In exact arithmetic n-1 steps do; a few more are for rounding.
const potentialTolerance = 1e-28

func maxPotentialSteps(nodes int) int { return 4*nodes + 20 }

// laplacianRow is deg p_i - sum of the neighbours' p.
func laplacianRow(arcs []arc, p float64, neighbour func(k int) float64) float64 {
	s := float64(float64(len(arcs)) * p)
	for k := range arcs {
		s -= neighbour(k)
	}
	return s
}

// fold adds up one number a rank along the tree of package ranks' reductions: with
// m the largest power of two <= P, the first P-m pairs, then the perfect tree.
func fold(terms []float64) float64 {
	m := 1
	for 2*m <= len(terms) {
		m *= 2
	}
	rem := len(terms) - m
	if len(terms) == 0 {
		return 0
	}
	leaves := make([]float64, m)
	for i := range leaves {
		if i < rem {
			leaves[i] = terms[2*i] + terms[2*i+1]
		} else {
			leaves[i] = terms[i+rem]
		}
	}
	for ; m > 1; m /= 2 {
		for i := range m / 2 {
			leaves[i] = leaves[2*i] + leaves[2*i+1]
		}
	}
	return leaves[0]
}

// Norm is the Euclidean norm of a flow.
func Norm[T int64 | float64](flow []T) float64 {
	s := 0.0
	for _, f := range flow {
		s = math.Hypot(s, float64(f))
	}
	return s
}

// E is min/max of loads, 1 for loads that are all 0.
func E[T int64 | float64](loads []T) float64 {
	if len(loads) == 0 || slices.Max(loads) == 0 {
		return 1
	}
	return float64(slices.Min(loads)) / float64(slices.Max(loads))
}
