package report

import (
	"image"
	"image/draw"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgpdf"
)

// pdf is a canvas that becomes a PDF file of one page.
type pdf struct{ *vgpdf.Canvas }

// DrawImage draws an image upright: vgpdf draws the last row at the top.
func (c pdf) DrawImage(box vg.Rectangle, img image.Image) {
	b := img.Bounds()
	turned := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	for r := range b.Dy() {
		line := image.Rect(0, b.Dy()-1-r, b.Dx(), b.Dy()-r)
		draw.Draw(turned, line, img, image.Pt(b.Min.X, b.Min.Y+r), draw.Src)
	}
	c.Canvas.DrawImage(box, turned)
}
