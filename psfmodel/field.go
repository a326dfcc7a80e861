package psfmodel

import (
	"errors"
	"fmt"
	"math"
)

// Field describes a made-up PSF that changes over a frame as that of a telescope does. Lengths are in pixels.
type Field struct {
	Size        int        // side of the PSF, odd; 0 = 31
	Grid        int        // places along each axis between which the PSF is interpolated; 0 = 5
	FWHM        [2]float64 // at the left and the right edge of the frame
	Beta        float64    // exponent of the Moffat profile, more than 1; 0 = 3
	Ellipticity float64    // 1 - b/a at the corners; it grows from the centre on, and turns around it
	Coma        float64    // length of the tail at the corners, in units of the FWHM; it points outwards
}

const mostGrid = 64

func (f Field) withDefaults() Field {
	if f.Size == 0 {
		f.Size = 31
	}
	if f.Grid == 0 {
		f.Grid = 5
	}
	if f.Beta == 0 {
		f.Beta = 3
	}
	return f
}

// Check says what is wrong with the field.
func (f Field) Check() error {
	f = f.withDefaults()
	switch {
	case f.Size < 1 || f.Size%2 == 0 || f.Size > 255:
		return fmt.Errorf("psfmodel: a PSF of %d pixels a side, want an odd number up to 255", f.Size)
	case f.Grid < 1 || f.Grid > mostGrid:
		return fmt.Errorf("psfmodel: %d places along an axis, want 1 to %d", f.Grid, mostGrid)
	case !(f.FWHM[0] > 0 && f.FWHM[1] > 0 && f.FWHM[0] <= 60 && f.FWHM[1] <= 60):
		return fmt.Errorf("psfmodel: a FWHM of %g to %g pixels, want more than 0 and at most 60", f.FWHM[0], f.FWHM[1])
	case !(f.Beta > 1):
		return fmt.Errorf("psfmodel: beta = %g, want more than 1", f.Beta)
	case !(f.Ellipticity >= 0 && f.Ellipticity < 0.9):
		return fmt.Errorf("psfmodel: an ellipticity of %g, want 0 or more and less than 0.9", f.Ellipticity)
	case !(f.Coma >= 0 && f.Coma <= 5):
		return fmt.Errorf("psfmodel: a coma of %g FWHM, want 0 to 5", f.Coma)
	}
	return nil
}

// Model is the field on a frame of rows x cols pixels: a grid of PSFs from one edge to the other.
func (f Field) Model(rows, cols int) (*Model, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	if rows < 1 || cols < 1 {
		return nil, errors.New("psfmodel: a frame without pixels")
	}
	f = f.withDefaults()
	g := &Grid{Rows: nodes(rows, f.Grid), Cols: nodes(cols, f.Grid)}
	m := &Model{Format: Cube, Rows: f.Size, Cols: f.Size, Step: 1, Law: g}
	for _, r := range g.Rows {
		for _, c := range g.Cols {
			m.Images = append(m.Images, f.star(place(r, rows), place(c, cols)))
		}
	}
	return m, m.Check()
}

// place is a position on an axis of n pixels as a number from -1 to 1.
func place(at float64, n int) float64 {
	if n < 2 {
		return 0
	}
	return 2*at/float64(n-1) - 1
}

// nodes are so many places at equal distances from the first to the last of n pixels.
func nodes(n, count int) []float64 {
	count = min(count, n)
	if count == 1 {
		return []float64{float64(n-1) / 2}
	}
	list := make([]float64, count)
	for i := range list {
		list[i] = float64(i) / float64(count-1) * float64(n-1)
	}
	return list
}

// star is the PSF at a place, v along rows and u along columns, both -1 to 1, of sum 1.
func (f Field) star(v, u float64) []float64 {
	r, angle := math.Hypot(u, v)/math.Sqrt2, math.Atan2(v, u)
	fwhm := f.FWHM[0] + (f.FWHM[1]-f.FWHM[0])*(u+1)/2
	long := 1 / math.Sqrt(1-f.Ellipticity*r) // of the axes, with the same area everywhere
	turn := angle + math.Pi/3
	const parts = 4 // of the tail
	image := make([]float64, f.Size*f.Size)
	sum := 0.0
	for k := range parts {
		shift := f.Coma * r * fwhm * float64(k) / (parts - 1)
		width := fwhm * (1 + 0.2*float64(k)*f.Coma*r)
		alpha := width / (2 * math.Sqrt(math.Pow(2, 1/f.Beta)-1))
		part := math.Pow(0.5, float64(k)) / (alpha * alpha)
		for i := range image {
			y := float64(i/f.Size-f.Size/2) - shift*math.Sin(angle)
			x := float64(i%f.Size-f.Size/2) - shift*math.Cos(angle)
			a, b := x*math.Cos(turn)+y*math.Sin(turn), y*math.Cos(turn)-x*math.Sin(turn)
			q := (a*a/(long*long) + b*b*long*long) / (alpha * alpha)
			w := part * math.Pow(1+q, -f.Beta)
			image[i] += w
			sum += w
		}
	}
	for i := range image {
		image[i] /= sum
	}
	return image
}
