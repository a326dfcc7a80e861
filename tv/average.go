package tv

import "math"

// average sets out, channels x owned box, to the mean of the K = 2 axes proximal points of z,
// which is in ext: the step of FPPA. The proximal map of a pair (a, b) moves its pixels
// towards each other by e = (b-a)/2, at most by reach = K gamma lambda; then the
// bounds apply. A pixel is in one pair of each of the K transforms, or alone at the border,
// so that
//
//	x(n) = 1/K sum_k [ B(z(n) + e_k(n)) + B(z(n) - e_k(n - e_k)) ].
func (f *field) average(out []float64, reach float64, coupled bool, bounds *Bounds) {
	for i := range out {
		out[i] = 0
	}
	lower, upper := math.Inf(-1), math.Inf(1)
	if bounds != nil {
		lower, upper = bounds.Lower, bounds.Upper
	}
	if coupled && f.channels > 1 {
		f.averageCoupled(out, reach, lower, upper)
		return
	}
	share := 1 / float64(2*len(f.shape))
	for c := range f.channels {
		z, x := f.ext[c*f.plane:(c+1)*f.plane], out[c*f.cells:(c+1)*f.cells]
		f.lines(func(own, at, n int) {
			x, here := x[own:own+n], z[at:at+n]
			for k, stride := range f.strides {
				before, next := z[at-stride:][:n], z[at+stride:][:n]
				if bounds == nil {
					shrinkLine(x, before, here, next, reach)
				} else {
					shrinkBounded(x, before, here, next, reach, lower, upper)
				}
				if k == len(f.strides)-1 {
					finishLine(x, here, share, bounds)
				}
			}
		})
	}
}

// shrinkLine adds e(n) - e(n-1) of one axis to x.
func shrinkLine(x, before, here, next []float64, reach float64) {
	before, here, next = before[:len(x)], here[:len(x)], next[:len(x)]
	for i := range x {
		v := here[i]
		e, g := 0.5*(next[i]-v), 0.5*(v-before[i])
		x[i] += min(max(e, -reach), reach) - min(max(g, -reach), reach)
	}
}

// shrinkBounded adds B(z(n) + e(n)) + B(z(n) - e(n-1)) of one axis to x.
func shrinkBounded(x, before, here, next []float64, reach, lower, upper float64) {
	before, here, next = before[:len(x)], here[:len(x)], next[:len(x)]
	for i := range x {
		v := here[i]
		e, g := 0.5*(next[i]-v), 0.5*(v-before[i])
		a, b := v+min(max(e, -reach), reach), v-min(max(g, -reach), reach)
		x[i] += min(max(a, lower), upper) + min(max(b, lower), upper)
	}
}

// finishLine divides the sums of all axes by K; those without bounds are differences from z.
// Rounding must not lift the mean of values at a bound above it.
func finishLine(x, here []float64, share float64, bounds *Bounds) {
	here = here[:len(x)]
	if bounds != nil {
		for i, v := range x {
			x[i] = min(max(share*v, bounds.Lower), bounds.Upper)
		}
		return
	}
	for i, v := range here {
		x[i] = v + share*x[i]
	}
}

// averageCoupled is average with one length of the differences of all channels.
func (f *field) averageCoupled(out []float64, reach, lower, upper float64) {
	n := f.shape[len(f.shape)-1]
	ahead, behind := make([]float64, n), make([]float64, n) // factors of the differences
	share := 1 / float64(2*len(f.shape))
	f.lines(func(own, at, n int) {
		for _, stride := range f.strides {
			f.factors(ahead[:n], at, stride, reach)
			f.factors(behind[:n], at-stride, stride, reach)
			for c := range f.channels {
				z := f.ext[c*f.plane : (c+1)*f.plane]
				x := out[c*f.cells:][own : own+n]
				here, before, next := z[at:at+n], z[at-stride:][:n], z[at+stride:][:n]
				for i, v := range here {
					a, b := v+ahead[i]*(next[i]-v), v-behind[i]*(v-before[i])
					x[i] += share * (min(max(a, lower), upper) + min(max(b, lower), upper))
				}
			}
		}
		for c := range f.channels {
			x := out[c*f.cells:][own : own+n]
			for i, v := range x {
				x[i] = min(max(v, lower), upper)
			}
		}
	})
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
