package scdl

import (
	"math"
	"testing"
)

// Bicubic interpolation has the values of Pillow 9.4, Image.resize(..., Image.BICUBIC), away
// from the borders.
func TestBicubicOfPillow(t *testing.T) {
	y := &Image{Rows: 6, Cols: 7}
	columns := []float64{0, 1, 0, 2, 0.5, 0.25, 1}
	for i := range 6 {
		for j, v := range columns {
			y.Data = append(y.Data, float64(i*i)*0.05+v+float64(i*j)*0.01)
		}
	}
	for _, c := range []struct {
		scale, row, col int
		want            float64
	}{
		{2, 4, 6, 1.8770312}, {2, 7, 7, 2.4755468}, {2, 4, 9, 0.5536718}, {2, 5, 4, 0.3784375},
		{3, 6, 9, 1.6648148}, {3, 10, 10, 2.54}, {3, 6, 14, 0.4981481}, {3, 8, 6, 0.4962963},
	} {
		g := Grid{Scale: c.scale, Patch: 3}
		x := wholeBicubic(g, y, 6*c.scale, 7*c.scale)
		if got := x.Data[c.row*x.Cols+c.col]; math.Abs(got-c.want) > 1e-6 {
			t.Errorf("scale %d, pixel %d, %d: %.7f, want %.7f", c.scale, c.row, c.col, got, c.want)
		}
	}
}

// centre is the centroid of a picture in the coordinates of the high one, in which a pixel
// of scale high pixels is centred at scale (i + 1/2) - 1/2.
func centre(x *Image, scale int) (row, col float64) {
	sum := 0.0
	for i, v := range x.Data {
		sum += v
		row += v * (float64(scale)*(float64(i/x.Cols)+0.5) - 0.5)
		col += v * (float64(scale)*(float64(i%x.Cols)+0.5) - 0.5)
	}
	return row / sum, col / sum
}

// A blob stays where it is when a picture is degraded and interpolated again.
func TestPixelsAreAreas(t *testing.T) {
	for _, g := range []Grid{
		{Scale: 2, Patch: 3}, {Scale: 3, Patch: 3}, {Scale: 4, Patch: 3}, {Scale: 2, Patch: 3, Blur: 0.8}, {Scale: 3, Patch: 5, Blur: 1.5}, {Scale: 4, Patch: 3, Blur: 1e-9},
	} {
		side := 24 * g.Scale
		x := &Image{Rows: side, Cols: side, Data: make([]float64, side*side)}
		r0, c0 := 0.41*float64(side), 0.57*float64(side)
		for i := range x.Data {
			r, c := float64(i/side)-r0, float64(i%side)-c0
			x.Data[i] = math.Exp(-(r*r + c*c) / float64(18*g.Scale))
		}
		y := g.Degrade(x)
		back := wholeBicubic(g, y, side, side)
		for name, p := range map[string]struct {
			*Image
			scale int
		}{"degraded": {y, g.Scale}, "interpolated": {back, 1}} {
			r, c := centre(p.Image, p.scale)
			if math.Abs(r-r0) > 0.02 || math.Abs(c-c0) > 0.02 {
				t.Errorf("%+v: the %s blob is at %.3f, %.3f, want %.3f, %.3f", g, name, r, c, r0, c0)
			}
		}
		if g.Blur > 0 {
			continue
		}
		mean := 0.0
		for a := range g.Scale {
			for b := range g.Scale {
				mean += x.Data[(g.Scale*9+a)*side+g.Scale*13+b] / float64(g.Scale*g.Scale)
			}
		}
		if got := y.Data[9*y.Cols+13]; math.Abs(got-mean) > 1e-14 {
			t.Errorf("scale %d without a blur: %g, the mean of its pixels is %g", g.Scale, got, mean)
		}
	}
}
