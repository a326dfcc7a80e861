package kernel

import (
	"math"
	"strings"
	"testing"
)

// A fit far outside of its data is told from one that is a little outside, and does not take the scale of its picture.
func TestOutOfRange(t *testing.T) {
	fit := make([]float64, 1000)
	for name, c := range map[string]struct {
		value  float64 // of some places; elsewhere the fit is within the data
		places int
		warned bool
	}{
		"within":              {1, 500, false},
		"a little outside":    {1.6, 500, false},
		"half a range beyond": {2.3, 40, true},
		"at few places":       {2.3, 20, false},
		"far at a few places": {-4.4, 5, true},
	} {
		for i := range fit {
			if fit[i] = math.Sin(float64(i)); i < c.places {
				fit[i] = c.value
			}
		}
		for _, unit := range []float64{1, 1e-19} {
			scaled := make([]float64, len(fit))
			for i, v := range fit {
				scaled[i] = unit * v
			}
			if text := outOfRange(scaled, -unit, unit); (text != "") != c.warned || strings.Contains(text, "NaN") {
				t.Errorf("%s, unit %g: %q", name, unit, text)
			}
			if lo, hi := middleRange(scaled); c.places <= 5 && (lo < -1.01*unit || hi > 1.01*unit) {
				t.Errorf("%s, unit %g: the scale of the picture is from %g to %g", name, unit, lo, hi)
			}
		}
	}
	if lo, hi := middleRange([]float64{math.NaN()}); lo != 0 || hi != 1 {
		t.Errorf("without a value the scale is from %g to %g", lo, hi)
	}
}
