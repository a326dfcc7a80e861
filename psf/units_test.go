package psf

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tessera/internal/fourier"
	"tessera/internal/linalg"
)

// blobs is a stack of Gaussian galaxies under a Gaussian PSF, with white noise.
func blobs(count, side int, width, noise float64) (s *Stack, truth []float64) {
	r := rand.New(rand.NewPCG(5, 1))
	gauss := func(to []float64, row, col, width float64) {
		for i := range to {
			a, b := float64(i/side)-row, float64(i%side)-col
			to[i] = math.Exp(-(a*a + b*b) / (2 * width * width))
		}
	}
	n := side * side
	s = &Stack{Side: side, Total: count, PSFSide: side, PSFs: make([]float64, n), Data: make([]float64, count*n)}
	gauss(s.PSFs, float64(side/2), float64(side/2), 1.5)
	if _, err := Normalise(side, s.PSFs, 0); err != nil {
		panic(err)
	}
	conv := fourier.NewSmallZeroConvolver[float64](side, side)
	filter := conv.Filter(side, s.PSFs, identity)
	truth = make([]float64, count*n)
	for i := range count {
		x, y := truth[i*n:(i+1)*n], s.Data[i*n:(i+1)*n]
		gauss(x, float64(side/2)+r.NormFloat64(), float64(side/2)+r.NormFloat64(), width)
		conv.Apply(y, x, filter)
		for j := range y {
			y[j] += noise * r.NormFloat64()
		}
	}
	return s, truth
}

func times(x []float64, c float64) []float64 {
	y := slices.Clone(x)
	linalg.Scale(c, y)
	return y
}

// apart is the relative difference of two arrays.
func apart(a, b []float64) float64 {
	diff, norm := 0.0, 0.0
	for i, v := range a {
		diff, norm = math.Hypot(diff, v-b[i]), math.Hypot(norm, v)
	}
	return diff / norm
}

// The same stamps in other units give the same result in these units, in every form,
// border, precision and rule for the noise; so do other units of relative weights.
func TestUnits(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute with the race detector, which other tests show as much to")
	}
	s, _ := blobs(6, 15, 2.2, 0.01)
	weights := make([]float64, len(s.Data))
	for i := range weights {
		weights[i] = float64(1 + i%3)
	}
	start := times(s.Data, 0.5)
	for _, mode := range []Mode{Sparse, LowRank} {
		for _, precision := range []Precision{Single, Double} {
			for _, o := range []Options{
				{}, {Border: Wrap, Noise: DifferencesPerStamp}, {Noise: MAD, Start: FromWiener}, {Noise: MADPerStamp, Start: FromGiven, Given: start},
				{Noise: Given, Sigma: 0.01, Tolerance: 1e-3}, {Noise: FromWeights}, {Noise: Given, Sigma: 0.01, Reweightings: 1},
			} {
				o.Mode, o.Precision, o.MaxIterations, o.Block = mode, precision, 12, 6
				plain := *s
				if o.Noise == FromWeights || o.Noise == MAD {
					plain.Weights = times(weights, 1e4)
				}
				want := solve(t, 1, &plain, o)
				for _, c := range []float64{1e-300, 1e-29, 1e-3, 1e38, 1e150} {
					other, in := plain, o
					other.Data = times(s.Data, c)
					if in.Sigma, in.Given = c*o.Sigma, nil; o.Given != nil {
						in.Given = times(start, c)
					}
					if o.Noise == FromWeights {
						if c < 1e-150 || c > 1e140 {
							continue // 1/c^2 is no float64
						}
						other.Weights = times(plain.Weights, 1/c/c)
					} else if plain.Weights != nil {
						other.Weights = times(plain.Weights, 1e-37)
					}
					got := solve(t, 2, &other, in)
					name := fmt.Sprintf("%s, %s, noise %s, start %s, times %g", mode, precision, o.Noise, o.Start, c)
					limit := 1e-4
					if precision == Double {
						limit = 1e-7
					}
					if d := apart(want.Data, times(got.Data, 1/c)); !(d <= limit) {
						t.Errorf("%s: off by %.2g", name, d)
					}
					for what, v := range map[string][2]float64{
						"noise": {got.Noise / c, want.Noise}, "lambda": {got.Lambda / c, want.Lambda},
						"cost": {got.Checks[0].Cost() / c / c, want.Checks[0].Cost()},
					} {
						if what == "cost" && (c < 1e-140 || c > 1e140) {
							continue
						}
						if math.Abs(v[0]-v[1]) > 1e-4*v[1] {
							t.Errorf("%s: %s %g, want %g", name, what, v[0], v[1])
						}
					}
				}
			}
		}
	}
}

// Relative weights that are all the same are no weights, whatever they are.
func TestConstantWeights(t *testing.T) {
	s, _ := blobs(4, 15, 2.2, 0.01)
	for _, mode := range []Mode{Sparse, LowRank} {
		o := Options{Mode: mode, MaxIterations: 20}
		want := solve(t, 1, s, o)
		for _, w := range []float64{1e-300, 1e-6, 1e-3, 0.01, 100, 1e38, 1e300} {
			other := *s
			other.Weights = slices.Repeat([]float64{w}, len(s.Data))
			if d := apart(want.Data, solve(t, 2, &other, o).Data); !(d < 1e-5) {
				t.Errorf("%s, weights of %g: %.2g from no weights", mode, w, d)
			}
		}
	}
}

// NaN is a missing pixel: it does the same as weight 0, on any number of ranks, also
// where only one rank has it.
func TestMissingPixels(t *testing.T) {
	for _, o := range []Options{{Mode: Sparse}, {Mode: Sparse, Border: Wrap, StampTolerance: 1e-3, Balance: true}, {Mode: LowRank, Precision: Double}} {
		o.MaxIterations = 12
		s, _ := blobs(5, 15, 2.2, 0.01)
		masked := *s
		masked.Weights = slices.Repeat([]float64{1}, len(s.Data))
		holes := *s
		holes.Data = slices.Clone(s.Data)
		for i := 40; i < 225; i += 9 {
			masked.Weights[i], holes.Data[i] = 0, math.NaN()
		}
		want := solve(t, 1, &masked, o).Data
		for _, size := range []int{1, 2, 3, 4, 7} {
			if d := apart(want, solve(t, size, &holes, o).Data); !(d < 1e-9) {
				t.Errorf("%+v: NaN and a mask differ by %.2g on %d ranks", o, d, size)
			}
		}
	}
}

// The noise is found where galaxies fill the stamps, are faint, or stand on a sky, with
// filled-in borders and with weights; on any number of ranks the same.
func TestNoiseOfDifferences(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute with the race detector, which other tests show as much to")
	}
	for name, change := range map[string]func(*Stack){
		"plain": func(*Stack) {},
		"sky": func(s *Stack) {
			for i := range s.Data {
				s.Data[i] += 30
			}
		},
		"filled in": func(s *Stack) {
			for i := range s.Data {
				if i%31 < 6 {
					s.Data[i] = 0
				}
			}
		},
		"missing": func(s *Stack) {
			for i := range s.Data {
				if i%31 < 6 {
					s.Data[i] = math.NaN()
				}
			}
		},
		// Half of the stamps have twice the noise, and say so by a quarter of the weight.
		"weights": func(s *Stack) {
			r := rand.New(rand.NewPCG(8, 8))
			s.Weights = slices.Repeat([]float64{7}, len(s.Data))
			for i := range s.Data[:7*31*31] {
				s.Data[i] += math.Sqrt(3) * 0.02 * r.NormFloat64()
				s.Weights[i] = 7. / 4
			}
		},
	} {
		for _, width := range []float64{1, 2.2, 12} {
			for _, rule := range []NoiseRule{Differences, DifferencesPerStamp} {
				s, _ := blobs(16, 31, width, 0.02)
				change(s)
				r := solve(t, 1, s, Options{MaxIterations: 1, Noise: rule})
				if math.Abs(r.Noise/0.02-1) > 0.08 {
					t.Errorf("%s, galaxies of %g pixels, %s: noise %.4f, want 0.02", name, width, rule, r.Noise)
				}
				if p := solve(t, 3, s, Options{MaxIterations: 1, Noise: rule}); math.Abs(p.Noise-r.Noise) > 1e-14 {
					t.Errorf("%s: noise %g on 3 ranks, %g on one", name, p.Noise, r.Noise)
				}
			}
		}
	}
}

// What cannot be solved is refused, with the same words on all ranks.
func TestRefusedStacks(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Stack, *Options)
		want   string
	}{
		"nothing":       {func(s *Stack, _ *Options) { s.Data = slices.Repeat([]float64{math.NaN()}, len(s.Data)) }, "no pixel is observed"},
		"all masked":    {func(s *Stack, _ *Options) { s.Weights = make([]float64, len(s.Data)) }, "no pixel is observed"},
		"sentinel":      {func(s *Stack, _ *Options) { s.Data[3*225+16] = 1e300 }, "stamp 3: 1e+300 at row 1, column 1"},
		"two sentinels": {func(s *Stack, _ *Options) { s.Data[225], s.Data[300] = -1e30, -1e30 }, "stamp 1: -1e+30 at row 0, column 0"},
		"other unit":    {func(s *Stack, _ *Options) { linalg.Scale(1e28, s.Data[:225]) }, "want stamps in one unit"},
		"one weight": {func(s *Stack, _ *Options) {
			s.Weights = slices.Repeat([]float64{1}, len(s.Data))
			s.Weights[7] = 1e9
		}, "the largest weight is 1e+09 times the median"},
		"one inverse variance": {func(s *Stack, o *Options) {
			s.Weights, o.Noise = slices.Repeat([]float64{1e40}, len(s.Data)), FromWeights
			s.Weights[7] = 1e49
		}, "the largest weight is 1e+09 times the median"},
		"ones":            {func(s *Stack, o *Options) { linalg.Scale(1e-29, s.Data); o.Start = FromOnes }, "the iteration begins with pixels of 1"},
		"as another does": {func(s *Stack, o *Options) { linalg.Scale(1e-29, s.Data); o.Compatible = true }, "the iteration begins with pixels of 1"},
	} {
		for _, size := range []int{1, 3} {
			s, _ := blobs(5, 15, 2.2, 0.01)
			o := Options{MaxIterations: 2}
			c.change(s, &o)
			if _, err := trySolve(size, s, o, nil); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s on %d ranks: %v, want one that says %q", name, size, err, c.want)
			}
		}
	}
}

// PSFs of any unit are normalised; one that a single pixel dominates is refused.
func TestNormaliseUnits(t *testing.T) {
	s, _ := blobs(1, 15, 2.2, 0)
	for _, c := range []float64{5e-324 / 1e-3, 1e-310, 1e-300, 1e-20, 1e20, 1e300, 1e308} {
		h := times(s.PSFs, c)
		n, err := Normalise(15, h, 0)
		limit := 1e-12
		if c < 1e-300 {
			limit = 1 // denormal numbers have few digits
		}
		if d := apart(s.PSFs, h); err != nil || n != 1 || !(d < limit) {
			t.Errorf("times %g: %d changed, %v, off by %.2g", c, n, err, d)
		}
	}
	h := slices.Clone(s.PSFs)
	h[16] = 1e300
	var e *StampError
	if _, err := Normalise(15, h, 4); !errors.As(err, &e) || e.Index != 4 || !strings.Contains(e.Text, "1e+300 at row 1, column 1") {
		t.Errorf("a pixel of 1e300: %v", err)
	}
}
