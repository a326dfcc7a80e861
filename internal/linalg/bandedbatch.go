package linalg

import "fmt"

// BandedBatch is many SPD systems A_s x_s = b_s of one size and bandwidth, such
// as the tiles of an image under different masks, factored as A_s = L_s L_s'.
//
// Systems are stored interleaved, lanes of them to a group, so that one vector
// instruction advances all systems of a group by one step:
//
//	data[group][row][band][lane]    the last group is padded with identities
//
// After Factor the place of the diagonal holds its reciprocal. A solve reads
// the factor of a group twice and little else, so that with more systems than
// fit in cache it runs at the speed of memory; several right-hand sides at once
// cost little more than one.
type BandedBatch[T Float] struct {
	n, bw, count int
	lanes        int
	data         []T
	factored     bool
}

// NewBandedBatch makes room for count systems of n unknowns and half-width bw, all
// zero until they are Set.
func NewBandedBatch[T Float](n, bw, count int) *BandedBatch[T] {
	if n < 1 || bw < 0 || count < 0 {
		panic(fmt.Sprintf("linalg: NewBandedBatch: n=%d, bw=%d, count=%d", n, bw, count))
	}
	b := &BandedBatch[T]{n: n, bw: bw, count: count, lanes: bandedLanes[T]()}
	b.data = make([]T, b.Groups()*b.groupSize())
	identity := make([]T, n*(bw+1))
	for i := range n {
		identity[i*(bw+1)+bw] = 1
	}
	for s := count; s < b.Groups()*b.lanes; s++ { // lanes that no system fills
		b.set(s, identity)
	}
	return b
}

// Lanes is the number of systems in a group; it depends on the back end.
func (b *BandedBatch[T]) Lanes() int { return b.lanes }

// Groups is the number of groups, ceil(count / Lanes).
func (b *BandedBatch[T]) Groups() int { return (b.count + b.lanes - 1) / b.lanes }

func (b *BandedBatch[T]) groupSize() int { return b.n * (b.bw + 1) * b.lanes }

// Set gives system s its band: n rows of bw+1 numbers, row i holding
// A[i, i-bw .. i]. It must come before Factor.
func (b *BandedBatch[T]) Set(s int, band []T) {
	if s < 0 || s >= b.count {
		panic(fmt.Sprintf("linalg: BandedBatch.Set: system %d of %d", s, b.count))
	}
	checkLength("BandedBatch.Set", len(band), b.n*(b.bw+1))
	if b.factored {
		panic("linalg: BandedBatch.Set after Factor")
	}
	b.set(s, band)
}

func (b *BandedBatch[T]) set(s int, band []T) {
	to := b.group(s / b.lanes)[s%b.lanes:]
	for i, v := range band {
		to[i*b.lanes] = v
	}
}

func (b *BandedBatch[T]) group(g int) []T {
	return b.data[g*b.groupSize():][:b.groupSize()]
}

// Factor factors all systems in place. If some are not positive definite it
// returns a [NotPositiveDefiniteError] for one of the first group that has
// any, and the batch cannot be used.
func (b *BandedBatch[T]) Factor() error {
	if b.factored {
		panic("linalg: BandedBatch.Factor called twice")
	}
	for g := range b.Groups() {
		if row, lane, pivot := factorBanded(b.n, b.bw, b.group(g)); row >= 0 {
			return &NotPositiveDefiniteError{System: g*b.lanes + lane, Pivot: row, Value: float64(pivot)}
		}
	}
	b.factored = true
	return nil
}

// Solve overwrites every x_s with A_s^-1 x_s.
//
//	x: count x n, system after system
//
// It copies each group to the interleaved layout and back; a caller who
// gathers right-hand sides anyway gathers them for SolveGroup.
func (b *BandedBatch[T]) Solve(x []T) {
	checkLength("BandedBatch.Solve", len(x), b.count*b.n)
	work := make([]T, b.n*b.lanes)
	for g := range b.Groups() {
		first := g * b.lanes
		systems := min(b.lanes, b.count-first)
		for l := range systems {
			for i, v := range x[(first+l)*b.n:][:b.n] {
				work[i*b.lanes+l] = v
			}
		}
		b.SolveGroup(g, work, 1)
		for l := range systems {
			from := work[l:]
			to := x[(first+l)*b.n:][:b.n]
			for i := range to {
				to[i] = from[i*b.lanes]
			}
		}
	}
}

// SolveGroup solves the systems g*Lanes .. of one group in place, for nrhs
// right-hand sides each.
//
//	x: nrhs x n x Lanes
//
// Lanes beyond the last system may hold anything. Calls on distinct x may run
// at once.
func (b *BandedBatch[T]) SolveGroup(g int, x []T, nrhs int) {
	if !b.factored {
		panic("linalg: BandedBatch.SolveGroup before Factor")
	}
	if g < 0 || g >= b.Groups() {
		panic(fmt.Sprintf("linalg: BandedBatch.SolveGroup: group %d of %d", g, b.Groups()))
	}
	size := b.n * b.lanes
	checkLength("BandedBatch.SolveGroup", len(x), nrhs*size)
	for nrhs > 0 {
		r := min(nrhs, maxBandedRHS)
		solveBanded(b.n, b.bw, r, b.group(g), x[:r*size])
		x, nrhs = x[r*size:], nrhs-r
	}
}
