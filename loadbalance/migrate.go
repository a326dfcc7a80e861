package loadbalance

import (
	"fmt"

	"tessera/ranks"
)

// Migration is what Migrate did on this rank.
type Migration struct {
	Rounds int
	Sent   int   // items
	Bytes  int64 // of the items sent
}

// Migrate carries a flow out: items of width numbers each go to the neighbours in
// the graph, flow[k] of them to g.Neighbours(rank)[k], negative ones coming from it
// (ScheduleRank). A rank that owes more than it holds sends what it has and passes
// the rest on in later rounds, as Rounds does; nobody sends what it does not hold.
//
// choose picks what goes to neighbour number k: it returns the places in held,
// items x width, of n different items; nil takes the last ones. Collective.
func Migrate(comm ranks.Comm, g *Graph, flow []int64, items []float64, width int, choose func(k int, held []float64, n int) []int) ([]float64, *Migration, error) {
	m := &Migration{}
	r := newRankGraph(comm, g)
	held := append([]float64(nil), items...)
	var err error
	switch {
	case width < 1 || len(items)%width != 0:
		err = fmt.Errorf("loadbalance: %d numbers are not items of %d", len(items), width)
	case len(flow) != len(r.arcs):
		err = fmt.Errorf("loadbalance: %d flows for %d neighbours", len(flow), len(r.arcs))
	}
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, nil, err
	}
	owed := make([]int64, len(flow)) // what is still to be sent
	for k, f := range flow {
		owed[k] = max(0, f)
	}
	for {
		// What goes this round, by what is held as it begins.
		counts := make([]int, len(owed))
		left := int64(len(held) / width)
		state := []float64{0, 0} // still owed, sent in this round
		for k, o := range owed {
			n := min(o, left)
			left -= n
			counts[k] = int(n)
			state[0] += float64(o)
			state[1] += float64(n)
		}
		if err := comm.Allreduce(state, state, ranks.Sum); err != nil {
			return nil, nil, err
		}
		if state[0] == 0 {
			return held, m, nil
		}
		if state[1] == 0 {
			return nil, nil, fmt.Errorf("loadbalance: the flow asks for more than there is")
		}
		if held, err = r.round(held, width, counts, choose); err != nil {
			return nil, nil, err
		}
		for k, n := range counts {
			owed[k] -= int64(n)
			m.Sent += n
			m.Bytes += int64(8 * n * width)
		}
		m.Rounds++
	}
}

// round sends counts[k] items to neighbour k and returns what is held after it:
// what stays, in its order, then what came, neighbour by neighbour.
func (r *rankGraph) round(held []float64, width int, counts []int, choose func(int, []float64, int) []int) ([]float64, error) {
	var out []float64
	for k, n := range counts {
		r.send[k] = float64(n)
		if n == 0 {
			continue
		}
		total := len(held) / width
		var places []int
		if choose != nil {
			places = choose(k, held, n)
		} else {
			for i := total - n; i < total; i++ {
				places = append(places, i)
			}
		}
		goes := make([]bool, total)
		for _, i := range places {
			goes[i] = true
			out = append(out, held[i*width:(i+1)*width]...)
		}
		stay := held[:0:0]
		for i := range total {
			if !goes[i] {
				stay = append(stay, held[i*width:(i+1)*width]...)
			}
		}
		if len(places) != n || len(stay) != (total-n)*width {
			panic(fmt.Sprintf("loadbalance: %d items chosen, %d of them different: want %d", len(places), total-len(stay)/width, n))
		}
		held = stay
	}
	if len(r.arcs) == 0 {
		return held, nil
	}
	if err := r.comm.Exchange(r.neighbours, r.send, r.near); err != nil {
		return nil, err
	}
	parcel := ranks.Neighbours{Ranks: r.neighbours.Ranks}
	total := 0
	for k, n := range counts {
		parcel.SendCounts = append(parcel.SendCounts, n*width)
		parcel.RecvCounts = append(parcel.RecvCounts, int(r.near[k])*width)
		total += int(r.near[k]) * width
	}
	in := make([]float64, total)
	err := r.comm.Exchange(parcel, out, in)
	return append(held, in...), err
}
