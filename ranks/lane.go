package ranks

import (
	"fmt"
	"runtime"
	"sync/atomic"
)

// A lane carries the Exchange messages from one rank of a group to another. Both ranks of
// a pair name each other, so that a rank in its exchange k with a peer knows that the peer
// has finished exchange k-2: two parcels, used in turn, are enough.
type lane struct {
	parcels [2]parcel
	sent    int // by the sender
	got     int // by the receiver
}

// parcel is one message. A short one is copied into own, so that the sender can go on. A
// long one the receiver copies out of the sender's buffer, and the sender waits for that.
type parcel struct {
	state atomic.Uint32
	data  []float64
	own   []float64
}

const (
	empty   uint32 = iota
	full           // the sender's part is done
	reading        // the receiver is copying
)

// copied is the length in elements up to which a parcel is copied: 8 KiB.
const copied = 1024

// incoming is a message of the current Exchange that has not been read yet.
type incoming struct {
	lane *lane
	from int
	buf  []float64
}

func (e *endpoint) exchange(n Neighbours, send, recv []float64) error {
	if e.outLanes == nil {
		e.outLanes, e.inLanes = make([]*lane, len(e.members)), make([]*lane, len(e.members))
	}
	e.lent, e.pending = e.lent[:0], e.pending[:0]
	for i, r := range n.Ranks {
		out, in := send[:n.SendCounts[i]], recv[:n.RecvCounts[i]]
		send, recv = send[len(out):], recv[len(in):]
		if r == ProcNull {
			continue
		}
		if err := e.ship(r, out); err != nil {
			return e.giveUp(err)
		}
		l := e.inLanes[r]
		if l == nil {
			l = e.lane(r, e.rank)
			e.inLanes[r] = l
		}
		e.pending = append(e.pending, incoming{l, r, in})
	}
	var first error
	for len(e.pending) > 0 {
		before := len(e.pending)
		for i := 0; i < len(e.pending); {
			if e.pending[i].lane.parcels[e.pending[i].lane.got&1].state.Load() != full {
				i++
				continue
			}
			if err := e.unpack(e.pending[i]); err != nil && first == nil {
				first = err
			}
			last := len(e.pending) - 1
			e.pending[i] = e.pending[last]
			e.pending = e.pending[:last]
		}
		if len(e.pending) == before {
			if err := e.aborted(); err != nil {
				return e.giveUp(err)
			}
			e.world.wait(e.self, waiting{"Exchange", e.members[e.pending[0].from], noTag})
		}
	}
	for _, p := range e.lent {
		for p.state.Load() != empty {
			if err := e.aborted(); err != nil {
				return e.giveUp(err)
			}
			e.world.wait(e.self, waiting{"Exchange", AnySource, noTag})
		}
	}
	return first
}

// ship puts one outgoing message on its lane.
func (e *endpoint) ship(dst int, data []float64) error {
	l := e.outLanes[dst]
	if l == nil {
		l = e.lane(e.rank, dst)
		e.outLanes[dst] = l
	}
	p := &l.parcels[l.sent&1]
	for p.state.Load() != empty { // only if the peer has not named us as often as we it
		if err := e.aborted(); err != nil {
			return err
		}
		e.world.wait(e.self, waiting{"Exchange", e.members[dst], noTag})
	}
	l.sent++
	if len(data) <= copied && !e.world.sync {
		p.own = append(p.own[:0], data...)
		p.data = p.own
	} else {
		p.data = data
		e.lent = append(e.lent, p)
	}
	p.state.Store(full)
	e.world.ring(e.members[dst])
	return nil
}

// unpack reads one message that has arrived. If the counts differ the message is consumed
// as well, so that the next message is that of the next exchange.
func (e *endpoint) unpack(m incoming) error {
	p := &m.lane.parcels[m.lane.got&1]
	if !p.state.CompareAndSwap(full, reading) {
		return e.aborted() // the sender has taken the message back after a failure
	}
	m.lane.got++
	var err error
	if len(p.data) != len(m.buf) {
		err = fmt.Errorf("%w: rank %d sends %d elements, rank %d expects %d", ErrMismatch, m.from, len(p.data), e.rank, len(m.buf))
	} else {
		copy(m.buf, p.data)
	}
	p.state.Store(empty)
	e.world.ring(e.members[m.from])
	return err
}

// giveUp takes back, after a failure, the messages that still refer to the caller's buffer.
func (e *endpoint) giveUp(err error) error {
	for _, p := range e.lent {
		for !p.state.CompareAndSwap(full, empty) && p.state.Load() != empty {
			runtime.Gosched() // being read at this moment
		}
	}
	return err
}

// lane returns the lane from src to dst, which either end may be first to use.
func (g *group) lane(src, dst int) *lane {
	at := &g.lanes[src*len(g.members)+dst]
	if l := at.Load(); l != nil {
		return l
	}
	at.CompareAndSwap(nil, new(lane))
	return at.Load()
}
