package image

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"tessera/halo"
	"tessera/krylov"
)

// bumpFrame is one bright bump of 12 pixels in the middle, where four tiles meet,
// blurred and a little noisy.
func bumpFrame(t testing.TB) *frame {
	rng := rand.New(rand.NewPCG(3, 3))
	f := &frame{channels: 1, rows: 64, cols: 64, y: make([]float64, 64*64), kernel: gaussian5(t)}
	for i := range f.y {
		a, b := float64(i/64)-31.5, float64(i%64)-31.5
		f.y[i] = math.Exp(-(a*a+b*b)/(2*12*12)) + 0.01*rng.NormFloat64()
	}
	return f
}

// The published bias of the method as printed, 4 x 4 subdomains of 16 x 16 with
// overlap 4. Its data are not known; on a bump in the middle the errors agree to 10 %.
func TestLiteralBias(t *testing.T) {
	t.Parallel()
	f := bumpFrame(t)
	for _, c := range []struct {
		omega  float64
		sweeps int
		want   Bias
	}{
		{0, 1, Bias{Owner: 1.8e-2, Averaged: 1.9e-1, PlainSum: 2.0, ArgMin: 0.78}},
		{1e-2, 71, Bias{Owner: 1.4e-1, Averaged: 2.2e-1, PlainSum: 2.05, ArgMin: 0.78}},
	} {
		var first *Result
		for _, n := range []int{1, 2, 4, 16} { // each has the same 16 tiles
			o := Options{Method: Literal, Lambda: 1e-2, Tile: 16, Overlap: 4, Omega: c.omega, Tolerance: 1e-12}
			_, res, err := f.run(t, n, o)
			if err != nil {
				t.Fatal(err)
			}
			got, want := res.Bias, &c.want
			for name, v := range map[string][2]float64{
				"owner": {got.Owner, want.Owner}, "averaged": {got.Averaged, want.Averaged},
				"plain sum": {got.PlainSum, want.PlainSum}, "argmin": {got.ArgMin, want.ArgMin},
			} {
				if math.Abs(v[0]-v[1]) > 0.1*v[1] {
					t.Errorf("omega %g, %d ranks: %s off by %.3g, want %.3g", c.omega, n, name, v[0], v[1])
				}
			}
			if res.Iterations < c.sweeps-5 || res.Iterations > c.sweeps+5 || c.omega == 0 && res.Iterations != 1 {
				t.Errorf("omega %g, %d ranks: %d sweeps, want %d", c.omega, n, res.Iterations, c.sweeps)
			}
			if first == nil {
				first = res
			}
			if d := math.Abs(got.Owner-first.Bias.Owner) + math.Abs(got.ArgMin-first.Bias.ArgMin) + math.Abs(got.PlainSum-first.Bias.PlainSum); d > 1e-9 || res.Iterations != first.Iterations {
				t.Errorf("omega %g: %d ranks give other numbers than one: %+v, %+v", c.omega, n, *got, *first.Bias)
			}
			if res.Converged != true || res.ErrorBound != got.Owner || res.Certified {
				t.Errorf("omega %g: converged %v, bound %g, certified %v", c.omega, res.Converged, res.ErrorBound, res.Certified)
			}
		}
	}
}

// naiveLiteral is so many parallel sweeps of the method as printed, from dense local
// matrices: every tile is a frame of its own between zeros. It returns the tiles'
// values, channel by channel.
func (f *frame) naiveLiteral(o Options, tiles []tile, sweeps int) [][]float64 {
	n := f.rows * f.cols
	covers := make([]float64, n)
	for i := range tiles {
		for _, p := range tiles[i].pixels(f.rows, f.cols, o.Border) {
			covers[p]++
		}
	}
	var w [][]float64
	for i := range tiles {
		w = append(w, make([]float64, f.channels*tiles[i].area()))
	}
	local := o
	local.Border = halo.Zero
	own, factor := make([]*frame, len(tiles)), make([]mat.Cholesky, len(tiles))
	for i := range tiles {
		pixels := tiles[i].pixels(f.rows, f.cols, o.Border)
		own[i] = &frame{channels: f.channels, rows: tiles[i].ext[0].len(), cols: tiles[i].ext[1].len(), kernel: f.kernel}
		for c := range f.channels {
			for _, p := range pixels {
				own[i].y = append(own[i].y, f.y[c*n+p])
			}
		}
		for _, p := range pixels {
			own[i].weights = append(own[i].weights, f.weight(p))
		}
		a := own[i].dense(local)
		for k, p := range pixels {
			a.SetSym(k, k, a.At(k, k)+o.Omega*(covers[p]-1))
		}
		if !factor[i].Factorize(a) {
			panic("oracle: local matrix not positive definite")
		}
	}
	for range sweeps {
		sum := make([]float64, f.channels*n)
		for i := range tiles {
			for k, p := range tiles[i].pixels(f.rows, f.cols, o.Border) {
				for c := range f.channels {
					sum[c*n+p] += w[i][c*tiles[i].area()+k]
				}
			}
		}
		for i := range tiles {
			pixels, m := tiles[i].pixels(f.rows, f.cols, o.Border), tiles[i].area()
			rhs := own[i].rhs(halo.Zero)
			next := make([]float64, 0, len(rhs))
			for c := range f.channels {
				for k, p := range pixels {
					rhs[c*m+k] += o.Omega * (sum[c*n+p] - w[i][c*m+k])
				}
				var x mat.VecDense
				if err := factor[i].SolveVecTo(&x, mat.NewVecDense(m, rhs[c*m:(c+1)*m])); err != nil {
					panic(err)
				}
				next = append(next, x.RawVector().Data...)
			}
			w[i] = next
		}
	}
	return w
}

// The sweeps and the four ways to patch against that.
func TestLiteralAgainstNaive(t *testing.T) {
	t.Parallel()
	turn := 0
	for _, s := range []struct{ rows, cols, ranks, tile, overlap int }{{17, 23, 4, 6, 2}, {12, 12, 1, 6, 3}, {5, 19, 3, 5, 4}} {
		for _, border := range borders {
			for _, q := range regularisers {
				f := randomFrame(2, s.rows, s.cols, 12)
				f.kernel = kernels(t)["comet 5x5"]
				f.patchwork(12)
				const sweeps = 30
				o := Options{
					Method: Literal, Regulariser: q, Border: border, Lambda: 0.1, Tile: s.tile, Overlap: s.overlap,
					Omega: []float64{0.3, 3}[turn%2], Tolerance: 1e-10, MaxIterations: sweeps,
				}
				turn++
				what := fmt.Sprintf("%s, %v, %+v", q, border, s)
				x, res, err := f.run(t, s.ranks, o)
				var short *SweepsError
				if !errors.As(err, &short) || res.Bias == nil {
					t.Errorf("%s: %v after %d sweeps", what, err, sweeps)
					continue
				}
				tiles := f.allTiles(t, s.ranks, o)
				w := f.naiveLiteral(o, tiles, sweeps)
				owner, want := f.patch(o, tiles, w, f.exact(t, o))
				if d := largest(x, owner); d > 1e-9 {
					t.Errorf("%s: the solution is off by %.3g", what, d)
				}
				got := []float64{res.Bias.Owner, res.Bias.Averaged, res.Bias.PlainSum, res.Bias.ArgMin}
				if !floats.EqualApprox(got, want, 1e-7) {
					t.Errorf("%s: bias %.9g, want %.9g", what, got, want)
				}
				misfit, penalty := f.objective(o, x)
				if math.Abs(res.Objective-misfit-penalty) > 1e-9*res.Objective {
					t.Errorf("%s: J = %g, want %g", what, res.Objective, misfit+penalty)
				}
			}
		}
	}
}

// patch puts the tiles together by owner and returns that, and the relative errors
// of the owner's, the averaged, the summed values and of the tile of least J.
func (f *frame) patch(o Options, tiles []tile, w [][]float64, exact []float64) (owner, errs []float64) {
	n := f.rows * f.cols
	owner = make([]float64, f.channels*n)
	sum, covers := slices.Clone(owner), slices.Clone(owner)
	least := math.Inf(1)
	var best []float64
	for i := range tiles {
		alone := make([]float64, f.channels*n)
		own := map[int]bool{}
		for _, p := range (&tile{ext: tiles[i].owned}).pixels(f.rows, f.cols, o.Border) {
			own[p] = true
		}
		for k, p := range tiles[i].pixels(f.rows, f.cols, o.Border) {
			for c := range f.channels {
				v := w[i][c*tiles[i].area()+k]
				alone[c*n+p] = v
				sum[c*n+p] += v
				covers[c*n+p]++
				if own[p] {
					owner[c*n+p] = v
				}
			}
		}
		misfit, penalty := f.objective(o, alone)
		if j := misfit + penalty; j < least {
			least, best = j, alone
		}
	}
	averaged := slices.Clone(sum)
	floats.Div(averaged, covers)
	for _, a := range [][]float64{owner, averaged, sum, best} {
		errs = append(errs, relative(a, exact))
	}
	return owner, errs
}

// Without overlap the sweeps of RAS on a blur diverge: said so, not looped.
func TestStationaryWithoutOverlapDiverges(t *testing.T) {
	f := randomFrame(1, 128, 128, 1)
	f.kernel = gaussian5(t)
	for _, n := range []int{1, 4, 7} {
		_, res, err := f.run(t, n, Options{Method: RAS, Lambda: 1e-2, Tile: 16, Overlap: 0, MaxIterations: 100000})
		var d *krylov.DivergedError
		if !errors.As(err, &d) {
			t.Fatalf("%d ranks: %v, want a DivergedError", n, err)
		}
		// The published spectral radius is 2.08.
		if d.Iterations > 40 || math.Abs(d.Factor-2.08) > 0.15 || res == nil || res.Converged {
			t.Errorf("%d ranks: %v", n, d)
		}
	}
}
