package scdl

import (
	"context"
	"time"
)

// sumsLayout are the offsets of the parts of the array that the ranks add up in an
// iteration: the gradients of D_h and D_l (atoms x P, atoms x M), the squared lengths of
// the rows of W_h and W_l (atoms each), restCount other numbers, and for each rank the
// largest squared error of one of its samples with the number of that sample.
type sumsLayout struct{ gradLow, rowsHigh, rowsLow, rest, worst, length int }

// Offsets of the other numbers; high before low where there are two.
const (
	errorsAt  = 0 // squared errors
	nonzeroAt = 2 // numbers of the thresholded codes that are not 0
	stateAt   = 4 // squared errors of the codes in the state
	stopAt    = 6 // ranks whose context is cancelled
	dueAt     = 7 // 1 if a snapshot is due
	failedAt  = 8 // ranks whose files failed
	restCount = 9
)

func layoutOf(s *Samples, atoms, size int) (at sumsLayout) {
	at.gradLow = atoms * s.P
	at.rowsHigh = at.gradLow + atoms*s.M
	at.rowsLow = at.rowsHigh + atoms
	at.rest = at.rowsLow + atoms
	at.worst = at.rest + restCount
	at.length = at.worst + 2*size
	return at
}

// pack writes this rank's part of the sums.
func (l *learner[T]) pack(ctx context.Context, failed error) {
	t, at := l.tiles, l.at
	put := func(to []float64, d *side[T]) {
		for a := range l.o.Atoms {
			copy(to[a*d.rows:(a+1)*d.rows], d.gradient[a*d.ld:])
		}
	}
	put(l.sums, &t.high)
	put(l.sums[at.gradLow:], &t.low)
	copy(l.sums[at.rowsHigh:], t.high.squares)
	copy(l.sums[at.rowsLow:], t.low.squares)
	rest := l.sums[at.rest:]
	clear(rest)
	rest[errorsAt], rest[errorsAt+1] = t.sums.high, t.sums.low
	rest[nonzeroAt], rest[nonzeroAt+1] = t.sums.nonzeroHigh, t.sums.nonzeroLow
	rest[stateAt], rest[stateAt+1] = t.sums.stateErrorHigh, t.sums.stateErrorLow
	flag := func(place int, set bool) {
		if set {
			rest[place] = 1
		}
	}
	flag(stopAt, ctx.Err() != nil)
	flag(dueAt, l.comm.Rank() == 0 && l.o.SaveEvery > 0 && time.Since(l.saved) >= l.o.SaveEvery)
	flag(failedAt, failed != nil)
	worst := l.sums[at.worst+2*l.comm.Rank():]
	worst[0], worst[1] = l.worst, float64(l.worstIndex)
}
