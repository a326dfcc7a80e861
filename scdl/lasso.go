package scdl

import (
	"math"

	"tessera/internal/linalg"
)

// lasso finds, for each of many samples s, the code
//
//	min over w of  |s - D_l w|^2/2 + lambda |w|_1
//
// by an active-set method. With A the atoms in w, t the signs of their numbers and
// r = s - D_l w the residual, w moves towards the minimum for these atoms and signs,
//
//	w_A + (D_A'D_A)^-1 (D_A'r - lambda t).
//
// If a number would change its sign on the way, w stops where that number is 0, and the
// atom leaves A. At the minimum, atoms with |d_j'r| > lambda join A; if there are none, w
// is the solution. A has at most about M atoms, so that some tens of small steps suffice
// for any lambda, where gradient methods need hundreds of products with the whole D_l.
//
// A round makes one product D_l'r, in float32, for all unfinished samples of a batch, at a
// cost of 2 M A operations a sample. Steps are in float64, with a Cholesky factor of
// D_A'D_A that is updated when atoms join or leave: 2 |A|^2 + 4 M |A| operations.
//
// Sources: Osborne, Presnell, Turlach, IMA J. Numer. Anal. 20 (2000) 389; Lee, Battle,
// Raina, Ng, Advances in Neural Information Processing Systems 19 (2006) 801.
type lasso struct {
	p      *Pair
	lambda float64
	rounds int
	low    []float32 // atoms x M
	most   int       // largest number of atoms of a code
	ridge  float64   // added to D_A'D_A, which is singular for linearly dependent atoms

	codes []code    // of a batch
	rest  []float32 // count x M: residuals
	match []float32 // count x atoms: D_l'r
	g, d  []float64 // of one step
}

// code is the state of one sample.
type code struct {
	sample int
	s, r   []float64 // M: the sample and its residual
	atoms  []int
	w      []float64
	sign   []float64
	factor []float64 // rows of the Cholesky factor, lasso.most numbers apart
}

const (
	// lassoSlack is the relative tolerance of |d_j'r| <= lambda. The objective is then
	// within this fraction of its minimum, in tests much closer.
	lassoSlack = 1e-3
	lassoJoin  = 4 // largest number of atoms that join a code in one round
)

func newLasso(p *Pair, lambda float64, rounds int) *lasso {
	l := &lasso{p: p, lambda: lambda, rounds: rounds, most: p.M + lassoJoin, low: make([]float32, len(p.Low))}
	for i, v := range p.Low {
		l.low[i] = float32(v)
	}
	largest := 0.0
	for a := range p.Atoms {
		largest = max(largest, dot(p.Low[a*p.M:(a+1)*p.M], p.Low[a*p.M:(a+1)*p.M]))
	}
	l.ridge = 1e-9 * largest
	// The factors of a batch take at most 2 MB. The batch does not depend on the caller,
	// so that neither do the codes.
	l.codes = make([]code, min(256, max(8, 1<<18/(l.most*l.most))))
	for i := range l.codes {
		l.codes[i] = code{s: make([]float64, p.M), r: make([]float64, p.M), factor: make([]float64, l.most*l.most)}
	}
	l.rest, l.match = make([]float32, len(l.codes)*p.M), make([]float32, len(l.codes)*p.Atoms)
	l.g, l.d = make([]float64, l.most), make([]float64, l.most)
	return l
}

// predict is a Predictor.
func (l *lasso) predict(low []float64) ([]float64, error) {
	p := l.p
	high := make([]float64, len(low)/p.M*p.P)
	l.each(low, func(c *code) {
		out := high[c.sample*p.P : (c.sample+1)*p.P]
		for i, a := range c.atoms {
			axpy(c.w[i], p.High[a*p.P:(a+1)*p.P], out)
		}
	})
	return high, nil
}

// each computes the codes of samples, count x M, and calls done with each code; the codes
// come in any order.
func (l *lasso) each(low []float64, done func(*code)) {
	m := l.p.M
	for at := 0; at < len(low)/m; at += len(l.codes) {
		batch := l.codes[:min(len(l.codes), len(low)/m-at)]
		for i := range batch {
			c := &batch[i]
			c.sample = at + i
			copy(c.s, low[c.sample*m:(c.sample+1)*m])
			copy(c.r, c.s)
			c.atoms, c.w, c.sign = c.atoms[:0], c.w[:0], c.sign[:0]
		}
		for round := 0; len(batch) > 0 && round < l.rounds; round++ {
			batch = l.round(batch, done)
		}
		for i := range batch {
			done(&batch[i])
		}
	}
}

// round lets atoms join each code and moves it to the minimum for its atoms. It calls done
// with the finished codes and returns the others, moved to the front of batch.
func (l *lasso) round(batch []code, done func(*code)) []code {
	m, atoms := l.p.M, l.p.Atoms
	for i := range batch {
		for k, v := range batch[i].r {
			l.rest[i*m+k] = float32(v)
		}
	}
	linalg.Gemm(false, true, len(batch), atoms, m, 1, l.rest, m, l.low, m, 0, l.match, atoms)
	left := 0
	for i := range batch {
		if c := &batch[i]; l.join(c, l.match[i*atoms:(i+1)*atoms]) {
			l.settle(c)
			batch[left], batch[i] = batch[i], batch[left]
			left++
		} else {
			done(c)
		}
	}
	return batch[:left]
}

// join adds the atoms with the largest |d_j'r|, at most one from each of lassoJoin parts of
// the dictionary, and tells whether there were any.
func (l *lasso) join(c *code, match []float32) bool {
	limit := float32(l.lambda * (1 + lassoSlack))
	var at [lassoJoin]int
	var value [lassoJoin]float32
	best := float32(0)
	for q := range lassoJoin {
		lo, hi := q*len(match)/lassoJoin, (q+1)*len(match)/lassoJoin
		at[q], value[q] = largest(match[lo:hi])
		at[q] += lo
		best = max(best, value[q])
	}
	if best <= limit {
		return false
	}
	joined := false
	for q, a := range at {
		if value[q] > limit && value[q] > best/2 && len(c.atoms) < l.most && !c.has(a) {
			l.add(c, a, math.Copysign(1, float64(match[a])))
			joined = true
		}
	}
	return joined
}

// largest finds the number with the largest absolute value. Without the sign bit floats
// have the order of their bit patterns, and integer comparison avoids branches.
func largest(x []float32) (at int, value float32) {
	most := uint32(0)
	for i, v := range x {
		if u := math.Float32bits(v) &^ (1 << 31); u > most {
			at, most = i, u
		}
	}
	return at, math.Float32frombits(most)
}

func (c *code) has(a int) bool {
	for _, b := range c.atoms {
		if a == b {
			return true
		}
	}
	return false
}

// add appends an atom and a row of the Cholesky factor.
func (l *lasso) add(c *code, a int, sign float64) {
	m, n, stride := l.p.M, len(c.atoms), l.most
	x := l.p.Low[a*m : (a+1)*m]
	row := c.factor[n*stride : n*stride+n+1]
	rest := dot(x, x) + l.ridge
	for i, b := range c.atoms {
		above := c.factor[i*stride : i*stride+i+1]
		v := (dot(x, l.p.Low[b*m:(b+1)*m]) - dot(row[:i], above[:i])) / above[i]
		row[i] = v
		rest -= v * v
	}
	row[n] = math.Sqrt(max(rest, l.ridge))
	c.atoms, c.w, c.sign = append(c.atoms, a), append(c.w, 0), append(c.sign, sign)
}

// drop removes an atom; plane rotations make the factor triangular again.
func (l *lasso) drop(c *code, at int) {
	n, stride := len(c.atoms)-1, l.most
	for i := at; i < n; i++ {
		copy(c.factor[i*stride:i*stride+i+2], c.factor[(i+1)*stride:(i+1)*stride+i+2])
		c.atoms[i], c.w[i], c.sign[i] = c.atoms[i+1], c.w[i+1], c.sign[i+1]
	}
	c.atoms, c.w, c.sign = c.atoms[:n], c.w[:n], c.sign[:n]
	for j := at; j < n; j++ {
		x, y := c.factor[j*stride+j], c.factor[j*stride+j+1]
		r := math.Sqrt(x*x + y*y)
		x, y = x/r, y/r
		for i := j; i < n; i++ {
			row := c.factor[i*stride+j : i*stride+j+2]
			row[0], row[1] = x*row[0]+y*row[1], x*row[1]-y*row[0]
		}
	}
}

// settle moves a code to the minimum for its atoms.
func (l *lasso) settle(c *code) {
	m := l.p.M
	step, leaves := 1.0, -1
	for range 10 * l.most {
		n := len(c.atoms)
		g, d := l.g[:n], l.d[:n]
		if step > 0 {
			off := 0.0
			for i, a := range c.atoms {
				g[i] = dot(l.p.Low[a*m:(a+1)*m], c.r) - l.lambda*c.sign[i]
				off = max(off, math.Abs(g[i]))
			}
			if off <= 0.01*lassoSlack*l.lambda {
				return
			}
		} else { // w has not moved, so that g stays
			copy(g[leaves:], l.g[leaves+1:n+1])
		}
		l.solve(c, g, d)
		// The part of the step after which the first number is 0, and its index.
		step, leaves = 1, -1
		for i, v := range d {
			if v*c.sign[i] < 0 {
				if t := -c.w[i] / v; t < step {
					step, leaves = t, i
				}
			}
		}
		if step > 0 {
			copy(c.r, c.s)
			for i, v := range d {
				c.w[i] += step * v
				a := c.atoms[i]
				axpy(-c.w[i], l.p.Low[a*m:(a+1)*m], c.r)
			}
		}
		if leaves >= 0 {
			l.drop(c, leaves)
		}
	}
}

// solve finds d with L L' d = g.
func (l *lasso) solve(c *code, g, d []float64) {
	stride := l.most
	for i := range d {
		row := c.factor[i*stride : i*stride+i+1]
		d[i] = (g[i] - dot(row[:i], d[:i])) / row[i]
	}
	for i := len(d) - 1; i >= 0; i-- {
		row := c.factor[i*stride : i*stride+i+1]
		d[i] /= row[i]
		axpy(-d[i], row[:i], d[:i])
	}
}

// dot and axpy are for some tens of numbers, for which a library call takes longer.
func dot(x, y []float64) float64 {
	y = y[:len(x)]
	var a, b, c, d float64
	for len(x) >= 4 {
		a += x[0] * y[0]
		b += x[1] * y[1]
		c += x[2] * y[2]
		d += x[3] * y[3]
		x, y = x[4:], y[4:]
	}
	for i, v := range x {
		a += v * y[i]
	}
	return a + b + (c + d)
}

func axpy(alpha float64, x, y []float64) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] += alpha * v
	}
}
