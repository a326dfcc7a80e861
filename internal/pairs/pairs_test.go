package pairs

import (
	"fmt"
	"math"
	"testing"

	"tessera/internal/random"
)

// numbers are n of a normal distribution, by a key.
func numbers(key uint64, n int) []float64 {
	s, x := random.New(3, key), make([]float64, n)
	for i := range x {
		x[i] = s.Normal(uint64(i))
	}
	return x
}

var shapes = [][]int{{1}, {7}, {33}, {1, 1}, {5, 1}, {5, 19}, {8, 16}, {19, 5}, {3, 530}, {3, 4, 13}, {2, 1, 9}}

// owned calls use for every owned pixel: its index in the box, and in an array with the layer.
func owned(b *Box, use func(own, ext int)) {
	for i, own := range b.Own {
		for j := range b.Length {
			use(own+j, b.Ext[i]+j)
		}
	}
}

func close(t *testing.T, what string, got, want []float64) {
	t.Helper()
	for i, v := range want {
		if !(math.Abs(got[i]-v) <= 1e-13*(1+math.Abs(v))) {
			t.Fatalf("%s: value %d is %v, want %v", what, i, got[i], v)
		}
	}
}

// Every loop, linked and in plain Go, against its formula.
func TestLoops(t *testing.T) {
	for _, shape := range shapes {
		b := NewBox(shape)
		axes := len(shape)
		x, before, g, z := numbers(1, b.Cells), numbers(2, b.Cells), numbers(3, b.Cells), numbers(4, b.Plane)
		p, w := numbers(5, axes*b.Plane), numbers(6, b.Cells)
		for i := range w {
			if w[i] < 0 {
				w[i] = 0
			}
		}
		y := numbers(7, b.Cells)
		y[0], w[0] = math.NaN(), 0
		copyOf := func(a []float64) []float64 { return append([]float64(nil), a...) }
		clip := func(v, lo, hi float64) float64 { return math.Min(math.Max(v, lo), hi) }
		const mu, gamma, reach, tau, theta, sigma, radius = 0.3, 0.7, 0.4, 0.2, 0.9, 0.25, 0.8

		want := copyOf(z)
		owned(b, func(o, e int) { want[e] = x[o] - gamma*g[o] })
		for name, f := range map[string]func(z []float64){
			"linked": func(z []float64) { b.Step(z, x, g, gamma) },
			"plain":  func(z []float64) { b.stepPlain(z, x, g, gamma) },
		} {
			got := copyOf(z)
			f(got)
			close(t, fmt.Sprint(shape, " step, ", name), got, want)
		}

		want = make([]float64, b.Cells)
		for i, v := range x {
			want[i] = v + mu*(v-before[i])
		}
		for name, f := range map[string]func(s, x, before []float64, mu float64){"linked": Extrapolate, "plain": extrapolatePlain} {
			got := make([]float64, b.Cells)
			f(got, x, before, mu)
			close(t, fmt.Sprint(shape, " extrapolate, ", name), got, want)
		}

		layered := make([]float64, b.Plane) // NaN outside of the box
		for i := range layered {
			layered[i] = math.NaN()
		}
		owned(b, func(_, e int) { layered[e] = 0 })
		for _, l := range []Limits{Unlimited(), {-0.2, math.Inf(1)}, {-0.5, 0.6}} {
			want, ahead := make([]float64, b.Cells), make([]float64, b.Cells)
			turn := 0.0
			owned(b, func(o, e int) {
				v := 0.0
				for _, s := range b.Strides {
					v += clip(z[e]+clip((z[e+s]-z[e])/2, -reach, reach), l.Lower, l.Upper)
					v += clip(z[e]-clip((z[e]-z[e-s])/2, -reach, reach), l.Lower, l.Upper)
				}
				v /= float64(2 * axes)
				turn += (before[o] - v) * (v - x[o])
				want[o], ahead[o] = v, v+mu*(v-x[o])
			})
			for name, f := range map[string]func(x, s []float64) float64{
				"linked": func(x, s []float64) float64 { return b.Shrink(x, s, z, mu, reach, l) },
				"plain":  func(x, s []float64) float64 { return b.shrinkPlain(x, s, z, mu, reach, l) },
			} {
				got, s := copyOf(x), copyOf(before)
				if sum := f(got, s); math.Abs(sum-turn) > 1e-12*float64(b.Cells) {
					t.Errorf("%v shrink, %s: turn %v, want %v", shape, name, sum, turn)
				}
				close(t, fmt.Sprint(shape, " shrink, ", name, l), got, want)
				close(t, fmt.Sprint(shape, " shrink, ", name, l), s, ahead)
			}

			// Advance, whose layer is that of the image: Step and then Shrink.
			image := copyOf(z)
			b.stepPlain(image, before, g, gamma)
			want, ahead = copyOf(x), copyOf(before)
			turn = b.shrinkPlain(want, ahead, image, mu, reach, l)
			got, s, ext := copyOf(x), copyOf(before), copyOf(z)
			b.Edge(ext, s, g, gamma)
			if sum := b.Advance(got, s, g, ext, gamma, mu, reach, l); math.Abs(sum-turn) > 1e-12*float64(b.Cells) {
				t.Errorf("%v advance: turn %v, want %v", shape, sum, turn)
			}
			close(t, fmt.Sprint(shape, " advance, ", l), got, want)
			close(t, fmt.Sprint(shape, " advance, ", l), s, ahead)
			owned(b, func(_, e int) {
				for _, s := range b.Strides {
					if math.IsNaN(layered[e-s]+layered[e+s]) && math.Abs(ext[e]-image[e]) > 1e-14 {
						t.Fatalf("%v edge: %v, want %v", shape, ext[e], image[e])
					}
				}
			})

			wantX, wantZ := copyOf(x), copyOf(z)
			owned(b, func(o, e int) {
				d := g[o]
				for k, s := range b.Strides {
					d += p[k*b.Plane+e-s] - p[k*b.Plane+e]
				}
				v := clip(x[o]-tau*d, l.Lower, l.Upper)
				wantX[o], wantZ[e] = v, v+theta*(v-x[o])
			})
			for name, f := range map[string]func(x, z []float64){
				"linked": func(x, z []float64) { b.Descend(x, z, g, p, b.Plane, tau, theta, l) },
				"plain":  func(x, z []float64) { b.descendPlain(x, z, g, p, b.Plane, tau, theta, l) },
			} {
				gotX, gotZ := copyOf(x), copyOf(z)
				f(gotX, gotZ)
				close(t, fmt.Sprint(shape, " descend, ", name), gotX, wantX)
				close(t, fmt.Sprint(shape, " descend, ", name), gotZ, wantZ)
			}
		}

		for k, s := range b.Strides {
			want := copyOf(p[:b.Plane])
			owned(b, func(_, e int) { want[e] = clip(want[e]+sigma*(z[e+s]-z[e]), -radius, radius) })
			for name, f := range map[string]func(p []float64){
				"linked": func(p []float64) { b.Ascend(p, z, k, sigma, radius) },
				"plain":  func(p []float64) { ascendPlain(p, z, s, sigma, radius) },
			} {
				got := copyOf(p[:b.Plane])
				f(got)
				owned(b, func(_, e int) {
					if math.Abs(got[e]-want[e]) > 1e-14 {
						t.Fatalf("%v ascend, %s: %v, want %v", shape, name, got[e], want[e])
					}
				})
			}
		}

		want = copyOf(p)
		owned(b, func(_, e int) {
			length := 0.0
			for k, s := range b.Strides {
				want[k*b.Plane+e] += sigma * (z[e+s] - z[e])
				length += want[k*b.Plane+e] * want[k*b.Plane+e]
			}
			for k := range b.Strides {
				want[k*b.Plane+e] *= math.Min(1, radius/math.Sqrt(length))
			}
		})
		for name, f := range map[string]func(p []float64){
			"linked": func(p []float64) { b.AscendTogether(p, z, b.Plane, sigma, radius) },
			"plain":  func(p []float64) { b.ascendTogetherPlain(p, z, b.Plane, sigma, radius) },
		} {
			got := copyOf(p)
			f(got)
			owned(b, func(_, e int) {
				for k := range axes {
					if i := k*b.Plane + e; math.Abs(got[i]-want[i]) > 1e-14 {
						t.Fatalf("%v ascend together, %s: %v, want %v", shape, name, got[i], want[i])
					}
				}
			})
		}

		for k, s := range b.Strides {
			want := copyOf(p[:b.Plane])
			owned(b, func(_, e int) { want[e] += sigma * (z[e+s] - z[e] - want[e] + clip(want[e], -radius, radius)) })
			for name, f := range map[string]func(p []float64){
				"linked": func(p []float64) { b.Relax(p, z, k, sigma, radius) },
				"plain":  func(p []float64) { relaxPlain(p, z, s, sigma, radius) },
			} {
				got := copyOf(p[:b.Plane])
				f(got)
				owned(b, func(_, e int) {
					if math.Abs(got[e]-want[e]) > 1e-14 {
						t.Fatalf("%v relax, %s: %v, want %v", shape, name, got[e], want[e])
					}
				})
			}
		}

		for _, image := range [][]float64{nil, z} {
			want := make([]float64, b.Cells)
			owned(b, func(o, e int) {
				sum := 0.0
				for k, s := range b.Strides {
					at := func(e int) float64 {
						v := p[k*b.Plane+e]
						if v -= 2 * clip(v, -radius, radius); image != nil {
							v -= z[e+s] - z[e]
						}
						return v
					}
					sum += at(e-s) - at(e)
				}
				want[o] = theta*x[o] + tau*sum
			})
			for name, f := range map[string]func(out []float64){
				"linked": func(out []float64) { b.Reflected(out, p, image, b.Plane, theta, tau, radius) },
				"plain":  func(out []float64) { b.reflectedPlain(out, p, image, b.Plane, theta, tau, radius) },
			} {
				got := copyOf(x)
				f(got)
				close(t, fmt.Sprint(shape, " reflected, ", name), got, want)
			}
		}

		for _, weights := range [][]float64{nil, w} {
			for _, data := range [][]float64{nil, y} {
				if weights == nil && data != nil {
					data = g // without NaN
				}
				want := make([]float64, b.Cells)
				for i, v := range x {
					want[i] = v
					if data != nil {
						want[i] -= data[i]
					}
					if weights != nil {
						if want[i] *= weights[i]; weights[i] == 0 {
							want[i] = 0
						}
					}
				}
				for name, f := range map[string]func(r, a, y, w []float64){"linked": Residual, "plain": residualPlain} {
					got, same := make([]float64, b.Cells), copyOf(x)
					f(got, x, data, weights)
					f(same, same, data, weights)
					close(t, fmt.Sprint(shape, " residual in place, ", name), same, want)
					close(t, fmt.Sprint(shape, " residual, ", name), got, want)
				}
			}
		}
	}
}

// bspline is the cubic B-spline.
func bspline(t float64) float64 {
	switch t = math.Abs(t); {
	case t < 1:
		return (4 - 6*t*t + 3*t*t*t) / 6
	case t < 2:
		return (2 - t) * (2 - t) * (2 - t) / 6
	}
	return 0
}

// A spline is the sum of its B-splines, constant outside of its knots; its derivative is in TestLearned.
func TestSpline(t *testing.T) {
	c := numbers(8, 9)
	s := NewSpline(c, -1, 0.25)
	for i := range 401 {
		u := -2 + 0.01*float64(i)
		want := 0.0
		for m, v := range c {
			want += v * bspline((min(max(u, -1), 1)+1)/0.25-float64(m))
		}
		if got := s.Value(u); math.Abs(got-want) > 1e-12 {
			t.Errorf("at %g: %g, want %g", u, got, want)
		}
	}
}

// A learned layer against H and H' written out, and its derivative against differences: linked and in
// plain Go, with and without pairs across the borders.
func TestLearned(t *testing.T) {
	for n, shape := range shapes {
		b := NewBox(shape)
		axes := len(shape)
		z, g := numbers(1, b.Plane), numbers(2, b.Plane)
		l := &Layer{First: make([]bool, axes), Last: make([]bool, axes)}
		coefficients := [][]float64{}
		for k := range 2 * axes {
			c := numbers(uint64(10+k), 7)
			coefficients = append(coefficients, c)
			l.Splines = append(l.Splines, NewSpline(c, -0.6, 0.2))
			l.First[k/2], l.Last[k/2] = (n+k/2)%2 == 0, (n+k/2)%3 == 0
		}
		s := 0.5 / math.Sqrt(float64(axes))
		// Both images from the pairs one by one.
		at := func(e, k int) int { return (e/b.Strides[k])%(shape[k]+2) - 1 } // coordinate in the box
		value, back := make([]float64, b.Plane), make([]float64, b.Plane)
		slopes := make([][]float64, 2*axes)
		for k := range slopes {
			slopes[k] = make([]float64, 7)
		}
		isOwned := make([]bool, b.Plane)
		owned(b, func(_, e int) { value[e], back[e], isOwned[e] = z[e], g[e], true })
		for k, stride := range b.Strides {
			for e := 0; e+stride < b.Plane; e++ {
				f := e + stride
				if !isOwned[e] && !isOwned[f] || !isOwned[e] && l.First[k] || !isOwned[f] && l.Last[k] {
					continue
				}
				if at(e, k)+1 != at(f, k) {
					continue
				}
				for part, sign := range []float64{1, -1} {
					u, v := s*(z[f]+sign*z[e]), s*(g[f]+sign*g[e])
					c := coefficients[2*k+part]
					spline := l.Splines[2*k+part]
					const h = 1e-6
					slope := (spline.Value(u+h) - spline.Value(u-h)) / (2 * h)
					value[f] += s * spline.Value(u)
					value[e] += s * sign * spline.Value(u)
					back[f] += s * slope * v
					back[e] += s * sign * slope * v
					if isOwned[e] {
						for m := range c {
							slopes[2*k+part][m] += v * bspline((min(max(u, -0.6), 0.6)+0.6)/0.2-float64(m))
						}
					}
				}
			}
		}
		for name, run := range map[string]func(out, g []float64, moments [][]float64){
			"linked": func(out, g []float64, moments [][]float64) {
				if g == nil {
					b.Learned(out, z, l)
				} else {
					b.Back(out, g, z, moments, l)
				}
			},
			"plain": func(out, g []float64, moments [][]float64) { b.learnedBy(linePlain, addPlain, out, z, g, moments, l) },
		} {
			out := make([]float64, b.Cells)
			run(out, nil, nil)
			owned(b, func(o, e int) {
				if math.Abs(out[o]-value[e]) > 1e-12 {
					t.Fatalf("%v, %s: learned %v, want %v", shape, name, out[o], value[e])
				}
			})
			var moments [][]float64
			for _, spline := range l.Splines {
				moments = append(moments, spline.Moments())
			}
			run(out, g, moments)
			owned(b, func(o, e int) {
				if math.Abs(out[o]-back[e]) > 1e-7 {
					t.Fatalf("%v, %s: back %v, want %v", shape, name, out[o], back[e])
				}
			})
			for k, want := range slopes {
				got := make([]float64, len(want))
				l.Splines[k].Gradient(got, moments[k])
				close(t, fmt.Sprint(shape, " gradient, ", name), got, want)
			}
		}
	}
}
