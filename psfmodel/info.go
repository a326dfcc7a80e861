package psfmodel

import (
	"fmt"
	"math"
	"strings"
	"text/tabwriter"
)

// Info describes the model in a file: what Read understands of it, and its shape at nine places; "" of a file that is no
// model. One image may be anything, and is none here.
func Info(path string) string {
	format, err := recognise(path, Options{})
	if err != nil || format == Kernel {
		if _, said, err := Places(path); err == nil {
			return fmt.Sprintf("  as positions  %s (psf_model.positions; tessera psf -stars)\n", said)
		}
		return ""
	}
	m, err := Read(path, Options{})
	if err != nil {
		return fmt.Sprintf("%s: a model of the PSF (%s), refused: %v\n", path, format, err)
	}
	return fmt.Sprintf("%s: %s", path, m.Describe())
}

// Describe is the model in lines: its format, law and samples, and its shape at nine places.
func (m *Model) Describe() string {
	var b strings.Builder
	rows, cols := m.Size()
	fmt.Fprintf(&b, "a model of the PSF (%s), %s\n", m.Format, m.Law.Describe())
	fmt.Fprintf(&b, "  samples  %d images of %d x %d, %.6g pixels from one to the next; %d x %d pixels\n", len(m.Images), m.Rows, m.Cols, m.Step, rows, cols)
	if m.Detector != "" {
		fmt.Fprintf(&b, "  %s\n", m.Detector)
	}
	if m.Places != "" {
		fmt.Fprintf(&b, "  positions  %s\n", m.Places)
	}
	for _, n := range m.Notes {
		fmt.Fprintf(&b, "  %s\n", n)
	}
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "  row\tcol\tFWHM\tellipticity\tangle\tcentroid\n")
	r, c := m.Sites(3)
	for _, row := range r {
		for _, col := range c {
			p, err := m.At(row, col, 0)
			if err != nil {
				fmt.Fprintf(w, "  %g\t%g\t%v\n", row, col, err)
				continue
			}
			s := Measure(p)
			fmt.Fprintf(w, "  %.6g\t%.6g\t%.2f px\t%.3f\t%.0f deg\t(%+.2f, %+.2f)\n", row, col, s.FWHM, s.Ellipticity, s.Angle*180/math.Pi, s.Centroid[0], s.Centroid[1])
		}
	}
	w.Flush()
	return b.String()
}

// Sites are so many rows and columns, 2 or more, that show how the PSF changes: from the first to the last node of a grid, half a
// scale to each side of the middle of a polynomial. Along an axis on which it does not change there is one.
func (m *Model) Sites(count int) (rows, cols []float64) {
	several := func(a, b float64) []float64 {
		if a == b {
			return []float64{a}
		}
		list := make([]float64, count)
		for i := range list {
			list[i] = a + (b-a)*float64(i)/float64(count-1)
		}
		return list
	}
	switch law := m.Law.(type) {
	case *Grid:
		return several(law.Rows[0], law.Rows[len(law.Rows)-1]), several(law.Cols[0], law.Cols[len(law.Cols)-1])
	case *Polynomial:
		if law.Degree > 0 {
			return several(law.Zero[0]-law.Scale[0]/2, law.Zero[0]+law.Scale[0]/2), several(law.Zero[1]-law.Scale[1]/2, law.Zero[1]+law.Scale[1]/2)
		}
	}
	return []float64{0}, []float64{0}
}
