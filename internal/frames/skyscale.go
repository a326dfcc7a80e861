package frames

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"tessera/internal/imageio"
	"tessera/internal/report"
)

// sky is how pixels lie on the sky about the reference point of a header: the offsets in degrees,
// on the plane of the projection, of the pixel at (row, column) are
//
//	m[k][0] (column - col) + m[k][1] (row - row0)    k = 0, 1: along the first and the second axis of the header
//
// from CDi_j, or CDELTi and PCi_j (Calabretta and Greisen 2002).
type sky struct {
	m         [2][2]float64
	row, col  float64   // of the reference pixel, from 0
	value     [2]string // coordinates of the reference point, degrees, as the header has them; "" = not there
	axes      [2]string // "RA", "DEC", "GLON", ...
	reference bool      // the header has the reference pixel
}

// celestial are the names of the axes of a header that say which way an offset goes.
var celestial = map[string]string{
	"RA": "towards east", "DEC": "towards north", "GLON": "in galactic longitude x cos(latitude)", "GLAT": "in galactic latitude",
	"ELON": "in ecliptic longitude x cos(latitude)", "ELAT": "in ecliptic latitude",
}

// skyOf reads a header; nil = it has no celestial axes, has them in another unit than degrees, or
// does not say how large a pixel is.
func skyOf(h imageio.Header) *sky {
	s := &sky{}
	for k := range s.axes {
		kind, known := h.Get(fmt.Sprintf("CTYPE%d", k+1))
		prefix, _, _ := strings.Cut(strings.TrimSpace(kind), "-")
		if _, ok := celestial[prefix]; !ok && (k == 0 || known) {
			return nil
		}
		s.axes[k] = prefix
		if unit, known := h.Get(fmt.Sprintf("CUNIT%d", k+1)); known && strings.TrimSpace(unit) != "deg" && strings.TrimSpace(unit) != "" {
			return nil
		}
	}
	if s.axes[1] == "" { // the header names the first axis alone
		s.axes[1] = map[string]string{"RA": "DEC", "DEC": "RA", "GLON": "GLAT", "GLAT": "GLON", "ELON": "ELAT", "ELAT": "ELON"}[s.axes[0]]
	}
	number := func(key string, otherwise float64) float64 {
		text, known := h.Get(key)
		v, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(text), "D", "E"), 64)
		if !known || err != nil {
			return otherwise
		}
		return v
	}
	for _, name := range []string{"CD", "PC"} {
		for i := range 2 {
			for j := range 2 {
				otherwise, factor := 0.0, 1.0
				if name == "PC" {
					factor = number(fmt.Sprintf("CDELT%d", i+1), 0)
					if i == j {
						otherwise = 1
					}
				}
				s.m[i][j] = factor * number(fmt.Sprintf("%s%d_%d", name, i+1, j+1), otherwise)
			}
		}
		if s.area() != 0 {
			break
		}
	}
	if a := s.area(); a == 0 || math.IsNaN(a) || math.IsInf(a, 0) {
		return nil
	}
	s.col, s.row = number("CRPIX1", math.NaN())-1, number("CRPIX2", math.NaN())-1
	s.reference = !math.IsNaN(s.row + s.col)
	for k := range s.value {
		if v := number(fmt.Sprintf("CRVAL%d", k+1), math.NaN()); !math.IsNaN(v) {
			s.value[k] = strconv.FormatFloat(v, 'f', 5, 64)
		}
	}
	return s
}

// area of a pixel, square degrees, with a sign.
func (s *sky) area() float64 { return s.m[0][0]*s.m[1][1] - s.m[0][1]*s.m[1][0] }

// pixel is the side of a pixel in arcseconds, the square root of its area.
func (s *sky) pixel() float64 { return 3600 * math.Sqrt(math.Abs(s.area())) }

// enlarged is the sky of a frame that has so many times the rows and columns.
func (s *sky) enlarged(rows, cols float64) *sky {
	out := *s
	for k := range out.m {
		out.m[k][0] /= cols
		out.m[k][1] /= rows
	}
	out.row, out.col = (s.row+0.5)*rows-0.5, (s.col+0.5)*cols-0.5
	return &out
}

// sky is that of the frame, on rank 0; nil = not known. The frame may be an enlargement of the file.
func (o *Observation) sky() *sky {
	if o.Source == nil {
		return nil
	}
	s := skyOf(o.Source.Header)
	rows, cols := o.Shape()
	if s == nil || o.Source.Rows < 1 || o.Source.Cols < 1 {
		return s
	}
	if rows == o.Source.Rows && cols == o.Source.Cols {
		return s
	}
	return s.enlarged(float64(rows)/float64(o.Source.Rows), float64(cols)/float64(o.Source.Cols))
}

// alignment is the largest part of the side of a pixel that may be turned away from an axis of the
// header for the axis of a figure to have its name.
const alignment = 0.02

// turn is 0 where columns and rows run along the first and the second axis of the header, 1 where they run along
// the second and the first, and -1 where they run along neither.
func (s *sky) turn() int {
	for turn := range 2 {
		x, y := s.m[turn][0], s.m[1-turn][1]
		if math.Abs(s.m[1-turn][0]) <= alignment*math.Abs(x) && math.Abs(s.m[turn][1]) <= alignment*math.Abs(y) {
			return turn
		}
	}
	return -1
}

// axes are those of a box of pixels of a frame of rows x cols in arcsec, arcmin or degrees from the
// reference pixel, or from the middle of the frame if that is not in it, and what is to be said of
// them.
func (s *sky) axesOf(box imageio.Box, rows, cols int) (x, y report.Axis, note string) {
	perCol, perRow := 3600*math.Hypot(s.m[0][0], s.m[1][0]), 3600*math.Hypot(s.m[0][1], s.m[1][1])
	turn := s.turn()
	if turn >= 0 {
		perCol, perRow = 3600*s.m[turn][0], 3600*s.m[1-turn][1]
	}
	row, col := float64(rows-1)/2, float64(cols-1)/2
	from := fmt.Sprintf("the middle of the frame, row %.5g and column %.5g", row, col)
	if s.reference && s.row >= -0.5 && s.row <= float64(rows)-0.5 && s.col >= -0.5 && s.col <= float64(cols)-0.5 {
		row, col = s.row, s.col
		from = fmt.Sprintf("row %.5g and column %.5g", row, col)
		if s.value[0] != "" && s.value[1] != "" {
			from += fmt.Sprintf(" (%s %s deg, %s %s deg)", s.axes[0], s.value[0], s.axes[1], s.value[1])
		}
	}
	unit, size := "arcsec", 1.0
	switch longest := max(math.Abs(perCol)*float64(box.C1-box.C0), math.Abs(perRow)*float64(box.R1-box.R0)); {
	case longest > 5*3600:
		unit, size = "deg", 3600
	case longest > 5*60:
		unit, size = "arcmin", 60
	}
	x = report.Axis{From: (float64(box.C0) - 0.5 - col) * perCol / size, To: (float64(box.C1) - 0.5 - col) * perCol / size}
	y = report.Axis{From: (float64(box.R0) - 0.5 - row) * perRow / size, To: (float64(box.R1) - 0.5 - row) * perRow / size}
	note = "Offsets are from " + from + "."
	if turn < 0 {
		x.Label, y.Label = fmt.Sprintf("offset along a row (%s)", unit), fmt.Sprintf("offset along a column (%s)", unit)
		return x, y, note + s.compass()
	}
	x.Label, y.Label = fmt.Sprintf("offset %s (%s)", celestial[s.axes[turn]], unit), fmt.Sprintf("offset %s (%s)", celestial[s.axes[1-turn]], unit)
	return x, y, note
}

// compass says where north is, or the pole of the longitudes, on a frame that is turned.
func (s *sky) compass() string {
	north := 1
	if s.axes[0] == "DEC" || s.axes[0] == "GLAT" || s.axes[0] == "ELAT" {
		north = 0
	}
	// The step in pixels for which the offset along the other axis is 0.
	sign := 1.0
	if s.area() < 0 {
		sign = -1
	}
	if north == 0 {
		sign = -sign
	}
	col, row := -sign*s.m[1-north][1], sign*s.m[1-north][0]
	name := "North"
	switch s.axes[0] {
	case "GLON", "GLAT":
		name = "The galactic north pole"
	case "ELON", "ELAT":
		name = "The ecliptic north pole"
	}
	return fmt.Sprintf(" %s is %.4g deg from the direction of rising rows towards that of rising columns.", name, math.Atan2(col, row)*180/math.Pi)
}
