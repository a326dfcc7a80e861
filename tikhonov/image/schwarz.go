package image

import (
	"context"
	"fmt"
	"math"

	"tessera/halo"
	"tessera/internal/linalg"
	"tessera/tikhonov/image/internal/tiles"
)

// mode says how the local solutions are put together.
type mode int

const (
	restricted mode = iota // RAS: each tile keeps its owned pixels
	additive               // AS: overlaps add up
	weighted               // S_i M_i^-1 S_i, S_i = 1/sqrt(tiles over the pixel): symmetric and counted once
)

// batchTiles is how many tiles one matrix product serves: enough for its speed,
// few enough for the cache.
const batchTiles = 64

// exactCost is what a multiply-add of a banded solve costs in those of a dense
// matrix product, correctionCost what one of a Woodbury correction does.
const (
	exactCost      = 6
	correctionCost = 4
	maxCorrection  = 128  // pixels; the tables they need grow with their square
	ownFactorBytes = 4096 // most of a tile's own factor, for each pixel it owns
	ownFactorWork  = 3e6  // most multiply-adds to form one
)

// schwarz is this rank's tiles and their local solves, sum_i R_i' M_i^-1 R_i in one
// of its modes. T is the precision the factors are stored and applied in.
//
// Tiles of one geometry share a factor, corrected exactly for a few pixels of less
// weight; the others have banded Cholesky factors of their own, many at a time.
type schwarz[T linalg.Float] struct {
	m       *operator
	mode    mode
	plan    *halo.Plan // as wide as the overlap
	tiles   []tiles.Tile
	colour  []int // of each tile
	colours int

	corner  [2]int    // first pixel of the extended box
	stride  int       // its columns
	r, z    []float64 // over the extended box; z for the modes that add
	scale   []float64 // weighted: S over the extended box
	classes []*tileClass[T]
	shared  []sharedGroup[T]
	exact   []exactGroup[T]

	x, y, work []T // patches of a batch, their solutions, room for corrections
}

// sharedGroup is the tiles of one class and colour that use its factor.
type sharedGroup[T linalg.Float] struct {
	class       *tileClass[T]
	colour      int
	tiles       []int
	corrections []correction[T]
}

// exactGroup is the tiles of one shape and colour with factors of their own.
type exactGroup[T linalg.Float] struct {
	class  *tileClass[T]
	colour int
	tiles  []int
	batch  *linalg.BandedBatch[T]
}

// newSchwarz factors this rank's tiles. With colours, tiles that couple get
// different colours, for ApplyColour.
func newSchwarz[T linalg.Float](ctx context.Context, m *operator, o *Options, md mode, colours bool) (*schwarz[T], error) {
	plan, err := halo.NewPlan(m.frame, m.comm.Rank(), []int{o.Overlap, o.Overlap}, o.Border)
	if err != nil {
		return nil, err
	}
	shape := m.frame.Domain().Shape()
	s := &schwarz[T]{
		m: m, mode: md, plan: plan, colours: 1,
		tiles: tiles.Cut(plan.Owned(), shape, o.Tile, o.Overlap, o.Border),
		r:     make([]float64, m.channels*plan.Extended().Size()),
	}
	box := plan.Extended()
	s.corner, s.stride = [2]int{box.Lo[0], box.Lo[1]}, box.Hi[1]-box.Lo[1]
	s.colour = make([]int, len(s.tiles))
	if colours {
		s.colour, s.colours = colourTiles(m, o)
	}
	if md != restricted {
		s.z = make([]float64, len(s.r))
	}
	if md == weighted {
		if err := s.multiplicity(); err != nil {
			return nil, err
		}
	}
	return s, s.factor(ctx, o)
}

// multiplicity fills scale with 1/sqrt(tiles over a pixel).
func (s *schwarz[T]) multiplicity() error {
	box := s.plan.Extended()
	count := make([]float64, box.Size())
	for i := range s.tiles {
		t := &s.tiles[i]
		at := s.place(t)
		for r := range t.Ext[0].Len() {
			for c := range t.Ext[1].Len() {
				count[at+r*s.stride+c]++
			}
		}
	}
	if err := s.plan.AddBack(s.m.comm, count, 1); err != nil {
		return err
	}
	if err := s.plan.Exchange(s.m.comm, count, 1); err != nil {
		return err
	}
	for i, n := range count {
		if n > 0 {
			count[i] = 1 / math.Sqrt(n)
		}
	}
	s.scale = count
	return nil
}

// place is the index of an extended tile's first pixel in a plane over the
// extended box.
func (s *schwarz[T]) place(t *tiles.Tile) int {
	return (t.Ext[0].Lo-s.corner[0])*s.stride + t.Ext[1].Lo - s.corner[1]
}

// Apply sets dst = P src. Collective.
func (s *schwarz[T]) Apply(dst, src []float64) error { return s.apply(-1, dst, src) }

// SinglePrecision says whether results are float32: those that are not summed.
func (s *schwarz[T]) SinglePrecision() bool {
	return s.mode == restricted && linalg.SizeOf[T]() == 4
}

// Colours is the number of colours.
func (s *schwarz[T]) Colours() int { return s.colours }

// ApplyColour is Apply with the tiles of one colour only.
func (s *schwarz[T]) ApplyColour(colour int, dst, src []float64) error {
	return s.apply(colour, dst, src)
}

func (s *schwarz[T]) apply(colour int, dst, src []float64) error {
	channels := s.m.channels
	s.plan.Scatter(s.r, src, channels)
	if err := s.plan.Exchange(s.m.comm, s.r, channels); err != nil {
		return err
	}
	clear(s.z)
	for i := range s.shared {
		if g := &s.shared[i]; colour < 0 || g.colour == colour {
			s.solveShared(g, dst)
		}
	}
	for i := range s.exact {
		if g := &s.exact[i]; colour < 0 || g.colour == colour {
			s.solveExact(g, dst)
		}
	}
	if s.mode == restricted {
		return nil
	}
	if err := s.plan.AddBack(s.m.comm, s.z, channels); err != nil {
		return err
	}
	s.plan.Gather(dst, s.z, channels)
	return nil
}

// solveShared runs a group's tiles and channels through the shared factor, a
// batch of patches as the rows of one matrix.
func (s *schwarz[T]) solveShared(g *sharedGroup[T], dst []float64) {
	k, m := g.class, g.class.size()
	out, factor := m, k.inverse
	if s.mode == restricted {
		out, factor = k.ownRows*k.ownCols, k.restricted
	}
	channels := s.m.channels
	for first := 0; first < len(g.tiles)*channels; first += batchTiles {
		n := min(batchTiles, len(g.tiles)*channels-first)
		x, y := s.x[:n*m], s.y[:n*out]
		for b := range n {
			i := (first + b) / channels
			s.patches(x[b*m:(b+1)*m], 1, g.tiles[i:i+1], (first+b)%channels)
		}
		linalg.Gemm(false, true, n, out, m, 1, x, m, factor, m, 0, y, out)
		for b := range n {
			i := (first + b) / channels
			z := y[b*out : (b+1)*out]
			if c := &g.corrections[i]; len(c.rows) > 0 {
				c.apply(k, z, x[b*m:(b+1)*m], s.work, s.mode != restricted)
			}
			if s.mode == restricted {
				s.keep(dst, z, 1, 0, 0, k.ownCols, g.tiles[i:i+1], (first+b)%channels)
			} else {
				s.add(z, 1, g.tiles[i:i+1], (first+b)%channels)
			}
		}
	}
}

// solveExact runs a group through its banded factors, the channels as right-hand
// sides of one pass over them.
func (s *schwarz[T]) solveExact(g *exactGroup[T], dst []float64) {
	m, lanes, channels := g.class.size(), g.batch.Lanes(), s.m.channels
	x := s.x[:channels*m*lanes]
	for group := range g.batch.Groups() {
		tiles := g.tiles[group*lanes : min(len(g.tiles), (group+1)*lanes)]
		for c := range channels {
			s.patches(x[c*m*lanes:(c+1)*m*lanes], lanes, tiles, c)
		}
		g.batch.SolveGroup(group, x, channels)
		for c := range channels {
			z := x[c*m*lanes : (c+1)*m*lanes]
			if s.mode == restricted {
				k := g.class
				s.keep(dst, z, lanes, k.before[0], k.before[1], k.pattern.Cols, tiles, c)
			} else {
				s.add(z, lanes, tiles, c)
			}
		}
	}
}

// patches copies the extended tiles of a channel of the residual, times S where
// weighted, into x, element (r, c) of tile l at x[(r*cols+c)*lanes+l]. Going through
// all tiles row by row keeps reads and writes close together.
func (s *schwarz[T]) patches(x []T, lanes int, tiles []int, channel int) {
	first := &s.tiles[tiles[0]]
	rows, cols := first.Ext[0].Len(), first.Ext[1].Len()
	plane := s.r[channel*len(s.r)/s.m.channels:]
	for r := range rows {
		for l, t := range tiles {
			at := s.place(&s.tiles[t]) + r*s.stride
			row := plane[at : at+cols]
			to := x[r*cols*lanes+l:]
			if s.scale == nil {
				if lanes == 1 {
					to = to[:len(row)]
					for j, v := range row {
						to[j] = T(v)
					}
					continue
				}
				for j, v := range row {
					to[j*lanes] = T(v)
				}
				continue
			}
			scale := s.scale[at : at+len(row)]
			for j, v := range row {
				to[j*lanes] = T(v * scale[j])
			}
		}
	}
}

// keep writes the owned pixels of local solutions to dst. Element (0, 0) of them is
// at row r, column c of z, whose rows are cols long; lanes as in patches.
func (s *schwarz[T]) keep(dst []float64, z []T, lanes, r, c, cols int, tiles []int, channel int) {
	overlap := (s.stride - s.m.cols) / 2
	plane := dst[channel*s.m.rows*s.m.cols:]
	for i := range s.tiles[tiles[0]].Owned[0].Len() {
		for l, id := range tiles {
			t := &s.tiles[id]
			at := (t.Owned[0].Lo-s.corner[0]-overlap+i)*s.m.cols + t.Owned[1].Lo - s.corner[1] - overlap
			row := plane[at : at+t.Owned[1].Len()]
			from := z[((r+i)*cols+c)*lanes+l:]
			if lanes == 1 {
				from = from[:len(row)]
				for j, v := range from {
					row[j] = float64(v)
				}
				continue
			}
			for j := range row {
				row[j] = float64(from[j*lanes])
			}
		}
	}
}

// add adds local solutions, times S where weighted, to z over the extended box.
func (s *schwarz[T]) add(z []T, lanes int, tiles []int, channel int) {
	first := &s.tiles[tiles[0]]
	rows, cols := first.Ext[0].Len(), first.Ext[1].Len()
	plane := s.z[channel*len(s.z)/s.m.channels:]
	for r := range rows {
		for l, t := range tiles {
			at := s.place(&s.tiles[t]) + r*s.stride
			row := plane[at : at+cols]
			from := z[r*cols*lanes+l:]
			if s.scale == nil {
				for j := range row {
					row[j] += float64(from[j*lanes])
				}
				continue
			}
			scale := s.scale[at : at+len(row)]
			for j := range row {
				row[j] += float64(from[j*lanes]) * scale[j]
			}
		}
	}
}

// shared and own count the tiles served by a shared factor and by their own.
func (s *schwarz[T]) counts() (shared, own int) {
	for i := range s.shared {
		shared += len(s.shared[i].tiles)
	}
	for i := range s.exact {
		own += len(s.exact[i].tiles)
	}
	return shared, own
}

// bytes held by the factors.
func (s *schwarz[T]) bytes() int64 {
	var n int64
	for _, k := range s.classes {
		n += k.bytes()
	}
	for i := range s.shared {
		for _, c := range s.shared[i].corrections {
			n += int64(len(c.middle)) * int64(linalg.SizeOf[T]())
		}
	}
	for i := range s.exact {
		g := &s.exact[i]
		n += int64(g.batch.Groups()*g.batch.Lanes()*g.class.size()*(g.class.pattern.Band+1)) * int64(linalg.SizeOf[T]())
	}
	return n
}

// notSPD says which tile has a matrix that cannot be factored, and what may be the cause.
func notSPD(t *tiles.Tile, err error) error {
	return fmt.Errorf("image: the local matrix at rows %d-%d, columns %d-%d: %w (lambda too small, or weights too different, for this precision of the local factors, or no data and a regulariser that does not hold the mean?)",
		t.Ext[0].Lo, t.Ext[0].Hi-1, t.Ext[1].Lo, t.Ext[1].Hi-1, err)
}
