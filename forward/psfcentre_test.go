package forward

import (
	"math"
	"testing"

	"tessera/internal/random"
)

// gaussianAt is a Gaussian of this standard deviation, rows x cols, with its centre at
// (r, c) in pixels from the first one.
func gaussianAt(rows, cols int, r, c, sigma float64) []float64 {
	v := make([]float64, 0, rows*cols)
	for i := range rows {
		for j := range cols {
			y, x := float64(i)-r, float64(j)-c
			v = append(v, math.Exp(-(y*y+x*x)/(2*sigma*sigma)))
		}
	}
	return v
}

// moment is the second moment about the centre along an axis, 0 = rows.
func moment(p PSF, axis int) float64 {
	m := 0.0
	for i, v := range p.Values {
		at := [2]float64{float64(i/p.Cols) - float64(p.Rows-1)/2, float64(i%p.Cols) - float64(p.Cols-1)/2}[axis]
		m += v * at * at
	}
	return m
}

// A PSF of any size that is its own mirror image comes out with odd sizes, the sum 1, the
// centroid at the centre, the second moments it had, and as its own mirror image.
func TestEvenPSFs(t *testing.T) {
	for rows := 1; rows <= 9; rows++ {
		for cols := 1; cols <= 8; cols++ {
			in := gaussianAt(rows, cols, float64(rows-1)/2, float64(cols-1)/2, 1.4)
			p, c, err := CentrePSF(rows, cols, in)
			if err != nil {
				t.Fatal(err)
			}
			sum := 0.0
			for _, v := range p.Values {
				sum += v
			}
			if p.Rows%2 == 0 || p.Cols%2 == 0 || math.Abs(sum-1) > 1e-14 || !p.stencil().Symmetric() {
				t.Errorf("%d x %d: %d x %d, sum %g, symmetric %v", rows, cols, p.Rows, p.Cols, sum, p.stencil().Symmetric())
			}
			if at := p.Centroid(); math.Abs(at[0])+math.Abs(at[1]) > 1e-14 {
				t.Errorf("%d x %d: centroid %v", rows, cols, at)
			}
			given := PSF{Rows: rows, Cols: cols, Values: in}
			for axis, n := range [2]int{rows, cols} {
				if got, want := moment(p, axis), moment(given, axis)/c.Sum; math.Abs(got-want) > 1e-13 {
					t.Errorf("%d x %d: second moment %g along axis %d, want %g", rows, cols, got, axis, want)
				}
				if even := n%2 == 0; (c.Shift[axis] == 0.5) != even || c.Padded[axis] {
					t.Errorf("%d x %d: %+v", rows, cols, c)
				}
			}
		}
	}
}

// A Gaussian of standard deviation 2 that is moved by half a pixel is the Gaussian half a
// pixel away, to 1 % of its peak.
func TestHalfPixel(t *testing.T) {
	const n, sigma = 24, 2.0
	p, _, err := CentrePSF(n, n, gaussianAt(n, n, (n-1)/2., (n-1)/2., sigma))
	if err != nil {
		t.Fatal(err)
	}
	want, err := Gaussian(p.Rows, sigma)
	if err != nil {
		t.Fatal(err)
	}
	peak := want.Values[len(want.Values)/2]
	for i, v := range p.Values {
		if math.Abs(v-want.Values[i]) > 1e-2*peak {
			t.Fatalf("value %d is %g, want %g", i, v, want.Values[i])
		}
	}
}

// The fraction of a wave's amplitude that a half-pixel shift keeps is the one that the
// documentation of CentrePSF states.
func TestShiftResponse(t *testing.T) {
	for f, want := range map[float64]float64{0: 1, 0.15: 0.98, 0.25: 0.88, 0.5: 0} {
		got := 2*halfPixel[1]*math.Cos(math.Pi*f) + 2*halfPixel[0]*math.Cos(3*math.Pi*f)
		formula := (9*math.Cos(math.Pi*f) - math.Cos(3*math.Pi*f)) / 8
		if math.Abs(got-formula) > 1e-15 || math.Abs(got-want) > 5e-3 {
			t.Errorf("frequency %g: %g, formula %g, stated %g", f, got, formula, want)
		}
	}
}

// A PSF of even size with its centroid on a pixel keeps its values: a line of zeros makes
// that pixel the centre.
func TestPaddedPSFs(t *testing.T) {
	for _, c := range []struct {
		row, col float64 // centre of a PSF of 8 x 6 pixels
		first    int     // where its first value goes
		padded   [2]bool
		rows     int
		cols     int
	}{
		{4, 3, 0, [2]bool{true, true}, 9, 7},
		{3, 2, 7 + 1, [2]bool{true, true}, 9, 7},
		{4, 2.1, 1, [2]bool{true, true}, 9, 7},
	} {
		in := gaussianAt(8, 6, c.row, c.col, 0.6)
		p, got, err := CentrePSF(8, 6, in)
		if err != nil || p.Rows != c.rows || p.Cols != c.cols || got.Padded != c.padded || got.Shift != [2]float64{} {
			t.Errorf("centre (%g, %g): %v, %d x %d, %+v", c.row, c.col, err, p.Rows, p.Cols, got)
			continue
		}
		for i, v := range in {
			if w := p.Values[c.first+i/6*7+i%6]; w != v/got.Sum {
				t.Errorf("centre (%g, %g): value %d is %g, want %g", c.row, c.col, i, w, v/got.Sum)
			}
		}
		if at := p.Centroid(); math.Abs(at[0]) > 0.25 || math.Abs(at[1]) > 0.25 {
			t.Errorf("centre (%g, %g): centroid %v", c.row, c.col, at)
		}
	}
	// One axis on a pixel, the other between two; and a centroid that is on no middle pixel.
	p, got, err := CentrePSF(8, 6, gaussianAt(8, 6, 4, 2.5, 0.6))
	if err != nil || p.Rows != 9 || p.Cols != 9 || got.Padded != [2]bool{true, false} || got.Shift != [2]float64{0, 0.5} {
		t.Errorf("%v, %d x %d, %+v", err, p.Rows, p.Cols, got)
	}
	p, got, err = CentrePSF(1, 8, gaussianAt(1, 8, 0, 5, 0.6))
	if at := p.Centroid(); err != nil || got.Shift != [2]float64{0, 0.5} || math.Abs(at[1]-1.5) > 0.02 {
		t.Errorf("%v, %+v, centroid %v", err, got, at)
	}
}

// The unit of a PSF has no effect, and the centroid and the level of the edge are those of
// their definitions.
func TestMeasuresOfPSFs(t *testing.T) {
	noise, in := random.New(3), gaussianAt(10, 11, 5.2, 4.1, 1)
	for i := range in {
		in[i] += 0.01 * noise.Normal(uint64(i))
	}
	scaled := make([]float64, len(in))
	for i, v := range in {
		scaled[i] = v * (1 << 40)
	}
	p, a, err1 := CentrePSF(10, 11, in)
	q, b, err2 := CentrePSF(10, 11, scaled)
	if err1 != nil || err2 != nil || b.Sum != a.Sum*(1<<40) || a.Shift != b.Shift || a.Padded != b.Padded {
		t.Fatalf("%v, %v, %+v, %+v", err1, err2, a, b)
	}
	for i, v := range p.Values {
		if q.Values[i] != v {
			t.Fatalf("value %d is %g, and %g in another unit", i, v, q.Values[i])
		}
	}
	p = PSF{Rows: 3, Cols: 3, Values: []float64{0, 1, 0, 0, 2, 1, 0, 0, 0}}
	if at := p.Centroid(); at != [2]float64{-0.25, 0.25} {
		t.Errorf("centroid %v", at)
	}
	if e := p.Edge(); e != 2./8*9/4 {
		t.Errorf("edge %g", e)
	}
	if e := (PSF{Rows: 1, Cols: 3, Values: []float64{1, 2, 1}}).Edge(); e != 0 {
		t.Errorf("edge of a line: %g", e)
	}
	if at := (PSF{}).Centroid(); at != [2]float64{} {
		t.Errorf("centroid of no blur: %v", at)
	}
}
