package report

import (
	"image"
	"image/color"
	"math"

	"tessera/internal/imageio"
)

// outlineShade is how dark the outline of a grey disc is, against the disc: it keeps discs apart from each other and from
// what is around them. Where the scale is one of colours, the outline is black.
const outlineShade = 0.4

// Sizes of a disc in dots, and the share of the pixels from which on they are drawn as they are.
const (
	leastDisc, largestDisc = 2.7, 9.0 // radius with the outline
	discOutline            = 1.4      // of the largest discs
	outlineShare           = 0.3      // of the radius, at most
	discShare              = 0.25     // of the image, that all discs together cover if they may have the size
	denseShare             = 0.125
)

// scatter draws a disc with the colour of its value at each pixel of a frame that has one, into an image of it that
// is enlarged to enlarge x enlarge dots a pixel. Where values are dense, the image stays as it is.
func scatter(img *image.RGBA, f *imageio.Frame, s imageio.Stretch, enlarge int, lower bool) {
	n := 0
	for i := range f.Rows * f.Cols {
		if !math.IsNaN(mean(f, i)) {
			n++
		}
	}
	wide, high := img.Rect.Dx(), img.Rect.Dy()
	if n == 0 || float64(n) > denseShare*float64(f.Rows*f.Cols) {
		return
	}
	radius := min(max(math.Sqrt(discShare*float64(wide*high)/(math.Pi*float64(n))), leastDisc), largestDisc)
	radius = max(radius, float64(enlarge)/2+discOutline)
	inner := radius - min(discOutline, outlineShare*radius)
	scale := Scale{Stretch: s}
	disc := func(i int, radius float64, shade color.RGBA) {
		row := i / f.Cols
		if lower {
			row = f.Rows - 1 - row
		}
		cx, cy := (float64(i%f.Cols)+0.5)*float64(enlarge), (float64(row)+0.5)*float64(enlarge)
		for y := max(0, int(cy-radius)); y < min(high, int(cy+radius)+1); y++ {
			for x := max(0, int(cx-radius)); x < min(wide, int(cx+radius)+1); x++ {
				if math.Hypot(float64(x)+0.5-cx, float64(y)+0.5-cy) <= radius {
					img.SetRGBA(x, y, shade)
				}
			}
		}
	}
	// All outlines first: where discs lie close together their values are seen, not the outlines.
	for _, outline := range []bool{true, false} {
		for i := range f.Rows * f.Cols {
			v := mean(f, i)
			if math.IsNaN(v) {
				continue
			}
			// One of the shades of the image, so that it has no more than 256 colours.
			grey := func(t float64) color.RGBA { return scale.colour(math.Round(shades*t) / shades) }
			at := min(max(s.Position(v), 0), 1)
			switch {
			case !outline:
				disc(i, inner, grey(at))
			case s.Signed():
				disc(i, radius, color.RGBA{A: 255})
			default:
				disc(i, radius, grey(outlineShade*at))
			}
		}
	}
}
