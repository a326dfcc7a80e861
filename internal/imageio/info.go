package imageio

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"tessera/internal/shown"
)

// Info describes an image, an npy array, the arrays of an npz file or a table as text:
// format, shape, type, the range of the values, the number of missing values, and the FITS
// cards of the observation or the TOML file beside an npz file. For npy and FITS files of
// any size it needs a bounded amount of memory.
func Info(path string) (string, error) {
	name, unit := resolve(path)
	r, size, err := open(name)
	if err != nil {
		return "", err
	}
	defer r.Close()
	var b strings.Builder
	fmt.Fprintln(&b, shown.Line(path))
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	if err := describe(t, r, size, unit); err != nil {
		return "", fmt.Errorf("imageio: %s: %w", path, err)
	}
	if strings.EqualFold(filepath.Ext(name), ".npz") {
		describeBeside(t, name)
	}
	t.Flush()
	return b.String(), nil
}

func describe(t io.Writer, r io.ReaderAt, size int64, unit string) error {
	magic := make([]byte, len(npyMagic))
	r.ReadAt(magic, 0)
	if unit == "" && bytes.Equal(magic, []byte(npyMagic)) {
		// Any array, image or not.
		h, err := parseNpyRecords(r, size)
		if err != nil {
			return err
		}
		if h.fields != nil {
			return describeTable(t, r, size, unit)
		}
		order := "row-major"
		if h.fortran && len(h.shape) > 1 {
			order = "column-major"
		}
		fmt.Fprintf(t, "  format\tnpy, %s (%s), %s\n", h.typ, h.descr, order)
		fmt.Fprintf(t, "  shape\t%s\n", shapeString(h.shape))
		sum, err := h.summarise(r, enough)
		if err != nil {
			return err
		}
		sum.print(t)
		describeStack(t, r, size, unit)
		return nil
	}
	if unit == "" && bytes.HasPrefix(magic, []byte(zipMagic)) {
		if what := otherZip(r, size); what != "" {
			return notATable(what)
		}
		if err := describeNpz(t, r, size); err == nil {
			describeStack(t, r, size, unit)
			return nil
		}
		return describeTable(t, r, size, unit)
	}

	s, err := newSource(r, size, unit)
	if err != nil {
		e := describeTable(t, r, size, unit)
		if stack := describeStack(t, r, size, unit); e == nil || stack {
			return nil
		}
		if picture := bytes.HasPrefix(magic, []byte(pngMagic[:len(magic)])) || bytes.HasPrefix(magic, []byte(jpegMagic)) || isTIFF(magic); picture {
			return err
		}
		if !bytes.HasPrefix(magic, []byte(fitsMagic[:len(magic)])) {
			return e
		}
		if describeLine(t, r, size, unit) {
			return nil
		}
		return err
	}
	fmt.Fprintf(t, "  format\t%s, %s\n", s.Format, s.Type)
	fmt.Fprintf(t, "  shape\t%d channels x %d rows x %d columns\n", s.Channels, s.Rows, s.Cols)
	lines := s.Rows
	if s.Format == "fits" {
		lines = max(1, bufferBytes/(s.Channels*s.Cols))
	}
	sum := summary{step: 1 + s.Channels*s.Rows*s.Cols/enough}
	for r0 := 0; r0 < s.Rows; r0 += lines {
		data, err := s.pixels(Box{r0, min(r0+lines, s.Rows), 0, s.Cols})
		if err != nil {
			return err
		}
		sum.add(data)
	}
	sum.print(t)
	if s.Format == "fits" {
		fmt.Fprintf(t, "  HDU\t[%d]\n", s.HDU)
		for _, key := range []string{
			"EXTNAME", "OBJECT", "TELESCOP", "INSTRUME", "DETECTOR", "FILTER", "DATE-OBS", "EXPTIME", "GAIN",
			"BUNIT", "CTYPE1", "CTYPE2", "CRVAL1", "CRVAL2", "CDELT1", "CDELT2",
		} {
			if v, ok := s.Header.Get(key); ok {
				fmt.Fprintf(t, "  %s\t%s\n", key, shown.Line(v))
			}
		}
	}
	describeStack(t, r, size, unit)
	return nil
}

// describeLine prints a FITS array of one axis, such as a spectrum, and tells whether it is one.
func describeLine(t io.Writer, r io.ReaderAt, size int64, unit string) bool {
	u, _, err := findUnit(r, size, unit)
	if err != nil || len(u.axes) != 1 || u.axes[0] > enough {
		return false
	}
	e, err := u.elements(r)
	if err != nil {
		return false
	}
	data := make([]float64, u.axes[0])
	if e.read(0, data) != nil {
		return false
	}
	sum := summary{step: 1}
	sum.add(data)
	fmt.Fprintf(t, "  format\tfits, %s\n  shape\t%s\n", u.typ(), shapeString(reversed(u.axes)))
	sum.print(t)
	fmt.Fprintf(t, "  HDU\t%s\n  as a table\tnone: an array of one axis; write its numbers as a column of a table, beside their coordinates\n", u.label())
	return true
}

func describeTable(t io.Writer, r io.ReaderAt, size int64, unit string) error {
	table, err := readTable(r, size, unit)
	if err == nil {
		table.describe(t)
	}
	return err
}

// summarise goes once through an array; sampled is how many values the median is taken of.
func (h *npyHeader) summarise(r io.ReaderAt, sampled int) (*summary, error) {
	sum := &summary{step: 1 + h.count/sampled}
	e := h.elements(r)
	buf := make([]float64, min(h.count, bufferBytes))
	for first := 0; first < h.count; first += len(buf) {
		n := min(len(buf), h.count-first)
		if err := e.read(int64(first), buf[:n]); err != nil {
			return nil, err
		}
		sum.add(buf[:n])
	}
	return sum, nil
}

// summary gathers statistics of values that pass by once.
type summary struct {
	step           int // every step-th value goes into the sample
	count, missing int
	infinite       int
	min, max, mean float64
	sample         []float64
}

func (s *summary) add(data []float64) {
	for _, v := range data {
		s.count++
		switch {
		case math.IsNaN(v):
			s.missing++
			continue
		case math.IsInf(v, 0):
			s.infinite++
			continue
		}
		n := s.count - s.missing - s.infinite
		if n == 1 {
			s.min, s.max = v, v
		}
		s.min, s.max = min(s.min, v), max(s.max, v)
		s.mean += (v - s.mean) / float64(n)
		if n%s.step == 0 {
			s.sample = append(s.sample, v)
		}
	}
}

func (s *summary) print(t io.Writer) {
	if s.count > s.missing+s.infinite {
		about := ""
		if s.step > 1 {
			about = "about "
		}
		median := s.mean
		if len(s.sample) > 0 {
			median = quantile(s.sample, 0.5)
		}
		fmt.Fprintf(t, "  values\t%.6g to %.6g, median %s%.6g, mean %.6g\n", s.min, s.max, about, median, s.mean)
	}
	if s.missing > 0 {
		fmt.Fprintf(t, "  missing\t%d of %d (NaN)\n", s.missing, s.count)
	}
	if s.infinite > 0 {
		fmt.Fprintf(t, "  infinite\t%d of %d\n", s.infinite, s.count)
	}
}
