package loadbalance

import (
	"fmt"
	"io"
)

// Transfer is what one subdomain sends to a neighbour in one round.
type Transfer struct {
	Edge, From, To int   // number of the edge, and of its nodes
	Items          int64 // 1 or more
}

// Rounds plans the messages that carry out a flow, such that no subdomain sends items
// that it does not hold. loads are the items of each subdomain, flow the items over each
// edge, as from Schedule. In each round every subdomain sends over its edges, in their
// order, what is left of the flow, as far as it held the items when the round began;
// items that it receives it can pass on in the next round. The result is the transfers
// of each round. It is an error if the flow needs more items than there are.
func Rounds(g *Graph, loads, flow []int64) ([][]Transfer, error) {
	if len(loads) != g.nodes || len(flow) != len(g.edges) {
		return nil, fmt.Errorf("loadbalance: %d loads and %d flows for %d subdomains with %d edges", len(loads), len(flow), g.nodes, len(g.edges))
	}
	held := append([]int64(nil), loads...)
	owed := append([]int64(nil), flow...)
	var rounds [][]Transfer
	for {
		var round []Transfer
		done := true
		for i, arcs := range g.arcs {
			for k, items := range sendable(arcs, held[i], owed) {
				if items > 0 {
					round = append(round, Transfer{arcs[k].edge, i, arcs[k].to, items})
				}
				done = done && arcs[k].sign*owed[arcs[k].edge] <= 0
			}
		}
		if done {
			return rounds, nil
		}
		if len(round) == 0 {
			return nil, fmt.Errorf("loadbalance: the flow asks for more items than there are")
		}
		for _, t := range round {
			held[t.From] -= t.Items
			held[t.To] += t.Items
			if g.edges[t.Edge][0] == t.From {
				owed[t.Edge] -= t.Items
			} else {
				owed[t.Edge] += t.Items
			}
		}
		rounds = append(rounds, round)
	}
}

// sendable is what a node that holds the given number of items can send along each of
// its arcs.
func sendable(arcs []arc, held int64, owed []int64) []int64 {
	items := make([]int64, len(arcs))
	for k, a := range arcs {
		items[k] = min(max(0, a.sign*owed[a.edge]), held)
		held -= items[k]
	}
	return items
}

// Balanced is the steps of DyDD for the loads of a graph. Loads are numbers of items, one
// for each subdomain; flows are one number for each edge, in items.
type Balanced struct {
	Graph    *Graph
	Loads    []int64      // before
	Repaired []int64      // l_r in the paper: Loads after the repair
	Splits   []Split      // the steps of the repair; nil if there are none
	Flow     []int64      // from Repaired to Final
	Real     []float64    // the real-valued minimal flow that Flow approximates
	Rounds   [][]Transfer // the transfers of each round that carry out Flow
	Final    []int64      // after: floor(m/p) or ceil(m/p) of m items on p subdomains
}

// Balance runs DyDD on the numbers of items alone: repair, schedule, rounds. It ends with
// E = floor(m/p)/ceil(m/p) after one schedule. The call is local.
func Balance(g *Graph, loads []int64) (*Balanced, error) {
	flow, err := Schedule(g, loads) // checks the loads
	if err != nil {
		return nil, err
	}
	b := &Balanced{Graph: g, Loads: loads}
	b.Repaired, b.Splits = Repair(g, loads)
	if len(b.Splits) > 0 {
		if flow, err = Schedule(g, b.Repaired); err != nil {
			return nil, err
		}
	}
	b.Flow = flow
	real := make([]float64, g.nodes)
	for i, l := range b.Repaired {
		real[i] = float64(l)
	}
	if b.Real, err = Flow(g, real); err != nil {
		return nil, err
	}
	if b.Rounds, err = Rounds(g, b.Repaired, b.Flow); err != nil {
		return nil, err
	}
	b.Final = append(b.Final, b.Repaired...)
	for e, f := range b.Flow {
		b.Final[g.edges[e][0]] -= f
		b.Final[g.edges[e][1]] += f
	}
	return b, nil
}

// WriteTo writes the steps as text: loads, repair, schedule, rounds and final loads.
func (b *Balanced) WriteTo(w io.Writer) (int64, error) {
	var n int64
	var failed error
	say := func(format string, args ...any) {
		k, err := fmt.Fprintf(w, format, args...)
		n += int64(k)
		if failed == nil {
			failed = err
		}
	}
	say("loads     %v\n", b.Loads)
	for _, s := range b.Splits {
		say("split     %d gives %d to %d\n", s.From, s.Items, s.To)
	}
	if len(b.Splits) > 0 {
		say("repaired  %v\n", b.Repaired)
	}
	say("schedule ")
	for e, f := range b.Flow {
		say(" %d-%d:%d", b.Graph.edges[e][0], b.Graph.edges[e][1], f)
	}
	say("\nnorm      %.3f, of the real-valued flow %.3f\n", Norm(b.Flow), Norm(b.Real))
	for r, round := range b.Rounds {
		say("round %-3d", r+1)
		for _, t := range round {
			say(" %d>%d:%d", t.From, t.To, t.Items)
		}
		say("\n")
	}
	say("final     %v\nE         %.4f\n", b.Final, E(b.Final))
	return n, failed
}
