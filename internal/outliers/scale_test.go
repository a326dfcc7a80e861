package outliers

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Marks of missing values are told from values that are only large, by what they look like
// and by how far the others are.
func TestMarks(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	noise := make([]float64, 1000)
	for i := range noise {
		noise[i] = 100 + 3*rng.NormFloat64()
	}
	constant := make([]float64, 1000)
	for i := range constant {
		constant[i] = 100
	}
	for name, c := range map[string]struct {
		rest  []float64
		value float64
		want  bool
	}{
		"1e30":                  {noise, 1e30, true},
		"1e30 of float32":       {noise, float64(float32(1e30)), true},
		"-1e30":                 {noise, -1e30, true},
		"largest float32":       {noise, math.MaxFloat32, true},
		"largest float64":       {noise, -math.MaxFloat64, true},
		"netCDF":                {noise, 9.969209968386869e36, true},
		"HEALPix":               {noise, -1.6375e30, true},
		"-9999":                 {noise, -9999, true},
		"-999":                  {noise, -999, true},
		"-32768":                {noise, -32768, true},
		"9999":                  {noise, 9999, false}, // the peak of a star
		"-9998":                 {noise, -9998, false},
		"3e29":                  {noise, 3e29, false}, // by its neighbours
		"1e18":                  {noise, 1e18, false},
		"-99 in noise of 3":     {noise, -99, true},
		"1e30 beside 1e21":      {append([]float64{1e21}, noise...), 1e30, false},
		"-9999 beside -5500":    {append([]float64{-5500}, noise...), -9999, false},
		"1e30 and constant":     {constant, 1e30, true},
		"-9999 and constant":    {constant, -9999, false},
		"1e30 and zeros":        {make([]float64, 100), 1e30, false},
		"1e20 in units of 1e20": {[]float64{1e20, 0.3e20, 0.1e20, 0, 0, 0.5e20}, 1e20, false},
	} {
		s := Scale{Most: math.Inf(-1), Least: math.Inf(1)}
		for _, v := range c.rest {
			s.Most, s.Least = max(s.Most, math.Abs(v)), min(s.Least, v)
		}
		s.Measure(append([]float64(nil), c.rest...))
		if got := s.IsMark(c.value); got != c.want {
			t.Errorf("%s: %v, want %v (%+v)", name, got, c.want, s)
		}
	}
}

// Where there is no other value, what looks like a mark is one; errors and weights may all be 1e30, but none is negative.
func TestMarksAlone(t *testing.T) {
	none := math.Inf(-1)
	for name, c := range map[string]struct {
		scale Scale
		value float64
		want  bool
	}{
		"1e30 alone":                        {Scale{Most: none}, 1e30, true},
		"-9999 alone":                       {Scale{Most: none}, -9999, true},
		"7 alone":                           {Scale{Most: none}, 7, false},
		"weights of 1e30 alone":             {Scale{Most: none, Positive: true}, 1e30, false},
		"sigma of -9999 alone":              {Scale{Most: none, Positive: true}, -9999, true},
		"sigma of -9999 among equal ones":   {Scale{Most: 1, Least: 1, Centre: 1, Positive: true}, -9999, true},
		"sigma of -1e30 among equal ones":   {Scale{Most: 1, Least: 1, Centre: 1, Positive: true}, -1e30, true},
		"weight of 1e30 among equal ones":   {Scale{Most: 1, Least: 1, Centre: 1, Positive: true}, 1e30, true},
		"weight of 1e30 beside 1e25":        {Scale{Most: 1e25, Centre: 1e25, Positive: true}, 1e30, false},
		"weight of 1e30 among those of 0":   {Scale{Most: 0, Positive: true}, 1e30, false},
		"sigma of -3 is wrong, and no mark": {Scale{Most: 1, Least: 1, Centre: 1, Positive: true}, -3, false},
	} {
		if got := c.scale.IsMark(c.value); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// The scale is that of the noise, has the unit of the data, and holds where most values are
// equal.
func TestMeasure(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, unit := range []float64{1e-300, 1, 1e30, 1e307} {
		sample := make([]float64, 10001)
		for i := range sample {
			sample[i] = unit * (2 + 0.3*rng.NormFloat64())
			if i%50 == 0 {
				sample[i] = 17 * unit
			}
		}
		var s Scale
		if s.Measure(sample); math.Abs(s.Centre/unit-2) > 0.02 || math.Abs(s.Spread/unit-0.3) > 0.02 || s.Coarse {
			t.Errorf("unit %g: %+v", unit, s)
		}
	}
	var s Scale
	if s.Measure([]float64{0, 0, 0, 0, 0, 0, 1, 2, 3}); s.Centre != 0 || s.Spread != 2 || !s.Coarse {
		t.Errorf("zeros and counts: %+v", s)
	}
	s = Scale{}
	if s.Measure([]float64{4, 4, 4}); s.Spread != 0 || s.Times(9, 4) != 0 || s.IsFar(9) {
		t.Errorf("constant: %+v", s)
	}
	if s.Measure(nil); s.Centre != 4 {
		t.Errorf("an empty sample changes the scale: %+v", s)
	}
}
