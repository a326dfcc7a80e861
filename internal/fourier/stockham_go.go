//go:build !native || !cgo

package fourier

import "math"

// lines transforms several complex lines of n numbers at once, forward only:
//
//	X(k) = sum_i x(i) exp(-2 pi sqrt(-1) i k/n),
//
// element i of line j at x[i lanes + j]. The inverse, times n, is the same with X(n-k) in
// the place of X(k). Stockham's order needs no bit reversal; the radices are 4, 2, 3, 5 and
// other primes up to mostRadix. A size with a larger prime factor goes through a
// convolution of a power of two, Bluestein, IEEE Trans. Audio Electroacoust. 18 (1970) 451.
//
// Not for use by several goroutines at once. Van Loan, Computational Frameworks for the Fast
// Fourier Transform (1992), section 1.7.
type lines struct {
	n, lanes int
	stages   []stage
	work     []complex128 // n x lanes
	chirp    *chirp       // of a size with a large prime factor
}

// mostRadix is the largest prime factor that is transformed directly, in p^2 operations.
const mostRadix = 23

// stage combines radix transforms; turns holds exp(-2 pi i p k radix'/n) for k = 1 to radix-1 of
// every p, roots those of 1.
type stage struct {
	radix, m int
	turns    []complex128 // m x (radix-1)
	roots    []complex128 // radix, of primes from 7 on
}

func newLines(n, lanes int) *lines {
	t := &lines{n: n, lanes: lanes}
	rest := n
	for _, r := range []int{4, 2, 3, 5} {
		for rest%r == 0 {
			rest = t.add(r, rest)
		}
	}
	for r := 7; r <= mostRadix; r += 2 {
		for rest%r == 0 {
			rest = t.add(r, rest)
		}
	}
	if rest > 1 {
		t.stages, t.chirp = nil, newChirp(n, lanes)
		return t
	}
	t.work = make([]complex128, n*lanes)
	return t
}

// add appends a stage for transforms of size rest, and returns the size that is left.
func (t *lines) add(radix, rest int) int {
	s := stage{radix: radix, m: rest / radix}
	for p := range s.m {
		for k := 1; k < radix; k++ {
			s.turns = append(s.turns, root(p*k, rest))
		}
	}
	if radix > 5 {
		for k := range radix {
			s.roots = append(s.roots, root(k, radix))
		}
	}
	t.stages = append(t.stages, s)
	return s.m
}

// root is exp(-2 pi i k/n).
func root(k, n int) complex128 {
	sin, cos := math.Sincos(-2 * math.Pi * float64(k%n) / float64(n))
	return complex(cos, sin)
}

// transform is in place.
func (t *lines) transform(x []complex128) {
	if t.chirp != nil {
		t.chirp.transform(x)
		return
	}
	x = x[:t.n*t.lanes]
	from, to, stride := x, t.work, t.lanes
	for i := range t.stages {
		s := &t.stages[i]
		switch s.radix {
		case 2:
			s.two(to, from, stride)
		case 3:
			s.three(to, from, stride)
		case 4:
			s.four(to, from, stride)
		case 5:
			s.five(to, from, stride)
		default:
			s.prime(to, from, stride)
		}
		from, to = to, from
		stride *= s.radix
	}
	if &from[0] != &x[0] {
		copy(x, from)
	}
}

// Each of the following makes, for p < m and q < stride,
//
//	y[(radix p + k) stride + q] = w^(p k) sum_j x[(p + m j) stride + q] exp(-2 pi i j k/radix).

func (s *stage) two(y, x []complex128, stride int) {
	for p := range s.m {
		w := s.turns[p]
		a, b := x[p*stride:][:stride], x[(p+s.m)*stride:][:stride]
		u, v := y[2*p*stride:][:stride], y[(2*p+1)*stride:][:stride]
		for q := range a {
			u[q], v[q] = a[q]+b[q], w*(a[q]-b[q])
		}
	}
}

func (s *stage) three(y, x []complex128, stride int) {
	half := complex(0, math.Sqrt(3)/2)
	for p := range s.m {
		w1, w2 := s.turns[2*p], s.turns[2*p+1]
		a, b, c := x[p*stride:][:stride], x[(p+s.m)*stride:][:stride], x[(p+2*s.m)*stride:][:stride]
		u, v, w := y[3*p*stride:][:stride], y[(3*p+1)*stride:][:stride], y[(3*p+2)*stride:][:stride]
		for q := range a {
			sum, difference := b[q]+c[q], half*(b[q]-c[q])
			middle := a[q] - 0.5*sum
			u[q], v[q], w[q] = a[q]+sum, w1*(middle-difference), w2*(middle+difference)
		}
	}
}

func (s *stage) four(y, x []complex128, stride int) {
	m := s.m
	for p := range m {
		w := s.turns[3*p:][:3]
		w1r, w1i, w2r, w2i, w3r, w3i := real(w[0]), imag(w[0]), real(w[1]), imag(w[1]), real(w[2]), imag(w[2])
		a, b, c, d := x[p*stride:][:stride], x[(p+m)*stride:][:stride], x[(p+2*m)*stride:][:stride], x[(p+3*m)*stride:][:stride]
		t, u, v, z := y[4*p*stride:][:stride], y[(4*p+1)*stride:][:stride], y[(4*p+2)*stride:][:stride], y[(4*p+3)*stride:][:stride]
		for q := range a {
			aq, bq, cq, dq := a[q], b[q], c[q], d[q]
			sr, si := real(aq)+real(cq), imag(aq)+imag(cq)
			er, ei := real(aq)-real(cq), imag(aq)-imag(cq)
			pr, pi := real(bq)+real(dq), imag(bq)+imag(dq)
			fr, fi := imag(bq)-imag(dq), real(dq)-real(bq) // -i (b - d)
			t[q] = complex(sr+pr, si+pi)
			gr, gi := er+fr, ei+fi
			u[q] = complex(gr*w1r-gi*w1i, gr*w1i+gi*w1r)
			gr, gi = sr-pr, si-pi
			v[q] = complex(gr*w2r-gi*w2i, gr*w2i+gi*w2r)
			gr, gi = er-fr, ei-fi
			z[q] = complex(gr*w3r-gi*w3i, gr*w3i+gi*w3r)
		}
	}
}

func (s *stage) five(y, x []complex128, stride int) {
	c1, c2 := complex(math.Cos(2*math.Pi/5), 0), complex(math.Cos(4*math.Pi/5), 0)
	s1, s2 := complex(0, math.Sin(2*math.Pi/5)), complex(0, math.Sin(4*math.Pi/5))
	m := s.m
	for p := range m {
		w := s.turns[4*p:][:4]
		for q := range stride {
			a, b, c, d, e := x[p*stride+q], x[(p+m)*stride+q], x[(p+2*m)*stride+q], x[(p+3*m)*stride+q], x[(p+4*m)*stride+q]
			be, cd, bme, cmd := b+e, c+d, b-e, c-d
			u, v := a+c1*be+c2*cd, a+c2*be+c1*cd
			f, g := s1*bme+s2*cmd, s2*bme-s1*cmd
			at := 5*p*stride + q
			y[at] = a + be + cd
			y[at+stride] = w[0] * (u - f)
			y[at+2*stride] = w[1] * (v - g)
			y[at+3*stride] = w[2] * (v + g)
			y[at+4*stride] = w[3] * (u + f)
		}
	}
}

func (s *stage) prime(y, x []complex128, stride int) {
	for p := range s.m {
		for k := range s.radix {
			to := y[(s.radix*p+k)*stride:][:stride]
			clear(to)
			for j := range s.radix {
				w := s.roots[j*k%s.radix]
				for q, v := range x[(p+s.m*j)*stride:][:stride] {
					to[q] += w * v
				}
			}
			if k > 0 {
				w := s.turns[p*(s.radix-1)+k-1]
				for q := range to {
					to[q] *= w
				}
			}
		}
	}
}

// chirp is a transform of any size by a convolution with exp(i pi k^2/n).
type chirp struct {
	n, lanes int
	inner    *lines
	turns    []complex128 // exp(-i pi k^2/n)
	filter   []complex128 // transform of their conjugates, divided by the inner size
	x        []complex128
}

func newChirp(n, lanes int) *chirp {
	size := 1
	for size < 2*n-1 {
		size *= 2
	}
	c := &chirp{n: n, lanes: lanes, inner: newLines(size, lanes), x: make([]complex128, size*lanes), filter: make([]complex128, size)}
	for k := range n {
		w := root(k*k%(2*n), 2*n)
		c.turns = append(c.turns, w)
		v := complex(real(w), -imag(w)) / complex(float64(size), 0)
		c.filter[k] = v
		if k > 0 {
			c.filter[size-k] = v
		}
	}
	newLines(size, 1).transform(c.filter)
	return c
}

func (c *chirp) transform(x []complex128) {
	size, lanes := len(c.filter), c.lanes
	clear(c.x[c.n*lanes:])
	for i, w := range c.turns {
		for j := range lanes {
			c.x[i*lanes+j] = w * x[i*lanes+j]
		}
	}
	c.inner.transform(c.x)
	// The inverse is a transform with X(size-k) for X(k).
	for k := range size/2 + 1 {
		other := (size - k) % size
		f, g := c.filter[k], c.filter[other]
		for j := range lanes {
			a, b := c.x[k*lanes+j]*f, c.x[other*lanes+j]*g
			c.x[k*lanes+j], c.x[other*lanes+j] = b, a
		}
	}
	c.inner.transform(c.x)
	for i, w := range c.turns {
		for j := range lanes {
			x[i*lanes+j] = w * c.x[i*lanes+j]
		}
	}
}
