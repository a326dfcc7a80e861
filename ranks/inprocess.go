package ranks

import (
	"cmp"
	"fmt"
	"slices"
	"unsafe"
)

// The collectives of the in-process transport, on top of meetings.

func (e *endpoint) barrier() error {
	return e.meet(word{call: "Barrier", root: -1})
}

func (e *endpoint) bcast(b []byte, elem, root int) error {
	w := word{call: "Bcast", n: len(b) / elem, root: root}
	if elem == 1 {
		w.call = "BcastBytes"
	}
	cell := asBytes(e.meeting.cells[e.meetings&1][root])
	if len(b) <= len(cell) {
		if e.rank == root {
			copy(cell, b)
		}
		if err := e.meet(w); err != nil {
			return err
		}
		copy(b, cell)
		return nil
	}
	w.bytes = b
	if err := e.meet(w); err != nil {
		return err
	}
	if e.rank != root {
		copy(b, e.meeting.words[root].bytes)
	}
	e.again(w.call)
	return nil
}

func (e *endpoint) reduce(dst, src []float64, op Op, root int) error {
	m, n := &e.meeting, len(src)
	w := word{call: "Reduce", n: n, root: root, op: op}
	if root == everyRank {
		w.call = "Allreduce"
	}
	receives := root == everyRank || root == e.rank
	if n <= small {
		cells := m.cells[e.meetings&1]
		copy(cells[e.rank], src)
		if err := e.meet(w); err != nil {
			return err
		}
		if receives {
			e.fold.rows(op, dst, cells, 0)
		}
		return nil
	}
	// Every rank combines its share of the elements into the common scratch. The next
	// large reduction writes there only after a meeting, and a rank comes to that meeting
	// only when it has copied this result.
	w.src, w.scratch = src, n
	if err := e.meet(w); err != nil {
		return err
	}
	e.rows = e.rows[:0]
	for r := range m.words {
		e.rows = append(e.rows, m.words[r].src)
	}
	size := len(m.words)
	lo, hi := e.rank*n/size, (e.rank+1)*n/size
	e.fold.rows(op, m.scratch[lo:hi], e.rows, lo)
	e.again(w.call)
	if receives {
		copy(dst, m.scratch[:n])
	}
	return nil
}

func (e *endpoint) gatherv(dst []float64, counts []int, src []float64, root int) error {
	if err := e.meet(word{call: "Gatherv", root: root, counts: counts, dst: dst}); err != nil {
		return err
	}
	at := 0
	for _, n := range counts[:e.rank] {
		at += n
	}
	place(e.meeting.words[root].dst[at:at+len(src)], src)
	e.again("Gatherv")
	return nil
}

func (e *endpoint) allgatherv(dst []float64, counts []int, src []float64) error {
	if err := e.meet(word{call: "Allgatherv", root: -1, counts: counts, src: src}); err != nil {
		return err
	}
	for r := range e.meeting.words {
		place(dst[:counts[r]], e.meeting.words[r].src)
		dst = dst[counts[r]:]
	}
	e.again("Allgatherv")
	return nil
}

func (e *endpoint) alltoallv(recv []float64, recvCounts []int, send []float64, sendCounts []int) error {
	if err := e.meet(word{call: "Alltoallv", root: -1, src: send, sendCounts: sendCounts}); err != nil {
		return err
	}
	var first error
	for r := range e.meeting.words {
		from := &e.meeting.words[r]
		at := 0
		for _, n := range from.sendCounts[:e.rank] {
			at += n
		}
		n := from.sendCounts[e.rank]
		if n != recvCounts[r] {
			if first == nil {
				first = fmt.Errorf("%w: rank %d sends %d elements, rank %d expects %d", ErrMismatch, r, n, e.rank, recvCounts[r])
			}
		} else {
			place(recv[:n], from.src[at:at+n])
		}
		recv = recv[recvCounts[r]:]
	}
	e.again("Alltoallv")
	return first
}

// half is what Split gives one rank: its new group and its place there.
type half struct {
	group *group
	rank  int
}

func (e *endpoint) split(colour, key int) (wire, int, int, error) {
	if err := e.meet(word{call: "Split", root: -1, colour: colour, key: key}); err != nil {
		return nil, 0, 0, err
	}
	h := e.meeting.halves[e.rank]
	if h.group == nil {
		return nil, 0, 0, nil
	}
	return newEndpoint(h.group, h.rank), h.rank, len(h.group.members), nil
}

// divide makes the groups that the colours and keys in the words ask for.
func (e *endpoint) divide() []half {
	words := e.meeting.words
	byColour := map[int][]int{}
	for r := range words {
		if c := words[r].colour; c >= 0 {
			byColour[c] = append(byColour[c], r)
		}
	}
	halves := make([]half, len(words))
	for _, ranks := range byColour {
		slices.SortStableFunc(ranks, func(a, b int) int { return cmp.Compare(words[a].key, words[b].key) })
		members := make([]int, len(ranks))
		for i, r := range ranks {
			members[i] = e.members[r]
		}
		g := newGroup(e.world, members)
		for i, r := range ranks {
			halves[r] = half{g, i}
		}
	}
	return halves
}

// place copies src to dst, unless they are the same memory: then other ranks may be
// reading it.
func place(dst, src []float64) {
	if unsafe.SliceData(dst) != unsafe.SliceData(src) {
		copy(dst, src)
	}
}
