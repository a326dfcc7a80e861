package forward

import (
	"math"
	"strings"
	"testing"
)

// PSFs sum to one, have their largest value at the centre and are mirror images of themselves.
func TestPSFs(t *testing.T) {
	for _, size := range []int{1, 3, 9} {
		gauss, err1 := Gaussian(size, 1.3)
		moffat, err2 := Moffat(size, 2.5, 3)
		box, err3 := Box(size)
		for name, k := range map[string]PSF{"gaussian": gauss, "moffat": moffat, "box": box} {
			if err1 != nil || err2 != nil || err3 != nil {
				t.Fatal(err1, err2, err3)
			}
			sum := 0.0
			for i, v := range k.Values {
				sum += v
				if v > k.Values[size*size/2] || v <= 0 {
					t.Errorf("%s %d: value %d is %g, the centre %g", name, size, i, v, k.Values[size*size/2])
				}
			}
			if k.Rows != size || k.Cols != size || math.Abs(sum-1) > 1e-14 || !k.stencil().Symmetric() {
				t.Errorf("%s: %d x %d, sum %.17g", name, k.Rows, k.Cols, sum)
			}
		}
	}
	// A Gaussian at 1 and 2 pixels from its centre.
	g, _ := Gaussian(5, 0.8)
	for i, want := range []float64{math.Exp(-1 / 1.28), math.Exp(-4 / 1.28)} {
		if got := g.Values[12+1+i] / g.Values[12]; math.Abs(got-want) > 1e-14 {
			t.Errorf("gaussian falls to %g at %d pixels, want %g", got, i+1, want)
		}
	}
	// A Moffat profile has half of its height at a radius of half of fwhm.
	m, _ := Moffat(9, 6, 2.5)
	if got := m.Values[4*9+4+3] / m.Values[4*9+4]; math.Abs(got-0.5) > 1e-14 {
		t.Errorf("moffat of fwhm 6 falls to %g at 3 pixels, want 0.5", got)
	}
}

func TestBadPSFs(t *testing.T) {
	of := func(_ PSF, err error) error { return err }
	for _, c := range []struct {
		err  error
		want string
	}{
		{of(Gaussian(4, 1)), "gaussian PSF: size = 4"},
		{of(Gaussian(5, 0)), "sigma = 0"},
		{of(Gaussian(5, math.NaN())), "sigma = NaN"},
		{of(Moffat(5, -1, 3)), "fwhm = -1"},
		{of(Moffat(5, 2, 1)), "beta = 1"},
		{of(Moffat(-3, 2, 3)), "moffat PSF: size = -3"},
		{of(Box(0)), "box PSF: size = 0"},
		{of(NewPSF(3, 3, make([]float64, 4))), "4 values for 3 x 3"},
		{of(NewPSF(0, 3, nil)), "0 x 3 pixels"},
		{of(NewPSF(0, 0, nil)), "0 x 0 pixels"},
		{of(NewPSF(-1, 3, nil)), "-1 x 3 pixels"},
		{of(NewPSF(1, 3, []float64{1, 0, -1})), "sum to 0, and their absolute values to 2: it cannot be normalised"},
		{of(NewPSF(1, 3, []float64{1, -0.25, -1})), "sum to -0.25, and their absolute values to 2.25"},
		{of(NewPSF(1, 3, []float64{-1, -2, -1})), "sum to -4, and their absolute values to 4"},
		{of(NewPSF(2, 2, []float64{1, -0.9, 0.5, -0.5})), "sum to 0.1, and their absolute values to 2.9"},
		{of(NewPSF(1, 3, []float64{1e308, 1e308, 1})), "add up to +Inf"},
		{of(NewPSF(2, 3, []float64{1, 1, 1, 1, 1, math.NaN()})), "PSF value at row 1, column 2 is NaN"},
		{of(NewPSF(1, 1, []float64{math.Inf(1)})), "PSF value at row 0, column 0 is +Inf"},
		{of(NewPSF(1, 1, []float64{0})), "zero everywhere"},
	} {
		if c.err == nil || !strings.HasPrefix(c.err.Error(), "forward: ") || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("error %v, want %q", c.err, c.want)
		}
	}
	values := []float64{1, 2, 1}
	k, err := NewPSF(1, 3, values)
	if err != nil || k.Values[1] != 0.5 || values[1] != 2 {
		t.Errorf("%v, %v from %v", err, k.Values, values)
	}
}
