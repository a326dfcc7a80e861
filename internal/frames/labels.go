package frames

import (
	"fmt"
	"path/filepath"

	"tessera/internal/imageio"
	"tessera/internal/report"
)

// Labels is what the labelled pictures of a result say of the frame. Rank 0 uses them.
type Labels struct {
	Title    string   // of panel.png
	Notes    []string // below it: the method and its parameters
	Lower    bool     // row 0 is drawn at the bottom; false: at the top
	Pixel    float64  // side of a pixel, in Unit; 0: the axes count pixels
	Unit     string
	sky      *sky      // the axes are offsets on the sky; nil = they are not
	Observed []float64 // this rank's part of a plane that is more than 0 at observed pixels: the border of the observed area is drawn; nil = not. The same on all ranks
}

// intensity is the label of a scale of the values of a frame.
const intensity = "intensity"

// Intensity names the values of the frame with their unit, on rank 0.
func (o *Observation) Intensity() string {
	if o.Source == nil {
		return intensity + " (unit of the simulated sky)"
	}
	if o.Source.Photograph() {
		return intensity + " (1 = largest value that the file can hold)"
	}
	return fmt.Sprintf("%s (%s)", intensity, o.Unit())
}

// frameUnit stands for a unit that no header names.
const frameUnit = "unit of the frame"

// Unit is the unit of the frame, on rank 0: BUNIT, or "unit of the frame".
func (o *Observation) Unit() string {
	if o.Source != nil {
		if unit, known := o.Source.Header.Get("BUNIT"); known && unit != "" {
			return unit
		}
	}
	return frameUnit
}

// Residual names W^(1/2) (y - H x), on rank 0. Its unit is that of the frame where rank 0 sees no
// weights but 0 and 1.
func (o *Observation) Residual() string {
	for _, w := range o.Weights {
		if w != 0 && w != 1 {
			return "residual, (observed - blurred solution) x sqrt(weight)"
		}
	}
	return fmt.Sprintf("residual, observed - blurred solution (%s)", o.Unit())
}

// Subject names the frame in a title.
func (s *Source) Subject() string {
	switch {
	case s.Image.Path != "":
		return filepath.Base(s.Image.Path)
	case s.Simulate.From != "":
		return filepath.Base(s.Simulate.From) + ", degraded"
	}
	return "a simulated deep-sky frame"
}

// Labels are those of a frame from a source, with a title and what else is to be said.
func (o *Observation) Labels(s *OutputSection, title string, notes ...string) *Labels {
	at := o.sky()
	if at != nil {
		notes = append(notes, fmt.Sprintf("A pixel is %.4g arcsec wide.", at.pixel()))
	}
	return &Labels{Title: title, Notes: notes, Lower: s.Origin.Lower(o.FITS), sky: at}
}

// RowNote says where row 0 is.
func RowNote(lower bool) string {
	if lower {
		return "Row 0 is at the bottom."
	}
	return "Row 0 is at the top."
}

// Panel is a figure of a part of a frame of rows x cols pixels: its axes, and in its notes which
// part it is. blocks: pixels are averaged over blocks of so many a side.
func (l *Labels) Panel(box imageio.Box, rows, cols, blocks int) *report.Panel {
	p := &report.Panel{Title: l.Title, Notes: l.Notes, Lower: l.Lower}
	high, wide := box.R1-box.R0, box.C1-box.C0
	if high < rows || wide < cols {
		p.Notes = append(p.Notes[:len(p.Notes):len(p.Notes)], fmt.Sprintf("Crop: rows %d to %d and columns %d to %d of %d x %d pixels.", box.R0, box.R1-1, box.C0, box.C1-1, rows, cols))
	}
	if blocks > 1 {
		p.Notes = append(p.Notes[:len(p.Notes):len(p.Notes)], fmt.Sprintf("Means over blocks of %d x %d pixels of %d x %d.", blocks, blocks, rows, cols))
	}
	p.Notes = append(p.Notes[:len(p.Notes):len(p.Notes)], RowNote(l.Lower))
	if l.Pixel > 0 {
		p.X = report.Axis{Label: fmt.Sprintf("x (%s)", l.Unit), From: float64(box.C0) * l.Pixel, To: float64(box.C1) * l.Pixel}
		p.Y = report.Axis{Label: fmt.Sprintf("y (%s)", l.Unit), From: float64(box.R0) * l.Pixel, To: float64(box.R1) * l.Pixel}
		return p
	}
	if l.sky != nil {
		var note string
		p.X, p.Y, note = l.sky.axesOf(box, rows, cols)
		p.Notes = append(p.Notes, note)
		return p
	}
	p.X, p.Y = report.Pixels("column (pixel)", box.C0, wide), report.Pixels("row (pixel)", box.R0, high)
	return p
}

// Chart is a figure of one plane of the frame, as Views makes it: the whole frame, or means over
// blocks of it.
func (r *Restoration) Chart(l *Labels, drawn *imageio.Frame, title string, scale report.Scale) *report.Panel {
	rows, cols := r.Obs.Shape()
	k := (max(rows, cols) + max(drawn.Rows, drawn.Cols) - 1) / max(drawn.Rows, drawn.Cols)
	p := l.Panel(imageio.Box{R1: rows, C1: cols}, rows, cols, k)
	// The last block may reach beyond the frame.
	p.X.To = p.X.From + (p.X.To-p.X.From)*float64(drawn.Cols*k)/float64(cols)
	p.Y.To = p.Y.From + (p.Y.To-p.Y.From)*float64(drawn.Rows*k)/float64(rows)
	p.Title, p.Images, p.Scales = title, []report.Image{{Frame: drawn}}, []report.Scale{scale}
	return p
}

// regions are 1 where a plane is more than 0; nil if that is the same everywhere.
func regions(plane *imageio.Frame) []int {
	out, ones := make([]int, len(plane.Data)), 0
	for i, v := range plane.Data {
		if v > 0 {
			out[i] = 1
			ones++
		}
	}
	if ones == 0 || ones == len(out) {
		return nil
	}
	return out
}
