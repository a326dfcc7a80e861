package kernel

import (
	"math"

	"tessera/loadbalance"
)

// Trend is what a fit subtracts from the observations before it and adds afterwards: with
// Options.Mean their mean, weighted with 1/sigma^2, and with Options.Linear too the plane nearest
// to them by the same weights,
//
//	m(x) = Mean + sum_k Slope_k (x_k - Centre_k)
//
// where the plane goes on as it is beyond the observations.
type Trend struct {
	Mean   float64   // at Centre; 0 without Options.Mean
	Slope  []float64 // along each coordinate; nil without Options.Linear. 0 along one that the others determine, or that is the same everywhere
	Centre []float64 // weighted mean of the places; nil without Options.Linear
}

// At is the trend at a place of as many coordinates as there are slopes, if there are any.
func (t *Trend) At(x []float64) float64 {
	v := t.Mean
	for k, s := range t.Slope {
		v += s * (x[k] - t.Centre[k])
	}
	return v
}

// subtract returns the values of points less the trend.
func (t *Trend) subtract(pts *loadbalance.Points) []float64 {
	y := make([]float64, pts.Len())
	for i := range y {
		y[i] = pts.Attr[i*pts.Cols] - t.At(pts.X[i*pts.Dim:(i+1)*pts.Dim])
	}
	return y
}

// add adds the trend to values at places, in place.
func (t *Trend) add(values, places []float64, dim int) {
	for i := range values {
		values[i] += t.At(places[i*dim : (i+1)*dim])
	}
}

// planePasses is how often the plane of the residual is added: the second time leaves no more
// than the rounding of the values.
const planePasses = 2

// trendOf finds the trend of points, whose attributes are y and sigma. sum adds up numbers over
// those who hold the points. It is collective if sum is.
func trendOf(pts *loadbalance.Points, o *Options, sum func([]float64) error) (Trend, error) {
	t := Trend{}
	if !o.Mean {
		return t, nil
	}
	n, d := pts.Len(), pts.Dim
	weight := func(i int) float64 { return 1 / sq(pts.Attr[i*pts.Cols+1]) }
	sums := make([]float64, 2+d) // of the weights, and of y and the places with them
	for i := range n {
		w := weight(i)
		sums[0] += w
		sums[1] += w * pts.Attr[i*pts.Cols]
		for k := range d {
			sums[2+k] += w * pts.X[i*d+k]
		}
	}
	if err := sum(sums); err != nil {
		return t, err
	}
	total := sums[0]
	t.Mean = sums[1] / total
	if !o.Linear {
		return t, nil
	}
	t.Slope, t.Centre = make([]float64, d), make([]float64, d)
	for k := range d {
		t.Centre[k] = sums[2+k] / total
	}
	// Moments about the centre: of the places among each other, and with what is left of y.
	for range planePasses {
		moments := make([]float64, d*d+d+1)
		for i := range n {
			x, w := pts.X[i*d:(i+1)*d], weight(i)/total
			left := pts.Attr[i*pts.Cols] - t.At(x)
			for k := range d {
				e := x[k] - t.Centre[k]
				for l := range d {
					moments[k*d+l] += w * e * (x[l] - t.Centre[l])
				}
				moments[d*d+k] += w * e * left
			}
			moments[d*d+d] += w * left
		}
		if err := sum(moments); err != nil {
			return t, err
		}
		for k, v := range regress(moments[:d*d], moments[d*d:d*d+d], d) {
			t.Slope[k] += v
		}
		t.Mean += moments[d*d+d]
	}
	return t, nil
}

// flatness is the share of the variance along a coordinate below which it counts as determined by
// the others.
const flatness = 1e-10

// regress solves a s = b for d slopes, a symmetric and positive semidefinite, by Cholesky's
// factorisation without the coordinates that those before them determine; their slopes are 0. It
// overwrites a.
func regress(a, b []float64, d int) []float64 {
	s := append([]float64(nil), b...)
	used := make([]bool, d)
	for k := range d {
		whole := a[k*d+k]
		for j := range k {
			if used[j] {
				a[k*d+k] -= a[k*d+j] * a[k*d+j]
			}
		}
		if !(a[k*d+k] > flatness*whole) || !(whole > 0) {
			s[k] = 0
			continue
		}
		used[k] = true
		a[k*d+k] = math.Sqrt(a[k*d+k])
		for i := k + 1; i < d; i++ {
			for j := range k {
				if used[j] {
					a[i*d+k] -= a[i*d+j] * a[k*d+j]
				}
			}
			a[i*d+k] /= a[k*d+k]
		}
		for j := range k {
			if used[j] {
				s[k] -= a[k*d+j] * s[j]
			}
		}
		s[k] /= a[k*d+k]
	}
	for k := d - 1; k >= 0; k-- {
		if !used[k] {
			continue
		}
		for i := k + 1; i < d; i++ {
			if used[i] {
				s[k] -= a[i*d+k] * s[i]
			}
		}
		s[k] /= a[k*d+k]
	}
	return s
}
