package simulate

import (
	"math"

	"tessera/internal/random"
)

// SkyOptions describe an invented frame of the deep sky.
type SkyOptions struct {
	Seed     uint64
	Rows     int // pixels
	Cols     int // pixels
	Channels int // 0 = 1; the first channel is the reddest, so that three are R, G, B
	Galaxies int // 0 = one for 1600 pixels, at least 12; < 0 = none
	Stars    int // 0 = one for 30000 pixels, at least 2; < 0 = none
}

// Scene is a list of objects on a background of 0. The brightest pixel of the brightest
// object is 1 where no other object covers it.
type Scene struct {
	Channels, Rows, Cols int // shape of the frame, in pixels
	objects              []object
}

// object is a galaxy (profile set) or a star. Pixel (i, j) covers
// [i, i+1) x [j, j+1) in the coordinates of row and col.
type object struct {
	row, col float64
	flux     []float64 // per channel
	profile  *profile
	re, q    float64    // semi-major half-light radius in pixels, axis ratio
	uu       [3]float64 // u = uu[0] dr^2 + uu[1] dr dc + uu[2] dc^2
	scale    float64    // brightness per pixel of unit flux = scale * profile
}

// starSigma is the width of a star in pixels, the smallest that does not show steps of the
// pixel grid.
const starSigma = 0.6

// Sky makes the objects of a frame at random.
func Sky(o SkyOptions) *Scene {
	area := float64(o.Rows) * float64(o.Cols)
	count := func(asked int, each float64, least int) int {
		switch {
		case asked < 0:
			return 0
		case asked > 0:
			return asked
		}
		return max(least, int(area/each))
	}
	s := &Scene{Channels: max(o.Channels, 1), Rows: o.Rows, Cols: o.Cols}
	profiles := map[float64]*profile{}
	for i := range count(o.Galaxies, 1600, 12) {
		s.objects = append(s.objects, s.galaxy(newStream(o.Seed, forGalaxies, uint64(i)), profiles))
	}
	galaxyPeak := s.peak()
	if galaxyPeak == 0 {
		galaxyPeak = 1
	}
	for i := range count(o.Stars, 30000, 2) {
		s.objects = append(s.objects, s.star(newStream(o.Seed, forStars, uint64(i)), galaxyPeak))
	}
	if p := s.peak(); p > 0 {
		for _, ob := range s.objects {
			for c := range ob.flux {
				ob.flux[c] /= p
			}
		}
	}
	return s
}

// galaxy makes one galaxy at random. The number of galaxies brighter than f falls as 1/f
// over a factor of 300, and bright ones are larger. Discs (n about 1) are blue and flat,
// ellipticals (n up to 4) are red and round.
func (s *Scene) galaxy(r random.Stream, profiles map[float64]*profile) object {
	var k uint64
	next := func() float64 { k++; return r.Uniform(k) }
	ob := object{row: next() * float64(s.Rows), col: next() * float64(s.Cols)}
	flux := 1 / (1 - next()*(1-1.0/300))
	elliptical := next() < 0.3
	n, ratio := 0.5+1.5*next(), 0.25+0.7*next()
	if elliptical {
		n, ratio = 2+2*next(), 0.6+0.4*next()
	}
	// n is a multiple of 1/4, so that galaxies share tables.
	n = math.Round(4*n) / 4
	if profiles[n] == nil {
		profiles[n] = newProfile(n)
	}
	scatter, _ := r.Normals(100)
	re := 1.8 * math.Pow(flux, 0.4) * math.Exp(0.25*scatter)
	if elliptical {
		re *= 1.3
	}
	warm, _ := r.Normals(101)
	warm = 0.2*warm - 0.12
	if elliptical {
		warm += 0.42
	}
	ob.flux = colours(flux, warm, s.Channels)
	ob.shape(profiles[n], re, ratio, math.Pi*next())
	return ob
}

// shape sets the ellipse; angle is that of the major axis against the direction of a row.
func (ob *object) shape(p *profile, re, q, angle float64) {
	sin, cos := math.Sincos(angle)
	ob.profile, ob.re, ob.q = p, re, q
	a, b := 1/(re*re), 1/(re*q*re*q)
	ob.uu = [3]float64{a*sin*sin + b*cos*cos, 2 * (a - b) * sin * cos, a*cos*cos + b*sin*sin}
	ob.scale = 1 / (re * re * q)
}

// star makes one star at random. Its peak is between 1/20 of the peak of the brightest
// galaxy and all of it.
func (s *Scene) star(r random.Stream, galaxyPeak float64) object {
	ob := object{row: r.Uniform(0) * float64(s.Rows), col: r.Uniform(1) * float64(s.Cols)}
	centre := math.Erf(0.5 / (math.Sqrt2 * starSigma))
	warm, _ := r.Normals(50)
	peak := galaxyPeak * math.Pow(20, -r.Uniform(2))
	ob.flux = colours(peak/(centre*centre), 0.25*warm, s.Channels)
	top := 0.0
	for _, f := range ob.flux {
		top = max(top, f)
	}
	for c := range ob.flux {
		ob.flux[c] *= peak / (centre * centre) / top
	}
	return ob
}

// colours distributes flux over the channels, of which the first is the reddest. Objects
// with warm > 0 are red. The mean over the channels is flux.
func colours(flux, warm float64, channels int) []float64 {
	f := make([]float64, channels)
	sum := 0.0
	for c := range f {
		f[c] = 1
		if channels > 1 {
			f[c] = math.Exp(warm * (1 - 2*float64(c)/float64(channels-1)))
		}
		sum += f[c]
	}
	for c := range f {
		f[c] *= flux * float64(channels) / sum
	}
	return f
}

// peak is the brightest pixel of the brightest object.
func (s *Scene) peak() float64 {
	top := 0.0
	for i := range s.objects {
		ob := &s.objects[i]
		v := ob.pixel(math.Floor(ob.row), math.Floor(ob.col))
		for _, f := range ob.flux {
			top = max(top, v*f)
		}
	}
	return top
}
