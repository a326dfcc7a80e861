package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/plot"

	"tessera/internal/imageio"
)

func example() *Plot {
	var x, y []float64
	for i := 1; i <= 50; i++ {
		x, y = append(x, float64(i)), append(y, 3*math.Exp(-float64(i)/8))
	}
	return &Plot{Title: "a title", X: "iteration", Y: "cost", LogY: true, Series: []Series{
		{Name: "measured", X: x, Y: y},
		{Name: "holes", X: []float64{1, 2, 3, 4}, Y: []float64{1, math.NaN(), 0, 0.5}, Points: true},
	}}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// count is how many pixels of a PNG have about a colour.
func count(t *testing.T, b []byte, c color.RGBA) (n, width, height int) {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	box := img.Bounds()
	for y := range box.Dy() {
		for x := range box.Dx() {
			p := color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)
			if near(p.R, c.R) && near(p.G, c.G) && near(p.B, c.B) {
				n++
			}
		}
	}
	return n, box.Dx(), box.Dy()
}

func near(a, b uint8) bool { return max(a, b)-min(a, b) < 12 }

func TestPlot(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.png"), filepath.Join(dir, "b.png")
	for _, path := range []string{a, b, filepath.Join(dir, "a.svg"), filepath.Join(dir, "b.svg")} {
		if err := example().Write(path); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(read(t, a), read(t, b)) || !bytes.Equal(read(t, filepath.Join(dir, "a.svg")), read(t, filepath.Join(dir, "b.svg"))) {
		t.Error("the same plot gave different bytes")
	}
	for _, c := range palette[:2] {
		n, w, h := count(t, read(t, a), c)
		if n < 100 || w != 1200 || h != 800 {
			t.Errorf("%d pixels of colour %v in a picture of %d x %d", n, c, w, h)
		}
	}
	if n, _, _ := count(t, read(t, a), palette[2]); n > 20 {
		t.Errorf("%d pixels of a third colour", n)
	}
	svg := string(read(t, filepath.Join(dir, "a.svg")))
	for _, want := range []string{"a title", "iteration", "cost", "measured"} {
		if !strings.Contains(svg, want) {
			t.Errorf("the SVG does not say %q", want)
		}
	}
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestOddPlots(t *testing.T) {
	dir := t.TempDir()
	for name, p := range map[string]*Plot{
		"nothing":   {LogX: true, LogY: true},
		"one point": {Series: []Series{{X: []float64{2}, Y: []float64{3}}}},
		"flat":      {LogY: true, Series: []Series{{X: []float64{1, 2}, Y: []float64{5, 5}}}},
		"all bad":   {LogY: true, Series: []Series{{X: []float64{1, 2}, Y: []float64{-5, math.Inf(1)}}}},
		"zero":      {Series: []Series{{X: []float64{0, 0}, Y: []float64{0, 0}}}},
	} {
		if err := p.Write(filepath.Join(dir, "p.png")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := example().Write(filepath.Join(dir, "p.gif")); err == nil || !strings.Contains(err.Error(), "p.gif") {
		t.Errorf("a GIF: %v", err)
	}
	bad := &Plot{Series: []Series{{Name: "s", X: []float64{1}, Y: nil}}}
	if err := bad.Write(filepath.Join(dir, "q.png")); err == nil || !strings.Contains(err.Error(), `"s" has 1 x and 0 y`) {
		t.Errorf("unequal lengths: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "q.png")); err == nil {
		t.Error("a failed plot left a file")
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		ticks  func(lo, hi float64) []plot.Tick
		lo, hi float64
		want   string
	}{
		{linearTicks, 0, 150, "0 20 40 60 80 100 120 140"},
		{linearTicks, 0.31, 0.52, "0.35 0.40 0.45 0.50"},
		{linearTicks, -1, 1, "-1.0 -0.5 0.0 0.5 1.0"},
		{logTicks, 1, 1000, "1 10 100 1000"},
		{logTicks, 0.9, 30, "1 2 5 10 20"},
		{logTicks, 1.2, 1.7, "1.2 1.3 1.4 1.5 1.6 1.7"},
		{logTicks, 1e-9, 1, "1e-8 1e-6 1e-4 0.01 1"},
	} {
		var got []string
		for _, tick := range c.ticks(c.lo, c.hi) {
			if tick.Label != "" {
				got = append(got, tick.Label)
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%g to %g: %s, want %s", c.lo, c.hi, s, c.want)
		}
	}
}

func TestMosaic(t *testing.T) {
	frame := func(v float64) *imageio.Frame {
		f := &imageio.Frame{Channels: 1, Rows: 5, Cols: 5, Data: make([]float64, 25)}
		for i := range f.Data {
			f.Data[i] = v
		}
		return f
	}
	s := imageio.Linear(0, 1)
	m := &Mosaic{Columns: []string{"a", "b"}, Blocks: 2}
	for i := range 5 {
		m.Rows = append(m.Rows, MosaicRow{
			Label: []string{"no. 1", "x"}, Frames: []*imageio.Frame{frame(float64(i) / 5), nil}, Stretch: []imageio.Stretch{s, s},
		})
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "m.png")
	if err := m.Write(path); err != nil {
		t.Fatal(err)
	}
	n, w, h := count(t, read(t, path), color.RGBA{102, 102, 102, 255})
	if w < 900 || w > 1400 || n < 10000 || h < 300 {
		t.Errorf("%d pixels of the third frame's grey in a picture of %d x %d", n, w, h)
	}
	m.Rows[1].Frames[0] = &imageio.Frame{Channels: 1, Rows: 4, Cols: 5, Data: make([]float64, 20)}
	if err := m.Write(path); err == nil || !strings.Contains(err.Error(), "row 1") {
		t.Errorf("frames of two sizes: %v", err)
	}
	m.Rows[1].Frames = nil
	if err := m.Write(path); err == nil {
		t.Error("a row without frames was drawn")
	}
	if err := (&Mosaic{Columns: []string{"a"}}).Write(path); err == nil {
		t.Error("nothing was drawn")
	}
}
