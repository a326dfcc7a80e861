package loadbalance

// Split is one step of a repair: half of what subdomain From held goes to To, which
// was empty.
type Split struct {
	From, To int
	Items    int64
}

// Repair gives every empty subdomain something to start from. While one is empty
// it takes the empty one whose most loaded neighbour is the most loaded of all,
// splits that neighbour in two and hands the smaller half over; ties by number. It
// ends early where no empty subdomain has a neighbour with two items.
func Repair(g *Graph, loads []int64) (repaired []int64, splits []Split) {
	repaired = append(repaired, loads...)
	for {
		best := Split{From: -1}
		for i, l := range repaired {
			if l != 0 {
				continue
			}
			for _, a := range g.arcs[i] {
				if m := repaired[a.to]; m > 1 && (best.From < 0 || m > repaired[best.From]) {
					best = Split{From: a.to, To: i, Items: m / 2}
				}
			}
		}
		if best.From < 0 {
			return repaired, splits
		}
		repaired[best.From] -= best.Items
		repaired[best.To] += best.Items
		splits = append(splits, best)
	}
}
