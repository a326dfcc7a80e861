package loadbalance

// Points is one rank's share of scattered items: where they are, their numbers,
// and what travels with them.
type Points struct {
	Dim  int       // 1, 2 or 3
	X    []float64 // n x Dim
	ID   []int64   // n; unique over all ranks, 0 <= ID < 2^53
	Cols int       // numbers that travel with each point
	Attr []float64 // n x Cols
}

// Len is the number of points.
func (p *Points) Len() int { return len(p.ID) }
