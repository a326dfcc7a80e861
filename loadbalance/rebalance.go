package loadbalance

import "tessera/ranks"

// Options of Rebalance. The zero value balances counts.
type Options struct {
	// Cost, if not nil, is this rank's cost of each of its points, >= 0, in any
	// unit; sums of it are balanced, as nearly as single points allow.
	Cost []float64
}

// Rebalance moves the cuts of p so that all ranks own the same number of points,
// or the same cost, and moves the points with them. pts are this rank's points as
// p owns them (Distribute). Collective; pts is not changed.
func Rebalance(comm ranks.Comm, p *Partition, pts *Points, o Options) (*Partition, *Points, *Report, error) {
	panic("to come")
}
