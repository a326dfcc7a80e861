package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// The score of a pair is the mean of what fits without one observation each say.
func TestLeaveOneOutIsRefitting(t *testing.T) {
	obs := uneven(40, 3)
	o := Options{Kernel: Kernel{Family: WendlandC2, Width: 0.2}, Lambda: 0.01, Mean: true}
	s, err := selectOn(t.Context(), 1, obs, o, Search{Rule: LeaveOneOut})
	if err != nil {
		t.Fatal(err)
	}
	mean, weights := 0.0, 0.0
	for i, sigma := range obs.Sigma {
		mean += obs.Y[i] / sigma / sigma
		weights += 1 / sigma / sigma
	}
	mean /= weights
	for _, c := range []Candidate{s.Candidates[0], s.Candidates[len(s.Candidates)/2], {Width: s.Width, Lambda: s.Lambda, Score: s.Score}} {
		k := o.Kernel
		k.Width = c.Width
		standard, plain := 0.0, 0.0
		for i := range obs.Y {
			m, at := denseSystem(obs, k, c.Lambda, func(j int) bool { return j != i })
			rhs := mat.NewVecDense(len(at), nil)
			row := mat.NewVecDense(len(at), nil)
			for r, j := range at {
				rhs.SetVec(r, obs.Y[j]-mean)
				row.SetVec(r, k.At(math.Hypot(obs.X[2*j]-obs.X[2*i], obs.X[2*j+1]-obs.X[2*i+1])))
			}
			var chol mat.Cholesky
			var a mat.VecDense
			if !chol.Factorize(m) || chol.SolveVecTo(&a, rhs) != nil {
				t.Fatal("not positive definite")
			}
			e := mat.Dot(row, &a) + mean - obs.Y[i]
			standard += sq(e/obs.Sigma[i]) / 40
			plain += e * e / 40
		}
		if math.Abs(c.Score-standard) > 1e-9*standard {
			t.Errorf("width %g, lambda %g: score %g, want %g", c.Width, c.Lambda, c.Score, standard)
		}
		if c.Width == s.Width && c.Lambda == s.Lambda && math.Abs(s.RMS-math.Sqrt(plain)) > 1e-9 {
			t.Errorf("rms %g, want %g", s.RMS, math.Sqrt(plain))
		}
	}
}

// The choice depends on the unit of the coordinates and on the number of ranks no more than to
// rounding, goes beyond the first widths, and has no more entries than it may.
func TestLeaveOneOutSearch(t *testing.T) {
	obs := uneven(250, 5)
	o := Options{Kernel: Kernel{Family: WendlandC2, Width: 0.01}, Lambda: 0.01, Mean: true}
	for _, c := range []struct {
		name   string
		search Search
	}{{"whole", Search{}}, {"sample", Search{Sample: 100}}, {"limited", Search{Sample: 100, Entries: 3000}}} {
		c.search.Rule = LeaveOneOut
		var first *Selection
		for _, size := range []int{1, 2, 3, 7} {
			s, err := selectOn(t.Context(), size, obs, o, c.search)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = s
			}
			if s.Width != first.Width || s.Lambda != first.Lambda || math.Abs(s.Score-first.Score) > 1e-9*first.Score || len(s.Candidates) != len(first.Candidates) {
				t.Errorf("%s, %d ranks: width %g, lambda %g, score %g of %d; one rank %g, %g, %g of %d", c.name, size, s.Width, s.Lambda, s.Score, len(s.Candidates),
					first.Width, first.Lambda, first.Score, len(first.Candidates))
			}
			entries := 0
			for i := range obs.Y {
				for j := range obs.Y {
					if math.Hypot(obs.X[2*j]-obs.X[2*i], obs.X[2*j+1]-obs.X[2*i+1]) < s.Width {
						entries++
					}
				}
			}
			if limited := c.search.Entries > 0; s.Limited != limited || limited && float64(entries) > 1.2*c.search.Entries {
				t.Errorf("%s: limited %v, %d entries", c.name, s.Limited, entries)
			}
			if !s.Limited && s.Width < 16*o.Kernel.Width {
				t.Errorf("%s: width %g, begun at %g", c.name, s.Width, o.Kernel.Width)
			}
		}
		scaled := *obs
		scaled.X = make([]float64, len(obs.X))
		for i, x := range obs.X {
			scaled.X[i] = 1024 * x
		}
		wide := o
		wide.Kernel.Width *= 1024
		s, err := selectOn(t.Context(), 2, &scaled, wide, c.search)
		if err != nil {
			t.Fatal(err)
		}
		if s.Width != 1024*first.Width || s.Lambda != first.Lambda {
			t.Errorf("%s, another unit: width %g, lambda %g, want %g, %g", c.name, s.Width, s.Lambda, 1024*first.Width, first.Lambda)
		}
	}
}

// thinPlate fits a thin-plate spline with a plane, smoothed: (r^2 log r) + smoothing I, and
// returns it at other places.
func thinPlate(x, y []float64, smoothing float64, at []float64) []float64 {
	n := len(y)
	profile := func(a, b []float64) float64 {
		r := math.Hypot(a[0]-b[0], a[1]-b[1])
		if r == 0 {
			return 0
		}
		return r * r * math.Log(r)
	}
	m := mat.NewDense(n+3, n+3, nil)
	rhs := mat.NewVecDense(n+3, nil)
	for i := range n {
		for j := range n {
			m.Set(i, j, profile(x[2*i:2*i+2], x[2*j:2*j+2]))
		}
		m.Set(i, i, smoothing)
		for k, v := range []float64{1, x[2*i], x[2*i+1]} {
			m.Set(i, n+k, v)
			m.Set(n+k, i, v)
		}
		rhs.SetVec(i, y[i])
	}
	var c mat.VecDense
	if err := c.SolveVec(m, rhs); err != nil {
		return nil
	}
	out := make([]float64, len(at)/2)
	for i := range out {
		p := at[2*i : 2*i+2]
		out[i] = c.AtVec(n) + c.AtVec(n+1)*p[0] + c.AtVec(n+2)*p[1]
		for j := range n {
			out[i] += c.AtVec(j) * profile(p, x[2*j:2*j+2])
		}
	}
	return out
}

// temperatures are n made-up temperatures of a region with a slope from south to north, noise of
// half a degree, and m other places with the truth.
func temperatures(n, m int, length float64, seed uint64) (obs *Observations, places, truth []float64) {
	rng := rand.New(rand.NewPCG(seed, 23))
	waves := make([][3]float64, 60)
	for i := range waves {
		waves[i] = [3]float64{rng.NormFloat64() / length, rng.NormFloat64() / length, 2 * math.Pi * rng.Float64()}
	}
	at := func(a, b float64) float64 {
		v := 25 - 15*b + 1.25*a
		for _, w := range waves {
			v += 1.5 * math.Sqrt(2./60) * math.Cos(w[0]*a+w[1]*b+w[2])
		}
		return v
	}
	obs = &Observations{Dim: 2}
	for range n {
		a, b := rng.Float64(), rng.Float64()
		obs.X, obs.Y = append(obs.X, a, b), append(obs.Y, at(a, b)+0.5*rng.NormFloat64())
	}
	for range m {
		a, b := rng.Float64(), rng.Float64()
		places, truth = append(places, a, b), append(truth, at(a, b))
	}
	return obs, places, truth
}

// What leave-one-out chooses predicts as well, within 5 %, as the best thin-plate spline of
// eleven smoothings: best by the truth, which the kernel does not know.
func TestAgainstThinPlateSplines(t *testing.T) {
	rms := func(f, truth []float64) float64 {
		sum := 0.0
		for i, v := range truth {
			sum += sq(f[i] - v)
		}
		return math.Sqrt(sum / float64(len(truth)))
	}
	for _, length := range []float64{0.25, 0.08} {
		obs, places, truth := temperatures(400, 400, length, 1)
		peer := math.Inf(1)
		for e := -6.; e <= 4; e++ {
			if f := thinPlate(obs.X, obs.Y, math.Pow(10, e/2), places); f != nil {
				peer = min(peer, rms(f, truth))
			}
		}
		// As the job does: values in units of their spread, the width of about 60 neighbours.
		const spread = 5.
		scaled := &Observations{Dim: 2, X: obs.X}
		for _, y := range obs.Y {
			scaled.Y = append(scaled.Y, y/spread)
		}
		o := Options{Kernel: Kernel{Family: WendlandC2, Width: math.Sqrt(60 / math.Pi / 400)}, Lambda: 0.01, Mean: true}
		scaled.Sigma = make([]float64, len(scaled.Y))
		for i := range scaled.Sigma {
			scaled.Sigma[i] = 1
		}
		s, err := selectOn(t.Context(), 2, scaled, o, Search{Rule: LeaveOneOut})
		if err != nil {
			t.Fatal(err)
		}
		o.Kernel.Width, o.Lambda = s.Width, s.Lambda
		_, f, _ := fitted(t, scaled, 2, o, places)
		for i := range f {
			f[i] *= spread
		}
		t.Logf("length %g: rms %.4f, thin-plate spline %.4f", length, rms(f, truth), peer)
		if got := rms(f, truth); !(got <= 1.05*peer) {
			t.Errorf("length %g: rms %g, the thin-plate spline has %g", length, got, peer)
		}
	}
}
