package imageio

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"runtime"
	"strings"
	"testing"
)

func pngBytes(t testing.TB, img image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// claim rewrites the size in a PNG's header, checksum included.
func claim(file []byte, rows, cols uint32) []byte {
	file = bytes.Clone(file)
	binary.BigEndian.PutUint32(file[16:], cols)
	binary.BigEndian.PutUint32(file[20:], rows)
	binary.BigEndian.PutUint32(file[29:], crc32.ChecksumIEEE(file[12:29]))
	return file
}

func TestPictureTypes(t *testing.T) {
	nan := math.NaN()
	box := image.Rect(0, 0, 2, 1)
	grey := image.NewGray(box)
	grey.Pix = []byte{51, 255}
	grey16 := image.NewGray16(box)
	grey16.SetGray16(0, 0, color.Gray16{Y: 257})
	grey16.SetGray16(1, 0, color.Gray16{Y: 65535})
	rgb := image.NewRGBA(box)
	rgb.SetRGBA(0, 0, color.RGBA{51, 102, 153, 255})
	rgb.SetRGBA(1, 0, color.RGBA{255, 0, 204, 255})
	rgb16 := image.NewRGBA64(box)
	rgb16.SetRGBA64(0, 0, color.RGBA64{257, 514, 771, 65535})
	rgb16.SetRGBA64(1, 0, color.RGBA64{65535, 0, 1, 65535})
	alpha := image.NewNRGBA(box)
	alpha.SetNRGBA(0, 0, color.NRGBA{51, 102, 153, 0})
	alpha.SetNRGBA(1, 0, color.NRGBA{51, 102, 153, 1})
	alpha16 := image.NewNRGBA64(box)
	alpha16.SetNRGBA64(0, 0, color.NRGBA64{257, 514, 771, 0})
	alpha16.SetNRGBA64(1, 0, color.NRGBA64{257, 514, 65535, 65535})
	colours := color.Palette{color.RGBA{255, 0, 51, 255}, color.RGBA{0, 255, 0, 255}}
	greys := color.Palette{color.Gray{255}, color.Gray{51}}
	paletted := func(p color.Palette) image.Image {
		img := image.NewPaletted(box, p)
		img.Pix = []byte{1, 0}
		return img
	}
	for _, c := range []struct {
		name, typ string
		img       image.Image
		channels  int
		want      []float64
	}{
		{"grey", "uint8", grey, 1, []float64{0.2, 1}},
		{"grey 16", "uint16", grey16, 1, []float64{257.0 / 65535, 1}},
		{"colour", "uint8", rgb, 3, []float64{0.2, 1, 0.4, 0, 0.6, 0.8}},
		{"colour 16", "uint16", rgb16, 3, []float64{257.0 / 65535, 1, 514.0 / 65535, 0, 771.0 / 65535, 1.0 / 65535}},
		{"alpha", "uint8", alpha, 3, []float64{nan, 0.2, nan, 0.4, nan, 0.6}},
		{"alpha 16", "uint16", alpha16, 3, []float64{nan, 257.0 / 65535, nan, 514.0 / 65535, nan, 1}},
		{"palette", "uint8", paletted(colours), 3, []float64{0, 1, 1, 0, 0, 0.2}},
		{"grey palette", "uint8", paletted(greys), 1, []float64{0.2, 1}},
	} {
		f, err := ReadFrame(save(t, "a.png", pngBytes(t, c.img)))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if f.Channels != c.channels || f.Rows != 1 || f.Cols != 2 || f.Type != c.typ || !same(f.Data, c.want) {
			t.Errorf("%s: %s, %d x %d x %d, %v; want %v", c.name, f.Type, f.Channels, f.Rows, f.Cols, f.Data, c.want)
		}
	}
}

func TestJPEG(t *testing.T) {
	flat := image.NewRGBA(image.Rect(0, 0, 16, 8))
	for i := 0; i < len(flat.Pix); i += 4 {
		copy(flat.Pix[i:], []byte{200, 100, 50, 255})
	}
	grey := image.NewGray(image.Rect(0, 0, 16, 8))
	for i := range grey.Pix {
		grey.Pix[i] = 128
	}
	for _, c := range []struct {
		img  image.Image
		want []float64
	}{{flat, []float64{200, 100, 50}}, {grey, []float64{128}}} {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, c.img, &jpeg.Options{Quality: 100}); err != nil {
			t.Fatal(err)
		}
		f, err := ReadFrame(save(t, "a.jpg", b.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if f.Format != "jpeg" || f.Channels != len(c.want) || f.Rows != 8 || f.Cols != 16 {
			t.Fatalf("%s %d x %d x %d", f.Format, f.Channels, f.Rows, f.Cols)
		}
		for i, v := range f.Data {
			if want := c.want[i/128] / 255; math.Abs(v-want) > 3.0/255 {
				t.Fatalf("value %d = %v, want %v", i, v, want)
			}
		}
	}
}

func TestPictureErrors(t *testing.T) {
	small := pngBytes(t, image.NewGray(image.Rect(0, 0, 4, 4)))
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 16, 16)), nil); err != nil {
		t.Fatal(err)
	}
	huge := bytes.Clone(b.Bytes())
	at := bytes.Index(huge, []byte{0xff, 0xc0}) // start of frame: length, depth, rows, columns
	copy(huge[at+5:], []byte{0xff, 0xff, 0xff, 0xff})
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"png, huge", claim(small, 30000, 30000), "png of 30000 rows x 30000 columns in a file of"},
		{"png, absurd", claim(small, 1<<31-1, 1<<31-1), "png"},
		{"png, cut", small[:20], "png: truncated header"},
		{"png, cut later", small[:50], "png: "},
		{"png, magic alone", []byte(pngMagic), "png: "},
		{"jpeg, huge", huge, "jpeg of 65535 rows x 65535 columns in a file of"},
		{"jpeg, cut", b.Bytes()[:b.Len()/2], "jpeg: "},
		{"jpeg, magic alone", []byte("\xff\xd8\xff"), "jpeg: "},
	} {
		path := save(t, "bad.png", c.file)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := ReadFrame(path)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "bad.png") {
			t.Errorf("%s: %v, want %q and the file name", c.name, err, c.want)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
			t.Errorf("%s: %d bytes were allocated for a bad file", c.name, took)
		}
	}
	// As small as deflate makes it, and still read.
	if _, err := ReadFrame(save(t, "black.png", pngBytes(t, image.NewGray(image.Rect(0, 0, 3000, 3000))))); err != nil {
		t.Error(err)
	}
}

func FuzzPNG(f *testing.F) {
	f.Add(pngBytes(f, image.NewGray(image.Rect(0, 0, 3, 2))))
	f.Add(pngBytes(f, image.NewNRGBA64(image.Rect(0, 0, 2, 2))))
	f.Add(pngBytes(f, image.NewPaletted(image.Rect(0, 0, 2, 2), color.Palette{color.Black, color.White})))
	f.Add(claim(pngBytes(f, image.NewGray(image.Rect(0, 0, 4, 4))), 1<<20, 1<<20))
	var b bytes.Buffer
	jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 9, 9)), nil)
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, file []byte) {
		if s, err := newSource(bytes.NewReader(file), int64(len(file)), ""); err == nil {
			if n := s.Rows * s.Cols; n > 8*1032*(len(file)+1) {
				t.Fatalf("%d pixels in %d bytes", n, len(file))
			}
		}
		readAll(t, file)
	})
}
