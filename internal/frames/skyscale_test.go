package frames

import (
	"fmt"
	"math"
	"testing"

	"tessera/internal/imageio"
)

// The scale of a pixel is that of each way in which a header can say it, and is not known without
// celestial axes in degrees.
func TestPixelScale(t *testing.T) {
	for _, c := range []struct {
		name  string
		cards []string
		want  float64
	}{
		{"CD", []string{"CTYPE1  = 'RA---TAN'", "CD1_1   = -1.0E-5", "CD1_2   = 0.0", "CD2_1   = 0.0", "CD2_2   = 1.0E-5"}, 0.036},
		{"CD, turned by 45 degrees", []string{"CTYPE1  = 'RA---TAN-SIP'", "CD1_1   = -1.0E-5", "CD1_2   = 1.0E-5", "CD2_1   = 1.0E-5", "CD2_2   = 1.0E-5"}, 0.036 * math.Sqrt2},
		{"CD, only the diagonal", []string{"CTYPE1  = 'DEC--TAN'", "CD1_1   = 1.0D-5", "CD2_2   = 1.0D-5"}, 0.036},
		{"CDELT", []string{"CTYPE1  = 'GLON-CAR'", "CDELT1  = -0.001", "CDELT2  = 0.004", "CUNIT1  = 'deg     '"}, 7.2},
		{"CDELT and PC", []string{"CTYPE1  = 'RA---SIN'", "CDELT1  = 0.001", "CDELT2  = 0.001", "PC1_1   = 0.0", "PC1_2   = 1.0", "PC2_1   = -1.0", "PC2_2   = 0.0"}, 3.6},
		{"other unit", []string{"CTYPE1  = 'RA---TAN'", "CUNIT1  = 'arcsec'", "CDELT1  = 1.0", "CDELT2  = 1.0"}, 0},
		{"other axes", []string{"CTYPE1  = 'LINEAR'", "CDELT1  = 1.0", "CDELT2  = 1.0"}, 0},
		{"no axes", []string{"CDELT1  = 1.0", "CDELT2  = 1.0"}, 0},
		{"no scale", []string{"CTYPE1  = 'RA---TAN'"}, 0},
	} {
		var h imageio.Header
		for _, card := range c.cards {
			h = append(h, imageio.Card(fmt.Sprintf("%-80s", card)))
		}
		if got := pixelScale(h); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %g arcsec, want %g", c.name, got, c.want)
		}
	}
}
