package loadbalance

// Split is one step of a repair: half of the items of subdomain From go to its
// neighbour To, which had none.
type Split struct {
	From, To int
	Items    int64 // moved
}

// Repair is the first step of DyDD: it gives items to every empty subdomain that can get
// some. loads holds the number of items of each subdomain, 0 or more; it is not changed.
// Each step takes, of all empty subdomains, the one whose most loaded neighbour has most
// items, and moves the smaller half of that neighbour's items to it; of equals it takes
// the lowest number. It ends when no empty subdomain has a neighbour with two items.
// repaired are the loads after all steps.
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
