package ranks

import (
	"fmt"
	"math/bits"
)

// MaxTag is the largest tag, the one that every MPI library must allow.
const MaxTag = 32767

// A wire is one rank's end of one communicator on a transport. Its callers have checked
// the arguments. elem is the size of an element in bytes, 8 for float64 and 1 for bytes;
// a Status counts elements. The callers add the name of the call to its errors.
type wire interface {
	send(b []byte, elem, dst, tag int) error
	recv(b []byte, elem, src, tag int) (Status, error)
	sendrecv(send []byte, dst, sendTag int, recv []byte, src, recvTag int) (Status, error)
	exchange(n Neighbours, send, recv []float64) error

	bcast(b []byte, elem, root int) error
	// reduce leaves the result on root, or on every rank if root is everyRank.
	reduce(dst, src []float64, op Op, root int) error
	gatherv(dst []float64, counts []int, src []float64, root int) error
	allgatherv(dst []float64, counts []int, src []float64) error
	alltoallv(recv []float64, recvCounts []int, send []float64, sendCounts []int) error
	barrier() error

	// split returns this rank's end of its colour's communicator and the place
	// it has in it; a nil wire for a negative colour.
	split(colour, key int) (w wire, rank, size int, err error)
	abort(code int, why error)
	// aborted is not nil once a rank has failed.
	aborted() error
	name() string
}

// everyRank as the root of a reduction leaves the result everywhere.
const everyRank = -1

// communicator is the Comm of both transports: it checks the arguments, keeps the Stats
// and puts the name of the call before its error. One goroutine at a time may use it.
type communicator struct {
	rank, size int
	wire       wire
	stats      *Stats
	seen       []uint32 // seen[r] == round: r is already in this Exchange's list
	round      uint32
}

var _ Comm = (*communicator)(nil)

func newCommunicator(w wire, rank, size int, stats *Stats) *communicator {
	return &communicator{rank: rank, size: size, wire: w, stats: stats, seen: make([]uint32, size)}
}

func (c *communicator) Rank() int      { return c.rank }
func (c *communicator) Size() int      { return c.size }
func (c *communicator) Stats() *Stats  { return c.stats }
func (c *communicator) Wtime() float64 { return seconds() }

// Transport names the transport of c: "in-process", or the MPI library with its version.
func Transport(c Comm) string {
	if c, ok := c.(*communicator); ok {
		return c.wire.name()
	}
	return "unknown"
}

func (c *communicator) Send(buf []float64, dst, tag int) error {
	return c.send("Send", asBytes(buf), 8, dst, tag)
}

func (c *communicator) SendBytes(buf []byte, dst, tag int) error {
	return c.send("SendBytes", buf, 1, dst, tag)
}

func (c *communicator) send(call string, b []byte, elem, dst, tag int) error {
	if err := c.checkSend(dst, tag); err != nil {
		return fail(call, err)
	}
	if dst == ProcNull {
		return nil
	}
	start := c.stats.enter()
	err := c.wire.send(b, elem, dst, tag)
	c.countExchange(start, 1, len(b))
	if err != nil {
		return fmt.Errorf("ranks: %s to rank %d, tag %d: %w", call, dst, tag, err)
	}
	return nil
}

func (c *communicator) Recv(buf []float64, src, tag int) (Status, error) {
	return c.recv("Recv", asBytes(buf), 8, src, tag)
}

func (c *communicator) RecvBytes(buf []byte, src, tag int) (Status, error) {
	return c.recv("RecvBytes", buf, 1, src, tag)
}

func (c *communicator) recv(call string, b []byte, elem, src, tag int) (Status, error) {
	if err := c.checkRecv(src, tag); err != nil {
		return Status{}, fail(call, err)
	}
	if src == ProcNull {
		return Status{Source: ProcNull, Tag: AnyTag}, nil
	}
	start := c.stats.enter()
	st, err := c.wire.recv(b, elem, src, tag)
	c.countExchange(start, 0, 0)
	if err != nil {
		return st, fmt.Errorf("ranks: %s from rank %s, tag %s: %w", call, wild(src), wild(tag), err)
	}
	return st, nil
}

func (c *communicator) Sendrecv(send []float64, dst, sendTag int, recv []float64, src, recvTag int) (Status, error) {
	if src == ProcNull {
		return Status{Source: ProcNull, Tag: AnyTag}, c.send("Sendrecv", asBytes(send), 8, dst, sendTag)
	}
	if dst == ProcNull {
		return c.recv("Sendrecv", asBytes(recv), 8, src, recvTag)
	}
	if err := c.checkSend(dst, sendTag); err != nil {
		return Status{}, fail("Sendrecv", err)
	}
	if err := c.checkRecv(src, recvTag); err != nil {
		return Status{}, fail("Sendrecv", err)
	}
	start := c.stats.enter()
	st, err := c.wire.sendrecv(asBytes(send), dst, sendTag, asBytes(recv), src, recvTag)
	c.countExchange(start, 1, 8*len(send))
	if err != nil {
		return st, fmt.Errorf("ranks: Sendrecv to rank %d, tag %d, from rank %s, tag %s: %w",
			dst, sendTag, wild(src), wild(recvTag), err)
	}
	return st, nil
}

func (c *communicator) Exchange(n Neighbours, send, recv []float64) error {
	messages, bytes, err := c.checkNeighbours(&n, len(send), len(recv))
	if err != nil {
		return fail("Exchange", err)
	}
	start := c.stats.enter()
	err = c.wire.exchange(n, send, recv)
	c.countExchange(start, messages, bytes)
	return fail("Exchange", err)
}

// checkNeighbours returns how many messages and bytes this rank sends.
func (c *communicator) checkNeighbours(n *Neighbours, nsend, nrecv int) (messages, bytes int, err error) {
	if err := c.wire.aborted(); err != nil {
		return 0, 0, err
	}
	if len(n.SendCounts) != len(n.Ranks) || len(n.RecvCounts) != len(n.Ranks) {
		return 0, 0, fmt.Errorf("%d ranks, %d send counts, %d receive counts", len(n.Ranks), len(n.SendCounts), len(n.RecvCounts))
	}
	c.round++
	sends, recvs, skipped := 0, 0, 0
	for i, r := range n.Ranks {
		s, v := n.SendCounts[i], n.RecvCounts[i]
		if s < 0 || v < 0 || s > nsend || v > nrecv {
			return 0, 0, fmt.Errorf("rank %d: counts %d and %d for buffers of %d and %d elements", r, s, v, nsend, nrecv)
		}
		sends += s
		recvs += v
		if r == ProcNull {
			skipped += s
			continue
		}
		if r < 0 || r >= c.size {
			return 0, 0, c.rankError(r)
		}
		if c.seen[r] == c.round {
			return 0, 0, fmt.Errorf("rank %d is listed twice", r)
		}
		c.seen[r] = c.round
		messages++
	}
	if sends != nsend || recvs != nrecv {
		return 0, 0, fmt.Errorf("counts add up to %d and %d elements, buffers hold %d and %d", sends, recvs, nsend, nrecv)
	}
	return messages, 8 * (sends - skipped), nil
}

func (c *communicator) Split(colour, key int) (Comm, error) {
	if err := c.wire.aborted(); err != nil {
		return nil, fail("Split", err)
	}
	start := c.stats.enter()
	w, rank, size, err := c.wire.split(colour, key)
	c.countExchange(start, c.size-1, 16*(c.size-1))
	if err != nil || w == nil {
		return nil, fail("Split", err)
	}
	return newCommunicator(w, rank, size, c.stats), nil
}

func (c *communicator) Abort(code int, why error) {
	if why == nil {
		why = fmt.Errorf("Abort(%d)", code)
	}
	if code == 0 {
		code = 1 // whatever the caller says, this is no success
	}
	c.wire.abort(code, why)
}

// countExchange adds a call that began at start and sent n messages.
func (c *communicator) countExchange(start float64, n, bytes int) {
	c.stats.Messages += int64(n)
	c.stats.BytesSent += int64(bytes)
	c.stats.Exchange += c.stats.leave() - start
}

func (c *communicator) countReduce(start float64, n, bytes int) {
	c.stats.Messages += int64(n)
	c.stats.BytesSent += int64(bytes)
	c.stats.Reduce += c.stats.leave() - start
}

func (c *communicator) checkSend(dst, tag int) error {
	if err := c.wire.aborted(); err != nil {
		return err
	}
	if dst != ProcNull && (dst < 0 || dst >= c.size) {
		return c.rankError(dst)
	}
	if tag < 0 || tag > MaxTag {
		return fmt.Errorf("tag %d, want 0 to %d", tag, MaxTag)
	}
	return nil
}

func (c *communicator) checkRecv(src, tag int) error {
	if err := c.wire.aborted(); err != nil {
		return err
	}
	if src != ProcNull && src != AnySource && (src < 0 || src >= c.size) {
		return c.rankError(src)
	}
	if tag != AnyTag && (tag < 0 || tag > MaxTag) {
		return fmt.Errorf("tag %d, want AnyTag or 0 to %d", tag, MaxTag)
	}
	return nil
}

func (c *communicator) rankError(r int) error {
	return fmt.Errorf("no rank %d, the communicator has %d ranks", r, c.size)
}

// fail puts the call's name before err, nil stays nil.
func fail(call string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("ranks: %s: %w", call, err)
}

// log2up is the number of rounds in which something doubles from 1 to n.
func log2up(n int) int { return bits.Len(uint(n - 1)) }
