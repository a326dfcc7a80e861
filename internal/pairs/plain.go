package pairs

import "math"

// The loops in plain Go. pairs_body.h has the same names.

func (b *Box) stepPlain(ext, s, g []float64, gamma float64) {
	for i, own := range b.Own {
		z, s, g := ext[b.Ext[i]:][:b.Length], s[own:][:b.Length], g[own:][:b.Length]
		for j, v := range s {
			z[j] = v - gamma*g[j]
		}
	}
}

func extrapolatePlain(s, x, before []float64, mu float64) {
	for i, v := range x {
		s[i] = v + mu*(v-before[i])
	}
}

func (b *Box) shrinkPlain(x, s, ext []float64, mu, reach float64, l Limits) (turn float64) {
	share := 1 / float64(2*len(b.Strides))
	bounded := !l.none()
	sums := b.sums[:b.Length]
	for i, own := range b.Own {
		clear(sums)
		here := ext[b.Ext[i]:][:len(sums)]
		for _, stride := range b.Strides {
			previous, next := ext[b.Ext[i]-stride:][:len(sums)], ext[b.Ext[i]+stride:][:len(sums)]
			for j, v := range here {
				e, g := 0.5*(next[j]-v), 0.5*(v-previous[j])
				e, g = min(max(e, -reach), reach), min(max(g, -reach), reach)
				if bounded {
					sums[j] += min(max(v+e, l.Lower), l.Upper) + min(max(v-g, l.Lower), l.Upper)
				} else {
					sums[j] += e - g
				}
			}
		}
		x, s := x[own:][:len(sums)], s[own:][:len(sums)]
		for j, sum := range sums {
			v := share * sum
			if bounded { // rounding must not lift the mean of values at a bound above it
				v = min(max(v, l.Lower), l.Upper)
			} else {
				v += here[j]
			}
			turn += (s[j] - v) * (v - x[j])
			x[j], s[j] = v, v+mu*(v-x[j])
		}
	}
	return turn
}

func (b *Box) descendPlain(x, ext, g, p []float64, apart int, tau, theta float64, l Limits) {
	sums := b.sums[:b.Length]
	for i, own := range b.Own {
		copy(sums, g[own:])
		at := b.Ext[i]
		for k, stride := range b.Strides {
			here, previous := p[k*apart+at:][:len(sums)], p[k*apart+at-stride:][:len(sums)]
			for j, v := range previous {
				sums[j] += v - here[j]
			}
		}
		x, z := x[own:][:len(sums)], ext[at:][:len(sums)]
		for j, d := range sums {
			v := min(max(x[j]-tau*d, l.Lower), l.Upper)
			x[j], z[j] = v, v+theta*(v-x[j])
		}
	}
}

func ascendPlain(p, z []float64, stride int, sigma, radius float64) {
	next := z[stride:]
	p, z = p[:len(next)], z[:len(next)]
	for i, v := range next {
		p[i] = min(max(p[i]+sigma*(v-z[i]), -radius), radius)
	}
}

func (b *Box) ascendTogetherPlain(p, z []float64, apart int, sigma, radius float64) {
	for i := range b.Plane - b.Strides[0] {
		length := 0.0
		for k, stride := range b.Strides {
			v := p[k*apart+i] + sigma*(z[i+stride]-z[i])
			p[k*apart+i] = v
			length += v * v
		}
		if length > radius*radius {
			f := radius / math.Sqrt(length)
			for k := range b.Strides {
				p[k*apart+i] *= f
			}
		}
	}
}

func relaxPlain(t, z []float64, stride int, alpha, radius float64) {
	next := z[stride:]
	t, z = t[:len(next)], z[:len(next)]
	for i, v := range next {
		t[i] += alpha * (v - z[i] - t[i] + min(max(t[i], -radius), radius))
	}
}

func (b *Box) reflectedPlain(out, t, ext []float64, apart int, keep, scale, radius float64) {
	sums := b.sums[:b.Length]
	for i, own := range b.Own {
		clear(sums)
		at := b.Ext[i]
		for k, stride := range b.Strides {
			here, previous := t[k*apart+at:][:len(sums)], t[k*apart+at-stride:][:len(sums)]
			for j, v := range previous {
				u := here[j]
				sums[j] += (v - 2*min(max(v, -radius), radius)) - (u - 2*min(max(u, -radius), radius))
			}
			if ext == nil {
				continue
			}
			z, before, next := ext[at:][:len(sums)], ext[at-stride:][:len(sums)], ext[at+stride:][:len(sums)]
			for j, v := range z {
				sums[j] += (next[j] - v) - (v - before[j])
			}
		}
		out := out[own:][:len(sums)]
		for j, s := range sums {
			out[j] = keep*out[j] + scale*s
		}
	}
}

func residualPlain(r, a, y, w []float64) {
	for i, d := range a {
		if y != nil {
			d -= y[i]
		}
		if w == nil {
			r[i] = d
		} else if w[i] == 0 {
			r[i] = 0
		} else {
			r[i] = w[i] * d
		}
	}
}
