package ranks

import (
	"fmt"
	"slices"
	"sync/atomic"
)

// A meeting is where the ranks of an in-process group come together for a
// collective. Each leaves word of what it calls and with which buffers; when the
// last has come, all go on knowing every buffer, copy what they need straight
// out of the others' and, if a caller's buffer was read, meet once more before
// anyone returns.
//
// Words are written before a rank arrives and read after all have, so the
// counting is all the synchronisation there is. A second meeting that ends a
// collective is not given up when a rank fails: all that passed the first come to
// it, for between the two they only compute.
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
	withdrawn = 1 << 15  // a rank has given up waiting: this meeting will not be held
	heldShift = 16
)

// word is what a rank says on arrival.
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

// small is the number of elements up to which an operand is copied into a cell,
// which spares the second meeting.
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

// meet waits until all ranks have come with their words. An error means the
// same to all of them: the words do not fit, or a rank has failed.
func (e *endpoint) meet(w word) error {
	m := &e.meeting
	if !w.second { // of the first meeting's words others may still be reading
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

// complete is run by the last to arrive: it compares the words and makes what
// the ranks are to share.
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
