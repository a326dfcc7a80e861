package report

import (
	"image"
	"image/color"
	"testing"
)

// An inset shows the middle enlarged, with lines around both; a picture that is too small stays.
func TestInset(t *testing.T) {
	const rows, cols, zoom = 60, 80, 3
	pic := image.NewRGBA(image.Rect(0, 0, cols, rows))
	at := func(x, y int) color.RGBA { return color.RGBA{uint8(x), uint8(y), 7, 255} }
	for y := range rows {
		for x := range cols {
			pic.SetRGBA(x, y, at(x, y))
		}
	}
	inset(pic, zoom)
	const side = 8 // 2/5 of 60, by 3
	for y := range side * zoom {
		for x := range side * zoom {
			want := at(cols/2-side/2+x/zoom, rows/2-side/2+y/zoom)
			if got := pic.RGBAAt(cols-side*zoom+x, rows-side*zoom+y); got != want {
				t.Fatalf("inset (%d, %d): %v, want %v", x, y, got, want)
			}
		}
	}
	for name, p := range map[string]image.Point{"middle": {cols/2 - side/2 - 1, rows / 2}, "inset": {cols - side*zoom - 1, rows - 3}} {
		if got := pic.RGBAAt(p.X, p.Y); got != insetColour {
			t.Errorf("no line at the edge of the %s: %v", name, got)
		}
	}
	if pic.RGBAAt(0, 0) != at(0, 0) {
		t.Error("the rest of the picture has changed")
	}
	small := image.NewRGBA(image.Rect(0, 0, 9, 9))
	before := append([]uint8(nil), small.Pix...)
	inset(small, zoom)
	for i, v := range small.Pix {
		if v != before[i] {
			t.Fatal("a small picture has changed")
		}
	}
}
