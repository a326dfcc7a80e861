package loadbalance

import (
	"math"
	"slices"
	"sort"

	"tessera/ranks"
)

// radixBits is how many bits of a cut each round of its search finds. A round adds up
// radix-1 counts for each cut.
const (
	radixBits = 4
	radix     = 1 << radixBits
)

// query asks for the cut of a group of points below which there is a given number of
// points, or a given cost.
type query struct {
	group int
	below float64
}

// group is this rank's part of the points between which cuts are sought, sorted by
// (coordinate, ID), with the sum of the costs of all points before each.
type group struct {
	keys   []cut
	prefix []float64 // len(keys)+1
	total  float64   // cost of the points of all ranks
}

// newGroup sorts points along an axis. If cost is nil, each point costs 1.
func newGroup(pts *Points, members []int32, axis int, cost []float64) *group {
	// The keys travel with their points in the sort, which then reads one array.
	type keyed struct {
		cut
		i int32
	}
	list := make([]keyed, len(members))
	for k, i := range members {
		list[k] = keyed{cut{pts.X[int(i)*pts.Dim+axis], pts.ID[i]}, i}
	}
	slices.SortFunc(list, func(a, b keyed) int {
		if a.x < b.x || a.x == b.x && a.id < b.id {
			return -1
		}
		return 1 // never equal
	})
	g := &group{keys: make([]cut, len(list)), prefix: make([]float64, len(list)+1)}
	for k, item := range list {
		g.keys[k] = item.cut
		c := 1.0
		if cost != nil {
			c = cost[item.i]
		}
		g.prefix[k+1] = g.prefix[k] + c
	}
	return g
}

// lighter is the cost of the points before a place.
func (g *group) lighter(p place) float64 {
	return g.prefix[sort.Search(len(g.keys), func(k int) bool { return !p.after(g.keys[k]) })]
}

// place is a cut while it is sought: the coordinate as an integer of the same order, and
// the ID.
type place struct{ x, id uint64 }

// after tells whether a point lies below the place.
func (p place) after(k cut) bool {
	x := ordered(k.x)
	return x < p.x || x == p.x && uint64(k.id) < p.id
}

// ordered maps float64 to integers of the same order.
func ordered(x float64) uint64 {
	if x == 0 {
		x = 0 // -0 is 0
	}
	b := math.Float64bits(x)
	if b>>63 == 1 {
		return ^b
	}
	return b | 1<<63
}

// unordered is the inverse of ordered.
func unordered(u uint64) float64 {
	if u>>63 == 1 {
		return math.Float64frombits(u &^ (1 << 63))
	}
	return math.Float64frombits(^u)
}

// selectCuts finds the cut of every query: the largest place with at most query.below
// below it. If points are counted, that is the place of point number query.below in
// their order. Places are found radixBits bits at a time, first the coordinate, then the
// ID, by counting the points below trial places: 16 rounds for the coordinate and 14 for
// the ID, with one Allreduce each. Collective; the result is the same on every rank.
func selectCuts(comm ranks.Comm, groups []*group, queries []query) ([]cut, error) {
	totals := make([]float64, len(groups))
	for i, g := range groups {
		totals[i] = g.prefix[len(g.keys)]
	}
	if err := comm.Allreduce(totals, totals, ranks.Sum); err != nil {
		return nil, err
	}
	for i, g := range groups {
		g.total = totals[i]
	}
	found := make([]place, len(queries))
	counts := make([]float64, len(queries)*(radix-1))
	const idBits = 56 // a multiple of radixBits above 53
	for round := range (64 + idBits) / radixBits {
		shift := 64 - radixBits*(round+1)
		inID := shift < 0
		if inID {
			shift += idBits
		}
		trial := func(p place, digit uint64) place {
			if inID {
				p.id |= digit << shift
			} else {
				p.x |= digit << shift
			}
			return p
		}
		for q, query := range queries {
			for digit := range uint64(radix - 1) {
				counts[q*(radix-1)+int(digit)] = groups[query.group].lighter(trial(found[q], digit+1))
			}
		}
		if err := comm.Allreduce(counts, counts, ranks.Sum); err != nil {
			return nil, err
		}
		for q, query := range queries {
			// A place that has all points below it must not pass for a cut.
			limit := query.below
			if t := groups[query.group].total; limit >= t {
				limit = math.Nextafter(t, 0)
			}
			digit := uint64(0)
			for digit < radix-1 && counts[q*(radix-1)+int(digit)] <= limit {
				digit++
			}
			found[q] = trial(found[q], digit)
		}
	}
	cuts := make([]cut, len(queries))
	for q, p := range found {
		cuts[q] = cut{unordered(p.x), int64(p.id)}
		if query := queries[q]; query.below >= groups[query.group].total {
			cuts[q].id = maxID // above every point
		}
	}
	return cuts, nil
}
