package deep

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"tessera/tikhonov/kernel"
)

// oracle trains the same model with dense matrices on one core, from the
// formulas of the package comment alone.
type oracle struct {
	dim, d1        int
	k1, k2         func(r float64) float64
	slope2         func(r float64) float64 // k2'(r) / r
	l1, l2, mu     float64
	x, y, sigma    []float64
	a              []*mat.VecDense // d1 of n
	z              []*mat.VecDense
	k              *mat.SymDense // K1
	centres        []float64     // n x d1, of g
	beta           *mat.VecDense
	j, norm1       float64
	accept, reject int
}

func gauss(w float64) (k, slope func(r float64) float64) {
	return func(r float64) float64 { return math.Exp(-r * r / (2 * w * w)) },
		func(r float64) float64 { return -math.Exp(-r*r/(2*w*w)) / (w * w) }
}

func distance(a, b []float64) float64 {
	s := 0.0
	for i := range a {
		s += (a[i] - b[i]) * (a[i] - b[i])
	}
	return math.Sqrt(s)
}

func gram(k func(float64) float64, x []float64, dim int) *mat.SymDense {
	n := len(x) / dim
	m := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			m.SetSym(i, j, k(distance(x[i*dim:(i+1)*dim], x[j*dim:(j+1)*dim])))
		}
	}
	return m
}

// ridge solves (m + diag(d)) x = b.
func ridge(m *mat.SymDense, d []float64, b *mat.VecDense) *mat.VecDense {
	n := len(d)
	c := mat.NewSymDense(n, nil)
	c.CopySym(m)
	for i := range n {
		c.SetSym(i, i, c.At(i, i)+d[i])
	}
	var ch mat.Cholesky
	if !ch.Factorize(c) {
		panic("oracle: not positive definite")
	}
	x := mat.NewVecDense(n, nil)
	if err := ch.SolveVecTo(x, b); err != nil {
		if _, ok := err.(mat.Condition); !ok {
			panic(err)
		}
	}
	return x
}

func (o *oracle) n() int { return len(o.y) }

// noise is s sigma_i^2.
func (o *oracle) noise(s float64) []float64 {
	d := make([]float64, o.n())
	for i := range d {
		d[i] = s
		if o.sigma != nil {
			d[i] *= o.sigma[i] * o.sigma[i]
		}
	}
	return d
}

// start sets the features to the fit of n x d1 values z0.
func (o *oracle) start(z0 []float64) {
	n := o.n()
	o.k = gram(o.k1, o.x, o.dim)
	o.a, o.z = nil, nil
	ones := make([]float64, n)
	for i := range ones {
		ones[i] = o.l1
	}
	for k := range o.d1 {
		b := mat.NewVecDense(n, nil)
		for i := range n {
			b.SetVec(i, z0[i*o.d1+k])
		}
		a := ridge(o.k, ones, b)
		z := mat.NewVecDense(n, nil)
		z.MulVec(o.k, a)
		o.a, o.z = append(o.a, a), append(o.z, z)
	}
}

func (o *oracle) features(z []*mat.VecDense) []float64 {
	f := make([]float64, o.n()*o.d1)
	for k, v := range z {
		for i := range o.n() {
			f[i*o.d1+k] = v.AtVec(i)
		}
	}
	return f
}

// outer is g at n x d1 features.
func (o *oracle) outer(z []float64) *mat.VecDense {
	n := len(z) / o.d1
	g := mat.NewVecDense(n, nil)
	for i := range n {
		s := 0.0
		for j := range o.n() {
			s += o.k2(distance(z[i*o.d1:(i+1)*o.d1], o.centres[j*o.d1:(j+1)*o.d1])) * o.beta.AtVec(j)
		}
		g.SetVec(i, s)
	}
	return g
}

func (o *oracle) misfit(g *mat.VecDense) float64 {
	s, w := 0.0, o.noise(1)
	for i := range o.n() {
		d := g.AtVec(i) - o.y[i]
		s += d * d / w[i]
	}
	return s
}

func product(a, z []*mat.VecDense) float64 {
	s := 0.0
	for k := range a {
		s += mat.Dot(a[k], z[k])
	}
	return s
}

func (o *oracle) outerNorm() float64 { return mat.Dot(o.beta, o.outer(o.centres)) }

// fitOuter is the g-step: J is exact afterwards.
func (o *oracle) fitOuter() {
	o.centres = o.features(o.z)
	o.beta = ridge(gram(o.k2, o.centres, o.d1), o.noise(o.l2), mat.NewVecDense(o.n(), o.y))
	o.j = o.misfit(o.outer(o.centres)) + o.l1*product(o.a, o.z) + o.l2*o.outerNorm()
}

// fitInner is one attempt at the f-step.
func (o *oracle) fitInner() bool {
	n, d1 := o.n(), o.d1
	s := o.l1 + o.mu
	g := o.outer(o.centres)
	d := make([]*mat.VecDense, d1)
	for k := range d {
		d[k] = mat.NewVecDense(n, nil)
		for i := range n {
			t := 0.0
			for j := range n {
				r := distance(o.centres[i*d1:(i+1)*d1], o.centres[j*d1:(j+1)*d1])
				t += o.slope2(r) * (o.centres[i*d1+k] - o.centres[j*d1+k]) * o.beta.AtVec(j)
			}
			d[k].SetVec(i, t)
		}
	}
	m := mat.NewSymDense(n, nil)
	b := mat.NewVecDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			t := 0.0
			for k := range d {
				t += d[k].AtVec(i) * d[k].AtVec(j)
			}
			m.SetSym(i, j, t*o.k.At(i, j))
		}
		t := o.y[i] - g.AtVec(i)
		for k := range d {
			t += o.l1 / s * d[k].AtVec(i) * o.z[k].AtVec(i)
		}
		b.SetVec(i, t)
	}
	gamma := ridge(m, o.noise(s), b)
	a, z := make([]*mat.VecDense, d1), make([]*mat.VecDense, d1)
	for k := range d {
		a[k], z[k] = mat.NewVecDense(n, nil), mat.NewVecDense(n, nil)
		for i := range n {
			a[k].SetVec(i, (1-o.l1/s)*o.a[k].AtVec(i)+d[k].AtVec(i)*gamma.AtVec(i))
		}
		z[k].MulVec(o.k, a[k])
	}
	j := o.misfit(o.outer(o.features(z))) + o.l1*product(a, z) + o.l2*o.outerNorm()
	if j >= o.j {
		o.mu *= 4
		o.reject++
		return false
	}
	o.a, o.z = a, z
	o.mu /= 3
	o.accept++
	return true
}

func (o *oracle) predict(x []float64) []float64 {
	n := len(x) / o.dim
	z := make([]float64, n*o.d1)
	for i := range n {
		for j := range o.n() {
			v := o.k1(distance(x[i*o.dim:(i+1)*o.dim], o.x[j*o.dim:(j+1)*o.dim]))
			for k := range o.d1 {
				z[i*o.d1+k] += v * o.a[k].AtVec(j)
			}
		}
	}
	return o.outer(z).RawVector().Data
}

// ridgeTruth is the test problem: n uniform points and their values of
// 1/(0.1 + |x1 - x2|).
func ridgeTruth(n int, seed uint64) *kernel.Observations {
	rng := rand.New(rand.NewPCG(seed, 99))
	obs := &kernel.Observations{Dim: 2}
	for range n {
		a, b := rng.Float64(), rng.Float64()
		obs.X = append(obs.X, a, b)
		obs.Y = append(obs.Y, 1/(0.1+math.Abs(a-b)))
	}
	return obs
}

func rmse(a, b []float64) float64 {
	s := 0.0
	for i := range a {
		s += (a[i] - b[i]) * (a[i] - b[i])
	}
	return math.Sqrt(s / float64(len(a)))
}

// train is the whole training with o's options.
func (o *oracle) train(c Options, starts func(j int) []float64) (js []float64, history []float64) {
	best, at := math.Inf(1), 0
	for j := range c.Starts {
		o.start(starts(j))
		o.fitOuter()
		js = append(js, o.j)
		if o.j < best {
			best, at = o.j, j
		}
	}
	o.start(starts(at))
	o.fitOuter()
	for range c.Steps {
		if o.fitInner() {
			o.fitOuter()
		}
		history = append(history, o.j)
	}
	return js, history
}
