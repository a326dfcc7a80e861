package simulate

import "math"

// Field is a simulated galaxy survey: stamps with one galaxy each, seen through point
// spread functions that vary over the field. Stamp i and PSF i are functions of (Seed, i)
// alone.
//
// A galaxy or a PSF is evaluated at 5 x 5 points of each pixel and summed, and its sum
// over the stamp is 1. An ellipticity (e1, e2), |e| < 1, shears the coordinates:
//
//	x' = f ((1-e1) x - e2 y),  y' = f (-e2 x + (1+e1) y),  f = 1/sqrt(1-|e|^2)
type Field struct {
	Seed uint64
	Side int // pixels along each side of a stamp
	PSFs int // number of point spread functions

	galaxies map[float64]*radial // Sersic profiles by index
	airy     []float64           // (2 J1(t)/t)^2 at t^2 = i airyStep
	moffat   *radial
}

const (
	oversampling = 5
	airyStep     = 1.0 / 64
	airyScale    = 1.6163399 // t = airyScale r / w: half the peak at r = w
)

// sersicIndices are the Sersic indices of galaxies, each with equal probability.
var sersicIndices = []float64{0.5, 1, 1, 1.5, 2.5, 4}

// NewField computes the tables of the profiles.
func NewField(seed uint64, side, psfs int) *Field {
	f := &Field{Seed: seed, Side: side, PSFs: psfs, galaxies: map[float64]*radial{}}
	reach := float64(side*side) * 4 // more than any r^2, sheared
	for _, n := range sersicIndices {
		b := 1.9992*n - 0.3271
		if n == 0.5 {
			b = 0.69315
		}
		f.galaxies[n] = newRadial(func(u float64) float64 { return math.Exp(-b * (math.Pow(u, 1/(2*n)) - 1)) }, reach)
	}
	f.moffat = newRadial(func(u float64) float64 { return math.Pow(1+u, -2.6) }, reach)
	f.airy = make([]float64, 2+int(reach/airyStep))
	for i := range f.airy {
		if t := math.Sqrt(float64(i) * airyStep); t == 0 {
			f.airy[i] = 1
		} else {
			a := 2 * math.J1(t) / t
			f.airy[i] = a * a
		}
	}
	return f
}

// atAiry interpolates linearly between two entries of the table.
func (f *Field) atAiry(t2 float64) float64 {
	at := t2 / airyStep
	i := int(at)
	if i+1 >= len(f.airy) {
		return 0
	}
	return f.airy[i] + (at-float64(i))*(f.airy[i+1]-f.airy[i])
}

// draw adds brightness(|x'|^2) to dst and returns the sum. The centre is (row, col) pixels
// away from the centre of the stamp, and (e1, e2) is the shear.
func (f *Field) draw(dst []float64, row, col, e1, e2 float64, brightness func(r2 float64) float64) (sum float64) {
	norm := 1 / (1 - e1*e1 - e2*e2)
	// |x'|^2 = xx x^2 + xy x y + yy y^2
	xx := norm * ((1-e1)*(1-e1) + e2*e2)
	yy := norm * ((1+e1)*(1+e1) + e2*e2)
	xy := norm * -4 * e2
	centre := float64(f.Side-1) / 2
	at := 0
	for i := range f.Side {
		for j := range f.Side {
			v := 0.0
			for a := range oversampling {
				y := float64(i) - centre - row + float64(a-oversampling/2)/oversampling
				for b := range oversampling {
					x := float64(j) - centre - col + float64(b-oversampling/2)/oversampling
					v += brightness((xx*x+xy*y)*x + yy*y*y)
				}
			}
			dst[at] += v
			sum += v
			at++
		}
	}
	return sum
}

// Galaxy sets dst, Side x Side, to the truth of stamp i: a Sersic profile
// exp(-b ((r/R)^(1/n) - 1)) of index n, with R from 1.4 to 4.5 pixels and log R uniform.
// Its ellipticity, twice the shear, is min(|N(0, 0.25)|, 0.7), and its centre is within
// half a pixel of the centre of the stamp.
func (f *Field) Galaxy(i int, dst []float64) {
	r := newStream(f.Seed, forGalaxyStamp, uint64(i))
	n := sersicIndices[int(r.Uniform(0)*float64(len(sersicIndices)))]
	radius := 1.4 * math.Pow(4.5/1.4, r.Uniform(1))
	z, _ := r.Normals(1) // numbers 2 and 3
	shear := min(math.Abs(0.25*z), 0.7) / 2
	sin, cos := math.Sincos(2 * math.Pi * r.Uniform(4)) // of twice the position angle
	profile, scale := f.galaxies[n], 1/(radius*radius)
	clear(dst)
	sum := f.draw(dst, r.Uniform(5)-0.5, r.Uniform(6)-0.5, shear*cos, shear*sin, func(r2 float64) float64 {
		return profile.at(r2 * scale)
	})
	scaleBy(dst, 1/sum)
}

// PSF sets dst, Side x Side, to PSF i. Its place (u, v) in the field is uniform in [-1, 1],
// and with it
//
//	e1 = 0.06 u^2 - 0.05 v^2 + 0.03 u + N(0, 0.01),  e2 = 0.08 u v - 0.03 v + N(0, 0.01)
//	w  = 1.55 (1 + 0.06 (u^2 + v^2) + N(0, 0.01)) pixels
//	0.8 Airy(1.6163399 r/w) + 0.2 Moffat (1 + r^2/(2.2 w)^2)^-2.6, sheared 1.5 times as much
func (f *Field) PSF(i int, dst []float64) {
	r := newStream(f.Seed, forPSF, uint64(i))
	u, v := 2*r.Uniform(0)-1, 2*r.Uniform(1)-1
	z1, z2 := r.Normals(1) // numbers 2 and 3
	z3, _ := r.Normals(2)
	e1 := 0.06*u*u - 0.05*v*v + 0.03*u + 0.01*z1
	e2 := 0.08*u*v - 0.03*v + 0.01*z2
	w := 1.55 * (1 + 0.06*(u*u+v*v) + 0.01*z3)

	clear(dst)
	core := airyScale * airyScale / (w * w)
	sum := f.draw(dst, 0, 0, e1, e2, func(r2 float64) float64 { return f.atAiry(r2 * core) })
	scaleBy(dst, 0.8/sum)
	wings := make([]float64, len(dst))
	wide := 1 / (2.2 * w * 2.2 * w)
	sum = f.draw(wings, 0, 0, 1.5*e1, 1.5*e2, func(r2 float64) float64 { return f.moffat.at(r2 * wide) })
	for k, v := range wings {
		dst[k] += 0.2 / sum * v
	}
}

// PSFOf is the index of the PSF of stamp i. Each has equal probability.
func (f *Field) PSFOf(i int) int {
	return int(newStream(f.Seed, forStampPSF, uint64(i)).Uniform(0) * float64(f.PSFs))
}

// AddNoise adds white noise of standard deviation sigma to dst, the pixels of stamp i.
func (f *Field) AddNoise(i int, dst []float64, sigma float64) {
	r := newStream(f.Seed, forStampNoise, uint64(i))
	for k := 0; k < len(dst); k += 2 {
		even, odd := r.Normals(uint64(k / 2))
		dst[k] += sigma * even
		if k+1 < len(dst) {
			dst[k+1] += sigma * odd
		}
	}
}

func scaleBy(x []float64, by float64) {
	for i := range x {
		x[i] *= by
	}
}
