package kernel

import (
	"math"

	"tessera/loadbalance"
	"tessera/ranks"
)

// halo is the points of other ranks near this rank's own. Points are numbered from
// 0: the n own ones, then those of each neighbour by ascending rank. Coordinates
// are exchanged once; after that only values at the points are.
type halo struct {
	comm   ranks.Comm
	dim    int
	own    int
	x      []float64 // all x dim
	boxes  []float64 // ranks x (lo, hi): the box of each rank's own points, empty ones inverted
	peers  ranks.Neighbours
	sendAt []int32 // own points to send, neighbour after neighbour
	send   []float64
	recv   []float64
}

// newHalo fetches the points within reach of the box of this rank's own.
// Collective.
func newHalo(comm ranks.Comm, pts *loadbalance.Points, reach float64) (*halo, error) {
	d, size, me := pts.Dim, comm.Size(), comm.Rank()
	h := &halo{comm: comm, dim: d, own: pts.Len()}
	box := make([]float64, 2*d)
	for k := range d {
		box[k], box[d+k] = math.Inf(1), math.Inf(-1)
	}
	for i, v := range pts.X {
		k := i % d
		box[k], box[d+k] = min(box[k], v), max(box[d+k], v)
	}
	var err error
	if h.boxes, err = ranks.Numbers(comm, box...); err != nil {
		return nil, err
	}

	limit := reach * reach
	sends := make([]int, size)
	var parts [][]int32
	for r := range size {
		lo, hi := h.box(r)
		if r == me || h.own == 0 || lo[0] > hi[0] || boxesDistance2(box[:d], box[d:], lo, hi) > limit {
			continue
		}
		var part []int32
		for i := range h.own {
			if boxDistance2(lo, hi, pts.X[i*d:(i+1)*d]) <= limit {
				part = append(part, int32(i))
			}
		}
		// Both sides of a near pair list each other, though one may send nothing.
		h.peers.Ranks = append(h.peers.Ranks, r)
		h.peers.SendCounts = append(h.peers.SendCounts, len(part))
		parts = append(parts, part)
		sends[r] = len(part)
	}
	recvs, err := ranks.ExchangeCounts(comm, sends)
	if err != nil {
		return nil, err
	}
	total := 0
	for i, r := range h.peers.Ranks {
		h.peers.RecvCounts = append(h.peers.RecvCounts, recvs[r])
		total += recvs[r]
		h.sendAt = append(h.sendAt, parts[i]...)
	}
	h.x = make([]float64, (h.own+total)*d)
	copy(h.x, pts.X)
	return h, h.Exchange(h.x, d)
}

// box is the box of a rank's own points.
func (h *halo) box(rank int) (lo, hi []float64) {
	b := h.boxes[rank*2*h.dim:]
	return b[:h.dim], b[h.dim : 2*h.dim]
}

func boxesDistance2(alo, ahi, blo, bhi []float64) float64 {
	s := 0.0
	for k := range alo {
		if gap := max(alo[k]-bhi[k], blo[k]-ahi[k]); gap > 0 {
			s += gap * gap
		}
	}
	return s
}

// all is the number of points, own and fetched.
func (h *halo) all() int { return len(h.x) / h.dim }

// Exchange fills v, cols numbers a point, own ones first, at the fetched points.
func (h *halo) Exchange(v []float64, cols int) error {
	if len(h.peers.Ranks) == 0 {
		return nil
	}
	h.send = h.send[:0]
	for _, i := range h.sendAt {
		h.send = append(h.send, v[int(i)*cols:(int(i)+1)*cols]...)
	}
	return h.comm.Exchange(h.times(cols), h.send, v[h.own*cols:])
}

// AddBack is the transpose of Exchange: the values at the fetched points are added to v
// on the ranks that own the points, by ascending rank.
func (h *halo) AddBack(v []float64) error {
	if len(h.peers.Ranks) == 0 {
		return nil
	}
	if h.recv == nil {
		h.recv = make([]float64, len(h.sendAt))
	}
	back := ranks.Neighbours{Ranks: h.peers.Ranks, SendCounts: h.peers.RecvCounts, RecvCounts: h.peers.SendCounts}
	if err := h.comm.Exchange(back, v[h.own:], h.recv); err != nil {
		return err
	}
	for k, i := range h.sendAt {
		v[i] += h.recv[k]
	}
	return nil
}

func (h *halo) times(cols int) ranks.Neighbours {
	if cols == 1 {
		return h.peers
	}
	p := ranks.Neighbours{Ranks: h.peers.Ranks}
	for i := range h.peers.Ranks {
		p.SendCounts = append(p.SendCounts, cols*h.peers.SendCounts[i])
		p.RecvCounts = append(p.RecvCounts, cols*h.peers.RecvCounts[i])
	}
	return p
}
