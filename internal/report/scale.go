package report

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"

	"tessera/internal/imageio"
)

// Scale maps the values of images to grey or colour, the same for all images that have it. A
// figure shows it as a colour bar.
type Scale struct {
	Label   string // quantity and unit: "intensity (adu)"
	Stretch imageio.Stretch
}

// check finds what keeps a scale from being shown.
func (s *Scale) check() error {
	switch {
	case s.Label == "":
		return fmt.Errorf("a scale without a label: want its quantity and unit")
	case !(s.Stretch.Black < s.Stretch.White) || math.IsInf(s.Stretch.Black, 0) || math.IsInf(s.Stretch.White, 0):
		return fmt.Errorf("a scale %q from %g to %g: want finite numbers, the smaller one first", s.Label, s.Stretch.Black, s.Stretch.White)
	}
	return nil
}

// ticks are the numbers on the bar; their Value is the place, 0 at the left end to 1.
func (s *Scale) ticks() []plot.Tick {
	lo, hi := s.Stretch.Black, s.Stretch.White
	if s.Stretch.Softening == 0 {
		list := linearTicks(lo, hi)
		for i := range list {
			list[i].Value = s.Stretch.Position(list[i].Value)
		}
		return list
	}
	// Along a curve that is first linear and then logarithmic the numbers 1, 2 and 5 times powers
	// of ten crowd: zero goes first, then the powers, then the others, where there is room.
	const room = 0.17 // of the bar
	var values []float64
	try := func(v float64) {
		p := s.Stretch.Position(v)
		if v < lo || v > hi || slices.ContainsFunc(values, func(w float64) bool { return math.Abs(s.Stretch.Position(w)-p) < room }) {
			return
		}
		values = append(values, v)
	}
	try(0)
	top := int(math.Ceil(math.Log10(max(math.Abs(lo), math.Abs(hi)))))
	for _, digit := range []float64{1, 5, 2} {
		for e := top; e > top-8; e-- {
			v := digit * math.Pow(10, float64(e))
			try(v)
			try(-v)
		}
	}
	slices.Sort(values)
	var list []plot.Tick
	for _, v := range values {
		list = append(list, plot.Tick{Value: s.Stretch.Position(v), Label: number(v)})
	}
	return list
}

// colour is that of a place on the bar.
func (s *Scale) colour(t float64) color.RGBA {
	v := s.Stretch.At(t)
	r, g, b := s.Stretch.Colour(v, v, v)
	return color.RGBA{r, g, b, 255}
}
