package literal

import (
	"context"
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
	"tessera/ranks"
	"tessera/tikhonov/image"
	"tessera/tikhonov/image/internal/oracle"
	"tessera/tikhonov/image/internal/tiles"
)

// equations are those of the options.
func equations(o Options) oracle.Equations {
	return oracle.Equations{Regulariser: o.Regulariser, Border: o.Border, Lambda: o.Lambda}
}

// launch runs body on so many in-process ranks with their parts of the frame.
func launch(f *oracle.Frame, n int, body func(ctx context.Context, c ranks.Comm, p *image.Problem) error) error {
	return f.Launch(n, func(ctx context.Context, c ranks.Comm, d *halo.Decomposition, data, weights []float64) error {
		return body(ctx, c, &image.Problem{Channels: f.Channels, Frame: d, PSF: f.PSF, Data: data, Weights: weights})
	})
}

// run solves a frame on so many ranks and returns the whole solution and rank 0's result.
func run(t testing.TB, f *oracle.Frame, n int, o Options) (whole []float64, res *Result, err error) {
	t.Helper()
	var unfinished error
	err = launch(f, n, func(ctx context.Context, c ranks.Comm, p *image.Problem) error {
		r, err := Solve(ctx, c, p, o)
		if r == nil {
			return err
		}
		full, e := p.Frame.GatherTo(c, 0, r.Solution, f.Channels)
		if c.Rank() == 0 {
			whole, res, unfinished = full, r, err
		}
		return e
	})
	if err == nil {
		err = unfinished
	}
	return whole, res, err
}

// bumpFrame is one bright bump of 12 pixels in the middle, where four tiles meet,
// blurred and a little noisy.
func bumpFrame(t testing.TB) *oracle.Frame {
	rng := rand.New(rand.NewPCG(3, 3))
	f := &oracle.Frame{Channels: 1, Rows: 64, Cols: 64, Y: make([]float64, 64*64), PSF: oracle.Gaussian5(t)}
	for i := range f.Y {
		a, b := float64(i/64)-31.5, float64(i%64)-31.5
		f.Y[i] = math.Exp(-(a*a+b*b)/(2*12*12)) + 0.01*rng.NormFloat64()
	}
	return f
}

// The published bias of the method as printed, 4 x 4 subdomains of 16 x 16 with
// overlap 4. Its data are not known; on a bump in the middle the errors agree with the published ones to 10 %.
func TestPublishedBias(t *testing.T) {
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
			o := Options{Lambda: 1e-2, Tile: 16, Overlap: 4, Omega: c.omega, Tolerance: 1e-12}
			_, res, err := run(t, f, n, o)
			if err != nil {
				t.Fatal(err)
			}
			got, want := &res.Bias, &c.want
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
				t.Errorf("omega %g: %d ranks give other numbers than one: %+v, %+v", c.omega, n, *got, first.Bias)
			}
			if !res.Converged {
				t.Errorf("omega %g: not converged", c.omega)
			}
		}
	}
}

// naiveSweeps is so many parallel sweeps of the method as printed, from dense local
// matrices: every tile is a frame of its own between zeros. It returns the tiles'
// values, channel by channel.
func naiveSweeps(f *oracle.Frame, o Options, parts []tiles.Tile, sweeps int) [][]float64 {
	n := f.Rows * f.Cols
	covers := make([]float64, n)
	for i := range parts {
		for _, p := range oracle.Pixels(&parts[i], f.Rows, f.Cols, o.Border) {
			covers[p]++
		}
	}
	var w [][]float64
	for i := range parts {
		w = append(w, make([]float64, f.Channels*parts[i].Area()))
	}
	local := o
	local.Border = halo.Zero
	own, factor := make([]*oracle.Frame, len(parts)), make([]mat.Cholesky, len(parts))
	for i := range parts {
		pixels := oracle.Pixels(&parts[i], f.Rows, f.Cols, o.Border)
		own[i] = &oracle.Frame{Channels: f.Channels, Rows: parts[i].Ext[0].Len(), Cols: parts[i].Ext[1].Len(), PSF: f.PSF}
		for c := range f.Channels {
			for _, p := range pixels {
				own[i].Y = append(own[i].Y, f.Y[c*n+p])
			}
		}
		for _, p := range pixels {
			own[i].Weights = append(own[i].Weights, f.Weight(p))
		}
		a := own[i].Dense(equations(local))
		for k, p := range pixels {
			a.SetSym(k, k, a.At(k, k)+o.Omega*(covers[p]-1))
		}
		if !factor[i].Factorize(a) {
			panic("oracle: local matrix not positive definite")
		}
	}
	for range sweeps {
		sum := make([]float64, f.Channels*n)
		for i := range parts {
			for k, p := range oracle.Pixels(&parts[i], f.Rows, f.Cols, o.Border) {
				for c := range f.Channels {
					sum[c*n+p] += w[i][c*parts[i].Area()+k]
				}
			}
		}
		for i := range parts {
			pixels, m := oracle.Pixels(&parts[i], f.Rows, f.Cols, o.Border), parts[i].Area()
			rhs := own[i].RHS(halo.Zero)
			next := make([]float64, 0, len(rhs))
			for c := range f.Channels {
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

// The sweeps, and the four ways to put the tiles together, against naiveSweeps.
func TestAgainstNaive(t *testing.T) {
	t.Parallel()
	turn := 0
	for _, s := range []struct{ rows, cols, ranks, tile, overlap int }{{17, 23, 4, 6, 2}, {12, 12, 1, 6, 3}, {5, 19, 3, 5, 4}} {
		for _, border := range oracle.Borders {
			for _, q := range oracle.Regularisers {
				f := oracle.RandomFrame(2, s.rows, s.cols, 12)
				f.PSF = oracle.PSFs(t)["comet 5x5"]
				f.Patchwork(12)
				const sweeps = 30
				o := Options{
					Regulariser: q, Border: border, Lambda: 0.1, Tile: s.tile, Overlap: s.overlap,
					Omega: []float64{0.3, 3}[turn%2], Tolerance: 1e-10, MaxIterations: sweeps,
				}
				turn++
				what := fmt.Sprintf("%s, %v, %+v", q, border, s)
				x, res, err := run(t, f, s.ranks, o)
				var short *krylov.NotConvergedError
				if !errors.As(err, &short) || res == nil {
					t.Errorf("%s: %v after %d sweeps", what, err, sweeps)
					continue
				}
				parts := f.AllTiles(t, s.ranks, o.Tile, o.Overlap, o.Border)
				w := naiveSweeps(f, o, parts, sweeps)
				owner, want := patch(f, o, parts, w, f.Exact(t, equations(o)))
				if d := oracle.Largest(x, owner); d > 1e-9 {
					t.Errorf("%s: the solution is off by %.3g", what, d)
				}
				got := []float64{res.Bias.Owner, res.Bias.Averaged, res.Bias.PlainSum, res.Bias.ArgMin}
				if !floats.EqualApprox(got, want, 1e-7) {
					t.Errorf("%s: bias %.9g, want %.9g", what, got, want)
				}
				misfit, penalty := f.Objective(equations(o), x)
				if math.Abs(res.Objective-misfit-penalty) > 1e-9*res.Objective {
					t.Errorf("%s: J = %g, want %g", what, res.Objective, misfit+penalty)
				}
			}
		}
	}
}

// patch puts the tiles together by owner and returns that, and the relative errors
// of the owner's, the averaged, the summed values and of the tile of least J.
func patch(f *oracle.Frame, o Options, parts []tiles.Tile, w [][]float64, exact []float64) (owner, errs []float64) {
	n := f.Rows * f.Cols
	owner = make([]float64, f.Channels*n)
	sum, covers := slices.Clone(owner), slices.Clone(owner)
	least := math.Inf(1)
	var best []float64
	for i := range parts {
		alone := make([]float64, f.Channels*n)
		own := map[int]bool{}
		for _, p := range oracle.Pixels(&tiles.Tile{Ext: parts[i].Owned}, f.Rows, f.Cols, o.Border) {
			own[p] = true
		}
		for k, p := range oracle.Pixels(&parts[i], f.Rows, f.Cols, o.Border) {
			for c := range f.Channels {
				v := w[i][c*parts[i].Area()+k]
				alone[c*n+p] = v
				sum[c*n+p] += v
				covers[c*n+p]++
				if own[p] {
					owner[c*n+p] = v
				}
			}
		}
		misfit, penalty := f.Objective(equations(o), alone)
		if j := misfit + penalty; j < least {
			least, best = j, alone
		}
	}
	averaged := slices.Clone(sum)
	floats.Div(averaged, covers)
	for _, a := range [][]float64{owner, averaged, sum, best} {
		errs = append(errs, oracle.Relative(a, exact))
	}
	return owner, errs
}
