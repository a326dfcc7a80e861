package loadbalance

import (
	"fmt"

	"tessera/ranks"
)

const treeTag = 1301 // of the messages up the spanning tree

// ScheduleRank is Schedule with one subdomain a rank: load is this rank's, and what
// comes back are the flows of its edges in the order of g.Neighbours(rank), positive
// where this rank sends. The potential is found by conjugate gradients whose
// products are exchanges with the neighbours and whose sums are reductions; the
// flows on the spanning tree travel from its leaves to its root. It does the
// operations of the serial form in the same order, so the integers are the same.
// Collective.
func ScheduleRank(comm ranks.Comm, g *Graph, load int64) ([]int64, error) {
	if comm.Size() != g.nodes {
		return nil, fmt.Errorf("loadbalance: a graph of %d subdomains for %d ranks", g.nodes, comm.Size())
	}
	// A target is a matter of rank among all loads, so these are made known to all.
	all, err := allLoads(comm, float64(load))
	if err != nil {
		return nil, err
	}
	loads := make([]int64, len(all))
	for i, l := range all {
		loads[i] = int64(l)
	}
	targets, err := Targets(loads)
	if err != nil {
		return nil, err
	}
	me := comm.Rank()
	left := load - targets[me]
	r := newRankGraph(comm, g)
	x, err := r.potential(float64(left))
	if err != nil {
		return nil, err
	}
	if err := r.exchange(x); err != nil {
		return nil, err
	}
	flow := make([]int64, len(r.arcs))
	for k, a := range r.arcs {
		if g.inTree(a.edge) {
			continue
		}
		if a.sign > 0 {
			flow[k] = wholeFlow(x, r.near[k])
		} else {
			flow[k] = -wholeFlow(r.near[k], x)
		}
		left -= flow[k]
	}
	// What is left to go below a child comes up its edge, and all of it leaves by
	// the edge to the parent.
	up := -1
	buf := make([]float64, 1)
	for k, a := range r.arcs {
		if me != 0 && g.up[me].edge == a.edge {
			up = k
		} else if g.inTree(a.edge) {
			if _, err := comm.Recv(buf, a.to, treeTag); err != nil {
				return nil, err
			}
			flow[k] = -int64(buf[0])
			left += int64(buf[0])
		}
	}
	if up >= 0 {
		flow[up] = left
		buf[0] = float64(left)
		return flow, comm.Send(buf, r.arcs[up].to, treeTag)
	}
	return flow, nil
}

// rankGraph is one node of a graph, as its rank sees it.
type rankGraph struct {
	comm       ranks.Comm
	arcs       []arc
	neighbours ranks.Neighbours
	send, near []float64 // one number for each arc
	one        [1]float64
}

func newRankGraph(comm ranks.Comm, g *Graph) *rankGraph {
	arcs := g.arcs[comm.Rank()]
	r := &rankGraph{comm: comm, arcs: arcs, send: make([]float64, len(arcs)), near: make([]float64, len(arcs))}
	for _, a := range arcs {
		r.neighbours.Ranks = append(r.neighbours.Ranks, a.to)
		r.neighbours.SendCounts = append(r.neighbours.SendCounts, 1)
		r.neighbours.RecvCounts = append(r.neighbours.RecvCounts, 1)
	}
	return r
}

// exchange tells the neighbours v and fills near with theirs.
func (r *rankGraph) exchange(v float64) error {
	if len(r.arcs) == 0 {
		return nil
	}
	for k := range r.send {
		r.send[k] = v
	}
	return r.comm.Exchange(r.neighbours, r.send, r.near)
}

func (r *rankGraph) sum(v float64) (float64, error) {
	r.one[0] = v
	err := r.comm.Allreduce(r.one[:], r.one[:], ranks.Sum)
	return r.one[0], err
}

// potential is this rank's element of Graph.potential.
func (r *rankGraph) potential(b float64) (x float64, err error) {
	res, p := b, b
	rr, err := r.sum(float64(res * res))
	if err != nil {
		return 0, err
	}
	first := rr
	for range maxPotentialSteps(r.comm.Size()) {
		if rr <= potentialTolerance*first {
			break
		}
		if err := r.exchange(p); err != nil {
			return 0, err
		}
		q := laplacianRow(r.arcs, p, func(k int) float64 { return r.near[k] })
		pq, err := r.sum(float64(p * q))
		if err != nil {
			return 0, err
		}
		alpha := rr / pq
		x += float64(alpha * p)
		res -= float64(alpha * q)
		next, err := r.sum(float64(res * res))
		if err != nil {
			return 0, err
		}
		beta := next / rr
		rr = next
		p = res + float64(beta*p)
	}
	return x, nil
}
