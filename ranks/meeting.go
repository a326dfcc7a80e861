package ranks

import (
	"fmt"
	"slices"
	"sync/atomic"
)

// A meeting synchronises the ranks of an in-process group for a collective. Each rank
// writes a word: which call it makes, with which buffers. When the last rank has arrived,
// all of them know every buffer and copy what they need straight from the others'. If a
// buffer of a caller was read, they meet a second time before any of them returns.
//
// A rank writes its word before it arrives and reads the others' after all have arrived,
// so that the atomic counter is the only synchronisation needed. A rank that fails does
// not end a second meeting: all ranks that passed the first come to the second, because
// between the two they only copy.
type meeting struct {
	state   atomic.Uint64 // meetings held << heldShift | withdrawn | ranks that have arrived
	size    uint64
	words   []word
	verdict error
	cells   [2][][]float64 // [meeting's parity][rank]: small operands, copied
	scratch []float64      // the result of a large reduction, each rank's part
	halves  []half         // of a Split
}

const (
	maxRanks  = 1<<15 - 1
	arrivals  = maxRanks // mask
	withdrawn = 1 << 15  // a rank has stopped waiting after a failure: this meeting will not be held
	heldShift = 16
)

// word describes the call of one rank.
type word struct {
	call   string
	n      int // elements, where every rank must say the same; 0 otherwise
	root   int
	op     Op
	counts []int // where every rank must say the same
	second bool  // the second meeting of the same collective: nothing to check

	src, dst    []float64
	bytes       []byte
	sendCounts  []int
	scratch     int // elements of meeting.scratch
	colour, key int
}

// small is the number of elements up to which an operand is copied into a cell, so that
// no second meeting is needed.
const small = 32

func (m *meeting) init(n int) {
	m.size = uint64(n)
	m.words = make([]word, n)
	for parity := range m.cells {
		m.cells[parity] = make([][]float64, n)
		rows := make([]float64, n*small)
		for r := range m.cells[parity] {
			m.cells[parity][r] = rows[r*small : (r+1)*small : (r+1)*small]
		}
	}
}

// meet waits until all ranks have arrived with their words. All ranks get the same error:
// the words do not match, or a rank has failed.
func (e *endpoint) meet(w word) error {
	m := &e.meeting
	if !w.second { // others may still read the words of the first meeting
		m.words[e.rank] = w
	}
	held := e.meetings
	for {
		s := m.state.Load()
		if s&withdrawn != 0 {
			return e.aborted()
		}
		if !m.state.CompareAndSwap(s, s+1) {
			continue
		}
		if s&arrivals+1 == m.size {
			e.meetings++
			m.verdict = nil
			if !w.second {
				m.verdict = e.complete()
			}
			m.state.Store((held + 1) << heldShift)
			for r, world := range e.members {
				if r != e.rank {
					e.world.ring(world)
				}
			}
			return m.verdict
		}
		break
	}
	for {
		s := m.state.Load()
		if s>>heldShift > held {
			e.meetings++
			return m.verdict
		}
		if err := e.aborted(); err != nil && !w.second && s&arrivals < m.size {
			if m.state.CompareAndSwap(s, s|withdrawn) {
				return err
			}
			continue
		}
		e.world.wait(e.self, waiting{w.call, AnySource, noTag})
	}
}

// again is the second meeting of a collective; it cannot fail.
func (e *endpoint) again(call string) { _ = e.meet(word{call: call, second: true}) }

// complete is called by the last rank to arrive: it compares the words, and makes the
// groups of a Split or the scratch of a reduction.
func (e *endpoint) complete() error {
	m := &e.meeting
	a := &m.words[0]
	for r := 1; r < len(m.words); r++ {
		b := &m.words[r]
		if a.call != b.call || a.n != b.n || a.root != b.root || a.op != b.op {
			return fmt.Errorf("%w: rank 0 calls %v, rank %d calls %v", ErrMismatch, a, r, b)
		}
		if !slices.Equal(a.counts, b.counts) {
			return fmt.Errorf("%w: %s: rank 0 has counts %v, rank %d has %v", ErrMismatch, a.call, a.counts, r, b.counts)
		}
	}
	switch {
	case a.call == "Split":
		m.halves = e.divide()
	case len(m.scratch) < a.scratch:
		m.scratch = make([]float64, a.scratch)
	}
	return nil
}

func (w *word) String() string {
	s := w.call
	if w.n > 0 {
		s += fmt.Sprintf(" of %d elements", w.n)
	}
	if w.call == "Reduce" || w.call == "Allreduce" {
		s += fmt.Sprintf(" (%v)", w.op)
	}
	if w.root >= 0 {
		s += fmt.Sprintf(", root %d", w.root)
	}
	return s
}
