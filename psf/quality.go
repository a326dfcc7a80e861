package psf

import (
	"math"
	"slices"
)

// Quality is the error of one restored stamp x with respect to its truth t.
type Quality struct {
	Pixel       float64 // |x - t|^2 / |t|^2
	Ellipticity float64 // |e(x) - e(t)|, e the ellipticity (e1, e2) under the window
	PSNR        float64 // dB: 20 log10(side (max t - min t) / |x - t|)
}

// Compare returns the quality of x, side x side. The ellipticities are measured with
// the weights of a round Gaussian window whose standard deviation is given in pixels
// and whose centre is that of the stamp. Window 0 = no weights: then the noise far from
// the object dominates the ellipticity. NaN where a stamp or its truth is all zero.
func Compare(side int, x, truth []float64, window float64) Quality {
	var diff, norm, top float64
	for i, t := range truth {
		top = max(top, math.Abs(t), math.Abs(x[i])) // NaN if one is
	}
	// In a unit of about the largest value, so that no square leaves the range of float64.
	_, exponent := math.Frexp(top)
	x, truth = scaledBy(x, -exponent), scaledBy(truth, -exponent)
	lo, hi := math.Inf(1), math.Inf(-1)
	for i, t := range truth {
		d := x[i] - t
		diff += d * d
		norm += t * t
		lo, hi = min(lo, t), max(hi, t)
	}
	a, b := Measure(side, x, window).E, Measure(side, truth, window).E
	return Quality{
		Pixel:       diff / norm,
		Ellipticity: math.Hypot(a[0]-b[0], a[1]-b[1]),
		PSNR:        20 * math.Log10(float64(side)*(hi-lo)/math.Sqrt(diff)),
	}
}

// Moments are those of the light of a stamp under a round Gaussian window in its middle. Lengths
// are in pixels. All are NaN, and flux is 0, for a stamp without light.
type Moments struct {
	Flux     float64    // without the window
	Row, Col float64    // centroid
	E        [2]float64 // ellipticity (e1, e2) of the second moments
	Size     float64    // root of the mean of the second moments along rows and along columns
}

// Measure returns the moments of x, side x side, under a window whose standard deviation is
// given in pixels; 0 = no window. Pixels that are NaN count as 0.
//
// With U0 ... U5 the inner products of the windowed x with k, l, 1, k^2 + l^2, k^2 - l^2 and kl
// (k rows, l columns),
//
//	e1 = (U4 U2 - U0^2 + U1^2) / D,  e2 = 2 (U5 U2 - U0 U1) / D,  D = U3 U2 - U0^2 - U1^2
//
// and the size is sqrt(D/2) / U2.
func Measure(side int, x []float64, window float64) Moments {
	var u [6]float64
	var m Moments
	centre := float64(side-1) / 2
	for i, v := range x {
		if math.IsNaN(v) {
			continue
		}
		m.Flux += v
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
	m.Row, m.Col = u[0]/u[2], u[1]/u[2]
	m.E = [2]float64{(u[4]*u[2] - u[0]*u[0] + u[1]*u[1]) / d, 2 * (u[5]*u[2] - u[0]*u[1]) / d}
	if m.Size = math.NaN(); u[2] > 0 {
		m.Size = math.Sqrt(d/2) / u[2]
	}
	return m
}

// Quartiles returns the first quartile, the median and the third quartile, with linear
// interpolation between neighbours; NaN without numbers.
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
