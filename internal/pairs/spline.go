package pairs

import "math"

// Spline is a cubic spline c_m B((u - low)/step - m), m = 0 ... knots - 1, that is constant outside
// of its knots; its derivative there is 0.
type Spline struct {
	low, inverse, last float64
	pieces             []float64 // knots x 4: the powers of f of each interval, u = low + step (m + f)
	knots              int
}

// NewSpline is that of coefficients c whose knots are at low, low + step, ...
func NewSpline(c []float64, low, step float64) *Spline {
	s := &Spline{low: low, inverse: 1 / step, last: float64(len(c) - 1), knots: len(c), pieces: make([]float64, 4*len(c))}
	s.Set(c)
	return s
}

// Set changes the coefficients.
func (s *Spline) Set(c []float64) {
	at := func(m int) float64 {
		if m < 0 || m >= len(c) {
			return 0
		}
		return c[m]
	}
	for m := range s.knots {
		a, b, d, e := at(m-1), at(m), at(m+1), at(m+2)
		p := s.pieces[4*m:][:4]
		p[0], p[1] = (a+4*b+d)/6, (d-a)/2
		p[2], p[3] = (a-2*b+d)/2, (3*(b-d)+e-a)/6
	}
}

// Moments is where Back adds up what Gradient needs: knots x 4 numbers.
func (s *Spline) Moments() []float64 { return make([]float64, 4*s.knots) }

// Gradient adds the derivative by the coefficients to g, of which the moments are the sums over
// values u of v, v f, v f^2 and v f^3 in the interval of u.
func (s *Spline) Gradient(g, moments []float64) {
	add := func(m int, d float64) {
		if m >= 0 && m < len(g) {
			g[m] += d
		}
	}
	for m := range s.knots {
		p := moments[4*m:][:4]
		add(m-1, (p[0]-3*p[1]+3*p[2]-p[3])/6)
		add(m, (4*p[0]-6*p[2]+3*p[3])/6)
		add(m+1, (p[0]+3*p[1]+3*p[2]-3*p[3])/6)
		add(m+2, p[3]/6)
	}
}

// at is the spline at u, its derivative, the interval and the place in it.
func (s *Spline) at(u float64) (value, slope float64, m int, f float64) {
	t, inside := (u-s.low)*s.inverse, s.inverse
	if !(t > 0) {
		t, inside = 0, 0
	} else if t >= s.last {
		t, inside = s.last, 0
	}
	m = int(t)
	f = t - float64(m)
	p := s.pieces[4*m:][:4]
	return ((p[3]*f+p[2])*f+p[1])*f + p[0], inside * ((3*p[3]*f+2*p[2])*f + p[1]), m, f
}

// Value is the spline at u.
func (s *Spline) Value(u float64) float64 { v, _, _, _ := s.at(u); return v }

// Layer are the splines of one layer: of the averages and of the differences of each axis.
type Layer struct {
	Splines []*Spline
	First   []bool // for each axis: there is no pair across the beginning of the box
	Last    []bool // there is none across its end
}

// scale of averages and differences: 1/(2 sqrt(axes)).
func (b *Box) scale() float64 { return 1 / (2 * math.Sqrt(float64(len(b.Strides)))) }

// Learned sets out to z + H'(phi(H z) - H z) for z in ext, phi(u) - u being the splines.
func (b *Box) Learned(out, ext []float64, l *Layer) {
	if b.Cells > 0 {
		b.learned(out[:b.Cells], ext[:b.Plane], nil, nil, l)
	}
}

// Back is the derivative of Learned: it sets out to g + H'(phi'(H z) H g - H g) for g and z in
// arrays with the layer, and adds to the moments of the splines, of pairs whose first pixel is owned.
func (b *Box) Back(out, g, ext []float64, moments [][]float64, l *Layer) {
	if b.Cells > 0 {
		b.learned(out[:b.Cells], ext[:b.Plane], g[:b.Plane], moments, l)
	}
}
