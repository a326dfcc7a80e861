package report

import (
	"errors"
	"fmt"
	"strings"

	"gonum.org/v1/plot/vg/draw"

	"tessera/internal/imageio"
)

// Mosaic is a figure of many small images of one size, a table: in each row those of one object, in
// each column those of one kind.
type Mosaic struct {
	Title   string
	Notes   []string // sentences below the title
	Columns []MosaicColumn
	Rows    []MosaicRow
	Blocks  int // number of blocks beside each other into which the rows are divided; 0: 1
	Scales  []Scale
	Lower   bool // row 0 of an image is at the bottom; false: at the top
}

// MosaicColumn is a column of a mosaic: its images have one title and one scale.
type MosaicColumn struct {
	Title string
	Scale int // index in Mosaic.Scales
}

// MosaicRow is one row of a mosaic.
type MosaicRow struct {
	Label  []string         // lines of text left of the images
	Frames []*imageio.Frame // one for each column; nil: an empty cell
}

// Lengths in dots.
const (
	mosaicWidth = 1400 // about
	cellGap     = 6
	blockGap    = 30
)

// Write draws the mosaic into path.png and path.svg, or into files of the given formats. Images are enlarged by a whole factor,
// without smoothing, so that every pixel is visible.
func (m *Mosaic) Write(path string, formats ...string) error {
	cols, rows, err := m.size()
	if err != nil {
		return fmt.Errorf("report: %s: %w", path, err)
	}
	return m.figure(cols, rows).write(path, formats)
}

func (m *Mosaic) figure(cols, rows int) *figure {
	style := sans(8)
	line := lineOf(style)
	blocks := min(max(1, m.Blocks), len(m.Rows))
	perBlock := (len(m.Rows) + blocks - 1) / blocks
	labelled := 0
	for _, r := range m.Rows {
		labelled = max(labelled, widest(style, r.Label...)+12)
	}
	headed := 0
	for _, c := range m.Columns {
		headed = max(headed, widest(style, c.Title+" "))
	}
	count := len(m.Columns)
	zoom := max(1, (mosaicWidth/blocks-labelled-blockGap)/(count*cols))
	w, h := cols*zoom, rows*zoom
	step := max(w+cellGap, headed)
	block := labelled + count*step
	inner := blocks*block + (blocks-1)*blockGap
	notes := append(m.Notes[:len(m.Notes):len(m.Notes)], fmt.Sprintf("Each image has %d x %d pixels (rows x columns).", rows, cols))
	f := &figure{title: m.Title, about: strings.Join(notes, " "), width: max(inner+2*margin, 5*dpi)}
	left := (f.width - inner) / 2
	title := style
	title.Font.Size *= 1.3
	y := f.lines(title, f.width/2, margin, wrap(title, m.Title, f.width-2*margin))
	y = f.lines(style, f.width/2, y, wrap(style, f.about, f.width-2*margin))
	top := y + 2*line
	head, side := style, style
	head.YAlign = draw.YBottom
	side.XAlign = draw.XLeft
	for b := range blocks {
		x0 := left + b*(block+blockGap)
		for c, column := range m.Columns {
			f.text(head, x0+labelled+c*step+w/2, top-6, column.Title)
		}
		for i := range min(perBlock, len(m.Rows)-b*perBlock) {
			r := m.Rows[b*perBlock+i]
			y := top + i*(h+cellGap)
			f.lines(side, x0, y+(h-len(r.Label)*line)/2, r.Label)
			for c, frame := range r.Frames {
				if frame != nil {
					stretch := m.Scales[m.Columns[c].Scale].Stretch
					f.image(x0+labelled+c*step, y, raster(frame, stretch, 1, zoom, m.Lower, 0))
				}
			}
		}
	}
	y, hole := f.bars(m.Scales, style, top+perBlock*(h+cellGap)+line, m.seen)
	f.height = f.key(style, left, y, hole, "", nil) + margin
	return f
}

// seen tells which columns have a scale, and whether they have values beyond its ends.
func (m *Mosaic) seen(k int) (u use) {
	var names []string
	s := m.Scales[k].Stretch
	for c, column := range m.Columns {
		if column.Scale != k {
			continue
		}
		names = append(names, column.Title)
		for _, r := range m.Rows {
			if f := r.Frames[c]; f != nil {
				u.look(f, s)
			}
		}
	}
	u.which = strings.Join(names, ", ") + ":"
	return u
}

// size is that of all frames.
func (m *Mosaic) size() (cols, rows int, err error) {
	if m.Title == "" {
		return 0, 0, errors.New("no title")
	}
	for i := range m.Scales {
		if err := m.Scales[i].check(); err != nil {
			return 0, 0, err
		}
	}
	for _, c := range m.Columns {
		if c.Title == "" || c.Scale < 0 || c.Scale >= len(m.Scales) {
			return 0, 0, fmt.Errorf("column %q has scale %d of %d: want a title and a scale", c.Title, c.Scale, len(m.Scales))
		}
	}
	for i, r := range m.Rows {
		if len(r.Frames) != len(m.Columns) {
			return 0, 0, fmt.Errorf("row %d has %d frames for %d columns", i, len(r.Frames), len(m.Columns))
		}
		for _, f := range r.Frames {
			if f == nil {
				continue
			}
			if rows == 0 {
				cols, rows = f.Cols, f.Rows
			}
			if f.Cols != cols || f.Rows != rows || len(f.Data) != f.Channels*rows*cols || f.Channels < 1 {
				return 0, 0, fmt.Errorf("row %d: a frame of %d x %d x %d, the first is %d x %d", i, f.Channels, f.Rows, f.Cols, rows, cols)
			}
		}
	}
	if rows == 0 {
		return 0, 0, errEmpty
	}
	return cols, rows, nil
}
