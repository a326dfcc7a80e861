package frames

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"tessera/internal/imageio"
)

// pixelScale is the side of a pixel on the sky in arcseconds, the square root of its area at the
// reference point: from CDi_j, or CDELTi and PCi_j (Calabretta and Greisen 2002). 0 = the header has
// no celestial axes, or has them in another unit than degrees.
func pixelScale(h imageio.Header) float64 {
	kind, _ := h.Get("CTYPE1")
	if prefix, _, _ := strings.Cut(kind, "-"); !strings.Contains(" RA DEC GLON GLAT ELON ELAT ", " "+prefix+" ") {
		return 0
	}
	for _, key := range []string{"CUNIT1", "CUNIT2"} {
		if unit, known := h.Get(key); known && strings.TrimSpace(unit) != "deg" && strings.TrimSpace(unit) != "" {
			return 0
		}
	}
	number := func(key string, otherwise float64) float64 {
		text, known := h.Get(key)
		v, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(text), "D", "E"), 64)
		if !known || err != nil {
			return otherwise
		}
		return v
	}
	matrix := func(name string, diagonal float64) float64 {
		return number(name+"1_1", diagonal)*number(name+"2_2", diagonal) - number(name+"1_2", 0)*number(name+"2_1", 0)
	}
	area := matrix("CD", 0)
	if area == 0 {
		area = matrix("PC", 1) * number("CDELT1", 0) * number("CDELT2", 0)
	}
	scale := 3600 * math.Sqrt(math.Abs(area))
	if math.IsNaN(scale) || math.IsInf(scale, 0) {
		return 0
	}
	return scale
}

// skyNote says in a figure how large a pixel is on the sky; "" if that is not known.
func (o *Observation) skyNote() string {
	if o.Source == nil {
		return ""
	}
	scale := pixelScale(o.Source.Header)
	if scale == 0 {
		return ""
	}
	return fmt.Sprintf("A pixel is %.4g arcsec wide.", scale)
}
