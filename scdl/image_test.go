package scdl

import (
	"math"
	"os"
	"slices"
	"testing"

	"tessera/internal/imageio"
	"tessera/internal/simulate"
)

// greyImage reads a picture's luminance; nil where it is not.
func greyImage(t testing.TB, name string) *Image {
	t.Helper()
	if _, err := os.Stat(data + name); err != nil {
		return nil
	}
	f, err := imageio.ReadFrame(data + name)
	if err != nil {
		t.Fatal(err)
	}
	x := &Image{Rows: f.Rows, Cols: f.Cols, Data: make([]float64, f.Rows*f.Cols)}
	n := len(x.Data)
	for i := range n {
		x.Data[i] = f.Data[i]
		if f.Channels == 3 {
			x.Data[i] = 0.299*f.Data[i] + 0.587*f.Data[n+i] + 0.114*f.Data[2*n+i]
		}
	}
	return x
}

func crop(x *Image, rows, cols int) *Image {
	y := &Image{Rows: rows, Cols: cols}
	for i := range rows {
		y.Data = append(y.Data, x.Data[i*x.Cols:i*x.Cols+cols]...)
	}
	return y
}

// madeUp is a deep-sky frame with texture in it.
func madeUp(seed uint64, side int) *Image {
	scene := simulate.Sky(simulate.SkyOptions{Seed: seed, Rows: side, Cols: side, Channels: 1, Galaxies: 60})
	x := &Image{Rows: side, Cols: side, Data: scene.Render(simulate.Box{R1: side, C1: side})}
	for i, v := range x.Data {
		r, c := float64(i/side), float64(i%side)
		x.Data[i] = min(1, math.Sqrt(max(v, 0))) + 0.1*math.Sin(r/3+c/7)*math.Sin(c/2.5)
	}
	return x
}

func TestBicubic(t *testing.T) {
	g := Grid{Scale: 2, Patch: 5, Blur: 0}
	// A parabola is reproduced away from the borders, samples everywhere.
	y := &Image{Rows: 12, Cols: 10, Data: make([]float64, 120)}
	for i := range y.Data {
		r, c := float64(i/10), float64(i%10)
		y.Data[i] = 1 + 0.5*r - 0.25*c + 0.1*r*r
	}
	x := g.Bicubic(y, 24, 20)
	for i := 2; i < 20; i++ {
		for j := 2; j < 16; j++ {
			r, c := float64(i)/2, float64(j)/2
			if want := 1 + 0.5*r - 0.25*c + 0.1*r*r; math.Abs(x.Data[i*20+j]-want) > 1e-12 {
				t.Fatalf("pixel %d, %d: %g, want %g", i, j, x.Data[i*20+j], want)
			}
		}
	}
	if d := g.Degrade(x); !slices.EqualFunc(d.Data, y.Data, func(a, b float64) bool { return math.Abs(a-b) < 1e-12 }) {
		t.Error("bicubic does not pass through the low pixels")
	}
}

func TestSSIM(t *testing.T) {
	a := madeUp(1, 40)
	if s := SSIM(a, a); math.Abs(s-1) > 1e-12 {
		t.Errorf("an image and itself: %g", s)
	}
	b := &Image{Rows: 40, Cols: 40, Data: slices.Clone(a.Data)}
	for i := range b.Data {
		b.Data[i] += 0.2 * float64(i%2)
	}
	if s := SSIM(a, b); s > 0.8 || s < 0 {
		t.Errorf("stripes: %g", s)
	}
}

// superResolve learns from some images and upscales what is seen of another.
func superResolve(t *testing.T, train []*Image, truth *Image, ranks int) (learned, bicubic [2]float64) {
	t.Helper()
	g := Grid{Scale: 2, Patch: 5, Blur: 0.8}
	s := &Samples{Total: 3000}
	if err := g.Pairs(train, 1, 0, s.Total, s); err != nil {
		t.Fatal(err)
	}
	r := learn(t, ranks, s, Options{Atoms: 128, Iterations: 20, Seed: 1})
	y := g.Degrade(truth)
	predict := func(low []float64) ([]float64, error) { return r.Infer(low, Code{Method: "ridge", Lambda: 1e-3}) }
	whole, err := g.Predict(y, truth.Cols, 0, truth.Rows, predict)
	if err != nil {
		t.Fatal(err)
	}
	// In parts: the same to the last bit.
	var parts []float64
	for _, cut := range [][2]int{{0, 7}, {7, truth.Rows / 2}, {truth.Rows / 2, truth.Rows}} {
		p, err := g.Predict(y, truth.Cols, cut[0], cut[1], predict)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, p...)
	}
	if !slices.Equal(parts, whole) {
		t.Error("rows depend on what else is asked for")
	}
	x := &Image{Rows: truth.Rows, Cols: truth.Cols, Data: whole}
	before := g.BackProject(x, y, 0)
	after := g.BackProject(x, y, 10)
	if after > before {
		t.Errorf("back-projection moves away from what was seen: %g to %g", before, after)
	}
	b := g.Bicubic(y, truth.Rows, truth.Cols)
	return [2]float64{psnr(x.Data, truth.Data), SSIM(x, truth)}, [2]float64{psnr(b.Data, truth.Data), SSIM(b, truth)}
}

func TestSuperResolution(t *testing.T) {
	learned, bicubic := superResolve(t, []*Image{madeUp(1, 160), madeUp(2, 160)}, madeUp(3, 120), 2)
	t.Logf("made up: %.2f dB, SSIM %.4f; bicubic %.2f dB, %.4f", learned[0], learned[1], bicubic[0], bicubic[1])
	if learned[0] < bicubic[0]+0.5 || learned[1] < bicubic[1] {
		t.Errorf("made up: %v, bicubic %v", learned, bicubic)
	}
	train := []*Image{greyImage(t, "astronaut.png"), greyImage(t, "coffee.png"), greyImage(t, "brick.png"), greyImage(t, "chelsea.png")}
	for _, name := range []string{"cell.png", "moon.png", "hubble-deep-field.jpg"} {
		x := greyImage(t, name)
		if x == nil || slices.Contains(train, nil) {
			t.Logf("%s is not there", name)
			continue
		}
		learned, bicubic := superResolve(t, train, crop(x, min(x.Rows, 256), min(x.Cols, 256)), 2)
		t.Logf("%s: %.2f dB, SSIM %.4f; bicubic %.2f dB, %.4f", name, learned[0], learned[1], bicubic[0], bicubic[1])
		if learned[0] <= bicubic[0] || learned[1] <= bicubic[1] {
			t.Errorf("%s: %v, bicubic %v", name, learned, bicubic)
		}
	}
}

func TestPairs(t *testing.T) {
	g := Grid{Scale: 3, Patch: 5, Blur: 1}
	if g.High() != 13 || g.Check() != nil || (Grid{Scale: 5, Patch: 5}).Check() == nil || (Grid{Scale: 2, Patch: 4}).Check() == nil {
		t.Error("sizes of patches")
	}
	images := []*Image{madeUp(1, 60), madeUp(2, 50)}
	var all, part Samples
	if err := g.Pairs(images, 7, 0, 40, &all); err != nil {
		t.Fatal(err)
	}
	if err := g.Pairs(images, 7, 20, 40, &part); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(all.High[20*all.P:], part.High) || !slices.Equal(all.Low[20*all.M:], part.Low) {
		t.Error("a patch depends on who draws it")
	}
	if err := g.Pairs([]*Image{madeUp(1, 12)}, 7, 0, 1, &part); err == nil {
		t.Error("patches from an image that is too small")
	}
}
