package image

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"tessera/forward"
	"tessera/halo"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/oracle"
)

// skyFrame is a smooth scene, blurred, with noise of a known standard deviation, or
// of sigma/sqrt(weight) where there are weights.
func skyFrame(t testing.TB, channels, rows, cols int, sigma float64, border halo.Border, weights []float64) *frame {
	rng := rand.New(rand.NewPCG(7, 7))
	f := &frame{oracle.Frame{Channels: channels, Rows: rows, Cols: cols, PSF: oracle.Gaussian5(t), Weights: weights}}
	h := f.BlurRows(border)
	for c := range channels {
		truth := make([]float64, rows*cols)
		for i := range truth {
			a, b := float64(i/cols)/float64(rows), float64(i%cols)/float64(cols)
			truth[i] = 1 + math.Sin(6*a+float64(c))*math.Cos(5*b) + 2*math.Exp(-60*((a-.6)*(a-.6)+(b-.4)*(b-.4)))
		}
		y := oracle.Multiply(h, truth)
		for i := range y {
			s := sigma
			if w := f.Weight(i); w > 0 {
				s /= math.Sqrt(w)
			}
			y[i] += s * rng.NormFloat64()
		}
		f.Y = append(f.Y, y...)
	}
	return f
}

// uneven weights, some missing.
func uneven(n int) []float64 {
	rng := rand.New(rand.NewPCG(8, 7))
	w := make([]float64, n)
	for i := range w {
		if rng.IntN(20) > 0 {
			w[i] = 0.5 + rng.Float64()
		}
	}
	return w
}

// The discrepancy principle leaves a misfit of noise^2 a pixel, whatever Q, the
// border and the weights, and the same lambda at every number of ranks.
func TestDiscrepancy(t *testing.T) {
	t.Parallel()
	const rows, cols, sigma = 32, 34, 0.05
	for i, c := range []struct {
		q       forward.Regulariser
		border  halo.Border
		weights []float64
		method  krylov.Method
		start   float64
	}{
		{forward.Identity, halo.Zero, nil, "", 0},
		{forward.Gradient, halo.Reflect, uneven(rows * cols), "", 0},
		{forward.Laplacian, halo.Periodic, nil, krylov.CG, 100},
		{forward.Gradient, halo.Zero, uneven(rows * cols), krylov.TwoLevel, 1e-4},
		{forward.Gradient, halo.Reflect, nil, krylov.RAS, 0},
	} {
		if i%2 == 1 && testing.Short() {
			continue
		}
		f := skyFrame(t, 2, rows, cols, sigma, c.border, c.weights)
		observed := 0.0
		for i := range rows * cols {
			if f.Weight(i) > 0 {
				observed += 2
			}
		}
		what := fmt.Sprintf("%s, %v, weights %v, %q", c.q, c.border, c.weights != nil, c.method)
		first := 0.0
		for _, n := range []int{1, 4} {
			_, res, err := f.run(t, n, Options{
				Method: c.method, Regulariser: c.q, Border: c.border, Rule: Discrepancy, Noise: sigma, Lambda: c.start, Overlap: 4,
			})
			if err != nil {
				t.Errorf("%s, %d ranks: %v", what, n, err)
				continue
			}
			if want := sigma * sigma * observed; math.Abs(res.Misfit-want) > 0.011*want {
				t.Errorf("%s, %d ranks: lambda %.4g leaves a misfit of %.4g, want %.4g", what, n, res.Lambda, res.Misfit, want)
			}
			if first == 0 {
				first = res.Lambda
			}
			if math.Abs(res.Lambda-first) > 1e-3*first {
				t.Errorf("%s: lambda is %.6g on %d ranks, %.6g on one", what, res.Lambda, n, first)
			}
		}
	}
}

// solver runs body with the solver of every rank.
func (f *frame) solver(t *testing.T, n int, o Options, body func(ctx context.Context, c ranks.Comm, s *solver) error) error {
	t.Helper()
	return f.launch(n, func(ctx context.Context, c ranks.Comm, p *Problem) error {
		s, err := newSolver(c, p, o.withDefaults()), error(nil)
		if err != nil {
			return err
		}
		return body(ctx, c, s)
	})
}

// The noise estimated from the data is within 5 % of the truth, missing pixels or
// not, and does not depend on the number of ranks.
func TestEstimatedNoise(t *testing.T) {
	for _, weights := range [][]float64{nil, uneven(130 * 141)} {
		for _, sigma := range []float64{0.01, 0.2} {
			f := skyFrame(t, 1, 130, 141, sigma, halo.Reflect, weights)
			for i, w := range weights {
				if w == 0 {
					f.Y[i] = math.NaN()
				}
			}
			first := 0.0
			for _, n := range []int{1, 3, 7} {
				err := f.solver(t, n, Options{Border: halo.Reflect, Lambda: 1}, func(_ context.Context, c ranks.Comm, s *solver) error {
					got, err := s.estimateNoise()
					if err != nil || c.Rank() != 0 {
						return err
					}
					if first == 0 {
						first = got
					}
					if math.Abs(got-sigma) > 0.05*sigma || math.Abs(got-first) > 2e-6*first {
						t.Errorf("%d ranks: noise %.8g, want %.3g; on one rank %.8g", n, got, sigma, first)
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// Where the noise is estimated, the misfit is the one that the estimate asks for.
func TestDiscrepancyOfEstimatedNoise(t *testing.T) {
	f := skyFrame(t, 1, 96, 96, 0.05, halo.Reflect, nil)
	_, res, err := f.run(t, 2, Options{Regulariser: forward.Gradient, Border: halo.Reflect, Rule: Discrepancy, Overlap: 4})
	if err != nil {
		t.Fatal(err)
	}
	if got := math.Sqrt(res.Misfit / (96 * 96)); math.Abs(got-0.05) > 0.05*0.05 {
		t.Errorf("lambda %.3g leaves residuals of %.4g a pixel, want 0.05", res.Lambda, got)
	}
}

// crossValidation returns V(lambda) with exact traces.
func (f *frame) crossValidation(t *testing.T, o Options) func(lambda float64) float64 {
	t.Helper()
	n := f.Rows * f.Cols
	o.Lambda = 0
	data := f.Dense(o.equations()) // H'WH
	o.Lambda = 1
	penalty := f.Dense(o.equations())
	penalty.AddSym(penalty, scaled(data, -1))
	observed := 0.0
	for i := range n {
		if f.Weight(i) > 0 {
			observed += float64(f.Channels)
		}
	}
	b := f.RHS(o.Border)
	return func(lambda float64) float64 {
		m := mat.NewSymDense(n, nil)
		m.AddSym(data, scaled(penalty, lambda))
		var chol mat.Cholesky
		if !chol.Factorize(m) {
			t.Fatal("oracle: M is not positive definite")
		}
		var influence mat.Dense
		if err := chol.SolveTo(&influence, data); err != nil {
			t.Fatal(err)
		}
		var w []float64
		for c := range f.Channels {
			var x mat.VecDense
			if err := chol.SolveVecTo(&x, mat.NewVecDense(n, b[c*n:(c+1)*n])); err != nil {
				t.Fatal(err)
			}
			w = append(w, x.RawVector().Data...)
		}
		misfit, _ := f.Objective(o.equations(), w)
		free := observed - float64(f.Channels)*mat.Trace(&influence)
		return observed * misfit / (free * free)
	}
}

func scaled(a *mat.SymDense, s float64) *mat.SymDense {
	var b mat.SymDense
	b.ScaleSym(s, a)
	return &b
}

// GCV finds the minimum of the function with exact traces, found by brute force.
func TestGCV(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		q        forward.Regulariser
		border   halo.Border
		weights  []float64
		channels int
	}{{forward.Identity, halo.Reflect, nil, 1}, {forward.Gradient, halo.Zero, uneven(16 * 18), 2}, {forward.Laplacian, halo.Periodic, nil, 1}} {
		f := skyFrame(t, c.channels, 16, 18, 0.1, c.border, c.weights)
		o := Options{Regulariser: c.q, Border: c.border, Overlap: 4, Tile: 8, Seed: 3}
		value := f.crossValidation(t, o)
		best, least := 0.0, math.Inf(1)
		for l := math.Log(1e-4); l < math.Log(1e3); l += 0.15 {
			if v := value(math.Exp(l)); v < least {
				best, least = math.Exp(l), v
			}
		}
		o.Rule = GCV
		var found []float64
		for _, n := range []int{1, 3} {
			_, res, err := f.run(t, n, o)
			if err != nil {
				t.Fatalf("%s, %d ranks: %v", c.q, n, err)
			}
			found = append(found, res.Lambda)
		}
		// The minimum is flat: 1 % in V are a factor of 1.5 in lambda.
		if v := value(found[0]); v > 1.01*least || found[0] > 1.5*best || found[0] < best/1.5 {
			t.Errorf("%s: lambda %.4g with V = %.6g, the least is %.6g at %.4g", c.q, found[0], v, least, best)
		}
		if slices.Max(found) > 1.001*slices.Min(found) {
			t.Errorf("%s: lambda depends on the number of ranks: %v", c.q, found)
		}
	}
}

// On data of noise alone cross-validation chooses a lambda that leaves almost nothing, or
// says that there is no largest one.
func TestGCVOfNoise(t *testing.T) {
	f := randomFrame(1, 24, 24, 5)
	_, res, err := f.run(t, 2, Options{Rule: GCV, Regulariser: forward.Gradient, Border: halo.Reflect, Overlap: 4})
	if err == nil && res.Lambda < 1e3 || err != nil && !strings.Contains(err.Error(), "the data ask for the smoothest image") {
		t.Errorf("%v, %+v", err, res)
	}
}

// Where no lambda can be found the error says why, with the numbers.
func TestLambdaErrors(t *testing.T) {
	t.Parallel()
	sky := func() *frame { return skyFrame(t, 1, 24, 24, 0.05, halo.Zero, nil) }
	blind := sky()
	blind.Weights = make([]float64, 24*24)
	flat := sky()
	for i := range flat.Y {
		flat.Y[i] = 3
	}
	alternate := sky()
	alternate.Weights = make([]float64, 24*24)
	for i := range alternate.Weights {
		if i/24%3 == 0 && i%24%3 == 0 { // no 2 x 2 block and no diamond is whole
			alternate.Weights[i] = 1
		}
	}
	chaos := randomFrame(1, 24, 24, 5)
	clean := skyFrame(t, 1, 24, 24, 0, halo.Zero, nil)
	for _, c := range []struct {
		name  string
		frame *frame
		o     Options
		want  string
	}{
		{"no pixel", blind, Options{Rule: Discrepancy, Noise: 1}, "no pixel is observed"},
		{"no pixel", blind, Options{Rule: GCV}, "no pixel is observed"},
		{"too much noise", sky(), Options{Rule: Discrepancy, Noise: 1e3}, "is the noise 1e+03 right?"},
		{"too little noise", chaos, Options{Rule: Discrepancy, Noise: 1e-9}, "is the noise 1e-09 right?"},
		{"constant data", flat, Options{Rule: Discrepancy}, "the noise estimated from the data is zero"},
		{"no block", alternate, Options{Rule: Discrepancy}, "no 2 x 2 block of observed pixels"},
		{"nothing but signal", clean, Options{Rule: GCV}, "ask for no regularisation"},
	} {
		for _, n := range []int{1, 3} {
			c.o.Overlap = 4
			if _, _, err := c.frame.run(t, n, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, %s, %d ranks: %v, want %q", c.name, c.o.Rule, n, err, c.want)
			}
		}
	}
}
