package halo

import (
	"bufio"
	"fmt"
	"io"
	"slices"
)

// Traffic is the cost of one exchange of one plane. A cell is one float64: 8 bytes.
type Traffic struct {
	Messages      int     // messages sent by all ranks together: one for each ordered pair of neighbours
	Cells         int     // ring cells received from other ranks, by all ranks together
	MaxNeighbours int     // largest number of neighbours of a rank
	MaxReceived   int     // largest number of cells that a rank receives
	MaxSent       int     // largest number of cells that a rank sends
	MaxOwned      int     // largest number of owned cells of a rank
	MaxExtended   int     // largest number of cells of a rank's extended box
	Ratio         float64 // surface to volume: Cells / cells of the domain
	MaxRatio      float64 // largest received/owned of a rank that owns a cell
}

// Traffic computes the cost of an exchange with the given width and border. It
// allocates no array and sends nothing. Its time is proportional to the number of
// messages of the exchange.
func (d *Decomposition) Traffic(width []int, border Border) (Traffic, error) {
	return d.survey(width, border, func(int, []transfer) {})
}

// survey calls each for every rank with its incoming transfers, and adds up the traffic.
func (d *Decomposition) survey(width []int, border Border, each func(rank int, list []transfer)) (Traffic, error) {
	if err := d.checkWidth(width, border); err != nil {
		return Traffic{}, err
	}
	var t Traffic
	sent := make([]int, d.Ranks())
	for r, b := range d.owned {
		list := d.incoming(r, width, border)
		received, neighbours := 0, 0
		last := -1
		for _, m := range list {
			if m.from == r {
				continue
			}
			if m.from != last {
				last = m.from
				neighbours++
			}
			received += m.src.Size()
			sent[m.from] += m.src.Size()
		}
		t.Messages += neighbours
		t.Cells += received
		t.MaxNeighbours = max(t.MaxNeighbours, neighbours)
		t.MaxReceived = max(t.MaxReceived, received)
		t.MaxOwned = max(t.MaxOwned, b.Size())
		t.MaxExtended = max(t.MaxExtended, b.Grow(width).Size())
		if !b.Empty() {
			t.MaxRatio = max(t.MaxRatio, float64(received)/float64(b.Size()))
		}
		each(r, list)
	}
	t.MaxSent = slices.Max(sent)
	t.Ratio = float64(t.Cells) / float64(d.Domain().Size())
	return t, nil
}

// Describe writes the exchange of all ranks as text: for each rank the boxes of its
// ring by the rank that fills them, then the totals. A box whose source lies elsewhere
// is followed by "=" and the source, with "~" before each mirrored axis.
func (d *Decomposition) Describe(w io.Writer, width []int, border Border, planes int) error {
	if planes < 1 {
		return fmt.Errorf("halo: Describe: %d planes, want at least 1", planes)
	}
	out := bufio.NewWriter(w)
	bytes := 8 * planes
	layout := "no grid"
	if d.grid != nil {
		layout = "grid " + shapeString(d.grid)
	}
	fmt.Fprintf(out, "%d ranks (%s), %s cells, halo %s, border %v, planes %d\n",
		d.Ranks(), layout, shapeString(d.shape), shapeString(width), border, planes)

	t, err := d.survey(width, border, func(rank int, list []transfer) {
		b := d.owned[rank]
		ring := b.Grow(width).Size() - b.Size()
		from := map[int]int{}
		for _, m := range list {
			from[m.from] += m.src.Size()
		}
		own, filled := from[rank], 0
		for _, n := range from {
			filled += n
		}
		fmt.Fprintf(out, "rank %d owns %v: %s, ring %d = %d received + %d own + %d outside\n",
			rank, b, cellCount(b.Size()), ring, filled-own, own, ring-filled)
		last := -1
		for _, m := range list {
			if m.from != last {
				last = m.from
				if m.from == rank {
					fmt.Fprintf(out, "  own copies: %s\n", cellCount(own))
				} else {
					fmt.Fprintf(out, "  from %d: %s, %d B\n", m.from, cellCount(from[m.from]), bytes*from[m.from])
				}
			}
			fmt.Fprintf(out, "    %v\n", m.image)
		}
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "all: %d messages, %d B; a rank at most %d neighbours, %d B sent, %d B received; received/owned %.4g, at most %.4g\n",
		t.Messages, bytes*t.Cells, t.MaxNeighbours, bytes*t.MaxSent, bytes*t.MaxReceived, t.Ratio, t.MaxRatio)
	return out.Flush()
}

// String is for example "[-2,0)x[4,8) = ~[0,2)x[4,8)".
func (m image) String() string {
	if m.identity() {
		return m.ext.String()
	}
	s := m.ext.String() + " = "
	d := len(m.src.Lo)
	for k := range d {
		if k > 0 {
			s += "x"
		}
		if m.mirrored[align(k, d)] {
			s += "~"
		}
		s += fmt.Sprintf("[%d,%d)", m.src.Lo[k], m.src.Hi[k])
	}
	return s
}

func cellCount(n int) string {
	if n == 1 {
		return "1 cell"
	}
	return fmt.Sprintf("%d cells", n)
}
