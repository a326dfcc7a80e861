package halo

import (
	"fmt"
	"slices"

	"tessera/ranks"
)

// Plan is one rank's part in the halo exchange of a decomposition.
//
// The extended array of a rank covers its owned box grown by the width on both sides
// of every axis, also where that lies outside the domain: a stencil needs no special
// case at the edge. The array is row-major, and several planes (channels) lie one
// after the other. The cells of the extended box that are not owned are called the
// ring. A Plan holds message buffers: only one goroutine at a time may use it.
type Plan struct {
	rank       int
	owned, ext Box
	width      []int
	border     Border
	d          *Decomposition
	interior   block   // the owned box in the extended array
	ring       []block // the other cells of the extended array
	outside    []block // the cells of the ring without a source
	local      []copyPair
	peers      []peer // ascending rank
	sendCells  int    // of all peers, in one plane
	recvCells  int
	neighbours ranks.Neighbours // for the planes of the last call
	planes     int
	sendBuf    []float64 // messages of Exchange out, of AddBack in
	recvBuf    []float64 // messages of Exchange in, of AddBack out
}

// copyPair is a part of the ring that mirrors or wraps around to cells of this rank.
type copyPair struct{ ring, source block }

// peer is a rank that this rank exchanges messages with. A message holds, plane by
// plane, the cells of the blocks in the order in which they lie at their source.
type peer struct {
	rank      int
	send      []block // owned cells that the peer's ring copies
	recv      []block // ring cells that copy the peer's
	sendCells int
	recvCells int
}

// NewPlan makes the plan of one rank of d. width[k] is the number of ring cells on
// each side of axis k, 0 or more. Every rank must use the same width and border. The
// call is local: it sends nothing. Its cost grows with the number of neighbours.
func NewPlan(d *Decomposition, rank int, width []int, border Border) (*Plan, error) {
	if rank < 0 || rank >= d.Ranks() {
		return nil, fmt.Errorf("halo: plan for rank %d of %d", rank, d.Ranks())
	}
	if err := d.checkWidth(width, border); err != nil {
		return nil, err
	}
	p := &Plan{
		rank: rank, d: d,
		owned: d.Owned(rank), ext: d.owned[rank].Grow(width),
		width: slices.Clone(width), border: border,
	}
	p.interior = blockOf(p.ext, p.owned)
	if p.owned.Empty() {
		return p, nil
	}
	p.ring = p.blocks(shell(p.ext, p.owned))
	if border == Zero {
		p.outside = p.blocks(shell(p.ext, p.ext.Intersect(d.Domain())))
	}
	for _, t := range d.incoming(rank, width, border) {
		ring := blockOf(p.ext, t.ext).mirror(t.mirrored)
		if t.from == rank {
			p.local = append(p.local, copyPair{ring: ring, source: blockOf(p.ext, t.src)})
			continue
		}
		q := p.peer(t.from)
		q.recv = append(q.recv, ring)
		q.recvCells += ring.size()
		p.recvCells += ring.size()
	}
	// A rank needs cells of another exactly if the other needs cells of it: the
	// borders' mirrors and shifts map a box and its halo alike.
	for i := range p.peers {
		q := &p.peers[i]
		ext := images(d.owned[q.rank].Grow(width), d.shape, border)
		for _, t := range d.between(rank, q.rank, ext) {
			b := blockOf(p.ext, t.src)
			q.send = append(q.send, b)
			q.sendCells += b.size()
			p.sendCells += b.size()
		}
	}
	return p, nil
}

func (d *Decomposition) checkWidth(width []int, border Border) error {
	if len(width) != len(d.shape) {
		return fmt.Errorf("halo: width of %d axes for a domain of %d", len(width), len(d.shape))
	}
	for k, w := range width {
		if w < 0 {
			return fmt.Errorf("halo: width %d along axis %d, want at least 0", w, k)
		}
	}
	if border < Zero || border > Periodic {
		return fmt.Errorf("halo: unknown border %v", border)
	}
	return nil
}

func (p *Plan) blocks(boxes []Box) []block {
	out := make([]block, len(boxes))
	for i, b := range boxes {
		out[i] = blockOf(p.ext, b)
	}
	return out
}

// peer is the entry of a rank, made if it is not the last.
func (p *Plan) peer(rank int) *peer {
	if n := len(p.peers); n == 0 || p.peers[n-1].rank != rank {
		p.peers = append(p.peers, peer{rank: rank})
	}
	return &p.peers[len(p.peers)-1]
}

// Owned is the box of cells that this rank owns.
func (p *Plan) Owned() Box { return p.owned.Grow(nil) }

// Extended is the owned box with its ring. At the edges it extends beyond the domain.
func (p *Plan) Extended() Box { return p.ext.Grow(nil) }

// ExtendedShape is the shape of one plane of the extended array, owned + 2 width,
// or zeros for a rank that owns nothing.
func (p *Plan) ExtendedShape() []int { return p.ext.Shape() }

// Neighbours lists, ascending, the ranks with which Exchange swaps one message each.
func (p *Plan) Neighbours() []int {
	r := make([]int, len(p.peers))
	for i, q := range p.peers {
		r[i] = q.rank
	}
	return r
}

// Scatter copies owned, planes x owned box, into the interior of ext, planes x
// extended box. The ring of ext keeps its values. The call is local, and panics if a
// length is wrong.
func (p *Plan) Scatter(ext, owned []float64, planes int) {
	if err := p.checkBoth("Scatter", ext, owned, planes); err != nil {
		panic(err)
	}
	out := p.interior
	in := out.message(0)
	for range planes {
		copyBlock(ext, out, owned, in)
		out.off += p.ext.Size()
		in.off += out.size()
	}
}

// Gather copies the interior of ext, planes x extended box, to owned, planes x owned
// box. The call is local, and panics if a length is wrong.
func (p *Plan) Gather(owned, ext []float64, planes int) {
	if err := p.checkBoth("Gather", ext, owned, planes); err != nil {
		panic(err)
	}
	in := p.interior
	out := in.message(0)
	for range planes {
		copyBlock(owned, out, ext, in)
		in.off += p.ext.Size()
		out.off += in.size()
	}
}
