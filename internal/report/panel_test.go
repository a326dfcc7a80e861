package report

import (
	"encoding/xml"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/internal/imageio"
)

// gradient is a frame whose values rise along the rows and then along the columns.
func gradient(rows, cols int) *imageio.Frame {
	f := &imageio.Frame{Channels: 1, Rows: rows, Cols: cols}
	for i := range rows * cols {
		f.Data = append(f.Data, float64(i))
	}
	return f
}

// decode reads a PNG file.
func decode(t *testing.T, path string) image.Image {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	img, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// shown are the texts that an SVG file draws.
func shown(t *testing.T, path string) (texts []string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	d := xml.NewDecoder(file)
	in := ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return texts
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			in = token.Name.Local
		case xml.EndElement:
			in = ""
		case xml.CharData:
			if in == "text" {
				texts = append(texts, string(token))
			}
		}
	}
}

func examplePanel() *Panel {
	f, hole, signed := gradient(12, 16), gradient(12, 16), gradient(12, 16)
	for i := range signed.Data {
		signed.Data[i] -= 96
	}
	hole.Data[0], hole.Data[5] = math.NaN(), 500
	regions := make([]int, 12*16)
	for i := range regions {
		if i%16 >= 8 {
			regions[i] = 1
		}
	}
	return &Panel{
		Title: "Restoration of a ramp", Notes: []string{"Crop: rows 100 to 111."}, Lines: "border of the observed area",
		X: Pixels("column (pixel)", 0, 16), Y: Pixels("row (pixel)", 100, 12),
		Images: []Image{{Title: "observed", Frame: hole, Regions: regions}, {Title: "restored", Frame: f}, {Title: "residual", Frame: signed, Scale: 1}},
		Scales: []Scale{{"intensity (adu)", imageio.Linear(0, 191)}, {"residual (sigma)", imageio.Symmetric(96)}},
	}
}

// What a reader needs is drawn, in the PNG file and, as text, in the SVG file: title, crop, axes
// with numbers, a title for each image, and for each scale a bar with numbers, quantity, unit and
// curve, and the images that it belongs to.
func TestPanelSaysWhatItShows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "panel")
	if err := examplePanel().Write(path); err != nil {
		t.Fatal(err)
	}
	texts := shown(t, path+".svg")
	all := strings.Join(texts, " ")
	for _, want := range []string{
		"Restoration of a ramp", "Crop: rows 100 to 111.", "column (pixel)", "row (pixel)", "(a) observed", "(b) restored", "(c) residual",
		"(a) (b) intensity (adu), linear scale", "(c) residual (sigma), linear scale, symmetric about 0", "no value", "border of the observed area",
		" 104 ", " 10 ", " 160 ", " -40 ",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("the panel does not say %q: %q", want, texts)
		}
	}
	raw, err := os.ReadFile(path + ".png")
	if err != nil {
		t.Fatal(err)
	}
	if at := strings.Index(string(raw), "pHYs"); at != 37 || !strings.HasPrefix(string(raw[at+4:]), "\x00\x00\x1e\xc2\x00\x00\x1e\xc2\x01") {
		t.Errorf("the PNG file does not say that it has 200 dots an inch: %q", raw[:64])
	}
	decode(t, path+".png") // with all its checksums
}

// Every pixel of an image is a square of one colour, at the place that the axes say, with row 0 at
// the top or at the bottom.
func TestPanelPixels(t *testing.T) {
	for _, lower := range []bool{false, true} {
		f := gradient(2, 3)
		f.Data[4] = math.NaN()
		p := &Panel{
			Title: "t", X: Pixels("column (pixel)", 0, 3), Y: Pixels("row (pixel)", 0, 2), Lower: lower,
			Images: []Image{{Frame: f}}, Scales: []Scale{{"value (unit)", imageio.Linear(0, 5)}},
		}
		img := raster(f, p.Scales[0].Stretch, 1, 10, lower, 0)
		path := filepath.Join(t.TempDir(), "p")
		if err := p.Write(path); err != nil {
			t.Fatal(err)
		}
		sheet := decode(t, path+".png")
		for i, want := range []uint8{0, 51, 102, 153, 0, 255} {
			row, col := i/3, i%3
			if lower {
				row = 1 - row
			}
			shade := color.RGBA{want, want, want, 255}
			if i == 4 {
				shade = missing
			}
			if got := img.RGBAAt(col*10+5, row*10+5); got != shade {
				t.Errorf("lower %v: pixel %d is %v, want %v", lower, i, got, shade)
			}
			// 333 dots for each pixel; the image begins where its frame does.
			const side = wideImage / 3
			x0, y0 := corner(t, sheet, 3*side, 2*side)
			if got := color.RGBAModel.Convert(sheet.At(x0+col*side+side/2, y0+row*side+side/2)).(color.RGBA); got != shade {
				t.Errorf("lower %v: in the file pixel %d is %v, want %v", lower, i, got, shade)
			}
		}
	}
}

// corner is the upper left corner of the image of so many dots in a sheet: it is in the middle of
// the longest row of dark dots, its frame.
func corner(t *testing.T, sheet image.Image, wide, high int) (x0, y0 int) {
	t.Helper()
	dark := func(x, y int) bool { r, _, _, _ := sheet.At(x, y).RGBA(); return r>>8 < 140 }
	for y := range sheet.Bounds().Dy() - high {
		run := 0
		for x := range sheet.Bounds().Dx() {
			if run++; !dark(x, y) {
				run = 0
			}
			if run == wide-4 {
				return x - run + 1, y
			}
		}
	}
	t.Fatal("no frame of an image")
	return 0, 0
}

// What a figure needs and does not have is an error, and then there is no file.
func TestBadPanels(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(p *Panel)
		want  string
	}{
		"no title":            {func(p *Panel) { p.Title = "" }, "want a title"},
		"no axis":             {func(p *Panel) { p.X.Label = "" }, "for each axis its quantity and unit"},
		"axis without length": {func(p *Panel) { p.Y.To = p.Y.From }, "two different finite numbers"},
		"no images":           {func(p *Panel) { p.Images = nil }, "nothing to draw"},
		"no scale":            {func(p *Panel) { p.Scales = nil }, "nothing to draw"},
		"scale without unit":  {func(p *Panel) { p.Scales[1].Label = "" }, "want its quantity and unit"},
		"scale of nothing":    {func(p *Panel) { p.Scales[0].Stretch = imageio.Linear(1, 1) }, "from 1 to 1"},
		"scale of no end":     {func(p *Panel) { p.Scales[0].Stretch = imageio.Linear(0, math.Inf(1)) }, "finite numbers"},
		"other scale":         {func(p *Panel) { p.Images[1].Scale = 2 }, "scale 2 of 2"},
		"image without title": {func(p *Panel) { p.Images[1].Title = "" }, "image 1 has no title"},
		"no frame":            {func(p *Panel) { p.Images[1].Frame = nil }, "image 1: nothing to draw"},
		"other size":          {func(p *Panel) { p.Images[1].Frame = gradient(3, 3) }, "image 1 is 3 x 3, the first is 12 x 16"},
		"unnamed lines":       {func(p *Panel) { p.Lines = "" }, "what the lines are"},
	} {
		p := examplePanel()
		c.spoil(p)
		path := filepath.Join(t.TempDir(), "p")
		if err := p.Write(path); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if list, _ := filepath.Glob(path + "*"); len(list) > 0 {
			t.Errorf("%s: there is %v", name, list)
		}
	}
}

// Images are put into rows, so that the figure is neither a strip nor a column.
func TestColumns(t *testing.T) {
	for _, c := range []struct{ n, wide, high, want int }{
		{1, 640, 640, 1}, {2, 640, 640, 2}, {3, 640, 640, 3}, {4, 640, 640, 2}, {5, 640, 640, 3}, {6, 640, 640, 3}, {7, 640, 640, 4},
		{4, 640, 160, 1}, {4, 160, 640, 4}, {3, 640, 200, 1},
	} {
		if got := columns(c.n, c.wide, c.high); got != c.want {
			t.Errorf("%d images of %d x %d: %d columns, want %d", c.n, c.wide, c.high, got, c.want)
		}
	}
}

// The numbers on a bar lie where the curve has them, apart from each other, and zero is one of them.
func TestScaleTicks(t *testing.T) {
	f := gradient(100, 100)
	for i := range f.Data {
		f.Data[i] = math.Sin(float64(i*i)) + 1000*math.Exp(-float64(i)/50)
	}
	for _, c := range []struct {
		stretch imageio.Stretch
		want    []string
	}{
		{imageio.Linear(0, 1), []string{"0.0", "1.0"}},
		{imageio.Symmetric(3), []string{"-2", "0", "2"}},
		{imageio.Asinh(f), []string{"0", "100"}},
	} {
		var labels []string
		last := math.Inf(-1)
		for _, tick := range (&Scale{"value (unit)", c.stretch}).ticks() {
			labels = append(labels, tick.Label)
			if tick.Value < -1e-9 || tick.Value > 1+1e-9 || tick.Value < last+0.05 {
				t.Errorf("%s: number %s at %g after %g", c.stretch.Describe(), tick.Label, tick.Value, last)
			}
			last = tick.Value
		}
		for _, want := range c.want {
			if !slices.Contains(labels, want) {
				t.Errorf("%s: numbers %q, want %s among them", c.stretch.Describe(), labels, want)
			}
		}
	}
}

// Lines between regions run along the edges of pixels, pieces joined.
func TestBorders(t *testing.T) {
	got := borders([]int{
		0, 0, 1,
		0, 0, 1,
		2, 2, 2,
	}, 3, 3)
	want := [][2][2]int{{{0, 2}, {3, 2}}, {{2, 0}, {2, 2}}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A large image is averaged over whole blocks, and a middle enlarged in its corner.
func TestRaster(t *testing.T) {
	f := gradient(4, 4)
	img := raster(f, imageio.Linear(0, 15), 2, 1, false, 0)
	if img.Rect.Dx() != 2 || img.Rect.Dy() != 2 || img.RGBAAt(0, 0).R != 43 || img.RGBAAt(1, 1).R != 212 {
		t.Errorf("%v: %v %v, want means 2.5 and 12.5 of 15", img.Rect, img.RGBAAt(0, 0), img.RGBAAt(1, 1))
	}
	colours := &imageio.Frame{Channels: 3, Rows: 1, Cols: 1, Data: []float64{1, 0.5, 0}}
	if got := raster(colours, imageio.Linear(0, 1), 1, 1, false, 0).RGBAAt(0, 0); got != (color.RGBA{255, 128, 0, 255}) {
		t.Errorf("colour %v", got)
	}
	if _, ok := paletted(raster(gradient(40, 40), imageio.Symmetric(1600), 1, 1, false, 3)).(*image.Paletted); !ok {
		t.Error("an image of one channel has more than 256 colours")
	}
}
