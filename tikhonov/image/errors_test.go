package image

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"tessera/forward"
	"tessera/halo"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/oracle"
	"tessera/tikhonov/internal/onerank"
)

// errorMap is the error map of a frame on so many ranks: the whole of Sigma and rank 0's numbers.
func (f *frame) errorMap(t testing.TB, n int, o Options, e ErrorOptions) ([]float64, *Errors) {
	t.Helper()
	var whole []float64
	var m *Errors
	err := f.launch(n, func(ctx context.Context, c ranks.Comm, p *Problem) error {
		mine, err := ErrorMap(ctx, c, p, o, e)
		if err != nil {
			return err
		}
		full, err := p.Frame.GatherTo(c, 0, mine.Sigma, 1)
		if c.Rank() == 0 {
			whole, m = full, mine
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return whole, m
}

// covariance is C_p or C_n for s = 1, from dense matrices.
func (f *frame) covariance(t testing.TB, o Options, kind ErrorKind) *mat.SymDense {
	t.Helper()
	var chol mat.Cholesky
	if !chol.Factorize(f.Dense(o.equations())) {
		t.Fatal("M is not positive definite")
	}
	var inverse mat.SymDense
	if err := chol.InverseTo(&inverse); err != nil {
		t.Fatal(err)
	}
	if kind == PosteriorErrors {
		return &inverse
	}
	without := o
	without.Lambda = 0
	var half, whole mat.Dense
	half.Mul(&inverse, f.Dense(without.equations())) // M^-1 H'WH
	whole.Mul(&half, &inverse)
	n := f.Rows * f.Cols
	c := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			c.SetSym(i, j, whole.At(i, j))
		}
	}
	return c
}

// within holds the squares of an error map against the diagonal of the covariance times
// noise^2. With Gaussian samples the standard error of a pixel's square is sqrt(2/n) of it,
// and that of the sum over all pixels sqrt(2/n) times the Frobenius norm of the covariance;
// random signs stay below both.
func within(t *testing.T, what string, sigma []float64, noise float64, c *mat.SymDense, samples int) {
	t.Helper()
	unit := math.Sqrt(2 / float64(samples))
	trace := noise * noise * mat.Trace(c)
	var largest, squares, sum float64
	for i, s := range sigma {
		want := noise * noise * c.At(i, i)
		d := (s*s - want) / max(want, 1e-3*trace/float64(len(sigma))) / unit // deep in a hole the noise does next to nothing
		largest, squares = max(largest, math.Abs(d)), squares+d*d/float64(len(sigma))
		sum += s * s
	}
	if largest > 5.5 || squares > 1.5 {
		t.Errorf("%s: squares of Sigma differ by up to %.1f standard errors, root mean square %.2f", what, largest, math.Sqrt(squares))
	}
	if d := (sum - trace) / (unit * noise * noise * mat.Norm(c, 2)); math.Abs(d) > 4 {
		t.Errorf("%s: the sum of the variances is %g, want %g: %.1f standard errors", what, sum, trace, d)
	}
}

// Sigma is the root of the diagonal of the dense covariance, within the sampling error: for
// every border, regulariser, kind, several PSFs and numbers of ranks, with holes and uneven
// weights.
func TestErrorMapAgainstDense(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	t.Parallel()
	psfs := oracle.PSFs(t)
	names := []string{"gaussian 5x5", "none", "comet 5x5", "ring 3x7"}
	counts := []int{1, 2, 3, 4, 7}
	i := 0
	for _, border := range oracle.Borders {
		for _, q := range oracle.Regularisers {
			for _, kind := range []ErrorKind{NoiseErrors, PosteriorErrors} {
				f := randomFrame(1, 14, 17, uint64(i))
				f.PSF = psfs[names[i%len(names)]]
				f.Patchwork(uint64(i))
				o := Options{Lambda: 0.1, Regulariser: q, Border: border, Noise: 0.3, Tile: 7, Overlap: 4}
				e := ErrorOptions{Kind: kind, Samples: 400, Seed: uint64(i)}
				n := counts[i%len(counts)]
				sigma, m := f.errorMap(t, n, o, e)
				what := fmt.Sprintf("%v, %s, %s, %s, %d ranks", border, q, kind, names[i%len(names)], n)
				within(t, what, sigma, 0.3, f.covariance(t, o, kind), 400)
				if m.Min != slices.Min(sigma) || m.Max != slices.Max(sigma) || m.Noise != 0.3 || m.Lambda != 0.1 || m.Samples != 400 {
					t.Errorf("%s: min %g, max %g, noise %g, lambda %g, %d samples", what, m.Min, m.Max, m.Noise, m.Lambda, m.Samples)
				}
				sorted := slices.Sorted(slices.Values(sigma))
				if mid := sorted[(len(sorted)-1)/2]; math.Abs(m.Median-mid) > 2e-6*mid || m.SamplingError != 1/math.Sqrt(800) {
					t.Errorf("%s: median %g, want %g; sampling error %g", what, m.Median, mid, m.SamplingError)
				}
				i++
			}
		}
	}
}

// The same on 32 x 32 pixels with a hole, where the errors of the posterior grow towards
// the middle of the hole.
func TestErrorMapOfHole(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	t.Parallel()
	const side = 32
	for i, q := range oracle.Regularisers {
		f := randomFrame(1, side, side, 3)
		f.PSF = oracle.Gaussian5(t)
		f.Weights = make([]float64, side*side)
		for i := range f.Weights {
			if r, c := i/side, i%side; r < 10 || r >= 19 || c < 12 || c >= 21 {
				f.Weights[i] = 1
			}
		}
		o := Options{Lambda: 0.05, Regulariser: q, Border: halo.Reflect, Noise: 1, Overlap: 4}
		sigma, m := f.errorMap(t, 1+i, o, ErrorOptions{Kind: PosteriorErrors, Samples: 400})
		within(t, fmt.Sprintf("%s, posterior", q), sigma, 1, f.covariance(t, o, PosteriorErrors), 400)
		edge, inside, middle := sigma[14*side+11], sigma[14*side+13], sigma[14*side+16]
		if !(m.Median < edge*(1+3*m.SamplingError) && edge < inside && inside < middle*(1+3*m.SamplingError) && middle > 1.1*m.Median) {
			t.Errorf("%s: median %g, at the edge of the hole %g, inside %g, in its middle %g", q, m.Median, edge, inside, middle)
		}
		if q == forward.Gradient { // which fills the hole in smoothly: the noise at its border is averaged
			sigma, _ = f.errorMap(t, 1, o, ErrorOptions{Kind: NoiseErrors, Samples: 400})
			within(t, fmt.Sprintf("%s, noise", q), sigma, 1, f.covariance(t, o, NoiseErrors), 400)
		}
	}
}

// Neither the number of ranks, nor the method, nor the channels that share a solve change
// the samples.
func TestErrorMapIsTheSame(t *testing.T) {
	t.Parallel()
	for i, q := range oracle.Regularisers {
		f, o := smallDeblur(t)
		o.Regulariser, o.Border, o.Noise = q, oracle.Borders[i], 0.5
		e := ErrorOptions{Kind: PosteriorErrors, Samples: 7, Seed: 5, Tolerance: 1e-10}
		want, m := f.errorMap(t, 1, o, e)
		if m.Samples != 8 { // a multiple of the two channels
			t.Fatalf("%d samples, want 8", m.Samples)
		}
		e.Samples = 8
		check := func(what string, got []float64) {
			if d := oracle.Largest(got, want); d > 1e-8 {
				t.Errorf("%s, %s: Sigma differs by %g of its largest value", q, what, d)
			}
		}
		for _, n := range []int{2, 3, 4, 7} {
			got, _ := f.errorMap(t, n, o, e)
			check(fmt.Sprintf("%d ranks", n), got)
		}
		one := *f
		one.Channels, one.Y = 1, f.Y[:f.Rows*f.Cols]
		got, _ := one.errorMap(t, 2, o, e)
		check("one channel", got)
		for _, method := range allMethods {
			if method == krylov.Spectral && o.Border == halo.Zero {
				continue // it has none
			}
			oo := o
			oo.Method, oo.MaxIterations = method, 2000
			got, _ := f.errorMap(t, 2, oo, e)
			check(string(method), got)
		}
		e.Seed++
		if got, _ := f.errorMap(t, 2, o, e); oracle.Largest(got, want) < 1e-3 {
			t.Errorf("%s: another seed gives the same samples", q)
		}
	}
}

// On a simulated frame with uneven noise Sigma covers 68 % of the errors that the noise
// made, whether the noise of a pixel of weight 1 is given or estimated. NoiseError is the
// minimiser's part that is linear in the noise.
func TestErrorMapCovers(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	t.Parallel()
	const rows, cols, unit = 72, 80, 0.04
	f := randomFrame(2, rows, cols, 8)
	f.PSF = oracle.Gaussian5(t)
	f.Patchwork(8)
	rng := rand.New(rand.NewPCG(8, 8))
	truth := make([]float64, len(f.Y))
	for i := range truth {
		truth[i] = 2 + math.Sin(float64(i%cols)/9)*math.Cos(float64(i/cols)/7)
	}
	blurred := append(oracle.Multiply(f.BlurRows(halo.Reflect), truth[:rows*cols]), oracle.Multiply(f.BlurRows(halo.Reflect), truth[rows*cols:])...)
	for i := range f.Y {
		f.Y[i] = math.NaN()
		if w := f.Weight(i % (rows * cols)); w > 0 {
			f.Y[i] = blurred[i] + unit/math.Sqrt(w)*rng.NormFloat64()
		}
	}
	for _, noise := range []float64{unit, 0} {
		for _, q := range oracle.Regularisers {
			o := Options{Lambda: 0.03, Regulariser: q, Border: halo.Reflect, Noise: noise}
			err := f.launch(3, func(ctx context.Context, c ranks.Comm, p *Problem) error {
				r, err := NewRestoration(c, p, o)
				if err != nil {
					return err
				}
				res, err := r.Solve(ctx)
				if err != nil {
					return err
				}
				m, err := r.ErrorMap(ctx, ErrorOptions{Kind: NoiseErrors, Samples: 100})
				if err != nil {
					return err
				}
				if math.Abs(m.Noise/unit-1) > 0.05 || noise > 0 && m.Noise != noise {
					return fmt.Errorf("noise %g, want %g", m.Noise, unit)
				}
				mine, err := p.Frame.ScatterFrom(c, 0, truth, f.Channels)
				if err != nil {
					return err
				}
				d, err := r.NoiseError(ctx, mine, 1e-9)
				if err != nil {
					return err
				}
				count := []float64{0, 0}
				for i, v := range d {
					count[1]++
					if math.Abs(v) <= m.Sigma[i%len(m.Sigma)] {
						count[0]++
					}
				}
				if err := c.Allreduce(count, count, ranks.Sum); err != nil {
					return err
				}
				if share := count[0] / count[1]; math.Abs(share-0.683) > 0.03 {
					return fmt.Errorf("Sigma covers %.3f of the errors of the noise, want 0.683", share)
				}
				// The mean of the solutions restores the noise-free frame.
				sharp := *p
				sharp.Data = make([]float64, len(mine))
				if err := r.s.m.Blur().Apply(sharp.Data, mine); err != nil {
					return err
				}
				mean, err := Solve(ctx, c, &sharp, o)
				if err != nil {
					return err
				}
				for i := range d {
					d[i] = res.Solution[i] - d[i]
				}
				if rel := oracle.Relative(d, mean.Solution); rel > 1e-7 {
					return fmt.Errorf("the solution without its noise is %g from the mean", rel)
				}
				return nil
			})
			if err != nil {
				t.Errorf("%s, noise %g: %v", q, noise, err)
			}
		}
	}
}

// After Solve the error map uses its lambda and its factors.
func TestErrorMapSharesTheSetup(t *testing.T) {
	f, o := smallDeblur(t)
	o.Rule, o.Noise = Discrepancy, 0.8
	for _, method := range allMethods {
		if testing.Short() && method != krylov.Auto && method != krylov.CG && method != krylov.RASGMRES {
			continue
		}
		o := o
		o.Method = method
		err := f.launch(2, func(ctx context.Context, c ranks.Comm, p *Problem) error {
			r, err := NewRestoration(c, p, o)
			if err != nil {
				return err
			}
			res, err := r.Solve(ctx)
			if err != nil {
				return err
			}
			before := r.s.local
			m, err := r.ErrorMap(ctx, ErrorOptions{Kind: NoiseErrors, Samples: 2})
			if err != nil {
				return err
			}
			if m.Lambda != res.Lambda || r.s.local != before {
				return fmt.Errorf("lambda %g and %g, the factors are the same: %v", res.Lambda, m.Lambda, r.s.local == before)
			}
			again, err := r.Solve(ctx)
			if err == nil && oracle.Largest(again.Solution, res.Solution) > 1e-6 {
				err = errors.New("another Solve gives another solution")
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// Cancelling one rank stops all of them, before the first sample and between samples, and
// samples that stop early leave a map and an error.
func TestErrorMapStops(t *testing.T) {
	f, o := smallDeblur(t)
	o.Noise = 1
	for _, at := range []int{0, 4} {
		const n = 3
		errs := make([]error, n)
		err := f.launch(n, func(ctx context.Context, c ranks.Comm, p *Problem) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			e := ErrorOptions{Kind: NoiseErrors, Samples: 20}
			if c.Rank() == 0 {
				if at == 0 {
					cancel()
				}
				e.Progress = func(p krylov.Progress) {
					if p.Phase != "error map" || p.Of != 20 || p.Iteration > max(at, 0) {
						t.Errorf("cancelled at %d: %+v", at, p)
					}
					if p.Iteration == at {
						cancel()
					}
				}
			}
			_, errs[c.Rank()] = ErrorMap(ctx, c, p, o, e)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for r, err := range errs {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled at %d: rank %d ends with %v", at, r, err)
			}
		}
	}
	o.MaxIterations = 1
	err := f.launch(2, func(ctx context.Context, c ranks.Comm, p *Problem) error {
		m, err := ErrorMap(ctx, c, p, o, ErrorOptions{Kind: NoiseErrors, Samples: 4, Tolerance: 1e-9})
		if !krylov.Unfinished(err) || m == nil || len(m.Sigma) != len(p.Data)/2 || m.Iterations != 2 || m.Unfinished != 4 {
			return fmt.Errorf("%+v, %v; want a map and that it is not accurate", m, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// Bad options of an error map, or a bad truth, on one rank only are an error on every rank.
func TestBadErrorOptionsOnOneRank(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(e *ErrorOptions)
		want  string
	}{
		"no kind":           {func(e *ErrorOptions) { e.Kind = "" }, "unknown kind of errors"},
		"another kind":      {func(e *ErrorOptions) { e.Kind = PosteriorErrors }, "every rank has to give the same"},
		"samples":           {func(e *ErrorOptions) { e.Samples = -1 }, "-1 samples"},
		"another number":    {func(e *ErrorOptions) { e.Samples = 3 }, "every rank has to give the same"},
		"another seed":      {func(e *ErrorOptions) { e.Seed = 3 }, "every rank has to give the same"},
		"tolerance":         {func(e *ErrorOptions) { e.Tolerance = 1 }, "tolerance of the samples"},
		"another tolerance": {func(e *ErrorOptions) { e.Tolerance = 0.1 }, "every rank has to give the same"},
	} {
		onerank.Each(t, name, c.want, func(ctx context.Context, comm ranks.Comm, bad bool) error {
			p, err := goodProblem(comm)
			if err != nil {
				return err
			}
			e := ErrorOptions{Kind: NoiseErrors, Samples: 2}
			if bad {
				c.spoil(&e)
			}
			_, err = ErrorMap(ctx, comm, p, Options{Lambda: 0.1, Overlap: 2, Tile: 4, Regulariser: forward.Gradient}, e)
			return err
		})
	}
	for name, c := range map[string]struct {
		less      int
		tolerance float64
		want      string
	}{
		"short truth":       {1, 0.1, "a truth of"},
		"tolerance":         {0, 2, "tolerance = 2"},
		"another tolerance": {0, 0.2, "every rank has to give the same"},
	} {
		onerank.Each(t, name, c.want, func(ctx context.Context, comm ranks.Comm, bad bool) error {
			p, err := goodProblem(comm)
			if err != nil {
				return err
			}
			r, err := NewRestoration(comm, p, Options{Lambda: 0.1, Overlap: 2, Tile: 4})
			if err != nil {
				return err
			}
			truth, tolerance := p.Data, 0.1
			if bad {
				truth, tolerance = truth[c.less:], c.tolerance
			}
			_, err = r.NoiseError(ctx, truth, tolerance)
			return err
		})
	}
}
