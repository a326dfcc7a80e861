package report

import (
	"image"
	"image/color"
)

// insetColour outlines an inset and the part of the picture that it enlarges.
var insetColour = color.RGBA{255, 200, 0, 255}

// inset enlarges the square in the middle of a picture into its lower right corner, over at
// most two fifths of the shorter side. Pictures that are too small stay as they are.
func inset(pic *image.RGBA, zoom int) {
	if zoom < 2 {
		return
	}
	rows, cols := pic.Rect.Dy(), pic.Rect.Dx()
	side := min(rows, cols) * 2 / 5 / zoom // of the square in the middle
	if side < 4 {
		return
	}
	r0, c0 := (rows-side)/2, (cols-side)/2
	corner := image.Rect(cols-side*zoom, rows-side*zoom, cols, rows)
	middle := image.NewRGBA(image.Rect(0, 0, side, side)) // before anything is drawn over it
	for y := range side {
		for x := range side {
			middle.SetRGBA(x, y, pic.RGBAAt(c0+x, r0+y))
		}
	}
	outline(pic, image.Rect(c0-1, r0-1, c0+side+1, r0+side+1))
	for y := range side * zoom {
		for x := range side * zoom {
			pic.SetRGBA(corner.Min.X+x, corner.Min.Y+y, middle.RGBAAt(x/zoom, y/zoom))
		}
	}
	outline(pic, corner.Inset(-1))
}

// outline draws the edge of a rectangle, as far as it lies in the picture.
func outline(pic *image.RGBA, r image.Rectangle) {
	for x := r.Min.X; x < r.Max.X; x++ {
		pic.SetRGBA(x, r.Min.Y, insetColour)
		pic.SetRGBA(x, r.Max.Y-1, insetColour)
	}
	for y := r.Min.Y; y < r.Max.Y; y++ {
		pic.SetRGBA(r.Min.X, y, insetColour)
		pic.SetRGBA(r.Max.X-1, y, insetColour)
	}
}
