package report

import (
	"bytes"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"tessera/internal/imageio"
)

// The picture has marks at every whisker and a stamp at every place, and the same field gives the same bytes.
func TestPSFField(t *testing.T) {
	frame := &imageio.Frame{Channels: 1, Rows: 9, Cols: 9, Data: make([]float64, 81)}
	for i := range frame.Data {
		frame.Data[i] = math.Exp(-0.2 * float64((i/9-4)*(i/9-4)+(i%9-4)*(i%9-4)))
	}
	field := func(count int, e float64) *PSFField {
		p := &PSFField{Title: "model.fits"}
		for i := range count {
			var row []Stamp
			for j := range count {
				p.Whiskers = append(p.Whiskers, Whisker{Row: float64(100 * i), Col: float64(100 * j), FWHM: 3, Ellipticity: e, Angle: float64(i)})
				row = append(row, Stamp{Row: float64(100 * i), Col: float64(100 * j), Frame: frame})
			}
			p.Stamps = append(p.Stamps, row)
		}
		return p
	}
	drawn := func(p *PSFField) []byte {
		path := filepath.Join(t.TempDir(), "field.png")
		if err := p.Write(path); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	ink := func(data []byte) (left, right int) { // blue of the whiskers, and light of the stamps
		img, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		b := img.Bounds()
		if b.Dx() != 2*fieldSide || b.Dy() != fieldSide {
			t.Errorf("a picture of %v, want %d x %d", b, 2*fieldSide, fieldSide)
		}
		for y := range b.Dy() {
			for x := range b.Dx() {
				r, g, bl, _ := img.At(x, y).RGBA()
				if x < fieldSide && bl > r+0x4000 && bl > g {
					left++
				}
				if x > fieldSide && r < 0x4000 && g < 0x4000 && bl < 0x4000 {
					right++
				}
			}
		}
		return left, right
	}
	three := drawn(field(3, 0.3))
	if !bytes.Equal(three, drawn(field(3, 0.3))) {
		t.Error("the same field gives different pictures")
	}
	long, dark := ink(three)
	short, _ := ink(drawn(field(3, 0)))
	_, one := ink(drawn(field(1, math.NaN())))
	if long < 3*short || short == 0 || dark < 1000 || one < 1000 {
		t.Errorf("whiskers of %d pixels, points of %d, stamps with %d and %d dark pixels", long, short, dark, one)
	}
	if err := new(PSFField).Write(filepath.Join(t.TempDir(), "none.png")); err == nil {
		t.Error("a field without places is drawn")
	}
}

// Values below 0 are seen in a stamp, and a PSF without any is grey.
func TestNegativeStamp(t *testing.T) {
	for depth, want := range map[float64]bool{0: false, 0.001: true, 0.05: true} {
		s := Stamp{Frame: &imageio.Frame{Channels: 1, Rows: 9, Cols: 9, Data: make([]float64, 81)}}
		for i := range s.Frame.Data {
			s.Frame.Data[i] = math.Exp(-float64((i/9-4)*(i/9-4) + (i%9-4)*(i%9-4)))
		}
		s.Frame.Data[2*9+7] = -depth // row 2 from below
		pic := s.drawn().picture(4)
		if b := pic.Bounds(); b.Dx() != 36 || b.Dy() != 36 {
			t.Fatalf("a picture of %v", b)
		}
		for y := range 36 {
			for x := range 36 {
				c := pic.RGBAAt(x, y)
				at := y/4 == 6 && x/4 == 7
				if blue := int(c.B) > int(c.R)+5; blue != (want && at) {
					t.Fatalf("depth %g, dot (%d, %d): %v", depth, x, y, c)
				}
			}
		}
	}
}

// No whisker of any direction crosses its number, and the number stays near.
func TestNumbersBesideWhiskers(t *testing.T) {
	for k := range 360 {
		w := Whisker{Ellipticity: 0.2, Angle: float64(k) * math.Pi / 180}
		p := beside(w)
		// Distance of the corners of the number from the line, with its sign: all on one side.
		least, most := math.Inf(1), math.Inf(-1)
		for i := range 4 {
			x, y := float64(p.X)+halfNumber*float64(2*(i/2)-1), float64(p.Y)+halfHeight*float64(2*(i%2)-1)
			d := y*math.Cos(w.Angle) - x*math.Sin(w.Angle)
			least, most = min(least, d), max(most, d)
		}
		if least < 0 && most > 0 || min(math.Abs(least), math.Abs(most)) < fromLine-1e-9 {
			t.Errorf("at %d degrees the corners are %.2f to %.2f from the line", k, least, most)
		}
		if far := math.Hypot(float64(p.X), float64(p.Y)); far > halfNumber+halfHeight+fromLine {
			t.Errorf("at %d degrees the number is %.2f points away", k, far)
		}
	}
	if p := beside(Whisker{Ellipticity: math.NaN(), Angle: math.NaN()}); !(p.Y < 0) || p.X != 0 {
		t.Errorf("without a whisker the number is at %v, want below", p)
	}
}
