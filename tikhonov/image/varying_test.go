package image

import (
	"context"
	"fmt"
	"math"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/random"
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

func TestExperiment(t *testing.T) {
	for _, n := range []int{256} {
		v := fieldOf(t, n, n, 31)
		for _, border := range []halo.Border{halo.Zero, halo.Reflect} {
			for _, missing := range []bool{false, true} {
				for _, p := range []int{1, 4} {
					err := ranks.Launch(context.Background(), ranks.Options{Ranks: p}, func(ctx context.Context, comm ranks.Comm) error {
						problem, _, err := starField(comm, n, n, v, border, missing)
						if err != nil {
							return err
						}
						r, err := Solve(ctx, comm, problem, Options{Lambda: 2e-3, Border: border})
						if r != nil && comm.Rank() == 0 {
							fmt.Println(n, border, missing, "ranks", p, "boxes", r.Boxes, "overlap", r.Overlap, r.Method, r.Fallback, "its", r.Iterations, r.Setup, r.Solve)
						}
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			}
		}
	}
}
