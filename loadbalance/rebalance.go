package loadbalance

import (
	"fmt"
	"math"

	"tessera/ranks"
)

// Options of Rebalance. The zero value balances the numbers of points.
type Options struct {
	// Cost, if not nil, is the cost of each of this rank's points, 0 or more, in any
	// unit, such as seconds or expected operations. Then the sums of the costs are
	// balanced, as nearly as single points allow. All ranks give costs, or none does.
	Cost []float64
}

// Rebalance moves the cuts of p so that all ranks own the same number of points, or
// points of the same cost, and sends each point to its new owner. pts are this rank's
// points as Distribute with p returns them; they are not changed. The results are the
// new partition, this rank's points in the order of their IDs, and the report.
//
// Each level of the strips is a chain, on which the schedule fixes how many points
// cross every cut. All cuts of a level are found together; when those of all levels are
// known, each point that changes its owner travels once, straight to the new one. Of m
// points on p ranks each rank ends with floor(m/p) or ceil(m/p): among points with the
// same coordinate a cut separates IDs.
//
// Collective. Wrong points or costs on any rank, costs on some ranks only, or
// partitions or kinds of points that differ between ranks are an error on all ranks.
func Rebalance(comm ranks.Comm, p *Partition, pts *Points, o Options) (*Partition, *Points, *Report, error) {
	start := comm.Wtime()
	own, costs := p.check(comm, pts), 0.0
	if own == nil {
		own = o.check(pts)
	}
	if o.Cost != nil {
		costs = 1
	}
	given := ranks.Same{Name: "Options.Cost (1: given, 0: nil)", Value: costs}
	if err := pts.agree(comm, "Rebalance", own, p.same(), given); err != nil {
		return nil, nil, nil, err
	}
	b := &balancer{comm: comm, pts: pts, cost: o.Cost, report: &Report{Costs: o.Cost != nil}}
	mine := float64(pts.Len())
	if o.Cost != nil {
		mine = 0
		for _, c := range o.Cost {
			mine += c
		}
	}
	var err error
	if b.report.Before, err = ranks.Numbers(comm, mine); err != nil {
		return nil, nil, nil, err
	}
	b.aim(p)
	level := []*level{{old: p.root, members: everyPoint(pts.Len())}}
	for axis := range p.dim {
		if level, err = b.cutLevel(level, axis); err != nil {
			return nil, nil, nil, err
		}
	}
	next := newPartition(b.root, p.dim)

	owner := make([]int32, pts.Len())
	for i, id := range pts.ID {
		owner[i] = int32(next.Owner(pts.X[i*p.dim:(i+1)*p.dim], id))
	}
	sent := pts
	if o.Cost != nil {
		sent = pts.withColumn(o.Cost)
	}
	moved, came, err := deliver(comm, sent, owner)
	if err != nil {
		return nil, nil, nil, err
	}
	mine = float64(moved.Len())
	if o.Cost != nil {
		mine = moved.dropColumn()
	}
	if b.report.After, err = ranks.Numbers(comm, mine); err != nil {
		return nil, nil, nil, err
	}
	sums := []float64{float64(came), float64(8 * came * (1 + sent.Dim + sent.Cols))}
	if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return nil, nil, nil, err
	}
	b.report.Moved, b.report.Bytes = int64(sums[0]), int64(sums[1])
	took := []float64{comm.Wtime() - start, b.report.RepairSeconds}
	if err := comm.Allreduce(took, took, ranks.Max); err != nil {
		return nil, nil, nil, err
	}
	b.report.Seconds, b.report.RepairSeconds = took[0], took[1]
	b.report.finish()
	return next, moved, b.report, nil
}

func (o *Options) check(pts *Points) error {
	if o.Cost == nil || pts == nil {
		return nil
	}
	if len(o.Cost) != pts.Len() {
		return fmt.Errorf("loadbalance: %d costs for %d points", len(o.Cost), pts.Len())
	}
	for i, c := range o.Cost {
		if !(c >= 0) || math.IsInf(c, 0) {
			return fmt.Errorf("loadbalance: the point with ID %d has the cost %v: want a finite number, 0 or more", pts.ID[i], c)
		}
	}
	return nil
}

func everyPoint(n int) []int32 {
	list := make([]int32, n)
	for i := range list {
		list[i] = int32(i)
	}
	return list
}

// balancer is the state of one Rebalance.
type balancer struct {
	comm    ranks.Comm
	pts     *Points
	cost    []float64
	targets []float64 // of each rank
	root    *strips
	report  *Report
}

// aim sets the target of every rank, a whole number where points are counted.
func (b *balancer) aim(p *Partition) {
	r := b.report
	b.targets = make([]float64, len(r.Before))
	if r.Costs {
		total := 0.0
		for _, l := range r.Before {
			total += l
		}
		for i := range b.targets {
			b.targets[i] = total / float64(len(b.targets))
		}
		return
	}
	counts := make([]int64, len(r.Before))
	for i, l := range r.Before {
		counts[i] = int64(l)
	}
	start := b.comm.Wtime()
	repaired, _ := Repair(p.Graph(), counts)
	r.RepairSeconds = b.comm.Wtime() - start
	targets, err := Targets(counts)
	if err != nil {
		panic(err) // counts of points are loads
	}
	for i := range targets {
		r.Repaired = append(r.Repaired, float64(repaired[i]))
		b.targets[i] = float64(targets[i])
	}
	r.Best = E(targets)
}

// level is one chain whose cuts are to be moved, with the points of this rank that the
// new cuts of the axes before assign to it.
type level struct {
	old     *strips
	members []int32
	parent  *strips // the new chain of which this one cuts a piece
	piece   int
}

// cutLevel moves the cuts of all chains of an axis and returns the chains of the next axis.
func (b *balancer) cutLevel(chains []*level, axis int) ([]*level, error) {
	var queries []query
	groups := make([]*group, len(chains))
	var loads []float64 // pieces of all chains
	for c, ch := range chains {
		groups[c] = newGroup(b.pts, ch.members, axis, b.cost)
		below := 0.0
		for j := range ch.old.cuts {
			below += b.target(ch.old, j)
			queries = append(queries, query{c, below})
		}
		loads = append(loads, b.pieceLoads(ch, axis)...)
	}
	if err := b.comm.Allreduce(loads, loads, ranks.Sum); err != nil {
		return nil, err
	}
	cuts, err := selectCuts(b.comm, groups, queries)
	if err != nil {
		return nil, err
	}
	b.account(chains, loads)

	var next []*level
	for c, ch := range chains {
		n := len(ch.old.cuts)
		s := &strips{cuts: cuts[:n:n]}
		cuts = cuts[n:]
		if groups[c].total == 0 {
			s.cuts = ch.old.cuts // no points: the cuts stay
		}
		if ch.parent == nil {
			b.root = s
		} else {
			ch.parent.inner[ch.piece] = s
		}
		if ch.old.inner == nil {
			continue
		}
		s.inner = make([]*strips, n+1)
		pieces := make([][]int32, n+1)
		for _, i := range ch.members {
			j := s.piece(b.pts.X[int(i)*b.pts.Dim+axis], b.pts.ID[i])
			pieces[j] = append(pieces[j], i)
		}
		for j, members := range pieces {
			next = append(next, &level{old: ch.old.inner[j], members: members, parent: s, piece: j})
		}
	}
	return next, nil
}

// target is what the cells of piece j are to hold.
func (b *balancer) target(s *strips, j int) float64 {
	t := 0.0
	for cell := s.first[j]; cell < s.first[j+1]; cell++ {
		t += b.targets[cell]
	}
	return t
}

// pieceLoads is what this rank's members weigh in each piece by the old cuts.
func (b *balancer) pieceLoads(ch *level, axis int) []float64 {
	loads := make([]float64, len(ch.old.cuts)+1)
	for _, i := range ch.members {
		c := 1.0
		if b.cost != nil {
			c = b.cost[i]
		}
		loads[ch.old.piece(b.pts.X[int(i)*b.pts.Dim+axis], b.pts.ID[i])] += c
	}
	return loads
}

// account adds to the report the norm of the flows over the chains' cuts and the number
// of rounds that they would take from neighbour to neighbour. On a chain only one flow
// balances the loads: over each cut, the load before the cut less its target.
func (b *balancer) account(chains []*level, loads []float64) {
	most := 0
	for _, ch := range chains {
		n := len(ch.old.cuts) + 1
		flow := make([]int64, n-1)
		whole := make([]int64, n)
		excess := 0.0
		for j := range n {
			whole[j] = int64(loads[j])
			if excess += loads[j] - b.target(ch.old, j); j < n-1 {
				b.report.Norm = math.Hypot(b.report.Norm, excess)
				flow[j] = int64(math.Round(excess))
			}
		}
		loads = loads[n:]
		if b.report.Costs {
			continue
		}
		if rounds, err := Rounds(Chain(n), whole, flow); err == nil {
			most = max(most, len(rounds))
		}
	}
	b.report.Rounds += most
}

// withColumn is p with one more column of attributes.
func (p *Points) withColumn(c []float64) *Points {
	q := &Points{Dim: p.Dim, X: p.X, ID: p.ID, Cols: p.Cols + 1, Attr: make([]float64, 0, len(c)*(p.Cols+1))}
	for i, v := range c {
		q.Attr = append(q.Attr, p.Attr[i*p.Cols:(i+1)*p.Cols]...)
		q.Attr = append(q.Attr, v)
	}
	return q
}

// dropColumn removes the last column of attributes and returns its sum.
func (p *Points) dropColumn() float64 {
	sum := 0.0
	cols := p.Cols - 1
	for i := range p.ID {
		sum += p.Attr[i*p.Cols+cols]
		copy(p.Attr[i*cols:], p.Attr[i*p.Cols:i*p.Cols+cols])
	}
	p.Cols, p.Attr = cols, p.Attr[:len(p.ID)*cols]
	return sum
}
