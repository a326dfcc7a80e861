package jobs

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"strings"
	"testing"

	"tessera/internal/imageio"
)

// fitsUnit is a header-data unit of a FITS file: cards and data.
func fitsUnit(first string, cards []string, data []byte) []byte {
	var h strings.Builder
	for _, c := range append([]string{first}, append(cards, "END")...) {
		fmt.Fprintf(&h, "%-80s", c)
	}
	h.WriteString(strings.Repeat(" ", (2880-h.Len()%2880)%2880))
	return append(append([]byte(h.String()), data...), make([]byte, (2880-len(data)%2880)%2880)...)
}

func axisCards(bitpix int, axes ...int) []string {
	cards := []string{fmt.Sprintf("BITPIX  = %d", bitpix), fmt.Sprintf("NAXIS   = %d", len(axes))}
	for i, n := range axes {
		cards = append(cards, fmt.Sprintf("NAXIS%-3d= %d", i+1, n))
	}
	return cards
}

const (
	fitsPrimary   = "SIMPLE  = T"
	fitsImage     = "XTENSION= 'IMAGE   '"
	fitsBinTable  = "XTENSION= 'BINTABLE'"
	fitsTableEnds = "GCOUNT  = 1"
)

// emptyPrimary is a primary unit without data.
func emptyPrimary() []byte { return fitsUnit(fitsPrimary, axisCards(8), nil) }

// bigEndian are numbers as FITS has them.
func bigEndian(data []float64) []byte {
	b, err := binary.Append(nil, binary.BigEndian, data)
	if err != nil {
		panic(err)
	}
	return b
}

// inExtension is a FITS file with an image in an extension, behind an empty primary unit.
func inExtension(name string, data []float64, axes ...int) []byte {
	cards := append(axisCards(-64, axes...), "PCOUNT  = 0", fitsTableEnds, fmt.Sprintf("EXTNAME = '%s'", name))
	return append(emptyPrimary(), fitsUnit(fitsImage, cards, bigEndian(data))...)
}

// scaled are whole numbers of 16 bits that stand for themselves times scale.
func scaled(whole []int, scale string, axes ...int) []byte {
	var b []byte
	for _, v := range whole {
		b = binary.BigEndian.AppendUint16(b, uint16(v))
	}
	return fitsUnit(fitsPrimary, append(axisCards(16, axes...), "BSCALE  = "+scale, "BZERO   = 0.0"), b)
}

// inTiles is a FITS file whose rows are compressed one by one, without loss (GZIP_1).
func inTiles(data []float64, axes ...int) []byte {
	var table, heap []byte
	for at := 0; at < len(data); at += axes[0] {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(bigEndian(data[at : at+axes[0]]))
		z.Close()
		table = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(table, uint32(b.Len())), uint32(len(heap)))
		heap = append(heap, b.Bytes()...)
	}
	cards := append(axisCards(8, 8, len(data)/axes[0]), fmt.Sprintf("PCOUNT  = %d", len(heap)), fitsTableEnds, "TFIELDS = 1", "TTYPE1  = 'COMPRESSED_DATA'", "TFORM1  = '1PB'",
		"ZIMAGE  = T", "ZCMPTYPE= 'GZIP_1'", "ZBITPIX = -64", fmt.Sprintf("ZNAXIS  = %d", len(axes)))
	for i, n := range axes {
		cards = append(cards, fmt.Sprintf("ZNAXIS%d = %d", i+1, n))
	}
	return append(emptyPrimary(), fitsUnit(fitsBinTable, cards, append(table, heap...))...)
}

// eachInExtension is a FITS file with one extension for each stamp.
func eachInExtension(data []float64, side int) []byte {
	b := emptyPrimary()
	for at := 0; at < len(data); at += side * side {
		b = append(b, fitsUnit(fitsImage, append(axisCards(-64, side, side), "PCOUNT  = 0", fitsTableEnds), bigEndian(data[at:at+side*side]))...)
	}
	return b
}

// vignettes is a FITS table with a stamp in each row.
func vignettes(data []float64, side int) []byte {
	cards := append(axisCards(8, 8*side*side, len(data)/side/side), "PCOUNT  = 0", fitsTableEnds, "TFIELDS = 1", "TTYPE1  = 'VIGNET'",
		fmt.Sprintf("TFORM1  = '%dD'", side*side), fmt.Sprintf("TDIM1   = '(%d,%d)'", side, side))
	return append(emptyPrimary(), fitsUnit(fitsBinTable, cards, bigEndian(data))...)
}

// recordsFile is an npy file of records with these names.
func recordsFile(names []string, data []float64) []byte {
	var fields []string
	for _, n := range names {
		fields = append(fields, fmt.Sprintf("('%s', '<f8')", n))
	}
	head := fmt.Sprintf("{'descr': [%s], 'fortran_order': False, 'shape': (%d,), }\n", strings.Join(fields, ", "), len(data)/len(names))
	b := append([]byte("\x93NUMPY"), 1, 0)
	b = append(binary.LittleEndian.AppendUint16(b, uint16(len(head))), head...)
	b, err := binary.Append(b, binary.LittleEndian, data)
	if err != nil {
		panic(err)
	}
	return b
}

// column-major order of rows x cols numbers.
func fortranFile(data []float64, rows, cols int) []byte {
	head := fmt.Sprintf("{'descr': '<f8', 'fortran_order': True, 'shape': (%d, %d), }\n", rows, cols)
	b := append([]byte("\x93NUMPY"), 1, 0)
	b = append(binary.LittleEndian.AppendUint16(b, uint16(len(head))), head...)
	for c := range cols {
		for r := range rows {
			b, _ = binary.Append(b, binary.LittleEndian, data[r*cols+c])
		}
	}
	return b
}

// tiffFile is a grey TIFF file in one strip; bytes is the size of a sample and format its kind,
// 1 = unsigned, 3 = real.
func tiffFile(rows, cols, size, format int, sample func(i int) []byte) []byte {
	order := binary.LittleEndian
	b := append([]byte("II*\x00"), 8, 0, 0, 0)
	tags := [][2]int{{256, cols}, {257, rows}, {258, 8 * size}, {259, 1}, {262, 1}, {273, 0}, {277, 1}, {278, rows}, {279, rows * cols * size}, {339, format}}
	data := 8 + 2 + 12*len(tags) + 4
	b = order.AppendUint16(b, uint16(len(tags)))
	for _, t := range tags {
		if t[0] == 273 {
			t[1] = data
		}
		b = order.AppendUint16(order.AppendUint16(b, uint16(t[0])), 4)
		b = order.AppendUint32(order.AppendUint32(b, 1), uint32(t[1]))
	}
	b = append(b, 0, 0, 0, 0)
	for i := range rows * cols {
		b = append(b, sample(i)...)
	}
	return b
}

// greyJPEG is a JPEG file of about these grey values, and the values that it holds.
func greyJPEG(t *testing.T, values []int, rows, cols int) (file []byte, held []int) {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, cols, rows))
	for i, v := range values {
		m.Pix[i] = uint8(v)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	file = bytes.Clone(b.Bytes())
	back, err := jpeg.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range values {
		held = append(held, int(back.(*image.Gray).GrayAt(i%cols, i/cols).Y))
	}
	return file, held
}

// npzFile is an npz file of one array.
func npzFile(t *testing.T, path string, data []float64, shape ...int) string {
	t.Helper()
	if err := imageio.WriteNpz(path, []imageio.Member{{Name: "arr_0", Array: imageio.Array{Shape: shape, Data: data}}}); err != nil {
		t.Fatal(err)
	}
	return path
}
