package report

import (
	"flag"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"tessera/internal/imageio"
)

var update = flag.Bool("update", false, "write the golden images of this package anew")

// colourPanel has what examplePanel has not: one image alone, in colour, with row 0 at the bottom, an
// enlarged middle, and an axis that falls.
func colourPanel() *Panel {
	f := &imageio.Frame{Channels: 3, Rows: 40, Cols: 60}
	for c := range 3 {
		for i := range 40 * 60 {
			f.Data = append(f.Data, float64((i/60*(c+1)+i%60)%64)/63)
		}
	}
	return &Panel{
		Title: "Colours", Notes: []string{"Row 0 is at the bottom."}, Lower: true,
		X: Axis{"right ascension (deg)", 10.5, 10.2}, Y: Axis{"declination (deg)", -0.1, 0.1},
		Images: []Image{{Frame: f, Inset: 3}}, Scales: []Scale{{"intensity (1 = white)", imageio.Linear(0, 1)}},
	}
}

// reduced averages blocks of dots, so that a golden image is small and the rounding of a line's edge
// does not count.
func reduced(img image.Image) *image.RGBA {
	const k = 6
	box := img.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, box.Dx()/k, box.Dy()/k))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			var sum [3]uint32
			for i := range k * k {
				r, g, b, _ := img.At(x*k+i%k, y*k+i/k).RGBA()
				sum[0], sum[1], sum[2] = sum[0]+r>>8, sum[1]+g>>8, sum[2]+b>>8
			}
			out.SetRGBA(x, y, color.RGBA{uint8(sum[0] / k / k), uint8(sum[1] / k / k), uint8(sum[2] / k / k), 255})
		}
	}
	return out
}

// The figures look as they did when someone last looked at them: testdata has each at a sixth of
// its size. Where a change is meant, look at the new figures and run the test with -update.
func TestGolden(t *testing.T) {
	dir := t.TempDir()
	for name, write := range map[string]func(path string, formats ...string) error{
		"panel": examplePanel().Write, "colour": colourPanel().Write, "mosaic": exampleMosaic().Write, "plot": example().Write,
	} {
		path := filepath.Join(dir, name)
		if err := write(path); err != nil {
			t.Fatal(err)
		}
		got := reduced(decode(t, path+".png"))
		golden := filepath.Join("testdata", name+".png")
		if *update {
			file, err := os.Create(golden)
			if err != nil {
				t.Fatal(err)
			}
			if err := png.Encode(file, got); err != nil {
				t.Fatal(err)
			}
			file.Close()
			continue
		}
		want := decode(t, golden)
		if got.Bounds() != want.Bounds() {
			t.Errorf("%s has %v blocks, the golden image %v", name, got.Bounds(), want.Bounds())
			continue
		}
		sum, far := 0, 0
		for y := range got.Rect.Dy() {
			for x := range got.Rect.Dx() {
				a, b := got.RGBAAt(x, y), color.RGBAModel.Convert(want.At(x, y)).(color.RGBA)
				most := 0
				for k, v := range [3]uint8{a.R, a.G, a.B} {
					most = max(most, int(max(v, [3]uint8{b.R, b.G, b.B}[k])-min(v, [3]uint8{b.R, b.G, b.B}[k])))
				}
				sum += most
				if most > 24 {
					far++
				}
			}
		}
		if n := got.Rect.Dx() * got.Rect.Dy(); float64(sum) > 0.5*float64(n) || far > n/1000 {
			t.Errorf("%s differs from its golden image by %.2f levels on average, by more than 24 in %d of %d blocks", name, float64(sum)/float64(n), far, n)
		}
	}
}
