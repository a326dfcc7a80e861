package frames

import (
	"math"

	"tessera/halo"
	"tessera/internal/imageio"
	"tessera/ranks"
)

// pictureSide is the largest side, in pixels, of a picture of a frame that no rank holds.
const pictureSide = 2000

// reducedTag is of the messages of Reduced. Other code must not use it.
const reducedTag = 7201

// Views is what pictures need of an array of which every rank holds its own part: the whole
// frame, averaged over blocks of pixels so that no side is longer than pictureSide, and the
// middle at full resolution. On rank 0; nil on the other ranks. Collective.
func (o *Observation) Views(comm ranks.Comm, owned []float64) (reduced, middle *imageio.Frame, err error) {
	rows, cols := o.Shape()
	block := (max(rows, cols) + pictureSide - 1) / pictureSide
	if reduced, err = o.Reduced(comm, owned, imageio.Box{R1: rows, C1: cols}, block); err != nil {
		return nil, nil, err
	}
	middle, err = o.Reduced(comm, owned, MiddleBox(rows, cols), 1)
	return reduced, middle, err
}

// Reduced is a part of an array over the frame, averaged over blocks of k x k pixels from
// the corner of box on; pixels that are NaN are left out, and a block without any other is
// NaN. owned is this rank's part of the array, channels x owned box. The result is on rank 0,
// nil on the other ranks. Every rank sends the sums of its blocks; rank 0 holds twice the
// result and the sums of one other rank at a time. Collective.
func (o *Observation) Reduced(comm ranks.Comm, owned []float64, box imageio.Box, k int) (*imageio.Frame, error) {
	mine := o.Frame.Owned(comm.Rank())
	if comm.Rank() != 0 {
		s := newSums(o.Channels, overlap(mine, box), box, k)
		s.add(owned, boxOf(mine))
		if len(s.values) == 0 {
			return nil, nil
		}
		return nil, comm.Send(s.values, 0, reducedTag)
	}
	all := newSums(o.Channels, box, box, k)
	all.add(owned, boxOf(mine))
	for r := 1; r < comm.Size(); r++ {
		part := newSums(o.Channels, overlap(o.Frame.Owned(r), box), box, k)
		if len(part.values) == 0 {
			continue
		}
		if _, err := comm.Recv(part.values, r, reducedTag); err != nil {
			return nil, err
		}
		all.join(part)
	}
	return all.means(), nil
}

// overlap is the part of a rank's box that lies in another; of no size if there is none.
func overlap(b halo.Box, box imageio.Box) imageio.Box {
	c := boxOf(b)
	c = imageio.Box{R0: max(c.R0, box.R0), R1: min(c.R1, box.R1), C0: max(c.C0, box.C0), C1: min(c.C1, box.C1)}
	if c.R0 >= c.R1 || c.C0 >= c.C1 {
		return imageio.Box{}
	}
	return c
}

// sums are the sums and the numbers of pixels of a grid of blocks.
type sums struct {
	channels int
	box      imageio.Box // of pixels: what the blocks cover
	corner   imageio.Box // of all blocks of the frame; block (0, 0) begins here
	k        int
	blocks   imageio.Box // those that box touches
	values   []float64   // 2 x channels x blocks: sums, then numbers of pixels
}

func newSums(channels int, box, corner imageio.Box, k int) *sums {
	s := &sums{channels: channels, box: box, corner: corner, k: k}
	if box.R1 > box.R0 {
		s.blocks = imageio.Box{
			R0: (box.R0 - corner.R0) / k, R1: (box.R1-corner.R0-1)/k + 1,
			C0: (box.C0 - corner.C0) / k, C1: (box.C1-corner.C0-1)/k + 1,
		}
	}
	s.values = make([]float64, 2*channels*s.size())
	return s
}

// size is the number of blocks.
func (s *sums) size() int { return (s.blocks.R1 - s.blocks.R0) * (s.blocks.C1 - s.blocks.C0) }

// add adds the pixels of an array over a box that lie in s.box. It adds row by row.
func (s *sums) add(data []float64, b imageio.Box) {
	in := overlap(halo.Box{Lo: []int{b.R0, b.C0}, Hi: []int{b.R1, b.C1}}, s.box)
	rows, cols := b.R1-b.R0, b.C1-b.C0
	width, n := s.blocks.C1-s.blocks.C0, s.channels*s.size()
	for c := range s.channels {
		for r := in.R0; r < in.R1; r++ {
			line := data[(c*rows+r-b.R0)*cols:]
			first := c*s.size() + ((r-s.corner.R0)/s.k-s.blocks.R0)*width - s.blocks.C0
			for q := in.C0; q < in.C1; q++ {
				if v := line[q-b.C0]; !math.IsNaN(v) {
					at := first + (q-s.corner.C0)/s.k
					s.values[at] += v
					s.values[n+at]++
				}
			}
		}
	}
}

// join adds the blocks of a part of s.
func (s *sums) join(part *sums) {
	width, partWidth := s.blocks.C1-s.blocks.C0, part.blocks.C1-part.blocks.C0
	rows := part.blocks.R1 - part.blocks.R0
	for plane := range 2 * s.channels {
		for r := range rows {
			at := plane*s.size() + (part.blocks.R0+r-s.blocks.R0)*width + part.blocks.C0 - s.blocks.C0
			from := part.values[(plane*rows+r)*partWidth:]
			for q, v := range from[:partWidth] {
				s.values[at+q] += v
			}
		}
	}
}

// means divides the sums by the numbers of pixels.
func (s *sums) means() *imageio.Frame {
	n := s.channels * s.size()
	f := &imageio.Frame{Channels: s.channels, Rows: s.blocks.R1 - s.blocks.R0, Cols: s.blocks.C1 - s.blocks.C0, Data: s.values[:n:n]}
	for i, count := range s.values[n:] {
		f.Data[i] /= count // 0/0 = NaN where all pixels are missing
	}
	return f
}
