package fourier

import (
	"fmt"
	"math"
	"runtime"
	"slices"
)

// Basis names the eigenvectors of a transform.
type Basis int

const (
	Waves   Basis = iota // the Fourier transform, of frames that go on periodically
	Cosines              // the DCT-II, of frames that are reflected at their border
	Sines                // the DST-I, of frames with zeros beyond their border; of the convolutions it makes those with one pixel diagonal
)

// slabLanes is the number of float64 in a row of a block of columns: two cache lines, 16
// real columns of cosines or sines or 8 complex ones of waves.
const slabLanes = 16

// Slab is one part of a two-dimensional transform whose rows, and afterwards whose columns,
// are divided between parts:
//
//	Load     rows of the frame -> their spectra along the row, in blocks of columns
//	         (the caller brings each block to the part that has its columns)
//	Filter   those columns: along the column, a Symbol, and back
//	         (the caller brings every row back)
//	Store    spectra along the row -> rows of the frame
//
// An array between Load and Filter lies block by block, blocks x rows x 16 float64, with the
// rows of the part that loaded them; so what part r sends to part s is one piece, and
// Filter takes one piece from each part. The piece that a part has for itself is an array of
// its own, which need not be moved. Not for use by several goroutines at once.
//
// The discrete cosine transform is a Fourier transform of the same length of a reordered
// line, two real columns in each complex one. Makhoul, IEEE Trans. ASSP 28 (1980) 27.
type Slab struct {
	basis      Basis
	rows, cols int
	part       int
	rowOf      []int // part r has the rows rowOf[r] to rowOf[r+1]
	blockOf    []int // and the blocks blockOf[r] to blockOf[r+1]
	transform  slabTransform
}

// NewSlab prepares a part for frames of rows x cols, of which part r has the rows rowOf[r] to
// rowOf[r+1]; see EvenRows.
func NewSlab(basis Basis, rows, cols int, rowOf []int, part int) *Slab {
	checkSize("NewSlab", rows, cols)
	parts := len(rowOf) - 1
	if part < 0 || part >= parts || rowOf[0] != 0 || rowOf[parts] != rows || !slices.IsSorted(rowOf) || basis < Waves || basis > Sines {
		panic(fmt.Sprintf("fourier: NewSlab: part %d of rows %v of %d, basis %d", part, rowOf, rows, basis))
	}
	s := &Slab{basis: basis, rows: rows, cols: cols, part: part, rowOf: rowOf}
	blocks := (s.width() + slabLanes - 1) / slabLanes
	s.blockOf = EvenRows(blocks, parts)
	s.transform = newSlabTransform(s)
	s.own()
	return s
}

// EvenRows divides rows evenly: part r has the rows r to r+1 of the result.
func EvenRows(rows, parts int) []int {
	of := make([]int, parts+1)
	for r := range of {
		of[r] = rows * r / parts
	}
	return of
}

// width is the number of float64 in a row of the spectrum.
func (s *Slab) width() int {
	if s.basis == Waves {
		return 2 * (s.cols/2 + 1)
	}
	return s.cols
}

// columns is how many columns of the spectrum a block has.
func (s *Slab) columns() int {
	if s.basis == Waves {
		return slabLanes / 2
	}
	return slabLanes
}

// RowsOf are the half-open bounds of the rows of each part: part r has the rows r to r+1.
func (s *Slab) RowsOf() []int { return s.rowOf }

// own rows and blocks.
func (s *Slab) ownRows() int   { return s.rowOf[s.part+1] - s.rowOf[s.part] }
func (s *Slab) ownBlocks() int { return s.blockOf[s.part+1] - s.blockOf[s.part] }

// Values is the number of float64 that this part has as rows.
func (s *Slab) Values() int { return s.ownRows() * s.cols }

// Counts are the float64 that this part sends to each part after Load, and that it receives
// for Filter, none for itself. On the way back they are exchanged.
func (s *Slab) Counts() (send, receive []int) {
	for r := range len(s.rowOf) - 1 {
		send = append(send, (s.blockOf[r+1]-s.blockOf[r])*s.ownRows()*slabLanes)
		receive = append(receive, s.ownBlocks()*(s.rowOf[r+1]-s.rowOf[r])*slabLanes)
	}
	send[s.part], receive[s.part] = 0, 0
	return send, receive
}

// Lengths are the sums of Counts, and the length of the piece that stays.
func (s *Slab) Lengths() (send, receive, own int) {
	own = s.ownBlocks() * s.ownRows() * slabLanes
	return s.blockOf[len(s.blockOf)-1]*s.ownRows()*slabLanes - own, s.modes() - own, own
}

// modes is the number of float64 in this part's columns.
func (s *Slab) modes() int { return s.ownBlocks() * s.rows * slabLanes }

// Pixels are some of the pixels of this part's rows, for fields that are zero elsewhere:
// row i of the part has the elements Start[i] to Start[i+1].
type Pixels struct {
	start []int64
	place []int32 // position in the line of the transform
}

// Pixels are those of this part's rows where is says so, in row-major order.
func (s *Slab) Pixels(is func(i int) bool) *Pixels {
	p := &Pixels{start: make([]int64, 1, s.ownRows()+1)}
	for i := range s.ownRows() {
		for j := range s.cols {
			if is(i*s.cols + j) {
				p.place = append(p.place, int32(s.place(j)))
			}
		}
		p.start = append(p.start, int64(len(p.place)))
	}
	return p
}

// Len is the number of pixels.
func (p *Pixels) Len() int { return len(p.place) }

// place is where column j stands in the line that is transformed.
func (s *Slab) place(j int) int {
	switch s.basis {
	case Cosines:
		return reordered(j, s.cols)
	case Sines:
		return j + s.firstSine()
	}
	return j
}

// reordered is the place of element i of n for a cosine transform: first the even ones, then
// the odd ones from the end.
func reordered(i, n int) int {
	if i%2 == 0 {
		return i / 2
	}
	return n - 1 - i/2
}

// turns are exp(-i pi k/(2n)) for k = 0 to n/2, real and imaginary parts in turn.
func turns(n int) []float64 {
	t := make([]float64, 0, 2*(n/2+1))
	for k := range n/2 + 1 {
		sin, cos := math.Sincos(-math.Pi * float64(k) / float64(2*n))
		t = append(t, cos, sin)
	}
	return t
}

// Load sets sent and own, of their Lengths, to the spectra along the rows of src: all rows of
// this part, row-major, or where at is not nil the values at those pixels.
func (s *Slab) Load(sent, own, src []float64, at *Pixels) {
	s.checkSent("Slab.Load", sent, own)
	s.checkPixels("Slab.Load src", src, at)
	if s.ownRows() > 0 {
		s.transform.load(sent, own, src, at)
	}
	runtime.KeepAlive(s)
}

// Store sets dst, shaped like the src of Load, to the frame whose spectra along the rows
// are sent and own, times scale.
func (s *Slab) Store(dst, sent, own []float64, at *Pixels, scale float64) {
	s.checkSent("Slab.Store", sent, own)
	s.checkPixels("Slab.Store dst", dst, at)
	if s.ownRows() > 0 {
		s.transform.store(dst, sent, own, at, scale)
	}
	runtime.KeepAlive(s)
}

func (s *Slab) checkSent(what string, sent, own []float64) {
	send, _, stay := s.Lengths()
	checkLength(what+" sent", len(sent), send)
	checkLength(what+" own", len(own), stay)
}

func (s *Slab) checkPixels(what string, x []float64, at *Pixels) {
	if at == nil {
		checkLength(what, len(x), s.Values())
		return
	}
	checkLength(what, len(x), at.Len())
}

// Scale is the factor by which Store undoes Load and Filter without a symbol.
func (s *Slab) Scale() float64 {
	if s.basis == Sines {
		return 1 / (4 * float64(s.rows+1) * float64(s.cols+1))
	}
	return 1 / (float64(s.rows) * float64(s.cols))
}
