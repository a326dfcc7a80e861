package pairs

import "math"

// Box says where the lines of an owned box along its last axis lie.
type Box struct {
	Shape   []int // of the owned box
	Length  int   // pixels of a line
	Own     []int // index of each line in an array of the owned box
	Ext     []int // index of each line in an array with the layer
	Strides []int // between neighbours along each axis, in an array with the layer
	Cells   int   // values of the owned box
	Plane   int   // values with the layer
	sums    []float64
	along   pairsOf
}

// NewBox is that of an owned box of a shape.
func NewBox(shape []int) *Box {
	b := &Box{Shape: shape, Strides: make([]int, len(shape)), Cells: 1, Plane: 1}
	for k := len(shape) - 1; k >= 0; k-- {
		b.Strides[k] = b.Plane
		b.Cells, b.Plane = b.Cells*shape[k], b.Plane*(shape[k]+2)
	}
	if b.Cells == 0 {
		return b
	}
	last := len(shape) - 1
	b.Length = shape[last]
	b.sums = make([]float64, 4*(b.Length+1))
	at := make([]int, last)
	for own := 0; own < b.Cells; own += b.Length {
		ext := b.Strides[last]
		for k, i := range at {
			ext += (i + 1) * b.Strides[k]
		}
		b.Own, b.Ext = append(b.Own, own), append(b.Ext, ext)
		for k := last - 1; k >= 0; k-- {
			if at[k]++; at[k] < shape[k] {
				break
			}
			at[k] = 0
		}
	}
	return b
}

// Limits are the bounds of a pixel.
type Limits struct{ Lower, Upper float64 }

// Unlimited are no bounds.
func Unlimited() Limits { return Limits{math.Inf(-1), math.Inf(1)} }

func (l Limits) none() bool { return math.IsInf(l.Lower, -1) && math.IsInf(l.Upper, 1) }

// Step sets the owned box of ext to s - gamma g.
func (b *Box) Step(ext, s, g []float64, gamma float64) {
	if b.Cells > 0 {
		b.step(ext[:b.Plane], s[:b.Cells], g[:b.Cells], gamma)
	}
}

// Extrapolate sets s = x + mu (x - before).
func Extrapolate(s, x, before []float64, mu float64) {
	if n := len(s); n > 0 {
		extrapolate(s, x[:n], before[:n], mu)
	}
}

// Shrink replaces x by v, the mean of the 2 axes proximal points of the image in ext, in each
// of which the pixels of a pair move towards each other by half their difference, at most
// by reach, and then into the limits; and s by v + mu (v - x). It returns the sum of (s - v) (v - x)
// over the pixels: above 0 where s points away from the step.
func (b *Box) Shrink(x, s, ext []float64, mu, reach float64, l Limits) (turn float64) {
	if b.Cells == 0 {
		return 0
	}
	return b.shrink(x[:b.Cells], s[:b.Cells], ext[:b.Plane], mu, reach, l)
}

// Edge is Step at those pixels at least whose values the layers of neighbours, or of a border, copy. The other values
// of the owned box in ext have no meaning after it.
func (b *Box) Edge(ext, s, g []float64, gamma float64) {
	if b.Cells > 0 {
		b.edge(ext[:b.Plane], s[:b.Cells], g[:b.Cells], gamma)
	}
}

// Advance is Step and Shrink in one pass over x, s and g, for ext after Edge with the layer filled: where the loops are
// native, a frame of 2 axes has its image s - gamma g in no array.
func (b *Box) Advance(x, s, g, ext []float64, gamma, mu, reach float64, l Limits) (turn float64) {
	if b.Cells == 0 {
		return 0
	}
	return b.advance(x[:b.Cells], s[:b.Cells], g[:b.Cells], ext[:b.Plane], gamma, mu, reach, l)
}

// Descend replaces x by v = x - tau (g + D'p) moved into the limits and sets the owned box of ext to
// v + theta (v - x). p is axes x array with the layer, with a distance of apart from one axis to
// the next.
func (b *Box) Descend(x, ext, g, p []float64, apart int, tau, theta float64, l Limits) {
	if b.Cells > 0 {
		b.descend(x[:b.Cells], ext[:b.Plane], g[:b.Cells], p, apart, tau, theta, l)
	}
}

// Ascend adds sigma D z to p, for z in ext and the axis k alone, and brings each value into
// [-radius, radius]. In the outermost layers, where a pixel has no neighbour, the values of p have
// no meaning.
func (b *Box) Ascend(p, ext []float64, k int, sigma, radius float64) {
	if b.Cells > 0 {
		ascend(p[:b.Plane], ext[:b.Plane], b.Strides[k], sigma, radius)
	}
}

// AscendTogether is Ascend along all axes, p as in Descend: the vector of the axes' values at a pixel
// gets a length of at most radius.
func (b *Box) AscendTogether(p, ext []float64, apart int, sigma, radius float64) {
	if b.Cells > 0 {
		b.ascendTogether(p, ext[:b.Plane], apart, sigma, radius)
	}
}

// Relax adds alpha (D z - t + c) to t, for z in ext and the axis k alone, c being t brought into
// [-radius, radius]: a step of alternating directions, of which t is the sum of the split differences and their
// multipliers. In the outermost layers the values have no meaning, as in Ascend.
func (b *Box) Relax(t, ext []float64, k int, alpha, radius float64) {
	if b.Cells > 0 {
		relax(t[:b.Plane], ext[:b.Plane], b.Strides[k], alpha, radius)
	}
}

// Reflected sets out = keep out + scale D'(t - 2 c), c being t brought into [-radius, radius]; t is axes x
// array with the layer, with a distance of apart from one axis to the next. With ext, z being the image in it,
// D z is taken from t - 2 c.
func (b *Box) Reflected(out, t, ext []float64, apart int, keep, scale, radius float64) {
	if b.Cells > 0 {
		if ext != nil {
			ext = ext[:b.Plane]
		}
		b.reflected(out[:b.Cells], t, ext, apart, keep, scale, radius)
	}
}

// Residual sets r = w (a - y), 0 where w is 0 and y may be anything; w nil is 1 everywhere, y nil is
// 0. r may be a.
func Residual(r, a, y, w []float64) {
	if n := len(r); n > 0 {
		if y != nil {
			y = y[:n]
		}
		if w != nil {
			w = w[:n]
		}
		residual(r, a[:n], y, w)
	}
}
