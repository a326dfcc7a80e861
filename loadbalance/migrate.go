package loadbalance

import (
	"fmt"

	"tessera/ranks"
)

// Migration is what Migrate did on this rank.
type Migration struct {
	Rounds int   // rounds of messages, the same on all ranks
	Sent   int   // items that this rank sent, counted again each time an item is passed on
	Bytes  int64 // of the items sent, 8 for each number
}

// Migrate moves items over the edges of g, whose nodes are the ranks. items are this
// rank's, n x width numbers; flow holds the number of items for each edge in the order
// of g.Neighbours(rank), positive where this rank sends, as ScheduleRank returns it. A
// rank whose flow exceeds what it holds sends what it has and passes on the rest in
// later rounds, as Rounds does. The result is what this rank holds at the end: the items
// that stayed, in their order, then those that came. items is not changed.
//
// choose selects the items for neighbour number k: it returns the places of n different
// items in held, items x width, and must not change held. If choose is nil, the last
// items go.
//
// Collective. An error on all ranks is: a wrong argument on any rank, graphs or widths
// that differ between ranks, a flow that is not the negative of the neighbour's, a
// flow of more items than there are, and a choose that returns wrong places.
func Migrate(comm ranks.Comm, g *Graph, flow []int64, items []float64, width int, choose func(k int, held []float64, n int) []int) ([]float64, *Migration, error) {
	m := &Migration{}
	err := g.check(comm)
	if err == nil {
		switch n := len(g.arcs[comm.Rank()]); {
		case width < 1 || len(items)%width != 0:
			err = fmt.Errorf("loadbalance: Migrate: %d numbers are not items of %d", len(items), width)
		case len(flow) != n:
			err = fmt.Errorf("loadbalance: Migrate: %d flows for %d neighbours", len(flow), n)
		}
	}
	err = ranks.AgreeSame(comm, "loadbalance: Migrate", err, g.same(), ranks.Same{Name: "width", Value: float64(width)})
	if err != nil {
		return nil, nil, err
	}
	r := newRankGraph(comm, g)
	if err := r.agreeFlow(flow); err != nil {
		return nil, nil, err
	}
	held := append([]float64(nil), items...)
	owed := make([]int64, len(flow)) // items still to be sent
	for k, f := range flow {
		owed[k] = max(0, f)
	}
	for {
		// A round is planned with what is held when it begins.
		counts := make([]int, len(owed))
		left := int64(len(held) / width)
		state := []float64{0, 0, 0} // owed before the round, sent in it, ranks with an error
		for k, o := range owed {
			n := min(o, left)
			left -= n
			counts[k] = int(n)
			state[0] += float64(o)
			state[1] += float64(n)
		}
		out, stay, err := pick(held, width, counts, choose)
		if err != nil {
			state[2] = 1
		}
		if err := comm.Allreduce(state, state, ranks.Sum); err != nil {
			return nil, nil, err
		}
		switch {
		case state[2] > 0:
			return nil, nil, ranks.AgreeError(comm, err)
		case state[0] == 0:
			return held, m, nil
		case state[1] == 0:
			return nil, nil, fmt.Errorf("loadbalance: Migrate: the flow asks for more items than there are")
		}
		if held, err = r.round(out, stay, width, counts); err != nil {
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

// agreeFlow compares the flow over each edge with the neighbour's. Collective.
func (r *rankGraph) agreeFlow(flow []int64) error {
	var err error
	for k, f := range flow {
		r.send[k] = float64(f)
	}
	if len(r.arcs) > 0 {
		if err := r.comm.Exchange(r.neighbours, r.send, r.near); err != nil {
			return err
		}
	}
	for k, a := range r.arcs {
		if r.near[k] != -r.send[k] && err == nil {
			err = fmt.Errorf("loadbalance: Migrate: the flow to rank %d is %d, that of rank %d to this rank is %.0f: want its negative", a.to, flow[k], a.to, r.near[k])
		}
	}
	return ranks.AgreeError(r.comm, err)
}

// pick divides held into the items that go, counts[k] for neighbour k one after the
// other, and those that stay.
func pick(held []float64, width int, counts []int, choose func(int, []float64, int) []int) (out, stay []float64, err error) {
	stay = held
	for k, n := range counts {
		if n == 0 {
			continue
		}
		total := len(stay) / width
		var places []int
		if choose != nil {
			places = choose(k, stay, n)
		} else {
			for i := total - n; i < total; i++ {
				places = append(places, i)
			}
		}
		if len(places) != n {
			return nil, nil, fmt.Errorf("loadbalance: Migrate: choose returned %d places for neighbour %d, want %d", len(places), k, n)
		}
		goes := make([]bool, total)
		for _, i := range places {
			if i < 0 || i >= total || goes[i] {
				return nil, nil, fmt.Errorf("loadbalance: Migrate: choose returned place %d for neighbour %d: want different places, 0 to %d", i, k, total-1)
			}
			goes[i] = true
			out = append(out, stay[i*width:(i+1)*width]...)
		}
		kept := make([]float64, 0, len(stay)-n*width)
		for i := range total {
			if !goes[i] {
				kept = append(kept, stay[i*width:(i+1)*width]...)
			}
		}
		stay = kept
	}
	return out, stay, nil
}

// round sends out, counts[k] items to each neighbour k, and returns stay followed by
// what came, neighbour by neighbour.
func (r *rankGraph) round(out, stay []float64, width int, counts []int) ([]float64, error) {
	if len(r.arcs) == 0 {
		return stay, nil
	}
	for k, n := range counts {
		r.send[k] = float64(n)
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
	return append(stay[:len(stay):len(stay)], in...), err
}
