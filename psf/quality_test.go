package psf

import (
	"math"
	"testing"

	"tessera/internal/imageio"
)

// medians of the pixel and ellipticity errors of all stamps, with a window of 5 pixels.
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

// TestParity compares Options.Compatible with the output of sf_deconvolve 5.0 for 100
// stamps. Without these files it is skipped; TestCompatible always runs.
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
				t.Errorf("%s on %d ranks: largest difference %.2e of the largest value", name, size, worst/top)
			}
		}
	}
}

// TestReferenceQuality is skipped without the 100 stamps; TestSparseQuality always runs.
func TestReferenceQuality(t *testing.T) {
	notShort(t)
	s, truth := referenceStack(t)
	r := solve(t, 2, s, Options{})
	if px, e := medians(s, r, truth); px > 0.036 || e > 0.047 {
		t.Errorf("pixel error %.4f, want <= 0.036; ellipticity error %.4f, want <= 0.047", px, e)
	}
	checkDescent(t, "sparse", r, 20)
}

// checkDescent requires that the cost does not rise by more than 1e-6 of it after burnIn
// iterations. It may rise a little in the low-rank form, where the penalty is g(Z) and
// not g(X).
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
