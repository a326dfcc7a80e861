package imageio

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// WriteFITS writes the frame as the primary array of a FITS file, float64, or
// float32 if f.Type is "float32". f.Header follows the structural cards verbatim,
// then one or more HISTORY cards for each line of history. f.Tables follow the image.
func WriteFITS(path string, f *Frame, lines ...string) error {
	if err := f.check(); err != nil {
		return fmt.Errorf("imageio: writing %s: %w", path, err)
	}
	return WriteAtomic(path, func(w io.Writer) error { return writeFITS(w, f, lines) })
}

// check holds the fields of a frame that is written against each other.
func (f *Frame) check() error {
	n, err := product([]int{f.Channels, f.Rows, f.Cols})
	if err == nil && (n == 0 || n != len(f.Data)) {
		err = fmt.Errorf("%d values for %d channels of %d x %d", len(f.Data), f.Channels, f.Rows, f.Cols)
	}
	return err
}

func writeFITS(w io.Writer, f *Frame, lines []string) error {
	axes := []int{f.Cols, f.Rows}
	if f.Channels > 1 {
		axes = append(axes, f.Channels)
	}
	single := f.Type == "float32"
	head, err := fitsHead(axes, "channels", single, len(f.Tables) > 0, f.Header, lines)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, head); err != nil {
		return err
	}
	if err := writeFITSData(w, f.Data, single); err != nil {
		return err
	}
	if err := padFITS(w, len(f.Data), single); err != nil {
		return err
	}
	_, err = w.Write(f.Tables)
	return err
}

// fitsHead is the header of a primary array; third says what axis 3 counts, extended that
// extensions follow.
func fitsHead(axes []int, third string, single, extended bool, header Header, lines []string) (string, error) {
	var head strings.Builder
	put := func(key, value, comment string) {
		fmt.Fprintf(&head, "%-80s", fmt.Sprintf("%-8s= %20s / %s", key, value, comment))
	}
	put("SIMPLE", "T", "conforms to the FITS standard")
	if single {
		put("BITPIX", "-32", "IEEE single precision")
	} else {
		put("BITPIX", "-64", "IEEE double precision")
	}
	put("NAXIS", strconv.Itoa(len(axes)), "number of axes")
	for i, n := range axes {
		put("NAXIS"+strconv.Itoa(i+1), strconv.Itoa(n), []string{"columns", "rows", third}[i])
	}
	if extended {
		put("EXTEND", "T", "extensions follow")
	}
	cards := header.descriptive()
	for _, line := range lines {
		cards = append(cards, history(line)...)
	}
	for _, c := range append(cards, Card(fmt.Sprintf("%-80s", "END"))) {
		if len(c) != cardBytes {
			return "", fmt.Errorf("FITS card of %d bytes, want %d: %q", len(c), cardBytes, string(c))
		}
		head.WriteString(string(c))
	}
	if pad := -head.Len() % blockBytes; pad < 0 {
		head.WriteString(strings.Repeat(" ", blockBytes+pad))
	}
	return head.String(), nil
}

func writeFITSData(w io.Writer, data []float64, single bool) error {
	buf := make([]byte, 0, min(bufferBytes, 8*len(data)))
	for len(data) > 0 {
		n := min(len(data), bufferBytes/8)
		buf = buf[:0]
		for _, v := range data[:n] {
			if single {
				buf = binary.BigEndian.AppendUint32(buf, math.Float32bits(float32(v)))
			} else {
				buf = binary.BigEndian.AppendUint64(buf, math.Float64bits(v))
			}
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// padFITS ends the last block after count numbers.
func padFITS(w io.Writer, count int, single bool) error {
	size := 8
	if single {
		size = 4
	}
	_, err := w.Write(make([]byte, (blockBytes-count*size%blockBytes)%blockBytes))
	return err
}
