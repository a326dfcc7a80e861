package lifecycle

import (
	"math"
	"testing"
)

func TestLineThrough(t *testing.T) {
	for _, c := range []struct{ x1, y1, x2, y2, at, want float64 }{
		{10, 30, 20, 50, 100, 210}, // 10 + 2x
		{10, 10, 20, 50, 100, 250}, // grows faster than the number: no negative fixed part
		{10, 50, 20, 40, 100, 200}, // noise: in proportion to the larger
		{10, 5, 10, 5, 100, 50},    // one size only
	} {
		if got := LineThrough(c.x1, c.y1, c.x2, c.y2).At(c.at); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("LineThrough(%g, %g, %g, %g) at %g = %g, want %g", c.x1, c.y1, c.x2, c.y2, c.at, got, c.want)
		}
	}
}
