package psf

import (
	"math"
	"slices"
)

// Quality compares one restored stamp with its truth.
type Quality struct {
	Pixel       float64 // |x - t|^2 / |t|^2
	Ellipticity float64 // |e(x) - e(t)|, both under the window
	PSNR        float64 // 20 log10(side (max t - min t) / |x - t|), dB
}

// Compare is the quality of a side x side stamp. The ellipticity is taken under a
// round Gaussian of standard deviation window pixels at the stamp's centre; without
// one (0) noise far from the object decides it.
func Compare(side int, x, truth []float64, window float64) Quality {
	var diff, norm float64
	lo, hi := math.Inf(1), math.Inf(-1)
	for i, t := range truth {
		d := x[i] - t
		diff += d * d
		norm += t * t
		lo, hi = min(lo, t), max(hi, t)
	}
	a, b := ellipticity(side, x, window), ellipticity(side, truth, window)
	return Quality{
		Pixel:       diff / norm,
		Ellipticity: math.Hypot(a[0]-b[0], a[1]-b[1]),
		PSNR:        20 * math.Log10(float64(side)*(hi-lo)/math.Sqrt(diff)),
	}
}

// ellipticity is (e1, e2) of the second moments about the centroid, from the inner
// products with 1, k, l, k^2 + l^2, k^2 - l^2 and kl (k rows, l columns):
//
//	e1 = (U4 U2 - U0^2 + U1^2) / D,  e2 = 2 (U5 U2 - U0 U1) / D,  D = U3 U2 - U0^2 - U1^2
func ellipticity(side int, x []float64, window float64) [2]float64 {
	var u [6]float64
	centre := float64(side-1) / 2
	for i, v := range x {
		k, l := float64(i/side), float64(i%side)
		if window > 0 {
			r2 := (k-centre)*(k-centre) + (l-centre)*(l-centre)
			v *= math.Exp(-r2 / (2 * window * window))
		}
		for p, f := range [6]float64{k, l, 1, k*k + l*l, k*k - l*l, k * l} {
			u[p] += v * f
		}
	}
	d := u[3]*u[2] - u[0]*u[0] - u[1]*u[1]
	return [2]float64{(u[4]*u[2] - u[0]*u[0] + u[1]*u[1]) / d, 2 * (u[5]*u[2] - u[0]*u[1]) / d}
}

// Quartiles are the quarter points of a set of numbers, NaN of an empty one.
func Quartiles(v []float64) (q [3]float64) {
	s := slices.Clone(v)
	slices.Sort(s)
	for k := range q {
		if len(s) == 0 {
			q[k] = math.NaN()
			continue
		}
		at := float64(k+1) / 4 * float64(len(s)-1)
		i := int(at)
		q[k] = s[i]
		if i+1 < len(s) {
			q[k] += (at - float64(i)) * (s[i+1] - s[i])
		}
	}
	return q
}
