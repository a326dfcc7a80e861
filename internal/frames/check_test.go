package frames

import (
	"bytes"
	"image"
	"image/jpeg"
	"strings"
	"testing"

	"tessera/internal/config"
	"tessera/internal/jobs/jobtest"
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

// A plane with a value that it cannot have is blamed on the key that names it.
func TestCheckNamesTheKeyOfAPlane(t *testing.T) {
	dir := t.TempDir()
	frame := jobtest.WriteNpy(t, dir, "frame.npy", []float64{1, 2, 3, 4, 5, 6}, 2, 3)
	bad := jobtest.WriteNpy(t, dir, "bad.npy", []float64{1, 1, 1, 1, -2, 1}, 2, 3)
	for key, s := range map[string]*ImageSection{
		"image.sigma":    {Path: frame, Sigma: bad, Planes: PlanesAuto},
		"image.weights":  {Path: frame, Weights: bad, Planes: PlanesAuto},
		"image.variance": {Path: frame, Variance: bad, Planes: PlanesAuto},
	} {
		if said := checked(t, s); !strings.HasPrefix(said, "a.toml: "+key+": ") || !strings.Contains(said, "bad.npy: ") || !strings.Contains(said, "-2 at row 1, column 1") {
			t.Errorf("%s: %q", key, said)
		}
	}
}
