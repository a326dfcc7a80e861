package frames

import (
	"bytes"
	"image"
	"image/jpeg"
	"testing"

	"tessera/internal/config"
)

// checked is what a check says of a section, "" if nothing.
func checked(t *testing.T, s *ImageSection) string {
	t.Helper()
	f, err := config.Parse("a.toml", []byte("job = \"a\"\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	src := &Source{Image: s, Simulate: &SimulateSection{}}
	src.CheckFiles(f)
	if err := f.Err(); err != nil {
		return err.Error()
	}
	return ""
}

// jpegFile is a picture of 4 x 6 pixels.
func jpegFile(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	img := image.NewGray(image.Rect(0, 0, 6, 4))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
