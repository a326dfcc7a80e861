package image

import (
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/random"
	"tessera/tikhonov/image/internal/oracle"
)

// matrices are H'WH and Q'Q of a small frame.
func (f *frame) matrices(o Options) (data, penalty *mat.SymDense) {
	o.Lambda = 0
	data = f.Dense(o.equations())
	o.Lambda = 1
	penalty = f.Dense(o.equations())
	penalty.AddSym(penalty, scaled(data, -1))
	return data, penalty
}

// exact solves the equations of the frame at one lambda by Cholesky: the factor, the
// solution and the two terms misfit and ||Q w||^2.
func (f *frame) exact(t *testing.T, o Options, data, penalty *mat.SymDense, lambda float64) (chol *mat.Cholesky, w []float64, misfit, size float64) {
	t.Helper()
	n := f.Rows * f.Cols
	m := mat.NewSymDense(n, nil)
	m.AddSym(data, scaled(penalty, lambda))
	chol = &mat.Cholesky{}
	if !chol.Factorize(m) {
		t.Fatal("oracle: M is not positive definite")
	}
	b := f.RHS(o.Border)
	for c := range f.Channels {
		var x mat.VecDense
		if err := chol.SolveVecTo(&x, mat.NewVecDense(n, b[c*n:(c+1)*n])); err != nil {
			t.Fatal(err)
		}
		w = append(w, x.RawVector().Data...)
		size += mat.Inner(&x, penalty, &x)
	}
	misfit, _ = f.Objective(o.equations(), w)
	return chol, w, misfit, size
}

// leastBy is the lambda with the least value on a fine grid, refined around its minimum.
func leastBy(lo, hi float64, value func(lambda float64) float64) float64 {
	best, step := 0.0, 0.3
	for least, l := math.Inf(1), math.Log(lo); l < math.Log(hi); l += step {
		if v := value(math.Exp(l)); v < least {
			best, least = l, v
		}
	}
	for range 4 {
		a, b, c := value(math.Exp(best-step)), value(math.Exp(best)), value(math.Exp(best+step))
		best += step * (a - c) / (2 * (a - 2*b + c))
		step /= 4
	}
	return math.Exp(best)
}

// Marginal likelihood finds the lambda with the largest density of the data, computed from
// dense matrices:
//
//	-2 log p = n log J(w) + log det M - rank(Q'Q) log lambda,
//
// or J(w)/s^2 in the first term for a known noise s; for both borders, PSFs with and
// without symmetry, channels, and equal weights.
func TestMarginalLikelihood(t *testing.T) {
	t.Parallel()
	comet := oracle.PSFs(t)["comet 5x5"]
	for i, c := range []struct {
		q        forward.Regulariser
		border   halo.Border
		psf      forward.PSF
		channels int
		noise    float64
		weight   float64
	}{
		{forward.Identity, halo.Reflect, oracle.Gaussian5(t), 1, 0, 1},
		{forward.Gradient, halo.Reflect, oracle.Gaussian5(t), 2, 0, 1},
		{forward.Laplacian, halo.Periodic, comet, 1, 0, 1},
		{forward.Gradient, halo.Periodic, comet, 1, 0.1, 1},
		{forward.Laplacian, halo.Periodic, forward.PSF{}, 2, 0, 9},
		{forward.Laplacian, halo.Reflect, forward.PSF{}, 1, 0.1, 4},
	} {
		f := skyFrame(t, c.channels, 13, 16, 0.1, c.border, nil)
		f.PSF = c.psf
		if c.weight != 1 {
			f = f.inOtherUnits(1, c.weight)
		}
		o := Options{Rule: MarginalLikelihood, Regulariser: c.q, Border: c.border, Overlap: 3, Noise: c.noise * math.Sqrt(c.weight)}
		data, penalty := f.matrices(o)
		zeros := 1.0
		if c.q == forward.Identity {
			zeros = 0
		}
		n := float64(c.channels) * (13*16 - zeros)
		var noise float64
		value := func(lambda float64) float64 {
			chol, _, misfit, size := f.exact(t, o, data, penalty, lambda)
			j := misfit + lambda*size
			first := n * math.Log(j)
			noise = math.Sqrt(j / n)
			if o.Noise > 0 {
				first, noise = j/(o.Noise*o.Noise), o.Noise
			}
			return first + float64(c.channels)*chol.LogDet() - n*math.Log(lambda)
		}
		want := leastBy(1e-5*c.weight, 1e4*c.weight, value)
		least := value(want)
		_, res, err := f.run(t, 1+i%3, o)
		if err != nil {
			t.Errorf("%s, %v: %v", c.q, c.border, err)
			continue
		}
		if math.Abs(res.Lambda/want-1) > 0.01 {
			t.Errorf("%s, %v: lambda %.5g, want %.5g", c.q, c.border, res.Lambda, want)
		}
		if s := res.Search; math.Abs(s.Noise/noise-1) > 0.01 || s.Inferred != (c.noise == 0) {
			t.Errorf("%s, %v: noise %.4g, want %.4g; inferred %v", c.q, c.border, s.Noise, noise, s.Inferred)
		}
		for _, trial := range res.Search.Trials {
			if trial.Lambda < 1e-4*c.weight || trial.Lambda > 1e4*c.weight {
				continue // Cholesky loses digits there
			}
			v := value(trial.Lambda) - least
			_, _, misfit, size := f.exact(t, o, data, penalty, trial.Lambda)
			if math.Abs(trial.Criterion-v) > 1e-3+1e-5*v || math.Abs(trial.Misfit/misfit-1) > 1e-5 || math.Abs(trial.Penalty/size-1) > 1e-5 {
				t.Errorf("%s, %v, lambda %.3g: %+v, want %.6g, %.6g, %.6g", c.q, c.border, trial.Lambda, trial, v, misfit, size)
			}
		}
	}
}

// The L-curve's corner is where the curvature, from finite differences of exact solutions,
// is largest.
func TestLCurve(t *testing.T) {
	t.Parallel()
	for i, c := range []struct {
		q        forward.Regulariser
		border   halo.Border
		weights  []float64
		channels int
	}{{forward.Identity, halo.Reflect, nil, 1}, {forward.Gradient, halo.Zero, uneven(12 * 14), 2}, {forward.Laplacian, halo.Periodic, uneven(12 * 14), 1}} {
		f := skyFrame(t, c.channels, 12, 14, 0.1, c.border, c.weights)
		o := Options{Rule: LCurve, Regulariser: c.q, Border: c.border, Overlap: 4, Tile: 8}
		data, penalty := f.matrices(o)
		bend := func(lambda float64) float64 {
			const h = 0.01
			var x, y [3]float64
			for k := range 3 {
				_, _, misfit, size := f.exact(t, o, data, penalty, lambda*math.Exp(h*float64(k-1)))
				x[k], y[k] = math.Log(misfit), math.Log(size)
			}
			dx, dy := (x[2]-x[0])/(2*h), (y[2]-y[0])/(2*h)
			ddx, ddy := (x[2]-2*x[1]+x[0])/(h*h), (y[2]-2*y[1]+y[0])/(h*h)
			return (dx*ddy - dy*ddx) / math.Pow(dx*dx+dy*dy, 1.5)
		}
		want := leastBy(1e-4, 1e3, func(lambda float64) float64 { return -bend(lambda) })
		_, res, err := f.run(t, 1+i, o)
		if err != nil {
			t.Errorf("%s: %v", c.q, err)
			continue
		}
		if math.Abs(res.Lambda/want-1) > 0.02 {
			t.Errorf("%s: corner at %.5g, want %.5g", c.q, res.Lambda, want)
		}
		for _, trial := range res.Search.Trials {
			if v := bend(trial.Lambda); trial.Lambda > 1e-3 && trial.Lambda < 1e2 && math.Abs(trial.Criterion-v) > 1e-3*(1+math.Abs(v)) {
				t.Errorf("%s, lambda %.3g: curvature %.6g, want %.6g", c.q, trial.Lambda, trial.Criterion, v)
			}
		}
	}
}

// The trace that cross-validation reports is within its own error of the exact one: over
// 12 sets of probe vectors two in three lie within one standard error, and none beyond 6
// (a standard error of 8 values is itself uncertain by a quarter).
func TestTraceError(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	t.Parallel()
	f := skyFrame(t, 1, 16, 18, 0.1, halo.Reflect, uneven(16*18))
	o := Options{Rule: GCV, Regulariser: forward.Gradient, Border: halo.Reflect, Overlap: 4, Tile: 8}
	data, penalty := f.matrices(o)
	inside := 0
	for seed := range uint64(12) {
		o.Seed = seed
		_, res, err := f.run(t, 2, o)
		if err != nil {
			t.Fatal(err)
		}
		s := res.Search
		chol, _, misfit, _ := f.exact(t, o, data, penalty, res.Lambda)
		var influence mat.Dense
		if err := chol.SolveTo(&influence, data); err != nil {
			t.Fatal(err)
		}
		exact := mat.Trace(&influence)
		off := math.Abs(s.Trace-exact) / s.TraceError
		if off < 1 {
			inside++
		}
		if off > 6 || s.TraceError > 0.1*exact || s.Probes != 8 {
			t.Errorf("seed %d: trace %.2f +- %.2f from %d probes, exact %.2f", seed, s.Trace, s.TraceError, s.Probes, exact)
		}
		if want := math.Sqrt(misfit / (float64(s.Values) - exact)); !s.Inferred || math.Abs(s.Noise/want-1) > 0.05 || math.Abs(want/0.1-1) > 0.15 {
			t.Errorf("seed %d: noise %.4g, want %.4g, made with 0.1", seed, s.Noise, want)
		}
	}
	if inside < 4 {
		t.Errorf("%d of 12 traces are within their standard error", inside)
	}
}

// Where the search needs three probe vectors only, the trace and its error are from four.
func TestTraceOfFewProbes(t *testing.T) {
	t.Parallel()
	f := skyFrame(t, 1, 150, 152, 0.1, halo.Reflect, nil)
	_, res, err := f.run(t, 2, Options{Rule: GCV, Regulariser: forward.Gradient, Border: halo.Reflect})
	if err != nil {
		t.Fatal(err)
	}
	if s := res.Search; s.Probes != 4 || !(s.TraceError > 0 && s.TraceError < 0.05*s.Trace) || math.Abs(s.Noise/0.1-1) > 0.02 {
		t.Errorf("trace %.1f +- %.1f from %d probes, noise %.4g", s.Trace, s.TraceError, s.Probes, s.Noise)
	}
}

// Marginal likelihood says why it does not take a problem; the L-curve and cross-validation
// what data without a corner or a minimum look like.
func TestRulesThatRefuse(t *testing.T) {
	t.Parallel()
	sky := func(border halo.Border) *frame { return skyFrame(t, 1, 20, 21, 0.05, border, nil) }
	masked, weighted, comet, zero := sky(halo.Reflect), sky(halo.Reflect), sky(halo.Reflect), sky(halo.Reflect)
	masked.Weights = make([]float64, 420)
	weighted.Weights = make([]float64, 420)
	for i := range 420 {
		masked.Weights[i] = 2 * min(1, float64(i%100))
		weighted.Weights[i] = 1 + float64(i%3)
	}
	comet.PSF = oracle.PSFs(t)["comet 5x5"]
	zero.Y = make([]float64, 420)
	board := sky(halo.Reflect) // the highest frequency only
	for i := range board.Y {
		board.Y[i] = float64(1 - 2*((i/21+i%21)%2))
	}
	for _, c := range []struct {
		f    *frame
		o    Options
		want string
	}{
		{sky(halo.Zero), Options{Rule: MarginalLikelihood, Border: halo.Zero}, "needs a reflecting or periodic border"},
		{masked, Options{Rule: MarginalLikelihood, Border: halo.Reflect}, "needs a whole frame, and 5 pixels are missing"},
		{weighted, Options{Rule: MarginalLikelihood, Border: halo.Reflect}, "needs the same weight for every pixel"},
		{comet, Options{Rule: MarginalLikelihood, Border: halo.Reflect}, "needs a periodic border, as the PSF is not its own mirror image"},
		{zero, Options{Rule: MarginalLikelihood, Border: halo.Reflect}, "the data are constant"},
		{zero, Options{Rule: GCV, Border: halo.Reflect}, "the data are zero everywhere"},
		{zero, Options{Rule: LCurve, Border: halo.Reflect}, "the data are zero everywhere"},
		{board, Options{Rule: MarginalLikelihood, Border: halo.Reflect, Regulariser: forward.Laplacian}, "upper end of the search: the data ask for the smoothest image"},
		{skyFrame(t, 1, 20, 21, 0, halo.Reflect, nil), Options{Rule: GCV, Border: halo.Reflect}, "gcv has no minimum: the cross-validation function still falls"},
	} {
		for _, n := range []int{1, 3} {
			c.o.Overlap = 3
			_, res, err := c.f.run(t, n, c.o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, %d ranks: %v, want %q", c.o.Rule, n, err, c.want)
			}
			if res != nil {
				t.Errorf("%s, %d ranks: a result with lambda %g", c.o.Rule, n, res.Lambda)
			}
		}
	}
}

// correlatedFrame has noise with the spectrum of a Gaussian of 1.2 pixels, as resampled frames have, and is blurred by one of 2 pixels.
func correlatedFrame(t *testing.T) *frame {
	const side = 48
	f := skyFrame(t, 1, side, side, 0, halo.Reflect, nil)
	sky := f.Y
	psf, err := forward.Gaussian(13, 2)
	if err != nil {
		t.Fatal(err)
	}
	f.PSF = psf
	f.Y = oracle.Multiply(f.BlurRows(halo.Reflect), sky)
	noise := make([]float64, side*side)
	s := random.New(3, 3)
	for i := range noise {
		noise[i] = s.Normal(uint64(i))
	}
	for i := range f.Y {
		v := 0.0
		for dr := -4; dr <= 4; dr++ {
			for dc := -4; dc <= 4; dc++ {
				r, c := (i/side+dr+side)%side, (i%side+dc+side)%side
				v += math.Exp(-float64(dr*dr+dc*dc)/(2*1.2*1.2)) * noise[r*side+c]
			}
		}
		f.Y[i] += 0.01 * v
	}
	return f
}

// The rule "auto" is gcv where that has a minimum; where it has none it still gives a lambda,
// says why, and is the same on any number of ranks.
func TestAutoRule(t *testing.T) {
	t.Parallel()
	noisy := skyFrame(t, 1, 32, 33, 0.1, halo.Reflect, nil)
	for _, c := range []struct {
		name string
		f    *frame
		rule LambdaRule
		note string
	}{
		{"white noise", noisy, GCV, ""},
		{"no noise", skyFrame(t, 1, 20, 21, 0, halo.Reflect, nil), GCV, "within 1 %"},
		{"correlated noise", correlatedFrame(t), LCurve, "correlated between pixels"},
		{"the smoothest image", randomFrame(1, 16, 17, 4), "", ""},
	} {
		o := Options{Rule: AutoRule, Border: halo.Reflect}
		if c.rule == "" { // white noise alone: gcv may or may not have a minimum
			o.Regulariser = forward.Gradient
		}
		var first *Search
		for _, n := range []int{1, 3} {
			x, res, err := c.f.run(t, n, o)
			if err != nil {
				t.Errorf("%s, %d ranks: %v", c.name, n, err)
				break
			}
			s := res.Search
			if s == nil || s.Rule == AutoRule || !(s.Lambda > 0) || len(s.Trials) == 0 || len(x) == 0 {
				t.Fatalf("%s: %+v", c.name, s)
			}
			if c.rule != "" && s.Rule != c.rule || !strings.Contains(s.Note, c.note) || c.note == "" && c.rule != "" && s.Note != "" {
				t.Errorf("%s: rule %s, note %q", c.name, s.Rule, s.Note)
			}
			if first == nil {
				first = s
			} else if math.Abs(s.Lambda-first.Lambda) > 1e-2*first.Lambda || s.Rule != first.Rule {
				t.Errorf("%s: %s gives %g on 1 rank, %s %g on %d", c.name, first.Rule, first.Lambda, s.Rule, s.Lambda, n)
			}
		}
	}
	o := Options{Rule: GCV, Border: halo.Reflect}
	_, gcv, err := noisy.run(t, 2, o)
	o.Rule = AutoRule
	_, auto, err2 := noisy.run(t, 2, o)
	if err != nil || err2 != nil || gcv.Lambda != auto.Lambda {
		t.Errorf("gcv: %v, %v; auto: %v, %v", gcv, err, auto, err2)
	}
}
