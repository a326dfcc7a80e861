package imageio

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"strings"
	"testing"
)

// What is wrong with a damaged picture is said, not that it is no table.
func TestInfoOfDamagedPictures(t *testing.T) {
	var small bytes.Buffer
	if err := jpeg.Encode(&small, image.NewGray(image.Rect(0, 0, 64, 64)), nil); err != nil {
		t.Fatal(err)
	}
	tiff := tiffFile(binary.LittleEndian, 16, 16, 1, 8, 1, make([]byte, 256), 0)
	for name, file := range map[string][]byte{"png": pngBytes(t, image.NewGray(image.Rect(0, 0, 64, 64))), "jpeg": small.Bytes(), "tiff": tiff} {
		for _, left := range []int{len(file) / 2, 20} {
			_, err := Info(save(t, "cut", file[:left]))
			if err == nil || strings.Contains(err.Error(), "table") || !strings.Contains(err.Error(), name+": ") {
				t.Errorf("%s, cut after %d of %d bytes: %v", name, left, len(file), err)
			}
		}
	}
}
