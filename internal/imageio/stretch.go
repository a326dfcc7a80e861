package imageio

import (
	"fmt"
	"math"
	"slices"
)

// Stretch maps pixel values to brightness 0..1. A stretch that was measured on one frame can
// be applied to others, so that their pictures can be compared.
type Stretch struct {
	kind      stretchKind
	Black     float64 // the value drawn black (Diverging: blue)
	White     float64 // the value drawn white (Diverging: red)
	Softening float64 // Asinh: linear up to about Softening above Black, logarithmic beyond
	top       float64 // the curve at white before it is scaled to 1
}

type stretchKind int

const (
	linear stretchKind = iota
	asinh
	diverging
)

// Linear is the stretch in proportion from black to white, for photographs.
func Linear(black, white float64) Stretch {
	return Stretch{kind: linear, Black: black, White: white}
}

// Asinh is the stretch for deep-sky frames, measured on f. With m the median of the channel
// means and s their noise (1.4826 times the median absolute deviation),
//
//	brightness(x) = asinh((x - black)/b) / asinh((white - black)/b)
//	black = m - 1.5 s,  b = 4 s,  white = the 99.99 % quantile
//
// so that the sky is dark grey, objects a few s above it are visible, and the cores of
// bright galaxies are not saturated. The factors were chosen by eye. In a large frame every
// k-th pixel is measured, about a million in all.
func Asinh(f *Frame) Stretch {
	v := intensities(f)
	if len(v) == 0 {
		return Linear(0, 1)
	}
	m := quantile(v, 0.5)
	white := quantile(v, 0.9999)
	top := quantile(v, 1)
	for i, x := range v {
		v[i] = math.Abs(x - m)
	}
	s := 1.4826 * quantile(v, 0.5)
	if white <= m {
		white = top
	}
	if white <= m {
		return Linear(m-1, m+1)
	}
	// A frame without noise, or mostly one value: keep a useful range.
	s = min(max(s, (white-m)/1000), (white-m)/4)
	return newAsinh(m-1.5*s, white, 4*s)
}

func newAsinh(black, white, softening float64) Stretch {
	return Stretch{kind: asinh, Black: black, White: white, Softening: softening, top: math.Asinh((white - black) / softening)}
}

// Diverging is the stretch for signed values, such as residuals: blue - white - red,
// symmetric about 0. The range is five times the noise of f's channel means (1.4826 times
// the median absolute value), so that noise is pale and larger structures are not.
func Diverging(f *Frame) Stretch {
	v := intensities(f)
	for i, x := range v {
		v[i] = math.Abs(x)
	}
	r := 0.0
	if len(v) > 0 {
		r = 5 * 1.4826 * quantile(v, 0.5)
		if r == 0 {
			r = quantile(v, 1)
		}
	}
	if r == 0 {
		r = 1
	}
	return Stretch{kind: diverging, Black: -r, White: r}
}

// Symmetric is the stretch of signed values from -r to r: blue - white - red.
func Symmetric(r float64) Stretch { return Stretch{kind: diverging, Black: -r, White: r} }

// Signed tells whether the stretch is one of signed values, symmetric about 0.
func (s Stretch) Signed() bool { return s.kind == diverging }

// Position is where a value lies on a scale of the stretch: 0 at Black, 1 at White, and beyond
// where the value is.
func (s Stretch) Position(x float64) float64 {
	if s.kind == asinh {
		return math.Asinh((x-s.Black)/s.Softening) / s.top
	}
	return (x - s.Black) / (s.White - s.Black)
}

// At is the value at a position, the inverse of Position.
func (s Stretch) At(t float64) float64 {
	if s.kind == asinh {
		return s.Black + s.Softening*math.Sinh(t*s.top)
	}
	return s.Black + t*(s.White-s.Black)
}

// Describe names the scale, for the label of a colour bar.
func (s Stretch) Describe() string {
	switch s.kind {
	case asinh:
		return fmt.Sprintf("asinh scale with softening %.3g", s.Softening)
	case diverging:
		return "linear scale, symmetric about 0"
	}
	return "linear scale"
}

// brightness is the curve, without clipping at white; 0 below black.
func (s Stretch) brightness(x float64) float64 {
	x -= s.Black
	if !(x > 0) {
		return 0
	}
	if s.kind == asinh {
		return math.Asinh(x/s.Softening) / s.top
	}
	return x / (s.White - s.Black)
}

// Colour is the sRGB value of one pixel. Three channels share one factor
// brightness(I)/I with I their mean above black, and where that exceeds white in
// one channel all are divided by it: the hue stays (Lupton et al. 2004).
func (s Stretch) Colour(r, g, b float64) (byte, byte, byte) {
	if math.IsNaN(r) || math.IsNaN(g) || math.IsNaN(b) {
		if s.kind == diverging {
			return 200, 200, 200
		}
		return 0, 0, 0
	}
	if s.kind == diverging {
		return diverge((r + g + b) / 3 / s.White)
	}
	if r == g && g == b {
		v := level(s.brightness(r))
		return v, v, v
	}
	if s.kind == linear {
		return level(s.brightness(r)), level(s.brightness(g)), level(s.brightness(b))
	}
	r, g, b = max(r-s.Black, 0), max(g-s.Black, 0), max(b-s.Black, 0)
	i := (r + g + b) / 3
	if i == 0 {
		return 0, 0, 0
	}
	k := s.brightness(i+s.Black) / i
	if top := k * max(r, g, b); top > 1 {
		k /= top
	}
	return level(k * r), level(k * g), level(k * b)
}

func level(v float64) byte { return byte(255*min(max(v, 0), 1) + 0.5) }

// diverge is the colour of t in [-1, 1]: blue, white, red of about equal lightness
// on both sides.
func diverge(t float64) (byte, byte, byte) {
	t = min(max(t, -1), 1)
	end := [3]float64{178, 24, 43}
	if t < 0 {
		end = [3]float64{33, 102, 172}
	}
	mix := func(c float64) byte { return byte(255 + (c-255)*math.Abs(t) + 0.5) }
	return mix(end[0]), mix(end[1]), mix(end[2])
}

// enough values for a robust stretch; the sort of more is what would take the time.
const enough = 1 << 20

// intensities is the mean over the channels at the pixels that have them all, of
// every k-th pixel where there are many.
func intensities(f *Frame) []float64 {
	n := f.Rows * f.Cols
	step := 1 + n/enough
	v := make([]float64, 0, n/step+1)
	for i := 0; i < n; i += step {
		x := 0.0
		for c := range f.Channels {
			x += f.Data[c*n+i]
		}
		if x /= float64(f.Channels); isFinite(x) {
			v = append(v, x)
		}
	}
	return v
}

func isFinite(x float64) bool { return !math.IsNaN(x - x) }

// quantile sorts v on first use; v must not be empty or hold NaN.
func quantile(v []float64, q float64) float64 {
	if !slices.IsSorted(v) {
		slices.Sort(v)
	}
	at := q * float64(len(v)-1)
	i := int(at)
	if i+1 >= len(v) {
		return v[len(v)-1]
	}
	return v[i] + (at-float64(i))*(v[i+1]-v[i])
}
