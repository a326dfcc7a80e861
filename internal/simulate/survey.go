package simulate

import "math"

// Survey is scattered observations of a known function in the unit cube of 1, 2 or
// 3 dimensions, most of them in clusters, as a sky survey has them:
//
//	f(x) = sum over 12 bumps of c_k exp(-|x - p_k|^2 / (2 w_k^2)) + sin(4 x_1 + 2 x_2 + x_3) / 2
//
// with c_k in [-1, 1], p_k in the cube and w_k from 0.03 to 0.3. Observation i is a
// function of (Seed, i) alone.
type Survey struct {
	Seed      uint64
	Dim       int
	Clusters  int     // 0 = none
	Clustered float64 // fraction of the observations in them; the others are uniform
	Noise     float64 // standard deviation
}

const bumps = 12

// Truth is f at x.
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

// Observation is number i: its place, which is written to x (Dim numbers), and value.
func (s *Survey) Observation(i int, x []float64) float64 {
	r := newStream(s.Seed, forSurvey, uint64(i))
	noise, _ := r.Normals(0)
	place := newStream(s.Seed, forSurvey, uint64(i)|1<<62)
	if s.Clusters == 0 || place.Uniform(0) >= s.Clustered {
		for k := range x {
			x[k] = place.Uniform(uint64(1 + k))
		}
	} else {
		// The first clusters are the richest: number k gets 1/(k+1) of a share.
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
			// Folded back into the cube.
			v := math.Mod(math.Abs(0.1+0.8*c.Uniform(uint64(1+k))+width*z), 2)
			x[k] = min(v, 2-v)
		}
	}
	return s.Truth(x) + s.Noise*noise
}

// Sampled tells whether a pixel of a picture is one of a seeded sample that is
// denser where the picture is bright: its probability is fraction times a quarter
// plus three quarters of its brightness over the mean, at most 1. brightness and
// mean are 0 or more; the fraction is met where no pixel reaches 1.
func Sampled(seed uint64, pixel int, fraction, brightness, mean float64) bool {
	p := fraction
	if mean > 0 {
		p *= 0.25 + 0.75*brightness/mean
	}
	return newStream(seed, forSample, 0).Uniform(uint64(pixel)) < p
}

// Crease is 1/(0.1 + |x - y|), smooth along the diagonal of the unit square and
// sharp across it.
func Crease(x []float64) float64 { return 1 / (0.1 + math.Abs(x[0]-x[1])) }

// Uniform writes the place of point i to x, uniform in the unit cube, and returns
// a standard normal number to go with it: a function of (seed, i) alone.
func Uniform(seed uint64, i int, x []float64) (noise float64) {
	r := newStream(seed, forSurvey, uint64(i))
	for k := range x {
		x[k] = r.Uniform(uint64(2 + k))
	}
	noise, _ = r.Normals(0)
	return noise
}
