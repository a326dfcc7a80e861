package scdl

import (
	"math"
	"math/rand/v2"
	"testing"
)

// descend solves the lasso by coordinate descent, until the duality gap is 1e-7 of the
// objective or after many sweeps.
func descend(p *Pair, s []float64, lambda float64, sweeps int) []float64 {
	w, r := make([]float64, p.Atoms), append([]float64(nil), s...)
	for sweep := range sweeps {
		for a := range w {
			x := p.Low[a*p.M : (a+1)*p.M]
			if xx := dot(x, x); xx > 0 {
				v := soft(w[a]+dot(x, r)/xx, lambda/xx)
				axpy(w[a]-v, x, r)
				w[a] = v
			}
		}
		if sweep%50 == 49 && gap(p, s, w, lambda) <= 1e-7*objective(p, s, w, lambda) {
			break
		}
	}
	return w
}

// gap is the duality gap, an upper bound of the distance of the objective from its
// minimum. The dual problem is max |s|^2/2 - |s - v|^2/2 with |D_l'v| <= lambda; v is a
// multiple of the residual.
func gap(p *Pair, s, w []float64, lambda float64) float64 {
	r, most := append([]float64(nil), s...), 0.0
	for a, v := range w {
		axpy(-v, p.Low[a*p.M:(a+1)*p.M], r)
	}
	for a := range w {
		most = max(most, math.Abs(dot(p.Low[a*p.M:(a+1)*p.M], r)))
	}
	shrink, far := min(1, lambda/most), 0.0
	for i, v := range r {
		far += (s[i] - shrink*v) * (s[i] - shrink*v)
	}
	return objective(p, s, w, lambda) - (dot(s, s)-far)/2
}

// objective of the lasso.
func objective(p *Pair, s, w []float64, lambda float64) float64 {
	r := append([]float64(nil), s...)
	one := 0.0
	for a, v := range w {
		if v != 0 {
			axpy(-v, p.Low[a*p.M:(a+1)*p.M], r)
			one += math.Abs(v)
		}
	}
	return dot(r, r)/2 + lambda*one
}

// dense spreads a code over all atoms.
func (c *code) dense(atoms int) []float64 {
	w := make([]float64, atoms)
	for i, a := range c.atoms {
		w[a] = c.w[i]
	}
	return w
}

func TestLasso(t *testing.T) {
	every := 10 // samples from one that is compared with descend to the next
	if testing.Short() {
		every = 20
	}
	g := Grid{Scale: 2, Patch: 5, Blur: 0.8}
	learned := trained(t, g, []*Image{madeUp(1, 120), edges(2, 120, 120)}, 3000, 200)
	// Linearly dependent atoms: equal ones, opposite ones and zeros.
	odd := *learned
	odd.Low = append([]float64(nil), learned.Low...)
	copy(odd.Low[:30*odd.M], odd.Low[30*odd.M:60*odd.M])
	for i := 60 * odd.M; i < 80*odd.M; i++ {
		odd.Low[i] = -odd.Low[i+20*odd.M]
	}
	clear(odd.Low[100*odd.M : 110*odd.M])
	few := &Pair{P: 3, M: 4, Atoms: 3, High: make([]float64, 9), Low: []float64{1, 0, 0, 0, 0.9, 0.1, 0, 0, 0, 0, 1, 1}}
	r := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct {
		name string
		p    *Pair
	}{{"learned", learned}, {"odd", &odd}, {"few", few}} {
		name, p := c.name, c.p
		var s []float64
		for k := range 60 {
			x := make([]float64, p.M)
			for q := range x {
				x[q] = 0.1 * r.NormFloat64() * float64(k%7) / 6
			}
			s = append(s, x...)
		}
		for _, lambda := range []float64{1e-4, 1e-3, 1e-2, 0.1} {
			used, worst := 0, 0.0
			newLasso(p, lambda, 200).each(s, func(c *code) {
				x, w := s[c.sample*p.M:(c.sample+1)*p.M], c.dense(p.Atoms)
				got := objective(p, x, w, lambda)
				worst = max(worst, gap(p, x, w, lambda)/(got+1e-300))
				used += len(c.atoms)
				if c.sample%every > 0 {
					return
				}
				if want := objective(p, x, descend(p, x, lambda, 3000), lambda); got > want*(1+1e-4)+1e-15 {
					t.Errorf("%s, lambda %g, sample %d: objective %.9g with %d atoms, want %.9g", name, lambda, c.sample, got, len(c.atoms), want)
				}
			})
			t.Logf("%s, lambda %g: %.1f atoms a code, within %.1e of the minimum", name, lambda, float64(used)/60, worst)
			if worst > 2*lassoSlack {
				t.Errorf("%s, lambda %g: %g from the minimum", name, lambda, worst)
			}
		}
	}
}
