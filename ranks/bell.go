package ranks

import (
	"fmt"
	"runtime"
	"sync/atomic"
)

// A bell lets an in-process rank sleep until another rank has changed something that it
// may be waiting for. The sleeping rank checks its conditions, then waits; the other rank
// makes its change, then rings. A ring between the check and the wait is kept, and the
// wait returns at once. A ring that changes nothing costs one more check.
type bell struct {
	state atomic.Uint32
	left  atomic.Bool // the rank has returned from its body
	ch    chan struct{}
	what  waiting // written before state becomes asleep, read by whoever sees it asleep
	_     [64]byte
}

const (
	awake uint32 = iota
	rung
	asleep
)

// waiting is the call in which a rank sleeps, for the report of a deadlock.
type waiting struct {
	call      string
	peer, tag int
}

func (w waiting) String() string {
	switch {
	case w.peer == AnySource && w.tag == noTag:
		return w.call
	case w.tag == noTag:
		return fmt.Sprintf("%s with rank %d", w.call, w.peer)
	}
	return fmt.Sprintf("%s with rank %s and tag %s", w.call, wild(w.peer), wild(w.tag))
}

// noTag marks a wait in which tags play no part.
const noTag = -3

func wild(x int) string {
	if x < 0 {
		return "any"
	}
	return fmt.Sprint(x)
}

// ring wakes rank r if it sleeps and keeps it from falling asleep if it does not.
func (w *world) ring(r int) {
	b := &w.bells[r]
	if b.state.Load() == rung {
		return // the rank has not seen the last ring yet
	}
	if b.state.Swap(rung) == asleep {
		w.wakes.Add(1)
		w.sleeping.Add(-1)
		b.ch <- struct{}{}
	}
}

// wait returns after the next ring of rank r's bell.
func (w *world) wait(r int, what waiting) {
	b := &w.bells[r]
	for i := range w.looks {
		if b.state.Load() == rung {
			b.state.Store(awake)
			return
		}
		if i >= spinning {
			runtime.Gosched()
		}
	}
	b.what = what
	w.sleeping.Add(1)
	if !b.state.CompareAndSwap(awake, asleep) {
		w.sleeping.Add(-1)
		b.state.Store(awake)
		return
	}
	w.lookForDeadlock()
	<-b.ch
	b.state.Store(awake)
}

// lookForDeadlock fails the world if every rank that has not left sleeps: then no rank
// can ring. The number of sleeping ranks tells when to check; the check is exact because
// each change from asleep to awake is counted in wakes.
func (w *world) lookForDeadlock() {
	live := w.live.Load()
	if live == 0 || w.sleeping.Load() < live || w.failure.Load() != nil {
		return
	}
	before := w.wakes.Load()
	for r := range w.bells {
		if b := &w.bells[r]; b.state.Load() != asleep && !b.left.Load() {
			return
		}
	}
	if w.wakes.Load() != before {
		return
	}
	if e := w.stopped.Load(); e != nil {
		w.fail(e) // the others wait for a rank that has stopped after a signal
		return
	}
	first, text := -1, ""
	const shown = 8
	for r := range w.bells {
		b := &w.bells[r]
		if !b.left.Load() && first < 0 {
			first = r
		}
		if r >= shown {
			continue
		}
		if b.left.Load() {
			text += fmt.Sprintf("; rank %d has returned", r)
		} else {
			text += fmt.Sprintf("; rank %d in %v", r, b.what)
		}
	}
	if len(w.bells) > shown {
		text += fmt.Sprintf("; and %d more", len(w.bells)-shown)
	}
	w.fail(&RankError{Rank: first, Code: 1, Err: fmt.Errorf("%w%s", ErrDeadlock, text)})
}
