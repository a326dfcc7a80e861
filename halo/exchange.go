package halo

import (
	"fmt"
	"slices"

	"tessera/ranks"
)

// Exchange fills the ring of ext, planes arrays over the extended box, with copies
// of the cells that the border rule names: from this rank's interior and, in one
// message with each neighbour, from theirs. Cells without a source are set to 0.
// As a matrix on (interior, ring) it is [I 0; S 0].
//
// Every rank that has neighbours must call it with the same planes. From the
// second call with no more planes on it allocates nothing.
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
	// What needs no message comes before the call that waits: a neighbour that is
	// behind catches up meanwhile.
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

// AddBack is the transpose of Exchange, [I S'; 0 0]: every ring cell is added to
// the cell that it would be a copy of, then set to 0. Sums are formed in a fixed
// order: this rank's own ring, then the neighbours' by ascending rank.
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

// prepare checks the arguments of an exchange and makes the buffers fit.
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
