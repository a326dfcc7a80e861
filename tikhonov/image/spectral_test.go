package image

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/fourier"
	"tessera/krylov"
	"tessera/tikhonov/image/internal/oracle"
)

// spectral is the minimiser where everything is diagonal: without weights, under a
// periodic border in the Fourier basis, and for a kernel that is its own mirror
// image under a reflecting border in that of the cosines.
func (f *frame) spectral(o Options) []float64 {
	n := f.Rows * f.Cols
	w := make([]float64, f.Channels*n)
	if o.Border == halo.Reflect {
		dct := fourier.NewDCT2(f.Rows, f.Cols)
		for c := range f.Channels {
			x := w[c*n : (c+1)*n]
			dct.Forward(x, f.Y[c*n:(c+1)*n])
			for k := range f.Rows {
				for l := range f.Cols {
					a, b := math.Pi*float64(k)/float64(f.Rows), math.Pi*float64(l)/float64(f.Cols)
					h := 0.0
					for i := range f.PSF.Rows {
						for j := range f.PSF.Cols {
							h += f.PSF.Values[i*f.PSF.Cols+j] * math.Cos(a*float64(i-f.PSF.Rows/2)) * math.Cos(b*float64(j-f.PSF.Cols/2))
						}
					}
					x[k*f.Cols+l] *= h / (h*h + o.Lambda*symbol(o.Regulariser, a, b))
				}
			}
			dct.Inverse(x, x)
		}
		return w
	}
	plan := fourier.NewPlan2(f.Rows, f.Cols)
	cols := plan.SpectrumCols()
	h, y := make([]complex128, f.Rows*cols), make([]complex128, f.Rows*cols)
	plan.Forward(h, fourier.WrapKernel(f.Rows, f.Cols, f.PSF.Rows, f.PSF.Cols, f.PSF.Values))
	for c := range f.Channels {
		plan.Forward(y, f.Y[c*n:(c+1)*n])
		for k := range f.Rows {
			for l := range cols {
				a, b := 2*math.Pi*float64(k)/float64(f.Rows), 2*math.Pi*float64(l)/float64(f.Cols)
				v := h[k*cols+l]
				size := real(v)*real(v) + imag(v)*imag(v)
				y[k*cols+l] *= complex(real(v), -imag(v)) / complex(size+o.Lambda*symbol(o.Regulariser, a, b), 0)
			}
		}
		plan.Inverse(w[c*n:(c+1)*n], y)
	}
	return w
}

// symbol is the eigenvalue of Q'Q at the angles.
func symbol(q forward.Regulariser, a, b float64) float64 {
	laplace := 4 - 2*math.Cos(a) - 2*math.Cos(b)
	switch q {
	case forward.Gradient:
		return laplace
	case forward.Laplacian:
		return laplace * laplace
	}
	return 1
}

var (
	allMethods = []krylov.Method{krylov.RASGMRES, krylov.ASCG, krylov.TwoLevel, krylov.RAS, krylov.Mult, krylov.CG, krylov.Spectral}
	allRanks   = []int{1, 2, 3, 4, 7, 16}
)

// Every method on every number of ranks against the spectral solution of a frame of
// 256 x 256 pixels in three channels, on one of two borders in turn. The plain Go build
// takes each method and each number of ranks once, on one of the problems, with 128 x 128 pixels.
func TestSpectralOracles(t *testing.T) {
	t.Parallel()
	comet := oracle.PSFs(t)["comet 5x5"]
	for k, c := range []struct {
		border halo.Border
		kernel forward.PSF
	}{{halo.Periodic, oracle.Gaussian5(t)}, {halo.Reflect, oracle.Gaussian5(t)}, {halo.Periodic, comet}} {
		side := 256
		if quick() {
			side = 128
		}
		f := randomFrame(3, side, side, 1)
		f.PSF = c.kernel
		want := f.spectral(Options{Border: c.border, Lambda: 1e-2})
		for i, method := range allMethods {
			for j, n := range allRanks {
				if once := i == (j+2)%len(allRanks) && i/2 == k; (quick() || k == 2 || (i+j/2)%2 != k) && !once {
					continue
				}
				o := Options{Method: method, Border: c.border, Lambda: 1e-2, Overlap: 4, Tile: 16}
				if j%2 == 1 {
					o.Precision = Double
				}
				x, res, err := f.run(t, n, o)
				if err != nil {
					t.Errorf("%s, %v, %d ranks: %v", method, c.border, n, err)
					continue
				}
				d := oracle.Relative(x, want)
				if d > 1e-8 || res.ErrorBound > 1e-8 || d > res.ErrorBound || !res.Certified || !res.Converged {
					t.Errorf("%s, %v, %d ranks: error %.3g, bound %.3g", method, c.border, n, d, res.ErrorBound)
				}
			}
		}
	}
}

// The other regularisers, where the error is an estimate; methods and numbers of
// ranks take turns.
func TestSpectralOraclesSmooth(t *testing.T) {
	t.Parallel()
	turn, every := 0, 7
	if testing.Short() {
		every = 13
	}
	for _, border := range []halo.Border{halo.Periodic, halo.Reflect} {
		for _, q := range []forward.Regulariser{forward.Gradient, forward.Laplacian} {
			f := randomFrame(1, 60, 54, 2)
			f.PSF = oracle.Gaussian5(t)
			o := Options{Border: border, Regulariser: q, Lambda: 1e-2, Overlap: 4, Tolerance: 2e-9}
			want := f.spectral(o)
			for _, o.Method = range allMethods {
				for _, n := range allRanks {
					if turn++; turn%every != 0 {
						continue
					}
					x, res, err := f.run(t, n, o)
					if certified := o.Method == krylov.Spectral; err != nil || res.Certified != certified { // the spectrum is M's own
						t.Errorf("%s, %s, %v, %d ranks: %v, certified %v", o.Method, q, border, n, err, res.Certified)
						continue
					}
					if d := oracle.Relative(x, want); d > 1e-8 {
						t.Errorf("%s, %s, %v, %d ranks: error %.3g, estimate %.3g", o.Method, q, border, n, d, res.ErrorBound)
					}
				}
			}
		}
	}
}

// Tiles that do not divide the frame, frames smaller than a tile or than the kernel,
// thin ones: against Cholesky, every border and kernel, with weights; regularisers
// and methods take turns. The plain Go build takes four problems of seven.
func TestOddFrames(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	t.Parallel()
	turn := 0
	for r, s := range append(oracle.Tilings, []oracle.Tiling{
		{Rows: 5, Cols: 9, Ranks: 4, Tile: 16, Overlap: 4}, {Rows: 3, Cols: 3, Ranks: 1, Tile: 16, Overlap: 4}, {Rows: 1, Cols: 1, Ranks: 1, Tile: 16, Overlap: 4}, {Rows: 17, Cols: 31, Ranks: 7, Tile: 16, Overlap: 4}, {Rows: 2, Cols: 64, Ranks: 7, Tile: 0, Overlap: 4}, {Rows: 33, Cols: 18, Ranks: 16, Tile: 16, Overlap: 6},
	}...) {
		for _, border := range oracle.Borders {
			psfs := oracle.PSFs(t)
			for _, name := range slices.Sorted(maps.Keys(psfs)) {
				k := psfs[name]
				if quick() && turn%7 > 3 {
					turn++
					continue
				}
				f := randomFrame(2, s.Rows, s.Cols, 3)
				f.PSF = k
				if f.Patchwork(10); s.Rows*s.Cols < 10 {
					f.Weights = nil // something must be observed
				}
				o := Options{
					Method:      []krylov.Method{krylov.RASGMRES, krylov.ASCG, krylov.TwoLevel, krylov.Mult, krylov.CG}[turn%5],
					Regulariser: oracle.Regularisers[(turn+r)%3], Precision: []Precision{Single, Double}[(turn+r)%2],
					Border: border, Lambda: 0.05, Tile: s.Tile, Overlap: asked(s.Overlap),
					Tolerance: 1e-9, MaxIterations: 3000,
				}
				if turn++; len(k.Values) > 100 && o.Method == krylov.Mult {
					o.Method = krylov.RASGMRES // hundreds of tiles, each a colour of its own
				}
				what := fmt.Sprintf("%s, %s, %s, %s, %v, %+v", o.Method, name, o.Regulariser, o.Precision, border, s)
				x, res, err := f.run(t, s.Ranks, o)
				if err != nil {
					t.Errorf("%s: %v", what, err)
					continue
				}
				if d := oracle.Relative(x, f.Exact(t, o.equations())); d > 1e-8 {
					t.Errorf("%s: error %.3g, bound %.3g", what, d, res.ErrorBound)
				}
			}
		}
	}
}

// 48 x 48 pixels, some missing and the others weighted unevenly: every method on
// every number of ranks, on one of the borders in turn; for the other regularisers and a
// kernel that is not its own mirror image the methods take turns.
func TestCholeskyOracle(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	t.Parallel()
	turn := 0
	for _, name := range []string{"gaussian 5x5", "comet 5x5"} {
		for k, border := range oracle.Borders {
			for _, q := range oracle.Regularisers {
				f := randomFrame(1, 48, 48, 4)
				f.PSF = oracle.PSFs(t)[name]
				f.Patchwork(11)
				o := Options{Regulariser: q, Border: border, Lambda: 1e-2, Overlap: 4, Tolerance: 1e-8, MaxIterations: 400}
				if q != forward.Identity {
					o.Tolerance = 2e-9 // of an estimate
				}
				want := f.Exact(t, o.equations())
				for i, method := range allMethods {
					o.Method = method
					spectral := method == krylov.Spectral
					if spectral && (border == halo.Zero || border == halo.Reflect && name != "gaussian 5x5") {
						if _, _, err := f.run(t, 2, o); err == nil || !strings.Contains(err.Error(), "needs a") {
							t.Errorf("%s, %s, %v: %v, want a refusal", o.Method, name, border, err)
						}
						continue
					}
					for j, n := range allRanks {
						if turn++; (name != "gaussian 5x5" || q != forward.Identity || quick() || (i+j)%3 != k && !spectral) && turn%11 != 0 {
							continue
						}
						o.Precision = []Precision{Single, Double}[turn/11%2]
						x, res, err := f.run(t, n, o)
						if err != nil {
							t.Errorf("%s, %s, %s, %v, %d ranks: %v", o.Method, name, q, border, n, err)
							continue
						}
						if d := oracle.Relative(x, want); d > 1e-8 || !res.Converged {
							t.Errorf("%s, %s, %s, %v, %d ranks: error %.3g, bound %.3g", o.Method, name, q, border, n, d, res.ErrorBound)
						}
					}
				}
			}
		}
	}
}

// The spectral method needs the iterations of conjugate gradients that are preconditioned by
// the frame-wide transform, and as many on any number of ranks. The counts are those of a
// prototype in NumPy, to 1e-8 on 256 x 256 pixels beside mirrored borders, which took the mean
// weight; where ours takes that of most pixels, 30 % missing cost an iteration in six.
func TestSpectralCounts(t *testing.T) {
	t.Parallel()
	type counts struct {
		side    int
		sd      float64
		q       forward.Regulariser
		lambda  float64
		missing float64
		want    int
	}
	var list []counts
	for i, missing := range []float64{0, 0.01, 0.05, 0.3} {
		list = append(list,
			counts{5, 1, forward.Identity, 1e-2, missing, []int{0, 10, 18, 33}[i]},
			counts{5, 1, forward.Gradient, 1e-2, missing, []int{0, 10, 15, 29}[i]},
			counts{13, 2, forward.Identity, 1e-3, missing, []int{0, 8, 11, 18}[i]},
			counts{13, 2, forward.Laplacian, 1e-3, missing, []int{0, 8, 11, 18}[i]})
	}
	for i, lambda := range []float64{1e-4, 1e-5, 1e-6, 1e-8} {
		list = append(list,
			counts{13, 2, forward.Identity, lambda, 0.01, []int{9, 10, 12, 16}[i]},
			counts{13, 2, forward.Gradient, lambda, 0.01, []int{9, 10, 12, 18}[i]})
	}
	for i, c := range list {
		psf, err := forward.Gaussian(c.side, c.sd)
		if err != nil {
			t.Fatal(err)
		}
		f := stepFrame(256, 1)
		f.PSF = psf
		f.Mask(c.missing, 1)
		o := Options{Method: krylov.Spectral, Regulariser: c.q, Lambda: c.lambda, Border: halo.Reflect, Tolerance: 1e-8}
		found := map[int]int{}
		for _, n := range []int{1, []int{2, 3, 4, 7}[i%4]} {
			_, res, err := f.run(t, n, o)
			if err != nil {
				t.Errorf("%+v, %d ranks: %v", c, n, err)
				continue
			}
			most := c.want + 3
			if c.missing == 0.3 {
				most = max(most, c.want*5/4)
			}
			if found[res.Iterations]++; res.Iterations > most {
				t.Errorf("%+v, %d ranks: %d iterations, want at most %d", c, n, res.Iterations, most)
			}
		}
		if len(found) > 1 {
			t.Errorf("%+v: the iterations depend on the number of ranks: %v", c, found)
		}
	}
}
