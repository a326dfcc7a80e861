package forward

import (
	"fmt"

	"tessera/halo"
	"tessera/internal/fourier"
	"tessera/ranks"
)

// Transform filters frames in the basis in which convolutions are diagonal, the Fourier
// transform of a periodic border or the cosine transform of a reflecting one, over the
// whole frame and all ranks. With a zero border it is the sine transform, which makes P
// diagonal but no blur:
//
//	A = w H'H + lambda P,    P = I, the negative Laplacian or its square,
//
// can be inverted exactly in it. Every rank has a slab, some rows of the frame, and
// transforms them along the rows; one Alltoallv brings each rank whole columns, another one
// brings the rows back.
//
// Cost: 5 N log2 N operations for N pixels of the frame, divided between the ranks, and two
// exchanges of a slab with all ranks. Memory: two arrays of a slab, less what a rank keeps of
// its own columns; one on a single rank.
//
// A Transform serves one goroutine.
type Transform struct {
	comm            ranks.Comm
	frame           *halo.Decomposition
	slab            *fourier.Slab
	same            bool      // the slabs are the boxes of the frame
	rows, cols      int       // of this rank's box
	sent, received  []float64 // for and from the other ranks
	own             []float64 // what stays
	send, receive   []int     // counts for the columns
	give, take      []int     // counts from boxes to slabs
	from            []halo.Box
	lowRow, highRow int // of the slab
}

// NewTransform prepares frames of one channel.
func NewTransform(comm ranks.Comm, frame *halo.Decomposition, border halo.Border) (*Transform, error) {
	if frame == nil || len(frame.Domain().Shape()) != 2 || frame.Ranks() != comm.Size() {
		return nil, fmt.Errorf("forward: NewTransform: want a frame of 2 axes divided between %d ranks", comm.Size())
	}
	basis := fourier.Waves
	switch border {
	case halo.Periodic:
	case halo.Reflect:
		basis = fourier.Cosines
	case halo.Zero:
		basis = fourier.Sines
	default:
		return nil, fmt.Errorf("forward: NewTransform: unknown border %v", border)
	}
	shape := frame.Domain().Shape()
	t := &Transform{comm: comm, frame: frame}
	rowOf := fourier.EvenRows(shape[0], comm.Size())
	if own := wholeRows(frame); own != nil {
		rowOf, t.same = own, true
	}
	t.slab = fourier.NewSlab(basis, shape[0], shape[1], rowOf, comm.Rank())
	t.lowRow, t.highRow = rowOf[comm.Rank()], rowOf[comm.Rank()+1]
	box := frame.Owned(comm.Rank())
	t.rows, t.cols = box.Hi[0]-box.Lo[0], box.Hi[1]-box.Lo[1]
	for r := range comm.Size() {
		t.give = append(t.give, shared(box, rowOf[r], rowOf[r+1])*t.cols)
		from := frame.Owned(r)
		t.from = append(t.from, from)
		t.take = append(t.take, shared(from, t.lowRow, t.highRow)*(from.Hi[1]-from.Lo[1]))
	}
	t.send, t.receive = t.slab.Counts()
	return t, nil
}

// wholeRows are the bounds of the rows of the boxes of a frame that is divided along its rows
// only, in the order of the ranks; else nil.
func wholeRows(frame *halo.Decomposition) []int {
	shape, rowOf := frame.Domain().Shape(), []int{0}
	for r := range frame.Ranks() {
		box := frame.Owned(r)
		if box.Lo[0] != rowOf[r] || box.Lo[1] != 0 || box.Hi[1] != shape[1] {
			return nil
		}
		rowOf = append(rowOf, box.Hi[0])
	}
	return rowOf
}

// shared is the number of rows of a box between low and high.
func shared(box halo.Box, low, high int) int { return max(0, min(box.Hi[0], high)-max(box.Lo[0], low)) }

// Slab is this rank's part of the transform.
func (t *Transform) Slab() *fourier.Slab { return t.slab }

// reserve makes the arrays between the passes.
func (t *Transform) reserve() {
	if t.own != nil {
		return
	}
	send, receive, own := t.slab.Lengths()
	t.sent, t.received, t.own = make([]float64, send), make([]float64, receive), make([]float64, own)
}

// Release frees the arrays that Filter keeps, until they are needed again.
func (t *Transform) Release() { t.sent, t.received, t.own = nil, nil, nil }

// ToSlab returns this rank's rows of the frame of which it owns a box, row-major: x itself where the
// two are the same. Collective.
func (t *Transform) ToSlab(x []float64) ([]float64, error) {
	if len(x) != t.rows*t.cols {
		return nil, fmt.Errorf("forward: Transform.ToSlab: %d values for a box of %d x %d", len(x), t.rows, t.cols)
	}
	if t.same {
		return x, nil
	}
	slab, pieces := make([]float64, t.slab.Values()), make([]float64, t.slab.Values())
	if err := t.comm.Alltoallv(pieces, t.take, x, t.give); err != nil {
		return nil, err
	}
	t.eachPiece(pieces, func(piece []float64, at, n int) { copy(slab[at:][:n], piece) })
	return slab, nil
}

// FromSlab is the inverse of ToSlab. Collective.
func (t *Transform) FromSlab(slab []float64) ([]float64, error) {
	if len(slab) != t.slab.Values() {
		return nil, fmt.Errorf("forward: Transform.FromSlab: %d values for %d", len(slab), t.slab.Values())
	}
	if t.same {
		return slab, nil
	}
	pieces := make([]float64, len(slab))
	t.eachPiece(pieces, func(piece []float64, at, n int) { copy(piece, slab[at:][:n]) })
	x := make([]float64, t.rows*t.cols)
	return x, t.comm.Alltoallv(x, t.give, pieces, t.take)
}

// eachPiece calls f for each row of each rank's box within the slab: its place in the
// pieces of all ranks, and where it starts in the slab.
func (t *Transform) eachPiece(pieces []float64, f func(piece []float64, at, n int)) {
	width := t.frame.Domain().Shape()[1]
	for r, box := range t.from {
		n := box.Hi[1] - box.Lo[1]
		first := max(box.Lo[0], t.lowRow)
		for i := range t.take[r] / max(n, 1) {
			f(pieces[:n], (first-t.lowRow+i)*width+box.Lo[1], n)
			pieces = pieces[n:]
		}
	}
}

// Filter applies a symbol to the frame that is src on the pixels at, every pixel of the slab
// if at is nil, and zero elsewhere, and writes the result at the pixels to into dst. The
// sums are this rank's part. dst and src may be the same. Collective.
func (t *Transform) Filter(dst []float64, to *fourier.Pixels, src []float64, at *fourier.Pixels, f fourier.Symbol) (fourier.Sums, error) {
	t.reserve()
	t.slab.Load(t.sent, t.own, src, at)
	if err := t.swap(t.received, t.receive, t.sent, t.send); err != nil {
		return fourier.Sums{}, err
	}
	sums := t.slab.Filter(t.received, t.own, f)
	if err := t.swap(t.sent, t.send, t.received, t.receive); err != nil {
		return fourier.Sums{}, err
	}
	t.slab.Store(dst, t.sent, t.own, to, t.slab.Scale())
	return sums, nil
}

func (t *Transform) swap(into []float64, counts []int, from []float64, of []int) error {
	if t.comm.Size() == 1 {
		return nil
	}
	return t.comm.Alltoallv(into, counts, from, of)
}
