package loadbalance

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Targets is the number of items that each of p subdomains shall hold: floor(m/p) or
// ceil(m/p), with m the sum of the loads. The most loaded subdomains get the larger
// number; of equals those with the lower number. Loads and m are 0 to 2^53-1.
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

// Flow is the real-valued flow over the edges, in units of load, after which every
// subdomain holds the mean load. Of all such flows it has the smallest Euclidean norm.
// A positive flow goes from an edge's first node to its second.
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

// Schedule is the flow over the edges, in whole items, after which every subdomain holds
// its target (Targets). It is the flow of smallest norm, rounded on the edges outside a
// spanning tree; on the edges of the tree it follows from conservation, leaves first.
func Schedule(g *Graph, loads []int64) ([]int64, error) {
	if len(loads) != g.nodes {
		return nil, fmt.Errorf("loadbalance: %d loads for %d subdomains", len(loads), g.nodes)
	}
	targets, err := Targets(loads)
	if err != nil {
		return nil, err
	}
	surplus := make([]float64, g.nodes)
	left := make([]int64, g.nodes) // items that each node still has to send
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

// wholeFlow rounds x_a - x_b to the nearest whole number, halves upwards.
func wholeFlow(xa, xb float64) int64 { return int64(math.Floor(xa - xb + 0.5)) }

// inTree tells whether an edge belongs to the spanning tree.
func (g *Graph) inTree(e int) bool {
	a, b := g.edges[e][0], g.edges[e][1]
	return a != 0 && g.up[a].edge == e || b != 0 && g.up[b].edge == e
}

// potential solves L x = b for the graph's Laplacian L, where sum b = 0, by conjugate
// gradients. ScheduleRank does the same operations in the same order, one node on each
// rank: sums are added along the tree of package ranks, and a row of L adds up its
// neighbours in the order of the edges. So both get the same bits, and round alike.
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

// The iteration stops when the residual is 1e-14 of the right side: the error of a flow
// of 1e6 items is then far below 1/2. In exact arithmetic n-1 steps suffice; the limit
// leaves room for rounding.
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

// fold adds up one number for each rank along the tree of package ranks' reductions: with
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

// E is the balance of loads, min/max: 1 if all are equal, also if all are 0.
func E[T int64 | float64](loads []T) float64 {
	if len(loads) == 0 || slices.Max(loads) == 0 {
		return 1
	}
	return float64(slices.Min(loads)) / float64(slices.Max(loads))
}
