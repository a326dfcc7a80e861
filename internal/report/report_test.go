package report

import (
	"bytes"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
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
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	for _, path := range []string{a, b} {
		if err := example().Write(path); err != nil {
			t.Fatal(err)
		}
	}
	for _, end := range []string{".png", ".svg"} {
		if !bytes.Equal(read(t, a+end), read(t, b+end)) {
			t.Error("the same plot gave different bytes")
		}
	}
	for _, c := range palette[:2] {
		n, w, h := count(t, read(t, a+".png"), c)
		if n < 100 || w != 1200 || h != 800 {
			t.Errorf("%d pixels of colour %v in a picture of %d x %d", n, c, w, h)
		}
	}
	if n, _, _ := count(t, read(t, a+".png"), palette[2]); n > 20 {
		t.Errorf("%d pixels of a third colour", n)
	}
	texts := shown(t, a+".svg")
	for _, want := range []string{"a title", "iteration", "cost", "measured"} {
		if !slices.Contains(texts, want) {
			t.Errorf("the SVG does not say %q: %q", want, texts)
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
		p.Title, p.X, p.Y = "title", "x (unit)", "y (unit)"
		if err := p.Write(filepath.Join(dir, "p")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for want, spoil := range map[string]func(p *Plot){
		"want a title":        func(p *Plot) { p.Title = "" },
		"for each axis":       func(p *Plot) { p.Y = "" },
		`"s" has 2 x and 0 y`: func(p *Plot) { p.Series = []Series{{Name: "s", X: []float64{1, 2}}} },
	} {
		p := example()
		spoil(p)
		if err := p.Write(filepath.Join(dir, "q")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if list, _ := filepath.Glob(filepath.Join(dir, "q*")); len(list) > 0 {
			t.Errorf("a failed plot left %v", list)
		}
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
		{linearTicks, -3e-7, 3e-7, "-3e-7 -2e-7 -1e-7 0 1e-7 2e-7 3e-7"},
		{linearTicks, 0, 6e6, "0 1e6 2e6 3e6 4e6 5e6 6e6"},
		{logTicks, 1, 1000, "1 10 100 1000"},
		{logTicks, 0.9, 30, "1 2 5 10 20"},
		{logTicks, 1.2, 1.7, "1.2 1.3 1.4 1.5 1.6 1.7"},
		{logTicks, 1e-9, 1, "1e-8 1e-6 1e-4 1e-2 1"},
		{linearTicks, 5e6, 5.01e6, "5000000 5002000 5004000 5006000 5008000 5010000"},
		{linearTicks, 3.7e72, 4.5e72, "3.7e72 3.8e72 3.9e72 4.0e72 4.1e72 4.2e72 4.3e72 4.4e72 4.5e72"},
		{logTicks, 0.01, 1e4, "0.01 0.1 1 10 100 1000 10000"},
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

func exampleMosaic() *Mosaic {
	m := &Mosaic{
		Title: "Five stamps", Columns: []MosaicColumn{{"observed", 0}, {"residual", 1}}, Blocks: 2,
		Scales: []Scale{{"intensity (adu)", imageio.Linear(0, 1)}, {"residual (sigma)", imageio.Symmetric(1)}},
	}
	for i := range 5 {
		f := &imageio.Frame{Channels: 1, Rows: 5, Cols: 5, Data: slices.Repeat([]float64{float64(i) / 5}, 25)}
		m.Rows = append(m.Rows, MosaicRow{Label: []string{"stamp 1", "x"}, Frames: []*imageio.Frame{f, nil}})
	}
	return m
}

func TestMosaic(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	if err := exampleMosaic().Write(path); err != nil {
		t.Fatal(err)
	}
	n, w, h := count(t, read(t, path+".png"), color.RGBA{102, 102, 102, 255})
	if w < 1000 || w > 1600 || n < 10000 || h < 300 {
		t.Errorf("%d pixels of the third frame's grey in a picture of %d x %d", n, w, h)
	}
	texts := strings.Join(shown(t, path+".svg"), " ")
	for _, want := range []string{"Five stamps", "Each image has 5 x 5 pixels (rows x columns).", "observed residual", "stamp 1", "observed: intensity (adu), linear scale", "residual: residual (sigma), linear scale, symmetric about 0"} {
		if !strings.Contains(texts, want) {
			t.Errorf("the mosaic does not say %q: %q", want, texts)
		}
	}
	for want, spoil := range map[string]func(m *Mosaic){
		"no title":        func(m *Mosaic) { m.Title = "" },
		"row 1: a frame":  func(m *Mosaic) { m.Rows[1].Frames[0] = gradient(4, 5) },
		"row 1 has 0":     func(m *Mosaic) { m.Rows[1].Frames = nil },
		"scale 2 of 2":    func(m *Mosaic) { m.Columns[1].Scale = 2 },
		"its quantity":    func(m *Mosaic) { m.Scales[0].Label = "" },
		"nothing to draw": func(m *Mosaic) { m.Rows = nil },
	} {
		m := exampleMosaic()
		spoil(m)
		if err := m.Write(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
