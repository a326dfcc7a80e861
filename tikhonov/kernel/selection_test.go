package kernel

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"tessera/krylov"
	"tessera/ranks"
)

// uneven is a smooth function at n places of the unit square, with noise that
// differs from place to place and an offset.
func uneven(n int, seed uint64) *Observations {
	rng := rand.New(rand.NewPCG(seed, 17))
	obs := &Observations{Dim: 2}
	for range n {
		a, b := rng.Float64(), rng.Float64()
		sigma := .05 + .1*rng.Float64()
		obs.X = append(obs.X, a, b)
		obs.Y = append(obs.Y, 3+math.Sin(5*a)*math.Cos(4*b)+sigma*rng.NormFloat64())
		obs.Sigma = append(obs.Sigma, sigma)
	}
	return obs
}

// selectOn runs Select on p ranks, every rank holding a run of the observations.
func selectOn(ctx context.Context, p int, obs *Observations, o Options, search Search) (*Selection, error) {
	results := make([]*Selection, p)
	err := ranks.Launch(ctx, ranks.Options{Ranks: p}, func(ctx context.Context, comm ranks.Comm) error {
		n, r := len(obs.Y), comm.Rank()
		lo, hi := r*n/p, (r+1)*n/p
		mine := &Observations{Dim: 2, X: obs.X[2*lo : 2*hi], Y: obs.Y[lo:hi], Sigma: obs.Sigma[lo:hi]}
		var err error
		results[r], err = Select(ctx, comm, mine, o, search)
		return err
	})
	for r, s := range results[1:] {
		if err == nil && fmt.Sprint(*s) != fmt.Sprint(*results[0]) {
			return nil, fmt.Errorf("rank %d finds %v, rank 0 %v", r+1, *s, *results[0])
		}
	}
	return results[0], err
}

// denseSystem is K + lambda S of the observations that keep selects, and their indices.
func denseSystem(obs *Observations, k Kernel, lambda float64, keep func(i int) bool) (*mat.SymDense, []int) {
	var at []int
	for i := range obs.Y {
		if keep(i) {
			at = append(at, i)
		}
	}
	m := mat.NewSymDense(len(at), nil)
	for r, i := range at {
		for c, j := range at[:r+1] {
			v := k.At(math.Hypot(obs.X[2*i]-obs.X[2*j], obs.X[2*i+1]-obs.X[2*j+1]))
			if i == j {
				v += lambda * sq(obs.Sigma[i])
			}
			m.SetSym(r, c, v)
		}
	}
	return m, at
}

func centredValues(obs *Observations, at []int) (mean float64, y *mat.VecDense) {
	weights := 0.0
	for _, i := range at {
		w := 1 / sq(obs.Sigma[i])
		mean += w * obs.Y[i]
		weights += w
	}
	mean /= weights
	y = mat.NewVecDense(len(at), nil)
	for r, i := range at {
		y.SetVec(r, obs.Y[i]-mean)
	}
	return mean, y
}

func factorOf(t *testing.T, m *mat.SymDense) *mat.Cholesky {
	var ch mat.Cholesky
	if !ch.Factorize(m) {
		t.Fatal("oracle: not positive definite")
	}
	return &ch
}

// denseCrossValidation is the score by its definition.
func denseCrossValidation(t *testing.T, obs *Observations, k Kernel, lambda float64, folds int, seed uint64) float64 {
	sum := 0.0
	for fold := range folds {
		m, at := denseSystem(obs, k, lambda, func(i int) bool { return foldOf(seed, int64(i), folds) != fold })
		mean, y := centredValues(obs, at)
		a := mat.NewVecDense(len(at), nil)
		if err := factorOf(t, m).SolveVecTo(a, y); err != nil {
			t.Fatal(err)
		}
		for i := range obs.Y {
			if foldOf(seed, int64(i), folds) != fold {
				continue
			}
			f := mean
			for r, j := range at {
				f += a.AtVec(r) * k.At(math.Hypot(obs.X[2*i]-obs.X[2*j], obs.X[2*i+1]-obs.X[2*j+1]))
			}
			sum += sq((f - obs.Y[i]) / obs.Sigma[i])
		}
	}
	return sum / float64(len(obs.Y))
}

// denseGCV has the exact trace.
func denseGCV(t *testing.T, obs *Observations, k Kernel, lambda float64) float64 {
	m, at := denseSystem(obs, k, lambda, func(int) bool { return true })
	_, y := centredValues(obs, at)
	n := len(at)
	var inv mat.SymDense
	if err := factorOf(t, m).InverseTo(&inv); err != nil {
		t.Fatal(err)
	}
	a := mat.NewVecDense(n, nil)
	a.MulVec(&inv, y)
	misfit, free := 0.0, 0.0
	for i := range n {
		misfit += sq(lambda * obs.Sigma[i] * a.AtVec(i))
		free += lambda * sq(obs.Sigma[i]) * inv.At(i, i)
	}
	return float64(n) * misfit / sq(free)
}

// The scores are those of the dense definitions at any number of ranks, in one
// group or several.
func TestSelectScores(t *testing.T) {
	t.Parallel()
	const seed = 5
	small, large := uneven(60, 1), uneven(150, 2)
	for _, c := range []struct {
		name  string
		obs   *Observations
		k     Family
		rule  Rule
		close float64 // relative
		slow  bool
	}{
		{"folds", large, WendlandC2, CrossValidation, 1e-7, false},
		{"folds, Gaussian", small, Gaussian, CrossValidation, 1e-7, false},
		{"exact trace", small, WendlandC4, GCV, 1e-7, true},
		{"trace of 64 probes", large, WendlandC2, GCV, 0.05, true},
	} {
		if testing.Short() && c.name == "trace of 64 probes" {
			continue // the others take as many paths
		}
		search := Search{Rule: c.rule, Folds: 3, Widths: []float64{.2, .5}, Lambdas: []float64{.01, .3, 10}, Seed: seed}
		o := Options{Kernel: Kernel{Family: c.k}, Mean: true}
		var first *Selection
		for _, p := range []int{1, 2, 3, 4, 7} {
			for _, groups := range []int{0, 1, 2} {
				if groups > 0 && p != 4 || c.slow && p != 1 && p != 4 || testing.Short() && p != 1 && p != 4 && (p != 7 || c.name != "folds") {
					continue
				}
				search.Groups = groups
				got, err := selectOn(t.Context(), p, c.obs, o, search)
				if err != nil {
					t.Fatalf("%s, %d ranks, %d groups: %v", c.name, p, groups, err)
				}
				if want := min(p, 2*3); groups == 0 && c.rule == CrossValidation && got.Groups != want {
					t.Errorf("%s, %d ranks: %d groups chosen, want %d", c.name, p, got.Groups, want)
				}
				if first == nil {
					first = got
					best := math.Inf(1)
					for _, v := range got.Candidates {
						k := Kernel{Family: c.k, Width: v.Width}
						want := 0.0
						if c.rule == GCV {
							want = denseGCV(t, c.obs, k, v.Lambda)
						} else {
							want = denseCrossValidation(t, c.obs, k, v.Lambda, 3, seed)
						}
						if math.Abs(v.Score-want) > c.close*want {
							t.Errorf("%s, width %g, lambda %g: score %.9g, want %.9g", c.name, v.Width, v.Lambda, v.Score, want)
						}
						best = min(best, v.Score)
					}
					if got.Score != best {
						t.Errorf("%s: chose the score %g, the smallest is %g", c.name, got.Score, best)
					}
				}
				for i, v := range got.Candidates {
					if want := first.Candidates[i]; v.Width != want.Width || v.Lambda != want.Lambda || math.Abs(v.Score-want.Score) > 1e-7*want.Score {
						t.Errorf("%s, %d ranks, %d groups: %v, on one rank %v", c.name, p, groups, v, want)
					}
				}
				if got.Width != first.Width || got.Lambda != first.Lambda {
					t.Errorf("%s, %d ranks: chose %g, %g, one rank %g, %g", c.name, p, got.Width, got.Lambda, first.Width, first.Lambda)
				}
			}
		}
	}
}

// Both rules find a pair that predicts nearly as well as the best of the grid, and
// say when the grid is too narrow.
func TestSelectChooses(t *testing.T) {
	t.Parallel()
	obs := uneven(200, 3)
	truth := func(x []float64) float64 { return 3 + math.Sin(5*x[0])*math.Cos(4*x[1]) }
	o := Options{Kernel: Kernel{Family: WendlandC4}, Mean: true}
	widths, lambdas := []float64{.15, .4, 1, 2.5}, []float64{1e-1, 1, 10, 100}
	for _, rule := range []Rule{CrossValidation, GCV} {
		got, err := selectOn(t.Context(), 2, obs, o, Search{Rule: rule, Widths: widths, Lambdas: lambdas})
		if err != nil {
			t.Fatal(err)
		}
		best, chosen := math.Inf(1), 0.0
		for _, w := range widths {
			for _, l := range lambdas {
				k := Kernel{Family: WendlandC4, Width: w}
				m, at := denseSystem(obs, k, l, func(int) bool { return true })
				mean, y := centredValues(obs, at)
				a := mat.NewVecDense(len(at), nil)
				if err := factorOf(t, m).SolveVecTo(a, y); err != nil {
					t.Fatal(err)
				}
				e := 0.0
				for i := range 400 {
					x := []float64{float64(i%20)/20 + .025, float64(i/20)/20 + .025}
					f := mean
					for r, j := range at {
						f += a.AtVec(r) * k.At(math.Hypot(x[0]-obs.X[2*j], x[1]-obs.X[2*j+1]))
					}
					e += sq(f - truth(x))
				}
				if best = min(best, e); w == got.Width && l == got.Lambda {
					chosen = e
				}
			}
		}
		t.Logf("%s: width %g, lambda %g, score %.3f; error %.4f, best of the grid %.4f; edge %v %v",
			rule, got.Width, got.Lambda, got.Score, math.Sqrt(chosen/400), math.Sqrt(best/400), got.EdgeWidth, got.EdgeLambda)
		if chosen > 1.5*1.5*best {
			t.Errorf("%s: chosen pair has error %.4f, the best %.4f", rule, math.Sqrt(chosen/400), math.Sqrt(best/400))
		}
		// The smallest possible error is the noise of this sample; a fit adds errors that
		// are independent of the noise.
		noise := 0.0
		for i, y := range obs.Y {
			noise += sq((truth(obs.X[2*i:2*i+2])-y)/obs.Sigma[i]) / float64(len(obs.Y))
		}
		if got.Score < .9*noise || got.Score > 1.4*noise {
			t.Errorf("%s: score %.3f, the noise itself has %.3f", rule, got.Score, noise)
		}
	}
	got, err := selectOn(t.Context(), 1, obs, o, Search{Widths: []float64{.4}, Lambdas: []float64{100, 1000}})
	if err != nil {
		t.Fatal(err)
	}
	if got.EdgeWidth || !got.EdgeLambda || got.Lambda != 100 {
		t.Errorf("lambda %g of 100 and 1000, edges %v %v: want the lower, on the edge of lambda alone", got.Lambda, got.EdgeWidth, got.EdgeLambda)
	}
}

// A pair whose system float64 cannot solve is not chosen; if there is no other pair,
// Select returns an error.
func TestSelectUnsolvable(t *testing.T) {
	t.Parallel()
	obs := uneven(150, 4)
	o := Options{Kernel: Kernel{Family: Gaussian, Width: 1}}
	got, err := selectOn(t.Context(), 3, obs, o, Search{Widths: []float64{.2, 3}, Lambdas: []float64{1e-14, 1}})
	if err != nil {
		t.Fatal(err)
	}
	if !math.IsInf(got.Candidates[2].Score, 1) || got.Lambda != 1 {
		t.Errorf("candidates %v: want the one of width 3 and lambda 1e-14 infinite, lambda 1 chosen", got.Candidates)
	}
	_, err = selectOn(t.Context(), 3, obs, o, Search{Widths: []float64{3}, Lambdas: []float64{1e-14}})
	if err == nil || !strings.Contains(err.Error(), "can be solved") {
		t.Errorf("a hopeless grid ends with %v", err)
	}
}

func TestSelectBadInput(t *testing.T) {
	t.Parallel()
	good := Options{Kernel: Kernel{Family: Gaussian, Width: .2}}
	bad := good
	bad.Kernel.Family = "cubic"
	blocks := good
	blocks.Block = -1
	for _, c := range []struct {
		o    Options
		s    Search
		want string
	}{
		{good, Search{Rule: "aic"}, `unknown rule "aic"`},
		{good, Search{Folds: 1}, "1 folds"},
		{good, Search{Folds: 40}, "too few for so many folds"},
		{good, Search{Widths: []float64{1, .5}}, "ascending"},
		{good, Search{Lambdas: []float64{0, 1}}, "above 0"},
		{good, Search{Lambdas: []float64{}}, "no lambdas"},
		{good, Search{Groups: -1}, "-1 groups"},
		{bad, Search{}, `unknown family "cubic"`},
		{blocks, Search{}, "blocks of -1"},
		{Options{Kernel: Kernel{Family: Gaussian}}, Search{}, "widths"},
	} {
		for _, p := range []int{1, 3} {
			_, err := selectOn(t.Context(), p, uneven(20, 6), c.o, c.s)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%d ranks: error %v, want %q", p, err, c.want)
			}
		}
	}
}

func TestSelectCancelled(t *testing.T) {
	t.Parallel()
	for _, p := range []int{1, 4} {
		ctx, cancel := context.WithCancel(t.Context())
		o := Options{Kernel: Kernel{Family: WendlandC2, Width: .3}}
		o.Progress = func(p krylov.Progress) { cancel() }
		if _, err := selectOn(ctx, p, uneven(100, 7), o, Search{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%d ranks: %v, want a cancelled run", p, err)
		}
		cancel()
	}
}
