package imageio

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"
)

// exifData is an Exif structure with an orientation.
func exifData(order binary.AppendByteOrder, way int) []byte {
	head := "II*\x00"
	if order == binary.AppendByteOrder(binary.BigEndian) {
		head = "MM\x00*"
	}
	b := order.AppendUint32([]byte(head), 8)
	b = order.AppendUint16(b, 1)
	b = order.AppendUint16(b, tagOrientation)
	b = order.AppendUint16(b, 3)
	b = order.AppendUint32(b, 1)
	b = order.AppendUint16(b, uint16(way))
	b = order.AppendUint16(b, 0)
	return order.AppendUint32(b, 0)
}

// The corner that is brightest in the picture as it is stored, with 0 = top left,
// 1 = top right, 2 = bottom left, 3 = bottom right, comes to this corner of the upright picture
// by orientation 1 to 8. Source: Exif 2.3, 4.6.4: where row 0 and column 0 are seen.
var corners = [9][4]int{
	1: {0, 1, 2, 3}, 2: {1, 0, 3, 2}, 3: {3, 2, 1, 0}, 4: {2, 3, 0, 1},
	5: {0, 2, 1, 3}, 6: {1, 3, 0, 2}, 7: {3, 1, 2, 0}, 8: {2, 0, 3, 1},
}

// Pictures of every format stand upright, and a box is a cut of the upright picture.
func TestOrientation(t *testing.T) {
	const rows, cols = 24, 40 // whole blocks of JPEG
	for way := 1; way <= 8; way++ {
		for corner := range 4 {
			img := image.NewGray(image.Rect(0, 0, cols, rows))
			for i := range img.Pix {
				img.Pix[i] = 20
			}
			y0, x0 := corner/2*(rows-8), corner%2*(cols-8)
			for y := range 8 {
				for x := range 8 {
					img.SetGray(x0+x, y0+y, color.Gray{240})
				}
			}
			for name, file := range map[string][]byte{
				"jpeg": jpegWithExif(t, img, way), "png": pngWithExif(t, img, way), "tiff": tiffFile(binary.BigEndian, rows, cols, 1, 8, 1, img.Pix, way),
			} {
				path := save(t, "a."+name, file)
				f, err := ReadFrame(path)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				wantRows, wantCols := rows, cols
				if way >= 5 {
					wantRows, wantCols = cols, rows
				}
				if f.Rows != wantRows || f.Cols != wantCols {
					t.Fatalf("%s, orientation %d: %d x %d, want %d x %d", name, way, f.Rows, f.Cols, wantRows, wantCols)
				}
				at := corners[way][corner]
				for k := range 4 {
					v := f.Data[(2+k/2*(f.Rows-5))*f.Cols+2+k%2*(f.Cols-5)]
					if (v > 0.5) != (k == at) {
						t.Errorf("%s, orientation %d: corner %d is %.2f; corner %d of the file belongs at %d", name, way, k, v, corner, at)
					}
				}
				b := Box{R0: 3, R1: f.Rows - 2, C0: 1, C1: f.Cols - 4}
				cut, err := ReadBox(path, b)
				if err != nil {
					t.Fatal(err)
				}
				for i, v := range cut.Data {
					if w := b.C1 - b.C0; v != f.Data[(b.R0+i/w)*f.Cols+b.C0+i%w] {
						t.Fatalf("%s, orientation %d: a box is not a cut of the whole", name, way)
					}
				}
			}
		}
	}
}

func jpegWithExif(t *testing.T, img image.Image, way int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	data := append([]byte(exifHead), exifData(binary.LittleEndian, way)...)
	segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(data)+2))
	return append(append(append([]byte{0xff, 0xd8}, segment...), data...), b.Bytes()[2:]...)
}

func pngWithExif(t *testing.T, img image.Image, way int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	data := exifData(binary.BigEndian, way)
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	chunk = append(append(chunk, "eXIf"...), data...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	file := b.Bytes()
	end := len(file) - 12 // the chunk IEND
	return append(append(append([]byte{}, file[:end]...), chunk...), file[end:]...)
}

// Data that only look like Exif say nothing.
func FuzzOrientation(f *testing.F) {
	f.Add(exifData(binary.LittleEndian, 6))
	f.Add(exifData(binary.BigEndian, 3))
	f.Fuzz(func(t *testing.T, data []byte) {
		if o := exifOrientation(data); o < 1 || o > 8 {
			t.Fatalf("orientation %d", o)
		}
		r := bytes.NewReader(append([]byte(jpegMagic), data...))
		jpegOrientation(r)
		pngOrientation(bytes.NewReader(append([]byte(pngMagic), data...)), int64(len(data)+8))
	})
}
