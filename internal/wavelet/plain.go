package wavelet

import "tessera/internal/linalg"

// plain is the transform in Go: what runs without native kernels, and what those
// are held to. a and b are images with margins, width x width.
type plain[T linalg.Float] struct {
	shape
	a, b, line []T
	h0, h1, h2 T
}

func newPlain[T linalg.Float](s shape, work []T) *plain[T] {
	n := s.width() * s.width()
	return &plain[T]{
		shape: s, a: work[:n], b: work[n : 2*n], line: work[2*n:],
		h0: T(s.taps[0]), h1: T(s.taps[1]), h2: T(s.taps[2]),
	}
}

func forwardPlain[T linalg.Float](s shape, work, bands, x []T) {
	p := newPlain(s, work)
	n, w, m := s.side, s.width(), s.margin()
	p.load(x, 1)
	for scale := range s.scales {
		hole := 1 << scale
		lo := s.radius * (2*hole - 1)
		if s.periodic {
			p.wrap(s.radius * hole)
			lo = m
		}
		p.smooth(hole, lo)
		band := bands[scale*n*n:]
		for i := range n {
			at := (m+i)*w + m
			a, b, out := p.a[at:at+n], p.b[at:at+n], band[i*n:(i+1)*n]
			for j := range out {
				out[j] = a[j] - b[j]
			}
		}
		p.a, p.b = p.b, p.a
	}
}

// adjointPlain climbs from the coarsest band u_s: with q_s+1 = 0,
//
//	q_s = u_s + h_s * (q_s+1 - u_s),    x = q_1
func adjointPlain[T linalg.Float](s shape, work, x, bands []T) {
	p := newPlain(s, work)
	n, w, m := s.side, s.width(), s.margin()
	p.load(bands[(s.scales-1)*n*n:], -1)
	for scale := s.scales - 1; scale >= 0; scale-- {
		hole := 1 << scale
		lo := m - s.radius*(hole-1)
		if s.periodic {
			p.wrap(s.radius * hole)
			lo = m
		}
		p.smooth(hole, lo)
		u := bands[scale*n*n:]
		for i := range n {
			b := p.b[(m+i)*w+m:][:n]
			if scale == 0 {
				for j := range b {
					x[i*n+j] = b[j] + u[i*n+j]
				}
				continue
			}
			finer := bands[(scale-1)*n*n:]
			for j := range b {
				b[j] += u[i*n+j] - finer[i*n+j]
			}
		}
		p.a, p.b = p.b, p.a
	}
}

// load sets a to sign times an image, with zeros around it.
func (p *plain[T]) load(x []T, sign T) {
	w, m := p.width(), p.margin()
	clear(p.a)
	for i := range p.side {
		row := p.a[(m+i)*w+m:][:p.side]
		for j := range row {
			row[j] = sign * x[i*p.side+j]
		}
	}
}

// wrap continues a periodically over reach pixels on every side.
func (p *plain[T]) wrap(reach int) {
	n, w, m := p.side, p.width(), p.margin()
	for i := m; i < m+n; i++ {
		row := p.a[i*w : (i+1)*w]
		for d := 1; d <= reach; d++ {
			row[m-d] = row[m+(n-d%n)%n]
			row[m+n-1+d] = row[m+(d-1)%n]
		}
	}
	for d := 1; d <= reach; d++ {
		copy(p.a[(m-d)*w:(m-d+1)*w], p.a[(m+(n-d%n)%n)*w:])
		copy(p.a[(m+n-1+d)*w:(m+n+d)*w], p.a[(m+(d-1)%n)*w:])
	}
}

// smooth computes b = h_s * a on rows and columns lo <= i < width-lo.
func (p *plain[T]) smooth(hole, lo int) {
	w := p.width()
	reach := p.radius * hole
	from, to := lo-reach, w-lo+reach // columns the second pass needs
	line := p.line
	for i := lo; i < w-lo; i++ {
		at := func(d int) []T { return p.a[(i+d)*w+from : (i+d)*w+to] }
		mid, up, down := at(0), at(-hole), at(hole)
		out := line[from:to]
		if p.radius == 1 {
			for j, v := range mid {
				out[j] = p.h0*v + p.h1*(up[j]+down[j])
			}
		} else {
			up2, down2 := at(-2*hole), at(2*hole)
			for j, v := range mid {
				out[j] = p.h0*v + p.h1*(up[j]+down[j]) + p.h2*(up2[j]+down2[j])
			}
		}
		dst := p.b[i*w:]
		if p.radius == 1 {
			for j := lo; j < w-lo; j++ {
				dst[j] = p.h0*line[j] + p.h1*(line[j-hole]+line[j+hole])
			}
			continue
		}
		for j := lo; j < w-lo; j++ {
			dst[j] = p.h0*line[j] + p.h1*(line[j-hole]+line[j+hole]) + p.h2*(line[j-2*hole]+line[j+2*hole])
		}
	}
}
