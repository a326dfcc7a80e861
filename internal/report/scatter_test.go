package report

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"tessera/internal/imageio"
)

// Every observation can be seen, whatever its value and that of its surroundings: its disc has the colour of the value, and
// an outline that differs from what is around it.
func TestScatter(t *testing.T) {
	const side = 64
	for name, stretch := range map[string]imageio.Stretch{"grey": imageio.Linear(0, 1), "signed": imageio.Symmetric(1)} {
		f := &imageio.Frame{Channels: 1, Rows: side, Cols: side, Data: make([]float64, side*side)}
		for i := range f.Data {
			f.Data[i] = math.NaN()
		}
		places := map[int]float64{}
		for k := range 11 {
			places[(3+5*k)*side+3+5*(k*7%11)] = float64(k) / 10
		}
		for i, v := range places {
			f.Data[i] = v
		}
		for _, lower := range []bool{false, true} {
			img := raster(f, stretch, 1, 10, lower, 0)
			scatter(img, f, stretch, 10, lower)
			for i, v := range places {
				row, col := i/side, i%side
				if lower {
					row = side - 1 - row
				}
				x, y := col*10+5, row*10+5
				want := (&Scale{Stretch: stretch}).colour(math.Round(shades*stretch.Position(v)) / shades)
				if got := img.RGBAAt(x, y); got != want {
					t.Errorf("%s, lower %v: a value of %g is %v, want %v", name, lower, v, got, want)
				}
				out := x // the outline, and beyond it no value
				for ; img.RGBAAt(out, y) == want; out++ {
				}
				ring := img.RGBAAt(out-1, y)
				for ; img.RGBAAt(out, y) != missing; out++ {
					ring = img.RGBAAt(out, y)
				}
				if float64(out-x) < leastDisc || contrast(ring, missing) < 60 {
					t.Errorf("%s: a value of %g has a disc of %d dots with an outline %v on %v", name, v, out-x, ring, missing)
				}
			}
			if _, ok := paletted(img).(*image.Paletted); !ok {
				t.Errorf("%s: more than 256 colours", name)
			}
		}
	}
	dense := gradient(20, 20)
	img := raster(dense, imageio.Linear(0, 400), 1, 5, false, 0)
	before := append([]byte(nil), img.Pix...)
	if scatter(img, dense, imageio.Linear(0, 400), 5, false); string(before) != string(img.Pix) {
		t.Error("a frame of which every pixel has a value has discs")
	}
}

// contrast is the largest difference of two colours in a channel.
func contrast(a, b color.RGBA) int {
	most := 0
	for _, d := range []int{int(a.R) - int(b.R), int(a.G) - int(b.G), int(a.B) - int(b.B)} {
		most = max(most, d, -d)
	}
	return most
}

// Numbers of any length at the ends of the axes lie inside of the figure, for any number of images.
func TestTextsLieInside(t *testing.T) {
	for _, ends := range [][2]float64{{0, 1}, {400000, 410000}, {-3e-7, 3e-7}, {5e6, 5.01e6}, {1e12, 2e12}} {
		for n := 1; n <= 7; n++ {
			p := &Panel{Title: "Title", X: Axis{"x (unit)", ends[0], ends[1]}, Y: Axis{"y (unit)", ends[0], ends[1]}, Scales: []Scale{{"value (unit)", imageio.Linear(ends[0], ends[1])}}}
			for i := range n {
				p.Images = append(p.Images, Image{Title: fmt.Sprint("image ", i), Frame: gradient(40, 40)})
			}
			f := p.figure()
			f.fit()
			for _, text := range f.texts {
				if text[0]+f.pad < 0 || text[1]+f.pad > f.width+2*f.pad {
					t.Errorf("%g to %g, %d images: a text from %d to %d in a figure of %d", ends[0], ends[1], n, text[0]+f.pad, text[1]+f.pad, f.width+2*f.pad)
				}
			}
		}
	}
}

// Where the last row of images is not full, all images of the row above have the label of the axis below them, so that the gaps
// are alike.
func TestEvenGaps(t *testing.T) {
	for n, want := range map[int]int{1: 1, 3: 3, 4: 2, 5: 5, 6: 3, 7: 7} {
		p := &Panel{Title: "Title", X: Pixels("column (pixel)", 0, 40), Y: Pixels("row (pixel)", 0, 40), Scales: []Scale{{"value (unit)", imageio.Linear(0, 1)}}}
		for i := range n {
			p.Images = append(p.Images, Image{Title: fmt.Sprint("image ", i), Frame: gradient(40, 40)})
		}
		path := filepath.Join(t.TempDir(), "p")
		if err := p.Write(path, SVG); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(strings.Join(shown(t, path+".svg"), "|"), "column (pixel)"); got != want {
			t.Errorf("%d images: %d labels of the columns, want %d", n, got, want)
		}
	}
}

// The bar of a colour image shows red, green and blue, not grey.
func TestBarOfColours(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p")
	p := colourPanel()
	p.Images[0].Frame = &imageio.Frame{Channels: 3, Rows: 1, Cols: 1, Data: []float64{0, 0, 0}}
	if err := p.Write(path); err != nil {
		t.Fatal(err)
	}
	for _, shade := range []color.RGBA{{250, 0, 0, 255}, {0, 250, 0, 255}, {0, 0, 250, 255}} {
		if n, _, _ := count(t, read(t, path+".png"), shade); n < 50 {
			t.Errorf("%d dots of %v in the bar", n, shade)
		}
	}
}
