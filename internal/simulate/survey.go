package simulate

import "math"

// Survey is a set of scattered observations of a known function in the unit cube of 1, 2
// or 3 dimensions. A part of the observations is in clusters, as in surveys of the sky.
// The function is
//
//	f(x) = sum over 12 bumps of c_k exp(-|x - p_k|^2 / (2 w_k^2)) + sin(4 x_1 + 2 x_2 + x_3) / 2
//
// with c_k in [-1, 1], p_k in the cube and w_k from 0.03 to 0.3. Observation i is a
// function of (Seed, i) alone.
type Survey struct {
	Seed      uint64
	Dim       int     // 1, 2 or 3
	Clusters  int     // number of clusters; 0 = none
	Clustered float64 // fraction of the observations in clusters, 0 to 1; the others are uniform
	Noise     float64 // standard deviation of the noise of an observation
}

const bumps = 12

// Truth is f(x), for x of Dim coordinates.
func (s *Survey) Truth(x []float64) float64 {
	phase := 0.0
	for k, v := range x {
		phase += v * []float64{4, 2, 1}[k]
	}
	f := math.Sin(phase) / 2
	for b := range uint64(bumps) {
		r := newStream(s.Seed, forBumps, b)
		w := 0.03 * math.Pow(10, r.Uniform(0))
		d2 := 0.0
		for k, v := range x {
			d := v - r.Uniform(uint64(2+k))
			d2 += d * d
		}
		f += (2*r.Uniform(1) - 1) * math.Exp(-d2/(2*w*w))
	}
	return f
}

// Observation writes the place of observation i to x, Dim coordinates, and returns its
// value.
func (s *Survey) Observation(i int, x []float64) float64 {
	r := newStream(s.Seed, forSurvey, uint64(i))
	noise, _ := r.Normals(0)
	place := newStream(s.Seed, forSurvey, uint64(i)|1<<62)
	if s.Clusters == 0 || place.Uniform(0) >= s.Clustered {
		for k := range x {
			x[k] = place.Uniform(uint64(1 + k))
		}
	} else {
		// Cluster k has a share proportional to 1/(k+1), so that the first ones are the richest.
		total := 0.0
		for k := range s.Clusters {
			total += 1 / float64(k+1)
		}
		u, cluster := place.Uniform(1)*total, 0
		for ; cluster < s.Clusters-1; cluster++ {
			if u -= 1 / float64(cluster+1); u < 0 {
				break
			}
		}
		c := newStream(s.Seed, forClusters, uint64(cluster))
		width := 0.04 + 0.08*c.Uniform(0)
		for k := range x {
			z, _ := place.Normals(uint64(2 + 4*k))
			// Reflect at the faces of the cube.
			v := math.Mod(math.Abs(0.1+0.8*c.Uniform(uint64(1+k))+width*z), 2)
			x[k] = min(v, 2-v)
		}
	}
	return s.Truth(x) + s.Noise*noise
}

// Sampled tells whether a pixel of a picture belongs to a random sample that is denser
// where the picture is bright. The probability is fraction x (1/4 + 3/4 brightness/mean),
// at most 1, where brightness is that of the pixel and mean that of the picture, both 0
// or more. The sample has the given fraction of the pixels if no probability exceeds 1.
func Sampled(seed uint64, pixel int, fraction, brightness, mean float64) bool {
	p := fraction
	if mean > 0 {
		p *= 0.25 + 0.75*brightness/mean
	}
	return newStream(seed, forSample, 0).Uniform(uint64(pixel)) < p
}

// Crease is 1/(0.1 + |x_1 - x_2|) on the unit square: constant along the diagonal, with a
// sharp ridge on it.
func Crease(x []float64) float64 { return 1 / (0.1 + math.Abs(x[0]-x[1])) }

// Uniform writes the place of point i to x, uniform in the unit cube, and returns a
// standard normal number for its noise. Both are functions of (seed, i) alone.
func Uniform(seed uint64, i int, x []float64) (noise float64) {
	r := newStream(seed, forSurvey, uint64(i))
	for k := range x {
		x[k] = r.Uniform(uint64(2 + k))
	}
	noise, _ = r.Normals(0)
	return noise
}
