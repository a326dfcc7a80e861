package loadbalance

import "tessera/ranks"

const treeTag = 1301 // of the messages up the spanning tree

// ScheduleRank is Schedule where each rank is a node of g and knows its own load alone,
// 0 to 2^53-1 items. The result is the flow of this rank's edges in the order of
// g.Neighbours(rank), in items, positive where this rank sends. The potential is found
// by conjugate gradients, with an exchange between neighbours for each product and an
// Allreduce for each sum; the flows of the spanning tree travel from its leaves to its
// root. The floating point operations are those of Schedule in the same order, so that
// the result is the same.
//
// Collective. A load or a graph that is wrong on any rank, or graphs that differ between
// ranks, are an error on all ranks.
func ScheduleRank(comm ranks.Comm, g *Graph, load int64) ([]int64, error) {
	if err := ranks.AgreeSame(comm, "loadbalance: ScheduleRank", g.check(comm), g.same()); err != nil {
		return nil, err
	}
	// The targets depend on the order of all loads, so every rank needs them all.
	all, err := ranks.Numbers(comm, float64(load))
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
	// A child sends what is left of its subtree's surplus over its edge; this rank adds
	// it to its own and sends the sum to its parent.
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

// rankGraph is the node of a graph that belongs to this rank.
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

// exchange sends v to all neighbours and fills near with their values.
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
