package deep

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"tessera/ranks"
	"tessera/tikhonov/kernel"
)

// share is what rank r of p holds of obs: a run of them, in order.
func share(obs *kernel.Observations, r, p int) *kernel.Observations {
	n := len(obs.Y)
	lo, hi := r*n/p, (r+1)*n/p
	s := &kernel.Observations{Dim: obs.Dim, X: obs.X[lo*obs.Dim : hi*obs.Dim], Y: obs.Y[lo:hi]}
	if obs.Sigma != nil {
		s.Sigma = obs.Sigma[lo:hi]
	}
	return s
}

// outcome is what a training on p ranks leaves.
type outcome struct {
	model *Model
	at    []float64 // predictions at the test points
}

// train trains on p ranks and predicts at the places; every rank asks for a part of
// them and rank 0 sees all.
func train(ctx context.Context, p int, obs *kernel.Observations, o Options, places []float64) (*outcome, error) {
	out := &outcome{}
	err := ranks.Launch(ctx, ranks.Options{Ranks: p}, func(ctx context.Context, comm ranks.Comm) error {
		m, err := Train(ctx, comm, share(obs, comm.Rank(), p), o)
		if err != nil {
			return err
		}
		n := len(places) / obs.Dim
		counts := make([]int, p)
		for r := range counts {
			counts[r] = (r+1)*n/p - r*n/p
		}
		lo := comm.Rank() * n / p
		v, err := m.Predict(places[lo*obs.Dim : (lo+counts[comm.Rank()])*obs.Dim])
		if err != nil {
			return err
		}
		all := make([]float64, n)
		if err := comm.Gatherv(all, counts, v, 0); err != nil {
			return err
		}
		if comm.Rank() == 0 {
			out.model, out.at = m, all
		}
		return nil
	})
	return out, err
}

func gaussian(w float64) kernel.Kernel { return kernel.Kernel{Family: kernel.Gaussian, Width: w} }

func oracleOf(obs *kernel.Observations, o Options) *oracle {
	r := &oracle{
		dim: obs.Dim, d1: o.Features, l1: o.InnerLambda, l2: o.OuterLambda, mu: o.Damping,
		x: obs.X, y: obs.Y, sigma: obs.Sigma, k1: o.Inner.At,
	}
	r.k2, r.slope2 = gauss(o.Outer.Width)
	return r
}

// places0 are the features of start j before the ridge.
func places0(obs *kernel.Observations, o Options, j int) []float64 {
	dim := obs.Dim
	lo, hi := make([]float64, dim), make([]float64, dim)
	for k := range lo {
		lo[k], hi[k] = math.Inf(1), math.Inf(-1)
	}
	for i, x := range obs.X {
		lo[i%dim], hi[i%dim] = min(lo[i%dim], x), max(hi[i%dim], x)
	}
	mid, side := middle(lo, hi)
	var z []float64
	for i := range obs.Y {
		u := make([]float64, dim)
		for e := range u {
			u[e] = (obs.X[i*dim+e] - mid[e]) / side
		}
		for k := range o.Features {
			z = append(z, initial(j, o.Starts, k, o.Features, u))
		}
	}
	return z
}

// The training on any number of ranks follows the dense one on one core step by
// step: starts, objectives, what is accepted, and the predictions.
func TestTrainFollowsDense(t *testing.T) {
	counts := []int{1, 2, 3, 4, 7}
	if testing.Short() {
		counts = []int{1, 3}
	}
	for _, c := range []struct {
		name  string
		obs   *kernel.Observations
		o     Options
		steps int
	}{
		{"crease", ridgeTruth(120, 1), Options{Inner: gaussian(.5), Outer: gaussian(.05), InnerLambda: 1e-3, OuterLambda: 1e-2, Features: 1, Starts: 8, Steps: 20, Damping: .01}, 20},
		{"uneven noise, two features", noisy(ridgeTruth(80, 2)), Options{Inner: gaussian(.5), Outer: gaussian(.2), InnerLambda: 1e-2, OuterLambda: 1e-2, Features: 2, Starts: 3, Steps: 8, Damping: 1e-4}, 8},
		{"compact inner kernel", ridgeTruth(120, 3), Options{Inner: kernel.Kernel{Family: kernel.WendlandC2, Width: .6}, Outer: gaussian(.1), InnerLambda: 1e-3, OuterLambda: 1e-2, Features: 1, Starts: 4, Steps: 8, Damping: .01}, 8},
		{"three dimensions, three features", bowl(90, 4), Options{Inner: gaussian(.7), Outer: gaussian(.3), InnerLambda: 1e-2, OuterLambda: 1e-2, Features: 3, Starts: 3, Steps: 5, Damping: .1}, 5},
		{"five dimensions, two features", rings(80, 6), Options{Inner: gaussian(.9), Outer: gaussian(.3), InnerLambda: 1e-2, OuterLambda: 1e-2, Features: 2, Starts: 3, Steps: 4, Damping: .1}, 4},
		{"one dimension", chirp(90, 5), Options{Inner: gaussian(.3), Outer: gaussian(.1), InnerLambda: 1e-3, OuterLambda: 1e-2, Features: 1, Starts: 3, Steps: 10, Damping: .01}, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want := oracleOf(c.obs, c.o)
			starts, history := want.train(c.o, func(j int) []float64 { return places0(c.obs, c.o, j) })
			places := c.obs.X[:len(c.obs.X)/2]
			values := want.predict(places)
			t.Logf("starts %.4g, J %.6g, %d accepted, %d rejected", starts, want.j, want.accept, want.reject)
			for _, p := range counts {
				got, err := train(t.Context(), p, c.obs, c.o, places)
				if err != nil {
					t.Fatalf("%d ranks: %v", p, err)
				}
				m := got.model
				if m.Accepted != want.accept || m.Rejected != want.reject || len(m.Steps) != c.steps {
					t.Errorf("%d ranks: %d accepted, %d rejected of %d, want %d and %d", p, m.Accepted, m.Rejected, len(m.Steps), want.accept, want.reject)
					continue
				}
				for j, v := range m.Starts {
					if math.Abs(v-starts[j]) > 1e-7*starts[j] {
						t.Errorf("%d ranks: start %d has J = %.12g, want %.12g", p, j, v, starts[j])
					}
				}
				before := m.Starts[m.Start]
				for i, s := range m.Steps {
					if math.Abs(s.Objective-history[i]) > 1e-7*history[i] {
						t.Errorf("%d ranks: after step %d J = %.12g, want %.12g", p, i+1, s.Objective, history[i])
					}
					if s.Objective > before || s.Accepted != (s.Balance != nil) || !s.Accepted && s.Objective != before {
						t.Errorf("%d ranks: step %d, accepted %v, takes J from %.12g to %.12g", p, i+1, s.Accepted, before, s.Objective)
					}
					if b := s.Balance; b != nil && b.E != b.Best {
						t.Errorf("%d ranks: step %d balances feature space to E = %v, best %v", p, i+1, b.E, b.Best)
					}
					before = s.Objective
				}
				// The features hardly move in the end, and the cells follow them: cells of
				// equal size would have E below 0.5 here.
				if b := m.Steps[len(m.Steps)-1].Balance; c.name == "crease" && p < 7 && b.EBefore < .75 {
					t.Errorf("%d ranks: the last step finds feature space at E = %v", p, b.EBefore)
				}
				if e := rmse(got.at, values) / rmse(values, make([]float64, len(values))); e > 1e-6 {
					t.Errorf("%d ranks: predictions differ by %.2g", p, e)
				}
			}
		})
	}
}

// The published example: 300 points of a function with a crease along the diagonal.
// One Gaussian layer, the width and lambda chosen by the error on the test points, against
// two layers with options fixed beforehand.
func TestCreaseBeatsOneLayer(t *testing.T) {
	const seeds = 4
	for seed := range uint64(seeds) {
		obs, test := ridgeTruth(300, seed), ridgeTruth(1500, 1000+seed)
		single := bestSingle(obs, test)
		for _, c := range []struct{ l1, l2, width, most float64 }{{1e-3, 1e-2, .05, .2}, {1e-4, 1e-3, .1, .23}} {
			o := Options{Inner: gaussian(.5), Outer: gaussian(c.width), InnerLambda: c.l1, OuterLambda: c.l2}
			got, err := train(t.Context(), 1, obs, o, test.X)
			if err != nil {
				t.Fatal(err)
			}
			m := got.model
			e := rmse(got.at, test.Y)
			t.Logf("seed %d, l1 %g, l2 %g, width %g: J %.4g -> %.4g, RMSE %.3f, one layer %.3f", seed, c.l1, c.l2, c.width, m.Starts[m.Start], m.Objective, e, single)
			if e > c.most || single < 2*e {
				t.Errorf("seed %d, width %g: RMSE %.3f, want at most %.2f and half of one layer's %.3f", seed, c.width, e, c.most, single)
			}
			if m.Start != 6 {
				t.Errorf("seed %d: start %d, want the one across the crease, 6", seed, m.Start)
			}
			if testing.Short() {
				return
			}
		}
	}
}

// bestSingle is the smallest error on the test points of one Gaussian layer over a
// grid of widths and lambda.
func bestSingle(obs, test *kernel.Observations) float64 {
	n := len(obs.Y)
	best := math.Inf(1)
	for _, w := range []float64{.05, .1, .15, .2, .3} {
		k, _ := gauss(w)
		m := gram(k, obs.X, 2)
		cross := mat.NewDense(len(test.Y), n, nil)
		for i := range test.Y {
			for j := range n {
				cross.Set(i, j, k(distance(test.X[2*i:2*i+2], obs.X[2*j:2*j+2])))
			}
		}
		for _, lambda := range []float64{1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1} {
			d := make([]float64, n)
			for i := range d {
				d[i] = lambda
			}
			f := mat.NewVecDense(len(test.Y), nil)
			f.MulVec(cross, ridge(m, d, mat.NewVecDense(n, obs.Y)))
			best = min(best, rmse(f.RawVector().Data, test.Y))
		}
	}
	return best
}

// noisy gives every observation a standard deviation of its own.
func noisy(obs *kernel.Observations) *kernel.Observations {
	rng := rand.New(rand.NewPCG(7, 3))
	for i := range obs.Y {
		obs.Sigma = append(obs.Sigma, .2+rng.Float64())
		obs.Y[i] += obs.Sigma[i] * .1 * rng.NormFloat64()
	}
	return obs
}

// bowl is |x - (.3, .5, .6)| at n places of the unit cube.
func bowl(n int, seed uint64) *kernel.Observations {
	rng := rand.New(rand.NewPCG(seed, 5))
	obs := &kernel.Observations{Dim: 3}
	for range n {
		x := []float64{rng.Float64(), rng.Float64(), rng.Float64()}
		obs.X = append(obs.X, x...)
		obs.Y = append(obs.Y, 4*distance(x, []float64{.3, .5, .6}))
	}
	return obs
}

// rings are places with one coordinate and two angles, which are laid on circles.
func rings(n int, seed uint64) *kernel.Observations {
	rng := rand.New(rand.NewPCG(seed, 7))
	obs := &kernel.Observations{Dim: 5}
	for range n {
		x, a, b := rng.Float64(), 2*math.Pi*rng.Float64(), 2*math.Pi*rng.Float64()
		obs.X = append(obs.X, x, math.Cos(a)/3, math.Sin(a)/3, math.Cos(b)/3, math.Sin(b)/3)
		obs.Y = append(obs.Y, 2*x+math.Sin(a)*math.Cos(b))
	}
	return obs
}

// chirp is sin(3 x^2) at n places of [0, 2].
func chirp(n int, seed uint64) *kernel.Observations {
	rng := rand.New(rand.NewPCG(seed, 6))
	obs := &kernel.Observations{Dim: 1}
	for range n {
		x := 2 * rng.Float64()
		obs.X = append(obs.X, x)
		obs.Y = append(obs.Y, math.Sin(3*x*x))
	}
	return obs
}
