package imageio

import (
	"image"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// noisy is a frame of Gaussian noise about level.
func noisy(channels, side int, level, sigma float64) *Frame {
	r := rand.New(rand.NewPCG(1, 2))
	f := &Frame{Channels: channels, Rows: side, Cols: side, Data: make([]float64, channels*side*side)}
	for i := range f.Data {
		f.Data[i] = level + sigma*r.NormFloat64()
	}
	return f
}

func TestAsinhStretch(t *testing.T) {
	f := noisy(1, 200, 10, 0.5)
	for i := range 40 { // 0.1 % of bright pixels, and one missing
		f.Data[100*i] = 510
	}
	f.Data[7], f.Data[8] = math.NaN(), math.Inf(1)
	s := Asinh(f)
	if math.Abs(s.Black-(10-1.5*0.5)) > 0.02 || math.Abs(s.Softening-4*0.5) > 0.05 || s.White != 510 {
		t.Errorf("measured %+v; noise is 0.5 on 10, the top 510", s)
	}
	if got := s.brightness(s.White); math.Abs(got-1) > 1e-12 {
		t.Errorf("white is drawn at %v", got)
	}
	last := -1.0
	for x := 0.0; x < 600; x += 0.7 {
		v := s.brightness(x)
		if v < last || x <= s.Black && v != 0 {
			t.Fatalf("brightness(%v) = %v after %v", x, v, last)
		}
		last = v
	}
	// What stands 5 sigma above the sky is well apart from it, though it is 0.5 %
	// of the range.
	if d := s.brightness(12.5) - s.brightness(10); d < 0.1 {
		t.Errorf("5 sigma are %v of the brightness", d)
	}
}

// Frames with nothing in them still get a usable stretch.
func TestStretchOfDegenerateFrames(t *testing.T) {
	frame := func(v ...float64) *Frame { return &Frame{Channels: 1, Rows: 1, Cols: len(v), Data: v} }
	nan := math.NaN()
	for _, f := range []*Frame{
		frame(0), frame(nan), frame(3, 3, 3, 3), frame(-5, -5, nan), frame(math.Inf(1)),
		frame(0, 0, 0, 0, 1), frame(1, 1, 1, 1, 0), frame(1e-300, 2e-300), frame(0, 1),
	} {
		for name, s := range map[string]Stretch{"asinh": Asinh(f), "diverging": Diverging(f)} {
			if !(s.White > s.Black) {
				t.Errorf("%s of %v: white %v, black %v", name, f.Data, s.White, s.Black)
			}
			for _, v := range append(f.Data, s.Black, s.White, (s.Black+s.White)/2) {
				if b := s.brightness(v); math.IsNaN(b) && !math.IsInf(v, 0) {
					t.Errorf("%s of %v: brightness(%v) = %v", name, f.Data, v, b)
				}
			}
		}
	}
}

func TestAsinhKeepsHue(t *testing.T) {
	s := newAsinh(1, 101, 0.1)
	for _, k := range []float64{0.05, 1, 20, 1000} {
		r, g, b := s.Colour(1+4*k, 1+2*k, 1+k)
		for _, pair := range [][2]float64{{float64(r) / 2, float64(g)}, {float64(g) / 2, float64(b)}} {
			if math.Abs(pair[0]-pair[1]) > 1 {
				t.Errorf("4:2:1 times %v is drawn as %d:%d:%d", k, r, g, b)
			}
		}
	}
}

func TestDiverging(t *testing.T) {
	f := noisy(1, 100, 0, 2)
	s := Diverging(f)
	if s.White != -s.Black || math.Abs(s.White-10) > 0.3 {
		t.Errorf("range %v to %v for noise of 2", s.Black, s.White)
	}
	if r, g, b := s.Colour(0, 0, 0); r != 255 || g != 255 || b != 255 {
		t.Errorf("0 is drawn %d %d %d", r, g, b)
	}
	if r, _, b := s.Colour(5, 5, 5); r <= b {
		t.Error("positive is not red")
	}
	if r, _, b := s.Colour(-5, -5, -5); b <= r {
		t.Error("negative is not blue")
	}
	for _, v := range []float64{3, 10, 1e9} {
		r1, g1, b1 := s.Colour(v, v, v)
		r2, g2, b2 := s.Colour(-v, -v, -v)
		light := func(r, g, b byte) float64 { return 0.3*float64(r) + 0.6*float64(g) + 0.1*float64(b) }
		if math.Abs(light(r1, g1, b1)-light(r2, g2, b2)) > 35 {
			t.Errorf("+-%v are not of about equal lightness", v)
		}
	}
}

func decodePNG(t *testing.T, path string) image.Image {
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

func TestWritePNG(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.png")
	// A photograph survives to a grey level.
	f := &Frame{Channels: 3, Rows: 2, Cols: 2, Data: []float64{0, 0.2, 1, -1, 0.4, 0.4, 2, 0, 1, 0, 0.6, 0}}
	if err := WritePNG(path, f, Linear(0, 1)); err != nil {
		t.Fatal(err)
	}
	g, err := ReadFrame(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range g.Data {
		if want := min(max(f.Data[i], 0), 1); math.Abs(v-want) > 1e-9 {
			t.Errorf("value %d = %v, want %v", i, v, want)
		}
	}
	// One channel is a grey file; two have their mean drawn; missing is black.
	f = &Frame{Channels: 2, Rows: 1, Cols: 3, Data: []float64{0.2, 1, math.NaN(), 0.6, 1, 1}}
	if err := WritePNG(path, f, Linear(0, 1)); err != nil {
		t.Fatal(err)
	}
	img, ok := decodePNG(t, path).(*image.Gray)
	if !ok || img.Pix[0] != 102 || img.Pix[1] != 255 || img.Pix[2] != 0 {
		t.Errorf("two channels: %v", img)
	}
	f = &Frame{Channels: 1, Rows: 1, Cols: 2, Data: []float64{math.NaN(), 0}}
	if err := WritePNG(path, f, Diverging(f)); err != nil {
		t.Fatal(err)
	}
	pic := decodePNG(t, path)
	if r, _, _, _ := pic.At(0, 0).RGBA(); r>>8 != 200 {
		t.Errorf("a missing residual is drawn %d", r>>8)
	}
	if r, g, b, _ := pic.At(1, 0).RGBA(); r&g&b != 0xffff {
		t.Error("no residual is not white")
	}
	if err := WritePNG(path, &Frame{Channels: 1, Rows: 2, Cols: 2}, Linear(0, 1)); err == nil || !strings.Contains(err.Error(), "a.png") {
		t.Errorf("a frame without data: %v", err)
	}
}

func TestInfo(t *testing.T) {
	for _, c := range []struct {
		name string
		file []byte
		want []string
	}{
		{"a.npy", npyBytes("|u1", true, []int{2, 1, 2, 1}, []byte{1, 2, 3, 10}), []string{"npy, uint8 (|u1), column-major", "(2, 1, 2, 1)", "1 to 10, median 2.5, mean 4"}},
		{"a.npy", npyBytes("<f4", false, []int{0}, nil), []string{"float32", "(0,)"}},
		{"a.npy", npyBytes("<f2", false, []int{3}, []byte{0, 0x7e, 0, 0x7c, 0, 0x3c}), []string{"1 to 1", "1 of 3 (NaN)", "infinite  1 of 3"}},
		{"a.fits", fitsBytes(cards(16, []int{2, 3}, "BLANK   = 4", "OBJECT  = 'M 51'"), []int16{1, 2, 3, 4, 5, 6}),
			[]string{"fits, int16", "1 channels x 3 rows x 2 columns", "1 to 6, median 3", "1 of 6 (NaN)", "[0]", "M 51"}},
		{"a.fits", fitsBytes(cards(8, []int{4}), []uint8{3, 1, 4, 1}), []string{"fits, uint8", "(4,)", "1 to 4, median 2", "as a table  none: an array of one axis"}},
		{"a.npz", npzOf(t, "a.npy", npyBytes("<f8", false, []int{2, 2}, make([]byte, 32)), "b.npy", column(1, 2)), []string{"npz, 2 arrays", "as in FILE.npz[a]"}},
		{"a.npz", npzOf(t, "a.npy", npyBytes("<f8", false, []int{3, 2, 2}, make([]byte, 96))), []string{"npz, 1 arrays", "as a stack  3 stamps of 2 rows x 2 columns"}},
		{"a.png", pngBytes(t, image.NewGray(image.Rect(0, 0, 4, 3))), []string{"png, uint8", "1 channels x 3 rows x 4 columns", "0 to 0"}},
	} {
		got, err := Info(save(t, c.name, c.file))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		for _, w := range c.want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: no %q in\n%s", c.name, w, got)
			}
		}
	}
	if _, err := Info(save(t, "a.png", []byte("text"))); err == nil || !strings.Contains(err.Error(), "a.png") {
		t.Errorf("Info of text: %v", err)
	}
	// Larger than the sample and than one block of rows.
	big := &Frame{Channels: 1, Rows: 1500, Cols: 1500, Data: make([]float64, 1500*1500)}
	for i := range big.Data {
		big.Data[i] = float64(i)
	}
	path := filepath.Join(t.TempDir(), "big.fits")
	if err := WriteFITS(path, big); err != nil {
		t.Fatal(err)
	}
	if got, err := Info(path); err != nil || !strings.Contains(got, "0 to 2.25e+06, median about 1.125e+06, mean 1.125e+06") {
		t.Errorf("%v\n%s", err, got)
	}
}

// Position and At are inverse, and agree with the colours: black and white are at 0 and 1.
func TestPosition(t *testing.T) {
	for _, s := range []Stretch{Linear(-2, 5), Symmetric(3), Asinh(noisy(1, 30, 10, 2))} {
		if s.Position(s.Black) != 0 || math.Abs(s.Position(s.White)-1) > 1e-12 || !strings.Contains(s.Describe(), "scale") {
			t.Errorf("%s: black at %g, white at %g", s.Describe(), s.Position(s.Black), s.Position(s.White))
		}
		for _, p := range []float64{0, 0.1, 0.5, 0.9, 1} {
			v := s.At(p)
			if math.Abs(s.Position(v)-p) > 1e-12 {
				t.Errorf("%s: %g is at %g, want %g", s.Describe(), v, s.Position(v), p)
			}
			if r, _, _ := s.Colour(v, v, v); !s.Signed() && math.Abs(float64(r)-255*p) > 0.51 {
				t.Errorf("%s: the colour at %g is %d", s.Describe(), p, r)
			}
		}
	}
}

func TestFlipped(t *testing.T) {
	f := &Frame{Channels: 2, Rows: 2, Cols: 2, Data: []float64{1, 2, 3, 4, 5, 6, 7, 8}}
	if got := f.Flipped(); !same(got.Data, []float64{3, 4, 1, 2, 7, 8, 5, 6}) || got.Rows != 2 {
		t.Errorf("%v", got.Data)
	}
}
