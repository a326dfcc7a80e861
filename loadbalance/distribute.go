package loadbalance

import (
	"fmt"
	"slices"

	"tessera/ranks"
)

// Distribute sends every point to the rank whose cell of p contains it, and returns
// the points that this rank then holds, in the order of their IDs: the result does not
// depend on which rank held which point before. pts are this rank's points, in any
// place; they are not changed.
//
// Collective, one cell of p for each rank. Wrong points on any rank, two points with
// one ID, or partitions or kinds of points that differ between ranks are an error on
// all ranks.
func Distribute(comm ranks.Comm, p *Partition, pts *Points) (*Points, error) {
	if err := pts.agree(comm, "Distribute", p.check(comm, pts), p.same()); err != nil {
		return nil, err
	}
	if err := unique(comm, pts); err != nil {
		return nil, err
	}
	owner := make([]int32, pts.Len())
	for i, id := range pts.ID {
		owner[i] = int32(p.Owner(pts.X[i*p.dim:(i+1)*p.dim], id))
	}
	mine, _, err := deliver(comm, pts, owner)
	return mine, err
}

// unique returns an error on all ranks if two points have the same ID. Every ID is
// sent to rank ID mod P, which therefore sees equal ones. Collective.
func unique(comm ranks.Comm, pts *Points) error {
	size := int64(comm.Size())
	send := newParcels(comm.Size(), 1)
	for _, id := range pts.ID {
		send.count(int(id % size))
	}
	for _, id := range pts.ID {
		send.slot(int(id % size))[0] = float64(id)
	}
	got, counts, err := send.exchange(comm)
	if err != nil {
		return err
	}
	type held struct {
		id   float64
		rank int
	}
	all := make([]held, 0, len(got))
	for rank, n := range counts {
		for _, id := range got[len(all) : len(all)+n] {
			all = append(all, held{id, rank})
		}
	}
	slices.SortStableFunc(all, func(a, b held) int { return int(max(-1, min(1, a.id-b.id))) })
	var twice error
	for i := 1; i < len(all); i++ {
		if a, b := all[i-1], all[i]; a.id == b.id {
			twice = fmt.Errorf("loadbalance: two points have the ID %d, on ranks %d and %d", int64(a.id), a.rank, b.rank)
			break
		}
	}
	return ranks.AgreeError(comm, twice)
}

// deliver sends every point to its owner. It returns the points that this rank then
// holds, by ID, and how many of them came from other ranks. Collective.
func deliver(comm ranks.Comm, pts *Points, owner []int32) (mine *Points, came int, err error) {
	dim, cols := pts.Dim, pts.Cols
	width := 1 + dim + cols
	send := newParcels(comm.Size(), width)
	stay := 0
	for _, r := range owner {
		if int(r) == comm.Rank() {
			stay++
		} else {
			send.count(int(r))
		}
	}
	for i, r := range owner {
		if int(r) == comm.Rank() {
			continue
		}
		slot := send.slot(int(r))
		slot[0] = float64(pts.ID[i])
		copy(slot[1:1+dim], pts.X[i*dim:])
		copy(slot[1+dim:], pts.Attr[i*cols:(i+1)*cols])
	}
	got, _, err := send.exchange(comm)
	if err != nil {
		return nil, 0, err
	}
	came = len(got) / width

	// Place i < len(owner) is a point that stays, a larger one a point that came.
	type item struct {
		id    int64
		place int
	}
	order := make([]item, 0, stay+came)
	for i, r := range owner {
		if int(r) == comm.Rank() {
			order = append(order, item{pts.ID[i], i})
		}
	}
	for i := range came {
		order = append(order, item{int64(got[i*width]), len(owner) + i})
	}
	slices.SortFunc(order, func(a, b item) int {
		if a.id < b.id {
			return -1
		}
		return 1 // never equal
	})

	mine = &Points{
		Dim:  dim,
		X:    make([]float64, len(order)*dim),
		ID:   make([]int64, len(order)),
		Cols: cols,
		Attr: make([]float64, len(order)*cols),
	}
	for i, it := range order {
		mine.ID[i] = it.id
		x, attr := mine.X[i*dim:(i+1)*dim], mine.Attr[i*cols:(i+1)*cols]
		if it.place < len(owner) {
			copy(x, pts.X[it.place*dim:])
			copy(attr, pts.Attr[it.place*cols:])
		} else {
			record := got[(it.place-len(owner))*width:]
			copy(x, record[1:])
			copy(attr, record[1+dim:])
		}
	}
	return mine, came, nil
}

// parcels are the records, all of one width, that one rank sends to each rank. The
// caller first counts all records, then fills the slot of each.
type parcels struct {
	width  int
	counts []int // records for each rank
	next   []int // slot of the next record for each rank; nil while counting
	buf    []float64
}

func newParcels(ranks, width int) *parcels {
	return &parcels{width: width, counts: make([]int, ranks)}
}

func (p *parcels) count(rank int) { p.counts[rank]++ }

func (p *parcels) slot(rank int) []float64 {
	if p.next == nil {
		p.next = make([]int, len(p.counts))
		total := 0
		for r, n := range p.counts {
			p.next[r] = total
			total += n
		}
		p.buf = make([]float64, total*p.width)
	}
	at := p.next[rank]
	p.next[rank]++
	return p.buf[at*p.width : (at+1)*p.width]
}

// exchange sends the records and returns those received, by ascending rank of the
// sender, with the number of records from each rank. Collective.
func (p *parcels) exchange(comm ranks.Comm) (got []float64, counts []int, err error) {
	if counts, err = ranks.ExchangeCounts(comm, p.counts); err != nil {
		return nil, nil, err
	}
	sendCounts, recvCounts := make([]int, len(counts)), make([]int, len(counts))
	total := 0
	for r := range counts {
		total += counts[r]
		sendCounts[r], recvCounts[r] = p.counts[r]*p.width, counts[r]*p.width
	}
	got = make([]float64, total*p.width)
	return got, counts, comm.Alltoallv(got, recvCounts, p.buf, sendCounts)
}
