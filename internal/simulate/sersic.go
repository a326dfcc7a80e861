package simulate

import "math"

const (
	// truncation in units of r_e, and where the taper to it begins
	edge  = 8.0
	taper = 7.0

	// The profile table is piecewise linear in u = (r/r_e)^2 on segments that
	// double in length with u, segmentBits of them to an octave, so the segment is
	// found from the leading bits of the number u itself.
	segmentBits = 7
	tableLow    = 0x1p-24 // below, the profile counts as flat
)

var (
	lowBits = math.Float64bits(tableLow)
	topBits = math.Float64bits(edge * edge)
)

// profile is a tapered Sersic profile of unit flux, unit r_e and axis ratio 1.
type profile struct {
	n     float64
	value []float64 // at the segment ends
	slope []float64 // per unit of u
	peak  float64
}

// sersicB is b: by Ciotti and Bertin's expansion r_e holds half the light to 2e-4
// of it for n >= 0.5.
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
	const shift = 52 - segmentBits
	count := int((topBits - lowBits) >> shift)
	p := &profile{n: n, value: make([]float64, count+1), slope: make([]float64, count)}
	at := func(i int) float64 { return math.Float64frombits(lowBits + uint64(i)<<shift) }
	for i := range p.value {
		p.value[i] = shape(at(i))
	}
	// Flux = integral of I 2 pi r dr = pi times the integral of I du, exact for the
	// piecewise linear function.
	flux := math.Pi * tableLow * p.value[0]
	for i := range p.slope {
		flux += math.Pi * (at(i+1) - at(i)) * (p.value[i] + p.value[i+1]) / 2
	}
	for i := range p.value {
		p.value[i] /= flux
	}
	for i := range p.slope {
		p.slope[i] = (p.value[i+1] - p.value[i]) / (at(i+1) - at(i))
	}
	p.peak = p.value[0]
	return p
}

// at is the brightness at u = (r/r_e)^2.
func (p *profile) at(u float64) float64 {
	bits := math.Float64bits(u)
	if bits < lowBits {
		return p.peak
	}
	if bits >= topBits {
		return 0
	}
	const shift = 52 - segmentBits
	i := (bits - lowBits) >> shift
	start := math.Float64frombits(bits >> shift << shift)
	return p.value[i] + (u-start)*p.slope[i]
}
