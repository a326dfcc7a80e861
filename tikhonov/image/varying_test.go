package image

import (
	"context"
	"math"
	"strings"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/random"
	"tessera/krylov"
	"tessera/psfmodel"
	"tessera/ranks"
)

// fieldOf is a made-up PSF with changing width, turning ellipticity and coma on a frame.
func fieldOf(t testing.TB, rows, cols, size int) *forward.VaryingPSF {
	t.Helper()
	m, err := psfmodel.Field{Size: size, Grid: 3, FWHM: [2]float64{2.5, 5}, Ellipticity: 0.2, Coma: 0.3}.Model(rows, cols)
	if err != nil {
		t.Fatal(err)
	}
	v, err := m.Varying(rows, cols, [2]float64{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// starField makes this rank's part of a frame of stars on a sky, seen through v, with noise and missing pixels.
func starField(comm ranks.Comm, rows, cols int, v *forward.VaryingPSF, border halo.Border, missing bool) (*Problem, []float64, error) {
	frame, err := halo.Decompose([]int{rows, cols}, comm.Size())
	if err != nil {
		return nil, nil, err
	}
	box := frame.Owned(comm.Rank())
	r := random.New(7)
	truth := make([]float64, box.Size())
	var weights forward.Weights
	if missing {
		weights = make(forward.Weights, box.Size())
	}
	i := 0
	for row := box.Lo[0]; row < box.Hi[0]; row++ {
		for col := box.Lo[1]; col < box.Hi[1]; col++ {
			at := uint64(row*cols + col)
			truth[i] = 0.05 + 0.02*math.Sin(float64(row)/17)*math.Cos(float64(col)/23)
			if r.Uniform(3*at) < 0.002 {
				truth[i] += 1 + 5*r.Uniform(3*at+1)
			}
			if missing && r.Uniform(3*at+2) > 0.01 {
				weights[i] = 1
			}
			i++
		}
	}
	h, err := forward.NewVaryingBlur(comm, frame, 1, v, border)
	if err != nil {
		return nil, nil, err
	}
	data := make([]float64, len(truth))
	if err := h.Apply(data, truth); err != nil {
		return nil, nil, err
	}
	noise := random.New(8)
	i = 0
	for row := box.Lo[0]; row < box.Hi[0]; row++ {
		for col := box.Lo[1]; col < box.Hi[1]; col++ {
			data[i] += 0.003 * noise.Normal(uint64(row*cols+col))
			i++
		}
	}
	return &Problem{Channels: 1, Frame: frame, Data: data, Weights: weights, Varying: v}, truth, nil
}

// The iterations hardly depend on the border and on the number of ranks, whose boxes are cut where the PSF changes and have strips
// along the edges, and neither does the solution. TestVaryingIterations1024 counts on 1024 x 1024 pixels.
func TestVaryingPSFIterations(t *testing.T) {
	borders := []halo.Border{halo.Reflect, halo.Zero, halo.Periodic}
	if testing.Short() {
		borders = borders[:1]
	}
	for _, border := range borders {
		checkVaryingIterations(t, border, 96, 13, []int{1, 9}, []bool{true})
	}
}

func checkVaryingIterations(t *testing.T, border halo.Border, n, size int, counts []int, missings []bool) {
	const most = 45
	v := fieldOf(t, n, n, size)
	for _, missing := range missings {
		var one []float64
		for _, p := range counts {
			err := ranks.Launch(context.Background(), ranks.Options{Ranks: p}, func(ctx context.Context, comm ranks.Comm) error {
				problem, _, err := starField(comm, n, n, v, border, missing)
				if err != nil {
					return err
				}
				r, err := Solve(ctx, comm, problem, Options{Lambda: 2e-3, Border: border})
				if err != nil {
					return err
				}
				whole, err := problem.Frame.GatherTo(comm, 0, r.Solution, 1)
				if err != nil || comm.Rank() > 0 {
					return err
				}
				t.Logf("border %v, missing %t, %d ranks: %d boxes, %d iterations, overlap %d, set-up %.2f s, solve %.2f s, factors %.1f MB", border, missing, p, r.Boxes, r.Iterations, r.Overlap, r.Setup, r.Solve, float64(r.FactorBytes)/1e6)
				if r.Iterations > most || r.Method != krylov.RASGMRES || r.Boxes < p || !r.Certified {
					t.Errorf("border %v, missing %t, %d ranks: %s with %d boxes takes %d iterations, want at most %d", border, missing, p, r.Method, r.Boxes, r.Iterations, most)
				}
				if one == nil {
					one = whole
				}
				far, size := 0.0, 0.0
				for i, w := range one {
					far += (whole[i] - w) * (whole[i] - w)
					size += w * w
				}
				if math.Sqrt(far/size) > 2e-8 {
					t.Errorf("border %v, missing %t, %d ranks: the solution differs by %g", border, missing, p, math.Sqrt(far/size))
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
}

// What needs one PSF is refused by name, and so is a PSF of another frame.
func TestVaryingPSFIsChecked(t *testing.T) {
	const n = 20
	v := fieldOf(t, n, n, 5)
	for want, change := range map[string]func(p *Problem, o *Options){
		`method "as-cg" needs one PSF`:      func(_ *Problem, o *Options) { o.Method = krylov.ASCG },
		`method "two-level" needs one PSF`:  func(_ *Problem, o *Options) { o.Method = krylov.TwoLevel },
		`method "mult" needs one PSF`:       func(_ *Problem, o *Options) { o.Method = krylov.Mult },
		`method "spectral" needs one PSF`:   func(_ *Problem, o *Options) { o.Method = krylov.Spectral },
		"tiles need one PSF":                func(_ *Problem, o *Options) { o.Local = LocalTile },
		"local solves by tiles":             func(_ *Problem, o *Options) { o.Tile = 8 },
		"marginal-likelihood needs one PSF": func(_ *Problem, o *Options) { o.Rule = MarginalLikelihood },
		"want 20 x 20":                      func(p *Problem, _ *Options) { p.Varying = v.Crop(0, 19, 0, 20) },
	} {
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
			problem, _, err := starField(comm, n, n, v, halo.Zero, false)
			if err != nil {
				return err
			}
			o := Options{Lambda: 0.1}
			change(problem, &o)
			_, err = Solve(ctx, comm, problem, o)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want ... %s ...", err, want)
		}
	}
	v.Terms[0].PSF.Values[0] += 1e-9
	if v.String() == fieldOf(t, n, n, 5).String() {
		t.Error("ranks with different PSFs are not told apart")
	}
}
