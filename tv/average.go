package tv

import (
	"math"

	"tessera/internal/pairs"
)

// shrink replaces the iterate x by v, the mean of the K = 2 axes proximal points of z, which is in
// ext, and the extrapolated point s by v + mu (v - x): the step of FPPA. The proximal map of a pair (a, b) moves its pixels towards each
// other by e = (b-a)/2, at most by reach = K gamma lambda; then the bounds apply. A pixel is in one
// pair of each of the K transforms, or alone at the border, so that
//
//	v(n) = 1/K sum_k [ B(z(n) + e_k(n)) + B(z(n) - e_k(n - e_k)) ].
//
// It returns this rank's part of (s - v)(v - x).
func (f *field) shrink(x, s []float64, mu, reach float64, coupled bool, l pairs.Limits) (turn float64) {
	if coupled && f.channels > 1 {
		return f.shrinkCoupled(x, s, mu, reach, l)
	}
	for c := range f.channels {
		own := func(a []float64) []float64 { return a[c*f.cells : (c+1)*f.cells] }
		turn += f.box.Shrink(own(x), own(s), f.ext[c*f.plane:(c+1)*f.plane], mu, reach, l)
	}
	return turn
}

// advance is field.step and shrink without coupled channels, in one pass over the arrays. edge and fill come before it.
func (f *field) advance(x, s, g []float64, gamma, mu, reach float64, l pairs.Limits) (turn float64) {
	for c := range f.channels {
		own := func(a []float64) []float64 { return a[c*f.cells : (c+1)*f.cells] }
		turn += f.box.Advance(own(x), own(s), own(g), f.ext[c*f.plane:(c+1)*f.plane], gamma, mu, reach, l)
	}
	return turn
}

// limits are the bounds of a pixel.
func limits(b *Bounds) pairs.Limits {
	if b == nil {
		return pairs.Unlimited()
	}
	return pairs.Limits{Lower: b.Lower, Upper: b.Upper}
}

// shrinkCoupled is shrink with one length of the differences of all channels.
func (f *field) shrinkCoupled(iterate, extrapolated []float64, mu, reach float64, l pairs.Limits) (turn float64) {
	n := f.shape[len(f.shape)-1]
	ahead, behind := make([]float64, n), make([]float64, n) // factors of the differences
	sums := make([]float64, f.channels*n)
	share := 1 / float64(2*len(f.shape))
	f.lines(func(own, at, n int) {
		clear(sums)
		for _, stride := range f.strides {
			f.factors(ahead[:n], at, stride, reach)
			f.factors(behind[:n], at-stride, stride, reach)
			for c := range f.channels {
				z := f.ext[c*f.plane : (c+1)*f.plane]
				v := sums[c*n:][:n]
				here, before, next := z[at:at+n], z[at-stride:][:n], z[at+stride:][:n]
				for i, w := range here {
					a, b := w+ahead[i]*(next[i]-w), w-behind[i]*(w-before[i])
					v[i] += share * (min(max(a, l.Lower), l.Upper) + min(max(b, l.Lower), l.Upper))
				}
			}
		}
		for c := range f.channels {
			x, s := iterate[c*f.cells:][own:own+n], extrapolated[c*f.cells:][own:own+n]
			for i, v := range sums[c*n:][:n] {
				v = min(max(v, l.Lower), l.Upper)
				turn += (s[i] - v) * (v - x[i])
				x[i], s[i] = v, v+mu*(v-x[i])
			}
		}
	})
	return turn
}

// factors sets t to half, or less where half the length of the difference of all channels
// is more than reach.
func (f *field) factors(t []float64, at, stride int, reach float64) {
	clear(t)
	for c := range f.channels {
		z := f.ext[c*f.plane:]
		here, next := z[at:at+len(t)], z[at+stride:][:len(t)]
		for i, v := range here {
			d := next[i] - v
			t[i] += d * d
		}
	}
	for i, s := range t {
		if d := 0.5 * math.Sqrt(s); d > reach {
			t[i] = 0.5 * reach / d
		} else {
			t[i] = 0.5
		}
	}
}

// dual sets p, axes x channels x owned box, to the multipliers that belong to the step of
// FPPA from z in ext: d / (2 K gamma) with no group longer than lambda.
func (f *field) dual(p []float64, gamma, lambda float64, coupled bool) {
	scale := 1 / (4 * float64(len(f.shape)) * gamma)
	size := f.channels * f.cells
	for k, stride := range f.strides {
		for c := range f.channels {
			z, out := f.ext[c*f.plane:(c+1)*f.plane], p[k*size+c*f.cells:]
			f.lines(func(own, at, n int) {
				here, next := z[at:at+n], z[at+stride:][:n]
				for i, v := range here {
					out[own+i] = scale * (next[i] - v)
				}
			})
		}
	}
	project(p, f.groupsOf(Anisotropic, coupled), f.cells, lambda)
}

// groupsOf are the planes of p, axes x channels, that belong together.
func (f *field) groupsOf(penalty Penalty, coupled bool) [][]int {
	var list [][]int
	axes, channels := f.groups(penalty, coupled)
	for _, group := range axes {
		for _, together := range channels {
			var planes []int
			for _, k := range group {
				for _, c := range together {
					planes = append(planes, k*f.channels+c)
				}
			}
			list = append(list, planes)
		}
	}
	return list
}

// project shortens every group of p, planes of n values, to a length of at most radius.
func project(p []float64, groups [][]int, n int, radius float64) {
	for _, planes := range groups {
		if len(planes) == 1 {
			plane := p[planes[0]*n:][:n]
			for i, v := range plane {
				plane[i] = min(max(v, -radius), radius)
			}
			continue
		}
		for i := range n {
			if l := groupLength(p, planes, n, i); l > radius {
				for _, q := range planes {
					p[q*n+i] *= radius / l
				}
			}
		}
	}
}

// longest is the length of the longest group of p.
func longest(p []float64, groups [][]int, n int) float64 {
	most := 0.0
	for _, planes := range groups {
		for i := range n {
			most = max(most, groupLength(p, planes, n, i))
		}
	}
	return most
}

func groupLength(p []float64, planes []int, n, i int) float64 {
	if len(planes) == 1 {
		return math.Abs(p[planes[0]*n+i])
	}
	s := 0.0
	for _, q := range planes {
		s += p[q*n+i] * p[q*n+i]
	}
	return math.Sqrt(s)
}
