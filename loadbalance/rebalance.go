package loadbalance

import (
	"fmt"
	"math"

	"tessera/ranks"
)

// Options of Rebalance. The zero value balances counts.
type Options struct {
	// Cost, if not nil, is this rank's cost of each of its points, >= 0, in any
	// unit; sums of it are balanced, as nearly as single points allow.
	Cost []float64
}

// Rebalance moves the cuts of p so that all ranks own the same number of points,
// or the same cost, and moves the points with them. pts are this rank's points as
// p owns them (Distribute). Collective; pts is not changed.
//
// Each level of the strips is a chain, on which the schedule says how much crosses
// every cut; all cuts of a level are moved there at once, and when those of all
// levels are known every point that changes its owner travels once, directly. The
// counts end at floor(m/p) or ceil(m/p) always: where points share a coordinate
// the cut goes between their IDs.
func Rebalance(comm ranks.Comm, p *Partition, pts *Points, o Options) (*Partition, *Points, *Report, error) {
	start := comm.Wtime()
	if err := pts.agree(comm, p); err != nil {
		return nil, nil, nil, err
	}
	if err := ranks.AgreeError(comm, o.check(pts)); err != nil {
		return nil, nil, nil, err
	}
	b := &balancer{comm: comm, pts: pts, cost: o.Cost, report: &Report{Costs: o.Cost != nil}}
	if err := agreeCosts(comm, o.Cost != nil); err != nil {
		return nil, nil, nil, err
	}
	mine := float64(pts.Len())
	if o.Cost != nil {
		mine = 0
		for _, c := range o.Cost {
			mine += c
		}
	}
	var err error
	if b.report.Before, err = allLoads(comm, mine); err != nil {
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
	if b.report.After, err = allLoads(comm, mine); err != nil {
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
	if o.Cost == nil {
		return nil
	}
	if len(o.Cost) != pts.Len() {
		return fmt.Errorf("loadbalance: %d costs for %d points", len(o.Cost), pts.Len())
	}
	for i, c := range o.Cost {
		if !(c >= 0) || math.IsInf(c, 0) {
			return fmt.Errorf("loadbalance: observation %d: cost %v", pts.ID[i], c)
		}
	}
	return nil
}

func agreeCosts(comm ranks.Comm, costs bool) error {
	v := []float64{0, 0}
	if costs {
		v = []float64{1, -1}
	}
	if err := comm.Allreduce(v, v, ranks.Max); err != nil {
		return err
	}
	if v[0] != -v[1] {
		return fmt.Errorf("loadbalance: some ranks give costs and some do not")
	}
	return nil
}

// allLoads collects one number a rank.
func allLoads(comm ranks.Comm, mine float64) ([]float64, error) {
	loads, ones := make([]float64, comm.Size()), make([]int, comm.Size())
	for r := range ones {
		ones[r] = 1
	}
	return loads, comm.Allgatherv(loads, ones, []float64{mine})
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

// aim sets the target of every rank: whole numbers for counts.
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

// level is one chain to be cut: the points of this rank that belong to it already,
// by the new cuts of the axes before.
type level struct {
	old     *strips
	members []int32
	parent  *strips // the new chain it is a piece of
	piece   int
}

// cutLevel moves the cuts of all chains of an axis and returns those of the next.
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
			s.cuts = ch.old.cuts // nobody is there to say where else
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

// account adds the flows over the chains' cuts, and the rounds that they would take
// hop by hop, to the report. On a chain there is one flow only: what stands before
// a cut less what shall.
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

// withColumn is the points with a column more.
func (p *Points) withColumn(c []float64) *Points {
	q := &Points{Dim: p.Dim, X: p.X, ID: p.ID, Cols: p.Cols + 1, Attr: make([]float64, 0, len(c)*(p.Cols+1))}
	for i, v := range c {
		q.Attr = append(q.Attr, p.Attr[i*p.Cols:(i+1)*p.Cols]...)
		q.Attr = append(q.Attr, v)
	}
	return q
}

// dropColumn takes the last column off again and returns its sum.
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
