package psf

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"tessera/halo"
	"tessera/internal/fourier"
	"tessera/internal/imageio"
	"tessera/internal/linalg"
	"tessera/internal/simulate"
	"tessera/ranks"
)

// native: the tests of quality have the stamps that their targets name; without
// native kernels they have fewer, and check convergence alone.
var native = !strings.Contains(linalg.Backend(), "gonum")

// notShort skips a test that is about numbers, not about who shares them.
func notShort(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds, minutes with the race detector")
	}
}

// stretch is one rank's part of a stack.
func stretch(s *Stack, o Options, size, rank int) (*Stack, Options) {
	lo, hi := halo.Split(s.Total, size, rank)
	n, m := s.Side*s.Side, s.PSFSide*s.PSFSide
	p := *s
	p.First, p.Data = lo, s.Data[lo*n:hi*n]
	if s.Weights != nil && hi > lo { // a rank without stamps need not bring any
		p.Weights = s.Weights[lo*n : hi*n]
	} else {
		p.Weights = nil
	}
	switch {
	case s.PSFOf != nil:
		p.PSFOf = s.PSFOf[lo:hi]
	case len(s.PSFs) == s.Total*m:
		p.PSFs = s.PSFs[lo*m : hi*m]
		if hi-lo == 0 {
			p.PSFOf = []int{}
		}
	}
	if o.Given != nil {
		o.Given = o.Given[lo*n : hi*n]
	}
	return &p, o
}

// trySolve restores a stack on so many ranks; the result is rank 0's, with the data
// and the iterations of all.
func trySolve(size int, s *Stack, o Options, adapt func(ranks.Comm, *Options)) (*Result, error) {
	var mu sync.Mutex
	all := &Result{Data: make([]float64, len(s.Data)), StampIterations: make([]int, s.Total)}
	var checks []Check
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: size}, func(ctx context.Context, c ranks.Comm) error {
		part, own := stretch(s, o, size, c.Rank())
		if adapt != nil {
			adapt(c, &own)
		}
		r, err := Deconvolve(ctx, c, part, own)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		copy(all.Data[part.First*s.Side*s.Side:], r.Data)
		copy(all.StampIterations[part.First:], r.StampIterations)
		if checks != nil && !slices.Equal(checks, r.Checks) {
			return fmt.Errorf("the ranks disagree: %v, %v", checks, r.Checks)
		}
		checks = r.Checks
		if c.Rank() == 0 {
			data, iterations := all.Data, all.StampIterations
			*all = *r
			all.Data, all.StampIterations = data, iterations
		}
		return nil
	})
	return all, err
}

func solve(t testing.TB, size int, s *Stack, o Options) *Result {
	t.Helper()
	r, err := trySolve(size, s, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// survey draws a stack as `simulate survey` does.
func survey(n, psfs int, snr float64, seed uint64) (s *Stack, truth []float64) {
	const side = 41
	const p = side * side
	f := simulate.NewField(seed, side, psfs)
	s = &Stack{Side: side, Total: n, PSFSide: side, PSFs: make([]float64, psfs*p), Data: make([]float64, n*p)}
	conv := fourier.NewSmallZeroConvolver[float64](side, side)
	var filters []fourier.Filter[float64]
	for i := range psfs {
		f.PSF(i, s.PSFs[i*p:(i+1)*p])
		filters = append(filters, conv.Filter(side, s.PSFs[i*p:(i+1)*p], identity))
	}
	truth = make([]float64, n*p)
	rms := 0.0
	for i := range n {
		x, y := truth[i*p:(i+1)*p], s.Data[i*p:(i+1)*p]
		f.Galaxy(i, x)
		s.PSFOf = append(s.PSFOf, f.PSFOf(i))
		conv.Apply(y, x, filters[s.PSFOf[i]])
		rms += linalg.Norm2(y) / side
	}
	for i := range n {
		f.AddNoise(i, s.Data[i*p:(i+1)*p], rms/float64(n)/snr)
	}
	return s, truth
}

// medians are those of pixel and ellipticity error, window 5.
func medians(s *Stack, r *Result, truth []float64) (pixel, ellipticity float64) {
	n := s.Side * s.Side
	var px, e []float64
	for i := range s.Total {
		q := Compare(s.Side, r.Data[i*n:(i+1)*n], truth[i*n:(i+1)*n], 5)
		px, e = append(px, q.Pixel), append(e, q.Ellipticity)
	}
	return Quartiles(px)[1], Quartiles(e)[1]
}

const reference = "../../shared/data/reference/"

func readReference(t testing.TB, name string) []float64 {
	t.Helper()
	a, err := imageio.ReadNpy(reference + name)
	if err != nil {
		t.Skip(err)
	}
	return a.Data
}

func referenceStack(t testing.TB) (*Stack, []float64) {
	t.Helper()
	s := &Stack{Side: 41, Total: 100, PSFSide: 41, Data: readReference(t, "psf-obs-100-snr2.npy"), PSFs: readReference(t, "psf-psfs-100.npy")}
	return s, readReference(t, "psf-true-100.npy")
}

// What sf_deconvolve 5.0 computed, at any number of ranks. TestAgainstNaive is its
// sibling on generated data.
func TestParity(t *testing.T) {
	notShort(t)
	s, _ := referenceStack(t)
	for name, o := range map[string]Options{
		"psf-primal-sparse-zeropad-5+5it.npy": {MaxIterations: 5, Reweightings: 1},
		"psf-primal-lowrank-zeropad-5it.npy":  {MaxIterations: 5, Mode: LowRank},
	} {
		want := readReference(t, name)
		o.Compatible, o.CheckEvery = true, 1
		for _, size := range []int{1, 3} {
			r := solve(t, size, s, o)
			worst, top := 0.0, 0.0
			for i, v := range want {
				worst, top = max(worst, math.Abs(v-r.Data[i])), max(top, math.Abs(v))
			}
			if worst > 1e-7*top {
				t.Errorf("%s on %d ranks: off by %.2e of the largest", name, size, worst/top)
			}
		}
	}
}

func TestReferenceQuality(t *testing.T) {
	notShort(t)
	s, truth := referenceStack(t)
	r := solve(t, 2, s, Options{})
	if px, e := medians(s, r, truth); px > 0.035 || e > 0.047 {
		t.Errorf("pixel error %.4f, want <= 0.035; ellipticity error %.4f, want <= 0.047", px, e)
	}
	checkDescent(t, "sparse", r, 20)
}

// checkDescent wants the cost not to rise after a burn-in, by more than 1e-6 of it:
// the low-rank form's, being g(Z) and not g(X), nears its limit from either side.
func checkDescent(t *testing.T, name string, r *Result, burnIn int) {
	t.Helper()
	for k := 1; k < len(r.Checks); k++ {
		a, b := r.Checks[k-1], r.Checks[k]
		if a.Iteration >= burnIn && b.Cost() > a.Cost()*(1+1e-6) {
			t.Errorf("%s: the cost rises from %.9g to %.9g between iterations %d and %d", name, a.Cost(), b.Cost(), a.Iteration, b.Iteration)
		}
	}
}

func TestSparseQuality(t *testing.T) {
	notShort(t)
	s, truth := survey(100, 100, 2, 3)
	iterations := 150
	if !native {
		iterations = 60
	}
	r := solve(t, 2, s, Options{MaxIterations: iterations})
	if px, _ := medians(s, r, truth); px > 0.045 {
		t.Errorf("pixel error %.4f", px)
	}
	checkDescent(t, "sparse", r, 20)
	wrap := solve(t, 2, s, Options{MaxIterations: iterations, Border: Wrap})
	if px, _ := medians(s, wrap, truth); px > 0.045 {
		t.Errorf("wrap: pixel error %.4f", px)
	}
}

func TestLowRankQuality(t *testing.T) {
	notShort(t)
	count := 1000
	if !native {
		count = 100
	}
	s, truth := survey(count, 600, 2, 1)
	r := solve(t, 2, s, Options{Mode: LowRank})
	px, e := medians(s, r, truth)
	t.Logf("%d stamps: pixel error %.4f, ellipticity error %.4f, rank %d, %d products", count, px, e, len(r.Singular), r.Passes)
	if count == 1000 && (px > 0.05 || e > 0.047) {
		t.Errorf("pixel error %.4f, want <= 0.05; ellipticity error %.4f, want <= 0.047", px, e)
	}
	checkDescent(t, "reweighted", r, 60)
	if n := len(r.Checks); math.Abs(r.Checks[n-1].Cost()-r.Checks[n-2].Cost()) > 3e-4*r.Checks[n-1].Cost() {
		t.Errorf("the cost has not settled: %v", r.Checks[n-2:])
	}
	r = solve(t, 2, s, Options{Mode: LowRank, Threshold: Soft})
	checkDescent(t, "soft", r, 20)
	for _, l := range r.Checks[len(r.Checks)-5:] {
		if l.Rank != r.Checks[len(r.Checks)-1].Rank {
			t.Errorf("soft: the rank still changes: %v", r.Checks[len(r.Checks)-5:])
		}
	}
}

// The same on any number of ranks: to the last bit where stamps have nothing to do
// with each other, to 1e-10 where they have.
func TestRanks(t *testing.T) {
	for _, o := range []Options{
		{Mode: Sparse, Reweightings: 1},
		{Mode: Sparse, Border: Wrap, Precision: Double, Noise: MADPerStamp},
		{Mode: Sparse, Start: FromWiener, StampTolerance: 1e-2, Balance: true},
		{Mode: LowRank, Precision: Double, Block: 4},
		{Mode: LowRank, Precision: Double, Threshold: Hard, Compatible: true},
	} {
		o.MaxIterations, o.CheckEvery = 20, 5
		s := smallStack(5, 9, 12, 7, false)
		one := solve(t, 1, s, o)
		for _, size := range []int{2, 3, 4, 7, 11} {
			r := solve(t, size, s, o)
			if o.Mode == Sparse && !slices.Equal(one.Data, r.Data) {
				t.Errorf("%+v: %d ranks differ from one", o, size)
			}
			for i, v := range one.Data {
				if math.Abs(v-r.Data[i]) > 1e-10 {
					t.Fatalf("%+v: %d ranks: number %d off by %.2e", o, size, i, math.Abs(v-r.Data[i]))
				}
			}
			if !slices.Equal(one.StampIterations, r.StampIterations) {
				t.Errorf("%+v: %d ranks: iterations %v, on one %v", o, size, r.StampIterations, one.StampIterations)
			}
		}
	}
}

// What the steps and lambda follow from does not depend on the ranks either, nor on
// whether one that has no stamps brings weights.
func TestNormsOnRanks(t *testing.T) {
	for _, o := range []Options{
		{Mode: LowRank, Precision: Double, MaxIterations: 6},
		{Mode: LowRank, Compatible: true, Threshold: Soft, MaxIterations: 6},
	} {
		s := smallStack(5, 3, 9, 5, true)
		for i := range s.Weights {
			s.Weights[i] *= 3
		}
		if o.Compatible {
			s = smallStack(5, 3, 9, 5, false)
		}
		one := solve(t, 1, s, o)
		for _, size := range []int{2, 5} {
			r := solve(t, size, s, o)
			if math.Abs(r.Beta-one.Beta) > 1e-13 || math.Abs(r.Lambda-one.Lambda) > 1e-13 {
				t.Errorf("%d ranks: beta %g, lambda %g; on one %g, %g", size, r.Beta, r.Lambda, one.Beta, one.Lambda)
			}
		}
	}
}

// Stamps that are done early leave ranks idle until the others are shared.
func TestBalance(t *testing.T) {
	s := smallStack(8, 40, 9, 5, true)
	for i := range s.Data[:len(s.Data)/2] { // nothing to restore in the first half
		s.Data[i] = 0
	}
	o := Options{MaxIterations: 200, CheckEvery: 5, StampTolerance: 1e-4, Noise: Given, Sigma: 0.05, Reweightings: 1}
	plain := solve(t, 4, s, o)
	o.Balance = true
	r := solve(t, 4, s, o)
	if !slices.Equal(plain.Data, r.Data) || !slices.Equal(plain.StampIterations, r.StampIterations) {
		t.Error("balancing changes the result")
	}
	if r.Moved == 0 {
		t.Errorf("no stamp moved, iterations %v", r.StampIterations)
	}
	if slices.Min(r.StampIterations) >= 100 || slices.Max(r.StampIterations) < 200 {
		t.Errorf("iterations %v", r.StampIterations)
	}
}

func TestPrecisions(t *testing.T) {
	s, _ := survey(20, 5, 2, 9)
	for _, mode := range []Mode{Sparse, LowRank} {
		single := solve(t, 2, s, Options{Mode: mode, MaxIterations: 30})
		double := solve(t, 2, s, Options{Mode: mode, MaxIterations: 30, Precision: Double})
		top := slices.Max(double.Data)
		for i, v := range double.Data {
			if math.Abs(v-single.Data[i]) > 1e-3*top {
				t.Fatalf("%s: number %d: %g in single precision, %g in double", mode, i, single.Data[i], v)
			}
		}
	}
}

func TestTolerance(t *testing.T) {
	s, _ := survey(10, 5, 2, 9)
	r := solve(t, 2, s, Options{MaxIterations: 400, Tolerance: 1e-3})
	if !r.Converged || r.Iterations >= 400 || r.Iterations%10 != 0 {
		t.Errorf("converged %v after %d iterations", r.Converged, r.Iterations)
	}
	r = solve(t, 2, s, Options{MaxIterations: 400, Tolerance: 3e-2, CheckEvery: 1, Compatible: true})
	if !r.Converged || r.Iterations >= 400 || r.Iterations%4 != 0 {
		t.Errorf("as the reference: converged %v after %d iterations", r.Converged, r.Iterations)
	}
}

func TestNoise(t *testing.T) {
	s := smallStack(2, 11, 9, 5, true)
	var all []float64
	for i := range s.Total {
		all = unmasked(all, s, i)
	}
	want := mad(slices.Clone(all))
	for _, size := range []int{1, 2, 5} {
		if r := solve(t, size, s, Options{MaxIterations: 1}); r.Noise != want && math.Abs(r.Noise-want) > 1e-15 {
			t.Errorf("%d ranks: noise %g, want %g", size, r.Noise, want)
		}
	}
	// Inverse variances: the noise is theirs, whatever their unit.
	for i := range s.Weights {
		s.Weights[i] *= 400
	}
	weighted := solve(t, 2, s, Options{MaxIterations: 20, Noise: FromWeights})
	if math.Abs(weighted.Noise-0.05) > 1e-12 {
		t.Errorf("noise %g of weights 400, want 0.05", weighted.Noise)
	}
	for i := range s.Weights {
		s.Weights[i] /= 400
	}
	given := solve(t, 2, s, Options{MaxIterations: 20, Noise: Given, Sigma: weighted.Noise})
	if !slices.Equal(given.Data, weighted.Data) {
		t.Error("weights of 400 and a noise of 0.05 differ")
	}
}

// A wholly masked stamp and one PSF for all.
func TestMaskedStamp(t *testing.T) {
	s := smallStack(2, 5, 9, 5, true)
	clear(s.Weights[2*81 : 3*81])
	s.PSFs = s.PSFs[:25]
	for _, noise := range []NoiseRule{MAD, MADPerStamp, FromWeights} {
		for _, mode := range []Mode{Sparse, LowRank} {
			r := solve(t, 2, s, Options{Mode: mode, Noise: noise, MaxIterations: 10})
			for i, v := range r.Data {
				if math.IsNaN(v) || mode == Sparse && i/81 == 2 && v != 0 {
					t.Fatalf("%s, %s: number %d is %g", mode, noise, i, v)
				}
			}
		}
	}
}

func TestErrors(t *testing.T) {
	good := func() *Stack { return smallStack(1, 4, 5, 3, false) }
	for name, c := range map[string]struct {
		change func(*Stack, *Options)
		want   string
	}{
		"NaN":        {func(s *Stack, _ *Options) { s.Data[60] = math.NaN() }, "stamp 2: NaN at row 2, column 0"},
		"empty":      {func(s *Stack, _ *Options) { s.Total, s.Data, s.PSFs = 0, nil, s.PSFs[:9] }, "an empty stack"},
		"sum":        {func(s *Stack, _ *Options) { s.PSFs[9] += 0.1 }, "PSF 1: its pixels sum to 1.1"},
		"few PSFs":   {func(s *Stack, _ *Options) { s.PSFs = s.PSFs[:18] }, "2 PSFs for 4 stamps"},
		"ragged":     {func(s *Stack, _ *Options) { s.Data = s.Data[:99] }, "not stamps of 5 x 5"},
		"weights":    {func(s *Stack, _ *Options) { s.Weights = make([]float64, 7) }, "7 weights for 100 pixels"},
		"bad weight": {func(s *Stack, _ *Options) { s.Weights = slices.Repeat([]float64{1}, 100); s.Weights[99] = -1 }, "stamp 3: weight -1 at row 4, column 4"},
		"index":      {func(s *Stack, _ *Options) { s.PSFOf = []int{0, 1, 4, 0} }, "stamp 2: PSF number 4 of 4"},
		"tau":        {func(_ *Stack, o *Options) { o.Tau = 3 }, "need not converge"},
		"rho":        {func(_ *Stack, o *Options) { o.Rho = 1.99; o.Tau, o.SigmaDual = 0.5, 0.5 }, "need not converge"},
		"mode":       {func(_ *Stack, o *Options) { o.Mode = "fast" }, `mode "fast"`},
		"start":      {func(_ *Stack, o *Options) { o.Start = FromGiven }, "a start of 0 numbers"},
		"thresholds": {func(_ *Stack, o *Options) { o.Thresholds = []float64{1} }, "1 thresholds for 3 scales"},
		"constant":   {func(s *Stack, _ *Options) { clear(s.Data) }, "the noise of the stack comes out as 0"},
		"sigma":      {func(_ *Stack, o *Options) { o.Noise = Given }, "noise of standard deviation 0"},
	} {
		s, o := good(), Options{MaxIterations: 2}
		c.change(s, &o)
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(ctx context.Context, comm ranks.Comm) error {
			_, err := Deconvolve(ctx, comm, s, o)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want one that says %q", name, err, c.want)
		}
	}
	// Parts that do not fit together.
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, c ranks.Comm) error {
		_, err := Deconvolve(ctx, c, good(), Options{})
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "rank 1 begins with stamp 0, want 4") {
		t.Errorf("both ranks with the whole stack: %v", err)
	}
}

func TestNormalise(t *testing.T) {
	k := []float64{1, 1, 1, 1, 0.25, 0.25, 0.25, 0.25}
	if n, err := Normalise(2, k, 0); n != 1 || err != nil || k[0] != 0.25 {
		t.Errorf("%d changed, %v: %v", n, err, k)
	}
	_, err := Normalise(2, []float64{0, 0, 0, 0}, 17)
	if err == nil || err.Error() != "psf: PSF 17: its pixels sum to 0, want 1" {
		t.Error(err)
	}
}

func TestCompare(t *testing.T) {
	const side = 21
	gauss := func(a, b float64) []float64 { // axes along rows and columns
		x := make([]float64, side*side)
		for i := range x {
			k, l := float64(i/side-10), float64(i%side-10)
			x[i] = math.Exp(-k*k/(2*a*a) - l*l/(2*b*b))
		}
		return x
	}
	x, truth := gauss(2, 2), gauss(2, 3)
	q := Compare(side, x, truth, 0)
	// (b^2 - a^2)/(a^2 + b^2) along the columns
	if want := 5.0 / 13; math.Abs(q.Ellipticity-want) > 4e-3 {
		t.Errorf("ellipticity error %g, want %g", q.Ellipticity, want)
	}
	if same := Compare(side, truth, truth, 5); same.Pixel != 0 || same.Ellipticity != 0 || !math.IsInf(same.PSNR, 1) {
		t.Errorf("a stamp and itself: %+v", same)
	}
	if q := Quartiles([]float64{4, 1, 3, 2, 5}); q != [3]float64{2, 3, 4} {
		t.Errorf("quartiles %v", q)
	}
}

func testSteps[T linalg.Float](t *testing.T) {
	for _, n := range []int{1, 7, 8, 40, 1681} {
		s := smallStack(uint64(n), 1, 45, 3, false).Data
		take := func(k int) []T { return narrow[T](s[k*7 : k*7+n]) }
		x, g, u, d, w := take(0), take(1), take(2), take(3), take(4)
		for i := range w {
			w[i] = T(math.Abs(float64(w[i])))
		}
		for _, anySign := range []bool{false, true} {
			x1, x2, b1, b2 := slices.Clone(x), slices.Clone(x), make([]T, n), make([]T, n)
			primal(x1, g, u, b1, 0.9, 0.8, anySign)
			primalPlain(x2, g, u, b2, 0.9, 0.8, anySign)
			same(t, "primal", x1, x2)
			same(t, "bar", b1, b2)
		}
		for _, limits := range [][]T{w, {0.03}} {
			if n == 1 {
				limits = limits[:1]
			}
			u1, u2 := slices.Clone(u), slices.Clone(u)
			dual(u1, d, limits, 0.5, 0.8)
			dualPlain(u2, d, limits, 0.5, 0.8)
			same(t, "dual", u1, u2)
			if a, b := weightedAbs(d, limits), weightedAbsPlain(d, limits); math.Abs(a-b) > 1e-12*b {
				t.Errorf("sum of w|d|: %g, plain %g", a, b)
			}
		}
		u1, u2 := make([]T, n), make([]T, n)
		blend(u1, x, g, 0.3, -0.7)
		blendPlain(u2, x, g, 0.3, -0.7)
		same(t, "blend", u1, u2)
	}
}

func same[T linalg.Float](t *testing.T, what string, a, b []T) {
	t.Helper()
	for i := range a {
		if math.Abs(float64(a[i]-b[i])) > 3e-7 {
			t.Fatalf("%s: %g, plain %g", what, a[i], b[i])
		}
	}
}

func TestSteps(t *testing.T) {
	testSteps[float32](t)
	testSteps[float64](t)
}
