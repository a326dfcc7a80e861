package ranks

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"
)

// A mailbox holds the messages to one rank of a group that it has not yet received, in the
// order of arrival, and the receive in which the rank waits, if it does. A rank is one
// goroutine, so there is at most one such receive.
type mailbox struct {
	mu         sync.Mutex
	head, tail *message
	want       *want
	free       *message // received messages, whose memory later messages use
	freeBytes  int
}

// message is one message in a mailbox. If it is lent, data is the sender's own buffer, and
// the sender waits for done: in synchronous mode, and in a long Sendrecv, which waits for
// its receive in any case.
type message struct {
	src, tag int
	data     []byte
	lent     bool
	done     atomic.Bool
	next     *message
}

// want is a receive that waits for its message; the sender fills buf.
type want struct {
	src, tag int
	elem     int
	buf      []byte
	status   Status
	err      error
	done     atomic.Bool
}

// maxFree bounds the memory that a mailbox keeps for reuse.
const maxFree = 1 << 20

func (w *want) matches(src, tag int) bool {
	return (w.src == AnySource || w.src == src) && (w.tag == AnyTag || w.tag == tag)
}

// fill copies a matching message into the buffer.
func (w *want) fill(src, tag int, data []byte) {
	w.status = Status{Source: src, Tag: tag, Count: len(data) / w.elem}
	switch {
	case len(data) > len(w.buf):
		w.err = fmt.Errorf("%w: %d elements from rank %d with tag %d, the buffer holds %d",
			ErrTruncated, len(data)/w.elem, src, tag, len(w.buf)/w.elem)
	case len(data)%w.elem != 0:
		w.err = fmt.Errorf("%w: %d bytes from rank %d with tag %d are no whole number of elements", ErrMismatch, len(data), src, tag)
	default:
		copy(w.buf, data)
		w.err = nil
	}
}

func (e *endpoint) send(b []byte, elem, dst, tag int) error {
	m := e.post(b, dst, tag, e.world.sync)
	if m == nil {
		return nil
	}
	return e.finish(m, dst)
}

func (e *endpoint) sendrecv(send []byte, dst, sendTag int, recv []byte, src, recvTag int) (Status, error) {
	m := e.post(send, dst, sendTag, e.world.sync || len(send) > 8*copied)
	st, err := e.recv(recv, 8, src, recvTag)
	if m != nil {
		if e := e.finish(m, dst); err == nil {
			err = e
		}
	}
	return st, err
}

// post sends b to rank dst: into the buffer of a waiting receive, or as a copy into the
// mailbox. With lend, the mailbox gets b itself, in a message that post returns for finish.
func (e *endpoint) post(b []byte, dst, tag int, lend bool) *message {
	box := &e.boxes[dst]
	box.mu.Lock()
	if e.deliver(box, b, dst, tag) {
		return nil
	}
	if lend {
		m := &e.out
		m.src, m.tag, m.data, m.lent = e.rank, tag, b, true
		m.done.Store(false)
		box.put(m)
		box.mu.Unlock()
		return m
	}
	// The copy is made outside the lock; meanwhile the receive may have been called.
	m := box.spare(len(b))
	box.mu.Unlock()
	if m == nil {
		m = &message{data: make([]byte, 0, len(b))}
	}
	m.src, m.tag, m.data = e.rank, tag, append(m.data[:0], b...)
	box.mu.Lock()
	if e.deliver(box, b, dst, tag) {
		return nil
	}
	box.put(m)
	box.mu.Unlock()
	return nil
}

// deliver completes the receive that waits in box if it matches this message, and then
// unlocks the box.
func (e *endpoint) deliver(box *mailbox, b []byte, dst, tag int) bool {
	w := box.want
	if w == nil || !w.matches(e.rank, tag) {
		return false
	}
	box.want = nil
	box.mu.Unlock()
	w.fill(e.rank, tag, b)
	w.done.Store(true)
	e.world.ring(e.members[dst])
	return true
}

// finish waits until a lent message has been received.
func (e *endpoint) finish(m *message, dst int) error {
	for !m.done.Load() {
		if err := e.aborted(); err != nil {
			box := &e.boxes[dst]
			box.mu.Lock()
			withdrawn := box.remove(m)
			box.mu.Unlock()
			if withdrawn {
				return err
			}
			for !m.done.Load() { // being copied at this moment
				runtime.Gosched()
			}
			return nil
		}
		e.world.wait(e.self, waiting{"Send", e.members[dst], m.tag})
	}
	return nil
}

func (e *endpoint) recv(b []byte, elem, src, tag int) (Status, error) {
	box := &e.boxes[e.rank]
	w := &e.want
	w.src, w.tag, w.elem, w.buf = src, tag, elem, b
	box.mu.Lock()
	if m := box.take(w); m != nil {
		box.mu.Unlock()
		w.fill(m.src, m.tag, m.data)
		if m.lent {
			sender := e.members[m.src]
			m.done.Store(true)
			e.world.ring(sender)
		} else {
			box.mu.Lock()
			box.recycle(m)
			box.mu.Unlock()
		}
		return w.status, w.err
	}
	w.done.Store(false)
	box.want = w
	box.mu.Unlock()
	for !w.done.Load() {
		if err := e.aborted(); err != nil {
			box.mu.Lock()
			withdrawn := box.want == w
			box.want = nil
			box.mu.Unlock()
			if withdrawn {
				return Status{}, err
			}
			for !w.done.Load() { // being filled at this moment
				runtime.Gosched()
			}
			break
		}
		peer := src
		if src != AnySource {
			peer = e.members[src]
		}
		e.world.wait(e.self, waiting{"Recv", peer, tag})
	}
	return w.status, w.err
}

func (b *mailbox) put(m *message) {
	m.next = nil
	if b.tail == nil {
		b.head = m
	} else {
		b.tail.next = m
	}
	b.tail = m
}

// take removes the first message that w matches.
func (b *mailbox) take(w *want) *message {
	for m := b.head; m != nil; m = m.next {
		if w.matches(m.src, m.tag) {
			b.remove(m)
			return m
		}
	}
	return nil
}

// remove reports whether m was there.
func (b *mailbox) remove(m *message) bool {
	var before *message
	for at := b.head; at != nil; before, at = at, at.next {
		if at != m {
			continue
		}
		if before == nil {
			b.head = m.next
		} else {
			before.next = m.next
		}
		if b.tail == m {
			b.tail = before
		}
		return true
	}
	return false
}

// spare returns a received message with room for n bytes, or nil.
func (b *mailbox) spare(n int) *message {
	var before *message
	for m := b.free; m != nil; before, m = m, m.next {
		if cap(m.data) < n {
			continue
		}
		if before == nil {
			b.free = m.next
		} else {
			before.next = m.next
		}
		b.freeBytes -= cap(m.data)
		return m
	}
	return nil
}

func (b *mailbox) recycle(m *message) {
	if b.freeBytes+cap(m.data) > maxFree {
		return
	}
	b.freeBytes += cap(m.data)
	m.next, b.free = b.free, m
}

// asBytes views x as the bytes it is made of.
func asBytes(x []float64) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 8*len(x))
}
