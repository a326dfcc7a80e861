package halo

import (
	"fmt"
	"slices"

	"tessera/ranks"
)

// Exchange fills the ring of ext, planes x extended box. Each ring cell becomes a
// copy of its source cell, which the border names: a cell of this rank's interior or,
// by one message with each neighbour, of a neighbour's. A ring cell without a source
// becomes 0. As a matrix on (interior, ring) Exchange is [I 0; S 0].
//
// Collective: all ranks call it with plans of the same decomposition, width and
// border and with the same planes. The call is in the inner loop of solvers, so ranks
// do not compare their arguments. A wrong length or a wrong communicator is an error
// on that rank alone, before it sends. Its neighbours wait until its body returns the
// error; then they get ranks.ErrAborted in-process, and MPI ends all processes.
// Different planes or widths give ranks.ErrMismatch to both ranks of each pair that
// differs.
//
// A call with no more planes than an earlier one allocates nothing.
func (p *Plan) Exchange(comm ranks.Comm, ext []float64, planes int) error {
	if err := p.prepare("Exchange", comm, ext, planes); err != nil {
		return err
	}
	plane := p.ext.Size()
	at := 0
	for i := range p.peers {
		for c := range planes {
			at = pack(p.sendBuf, at, ext[c*plane:(c+1)*plane], p.peers[i].send)
		}
	}
	// The local copies come before the call that waits, to give slower neighbours time.
	for c := range planes {
		x := ext[c*plane : (c+1)*plane]
		for _, b := range p.outside {
			clearBlock(x, b)
		}
		for i := range p.local {
			copyBlock(x, p.local[i].ring, x, p.local[i].source)
		}
	}
	if len(p.peers) == 0 {
		return nil
	}
	if err := comm.Exchange(p.neighbours, p.sendBuf, p.recvBuf); err != nil {
		return fmt.Errorf("halo: exchange: %w", err)
	}
	at = 0
	for i := range p.peers {
		for c := range planes {
			x := ext[c*plane : (c+1)*plane]
			for _, b := range p.peers[i].recv {
				copyBlock(x, b, p.recvBuf, b.message(at))
				at += b.size()
			}
		}
	}
	return nil
}

// AddBack is the transpose of Exchange, [I S'; 0 0]: the value of every ring cell is
// added to its source cell, then the ring is set to 0. The order of the additions is
// fixed: first this rank's own ring, then those of the neighbours by ascending rank.
//
// Collective, with the errors of Exchange.
func (p *Plan) AddBack(comm ranks.Comm, ext []float64, planes int) error {
	if err := p.prepare("AddBack", comm, ext, planes); err != nil {
		return err
	}
	plane := p.ext.Size()
	at := 0
	for i := range p.peers {
		for c := range planes {
			at = pack(p.recvBuf, at, ext[c*plane:(c+1)*plane], p.peers[i].recv)
		}
	}
	for c := range planes {
		x := ext[c*plane : (c+1)*plane]
		for i := range p.local {
			addBlock(x, p.local[i].source, x, p.local[i].ring)
		}
		for _, b := range p.ring {
			clearBlock(x, b)
		}
	}
	if len(p.peers) == 0 {
		return nil
	}
	n := p.neighbours
	n.SendCounts, n.RecvCounts = n.RecvCounts, n.SendCounts
	if err := comm.Exchange(n, p.recvBuf, p.sendBuf); err != nil {
		return fmt.Errorf("halo: add back: %w", err)
	}
	at = 0
	for i := range p.peers {
		for c := range planes {
			x := ext[c*plane : (c+1)*plane]
			for _, b := range p.peers[i].send {
				addBlock(x, b, p.sendBuf, b.message(at))
				at += b.size()
			}
		}
	}
	return nil
}

// pack appends the cells of blocks of x to msg[:at] and returns its new length.
func pack(msg []float64, at int, x []float64, blocks []block) int {
	for i := range blocks {
		copyBlock(msg, blocks[i].message(at), x, blocks[i])
		at += blocks[i].size()
	}
	return at
}

// prepare checks the arguments of an exchange and sizes the message buffers.
func (p *Plan) prepare(call string, comm ranks.Comm, ext []float64, planes int) error {
	if err := p.checkExt(call, ext, planes); err != nil {
		return err
	}
	if comm.Rank() != p.rank || comm.Size() != p.d.Ranks() {
		return fmt.Errorf("halo: %s: the plan is that of rank %d of %d, the communicator rank %d of %d",
			call, p.rank, p.d.Ranks(), comm.Rank(), comm.Size())
	}
	if planes == p.planes {
		return nil
	}
	p.planes = planes
	n := &p.neighbours
	if n.Ranks == nil {
		n.Ranks = p.Neighbours()
		n.SendCounts = make([]int, len(p.peers))
		n.RecvCounts = make([]int, len(p.peers))
	}
	for i, q := range p.peers {
		n.SendCounts[i] = planes * q.sendCells
		n.RecvCounts[i] = planes * q.recvCells
	}
	p.sendBuf = slices.Grow(p.sendBuf[:0], planes*p.sendCells)[:planes*p.sendCells]
	p.recvBuf = slices.Grow(p.recvBuf[:0], planes*p.recvCells)[:planes*p.recvCells]
	return nil
}

func (p *Plan) checkExt(call string, ext []float64, planes int) error {
	if planes < 1 {
		return fmt.Errorf("halo: %s on rank %d: %d planes, want at least 1", call, p.rank, planes)
	}
	if n := planes * p.ext.Size(); len(ext) != n {
		return fmt.Errorf("halo: %s on rank %d: extended array of %d values, want %d x %s = %d",
			call, p.rank, len(ext), planes, shapeString(p.ext.Shape()), n)
	}
	return nil
}

func (p *Plan) checkBoth(call string, ext, owned []float64, planes int) error {
	if err := p.checkExt(call, ext, planes); err != nil {
		return err
	}
	if n := planes * p.owned.Size(); len(owned) != n {
		return fmt.Errorf("halo: %s on rank %d: owned array of %d values, want %d x %s = %d",
			call, p.rank, len(owned), planes, shapeString(p.owned.Shape()), n)
	}
	return nil
}
