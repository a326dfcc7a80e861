package report

import (
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"tessera/internal/imageio"
)

// The pixels of a map are black at Low, white at High and beyond, and in proportion
// between, each enlarged; the scale below runs from black to white.
func TestMap(t *testing.T) {
	f := &imageio.Frame{Channels: 1, Rows: 2, Cols: 3, Data: []float64{1, 2, 3, 0, 5, 1.5}}
	m := Map{Frame: f, Lines: []string{"standard deviation, in adu"}, Low: 1, High: 3, Clipped: true}
	path := filepath.Join(t.TempDir(), "map.png")
	if err := m.Write(path); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	img, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	const zoom = mapSmallest / 3
	top := mapMargin + lineHeight + mapMargin
	grey := func(x, y int) int { r, _, _, _ := img.At(x, y).RGBA(); return int(r >> 8) }
	for i, want := range []int{0, 128, 255, 0, 255, 64} {
		x, y := mapMargin+i%3*zoom+zoom/2, top+i/3*zoom+zoom/2
		if got := grey(x, y); got != want {
			t.Errorf("pixel %d is %d, want %d", i, got, want)
		}
	}
	y := top + 2*zoom + mapMargin + scaleHeight/2
	for share, want := range map[float64]int{0.25: 64, 0.5: 128, 0.75: 191} {
		if got := grey(mapMargin+int(share*(mapSmallest-1)), y); got < want-2 || got > want+2 {
			t.Errorf("the scale is %d at %g, want about %d", got, share, want)
		}
	}
	dark := 0 // pixels of text above the frame
	for x := range img.Bounds().Dx() {
		for y := range mapMargin + lineHeight {
			if grey(x, y) < 128 {
				dark++
			}
		}
	}
	if dark < 100 {
		t.Errorf("%d dark pixels in the text", dark)
	}
}

func TestBadMap(t *testing.T) {
	good := &imageio.Frame{Channels: 1, Rows: 1, Cols: 2, Data: []float64{1, 2}}
	for name, m := range map[string]Map{
		"no frame":     {High: 1},
		"two channels": {Frame: &imageio.Frame{Channels: 2, Rows: 1, Cols: 1, Data: []float64{1, 2}}, High: 1},
		"no data":      {Frame: &imageio.Frame{Channels: 1, Rows: 1, Cols: 1}, High: 1},
		"no scale":     {Frame: good, Low: 2, High: 2},
	} {
		path := filepath.Join(t.TempDir(), "map.png")
		if err := m.Write(path); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: a file was written", name)
		}
	}
}
