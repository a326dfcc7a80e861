package kernel

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"tessera/ranks"
)

// A plane is reproduced on any number of ranks, at the observations and as far beyond them as one
// likes, with unequal sigma, also where the observations lie on a line or in one place.
func TestLinearTrendReproducesAPlane(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for _, c := range []struct {
		name  string
		dim   int
		place func(i, k int) float64
	}{
		{"line", 1, func(_, _ int) float64 { return rng.Float64() }},
		{"square", 2, func(_, _ int) float64 { return rng.Float64() }},
		{"far away", 2, func(_, k int) float64 { return 1e4 + float64(k) + rng.Float64() }},
		{"cube", 3, func(_, _ int) float64 { return rng.Float64() }},
		{"a line in the plane", 2, func(i, _ int) float64 { return float64(i) / 60 }},
		{"one row", 2, func(i, k int) float64 { return float64(i) / 60 * float64(1-k) }},
		{"one place", 2, func(_, _ int) float64 { return 0.3 }},
	} {
		slope := []float64{3, -2, 0.5}[:c.dim]
		obs := &Observations{Dim: c.dim}
		for i := range 60 {
			y := 11.0
			for k, s := range slope {
				x := c.place(i, k)
				obs.X = append(obs.X, x)
				y += s * x
			}
			obs.Y, obs.Sigma = append(obs.Y, y), append(obs.Sigma, 0.1+rng.Float64())
		}
		var places, want []float64
		for q := range 20 {
			at := obs.X[q*c.dim : (q+1)*c.dim]
			beyond := float64(q%4) * 10 // along the direction in which the observations lie
			y := 11.0
			for k, s := range slope {
				x := at[k] + beyond*(at[k]-obs.X[50*c.dim+k])
				places = append(places, x)
				y += s * x
			}
			want = append(want, y)
		}
		for _, size := range []int{1, 2, 3, 4, 7} {
			o := Options{Kernel: Kernel{Family: WendlandC2, Width: 0.3}, Lambda: 0.1, Mean: true, Linear: true}
			_, got, fits := fitted(t, obs, size, o, places)
			scale := math.Abs(want[0]) + 10
			for i, v := range got {
				if math.Abs(v-want[i]) > 1e-11*scale {
					t.Errorf("%s on %d ranks: %.15g at place %d, want %.15g", c.name, size, v, i, want[i])
					break
				}
			}
			if c.name == "square" {
				for k, s := range fits[0].Trend.Slope {
					if math.Abs(s-slope[k]) > 1e-12 {
						t.Errorf("on %d ranks: slope %d is %.15g, want %g", size, k, s, slope[k])
					}
				}
			}
			o.Linear = false
			if _, got, _ := fitted(t, obs, size, o, places); c.name == "square" && math.Abs(got[3]-want[3]) < 1 {
				t.Errorf("on %d ranks: the mean alone gives %g far away, as the plane does: the test shows nothing", size, got[3])
			}
		}
	}
}

// With noise the trend is the plane of weighted least squares, by a decomposition of the whole
// matrix, and the fit is that of the values less it. Every rule of Select subtracts it too.
func TestLinearTrendIsLeastSquares(t *testing.T) {
	obs := clustered(200, 2, 3)
	for i := range obs.Y {
		obs.Y[i] += 4*obs.X[2*i] - 7*obs.X[2*i+1]
	}
	n := len(obs.Y)
	a, y := mat.NewDense(n, 3, nil), mat.NewVecDense(n, nil)
	for i := range n {
		w := 1 / obs.Sigma[i]
		a.SetRow(i, []float64{w, w * obs.X[2*i], w * obs.X[2*i+1]})
		y.SetVec(i, w*obs.Y[i])
	}
	var plane mat.VecDense
	if err := plane.SolveVec(a, y); err != nil {
		t.Fatal(err)
	}
	at := func(x []float64) float64 { return plane.AtVec(0) + plane.AtVec(1)*x[0] + plane.AtVec(2)*x[1] }
	less := &Observations{Dim: 2, X: obs.X, Sigma: obs.Sigma}
	for i, v := range obs.Y {
		less.Y = append(less.Y, v-at(obs.X[2*i:2*i+2]))
	}
	o := Options{Kernel: Kernel{Family: Matern32, Width: 0.1}, Lambda: 0.05, Tolerance: 1e-12}
	places := obs.X[:40]
	_, want, _ := fitted(t, less, 1, o, places)
	for i := range want {
		want[i] += at(places[2*i : 2*i+2])
	}
	o.Mean, o.Linear = true, true
	for _, size := range []int{1, 3, 7} {
		if _, got, _ := fitted(t, obs, size, o, places); apart(got, want) > 1e-9 {
			t.Errorf("on %d ranks: the fit is %.2e from that of the values less the plane", size, apart(got, want))
		}
	}
	for _, rule := range []Rule{CrossValidation, GCV, LeaveOneOut} {
		scores := map[bool]float64{}
		for _, linear := range []bool{false, true} {
			o.Linear = linear
			err := ranks.Launch(context.Background(), ranks.Options{Ranks: 3}, func(ctx context.Context, c ranks.Comm) error {
				s, err := Select(ctx, c, obs.part(c.Rank(), 3), o, Search{Rule: rule, Widths: []float64{0.05, 0.1}, Lambdas: []float64{1, 10}, Sample: 100})
				if err == nil && c.Rank() == 0 {
					scores[linear] = s.Candidates[0].Score
				}
				return err
			})
			if err != nil {
				t.Fatalf("%s: %v", rule, err)
			}
		}
		if !(scores[true] < 0.9*scores[false]) {
			t.Errorf("%s: a narrow kernel scores %g with the plane and %g with the mean", rule, scores[true], scores[false])
		}
	}
}
