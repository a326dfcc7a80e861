package simulate

import "math"

const (
	// where the profile ends and where it begins to be tapered, in units of r_e
	edge  = 8.0
	taper = 7.0

	// The table of a profile is piecewise linear in u = (r/r_e)^2. Each octave of u has
	// 2^segmentBits segments, so that the leading bits of u are the index of its segment.
	segmentBits = 7
	tableLow    = 0x1p-24 // the profile is constant below

	shift = 52 - segmentBits
)

// radial is a function of u >= 0 as such a table. It is 0 from the end of the table on.
type radial struct {
	top   uint64    // bits of the end
	value []float64 // at the segment ends
	slope []float64 // per unit of u
}

var lowBits = math.Float64bits(tableLow)

// start is the value of u at which segment i starts.
func (r *radial) start(i int) float64 { return math.Float64frombits(lowBits + uint64(i)<<shift) }

func newRadial(f func(u float64) float64, end float64) *radial {
	r := &radial{top: math.Float64bits(end)}
	count := int((r.top - lowBits) >> shift)
	r.value, r.slope = make([]float64, count+1), make([]float64, count)
	for i := range r.value {
		r.value[i] = f(r.start(i))
	}
	r.tilt()
	return r
}

// tilt computes the slopes from the values.
func (r *radial) tilt() {
	for i := range r.slope {
		r.slope[i] = (r.value[i+1] - r.value[i]) / (r.start(i+1) - r.start(i))
	}
}

func (r *radial) at(u float64) float64 {
	bits := math.Float64bits(u)
	if bits < lowBits {
		return r.value[0]
	}
	if bits >= r.top {
		return 0
	}
	i := (bits - lowBits) >> shift
	start := math.Float64frombits(bits >> shift << shift)
	return r.value[i] + (u-start)*r.slope[i]
}

// profile is a tapered Sersic profile of unit flux, unit r_e and axis ratio 1; at
// is the brightness at u = (r/r_e)^2.
type profile struct {
	radial
	n    float64
	peak float64
}

// sersicB is b by the expansion of Ciotti and Bertin: for n >= 0.5 the light inside r_e is
// half of all light, to 2e-4 of it.
func sersicB(n float64) float64 {
	return 2*n - 1.0/3 + 4/(405*n) + 46/(25515*n*n) + 131/(1148175*n*n*n) - 2194697/(30690717750*n*n*n*n)
}

func newProfile(n float64) *profile {
	b := sersicB(n)
	shape := func(u float64) float64 {
		v := math.Exp(-b * math.Pow(u, 1/(2*n)))
		if s := math.Sqrt(u); s > taper {
			t := min((s-taper)/(edge-taper), 1)
			v *= (1 - t) * (1 - t) * (1 + 2*t)
		}
		return v
	}
	p := &profile{radial: *newRadial(shape, edge*edge), n: n}
	// Flux = integral of I 2 pi r dr = pi times the integral of I du, exact for the
	// piecewise linear function.
	flux := math.Pi * tableLow * p.value[0]
	for i := range p.slope {
		flux += math.Pi * (p.start(i+1) - p.start(i)) * (p.value[i] + p.value[i+1]) / 2
	}
	for i := range p.value {
		p.value[i] /= flux
	}
	p.tilt()
	p.peak = p.value[0]
	return p
}
