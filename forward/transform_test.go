package forward_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/fourier"
	"tessera/ranks"
)

// A transform inverts the normal operator of a frame of equal weights exactly, on boxes of
// any shape, and every rank gets its own part back.
func TestTransform(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	comet := forward.PSF{Rows: 3, Cols: 3, Values: []float64{0.1, 0.2, 0, 0.05, 0.4, 0.1, 0, 0.1, 0.05}}
	moffat, err := forward.Moffat(7, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range [][2]int{{7, 9}, {12, 20}, {31, 18}, {64, 64}} {
		x := make([]float64, size[0]*size[1])
		for i := range x {
			x[i] = rng.NormFloat64()
		}
		for _, n := range []int{1, 2, 3, 4, 7} {
			for _, strips := range []bool{false, true} {
				for order, q := range forward.Regularisers() {
					border, psf := halo.Periodic, comet
					switch (n + order) % 3 {
					case 0:
						border, psf = halo.Reflect, moffat
					case 1:
						border, psf = halo.Zero, forward.PSF{Rows: 1, Cols: 1, Values: []float64{0.8}}
					}
					name := fmt.Sprintf("%v, %d ranks, strips %v, %s, %v", size, n, strips, q, border)
					err := launch(n, func(_ context.Context, comm ranks.Comm) error {
						frame, err := halo.Decompose(size[:], n)
						if strips {
							var boxes []halo.Box
							for r := range n {
								lo, hi := halo.Split(size[0], n, r)
								boxes = append(boxes, halo.Box{Lo: []int{lo, 0}, Hi: []int{hi, size[1]}})
							}
							frame, err = halo.FromBoxes(size[:], boxes)
						}
						if err != nil {
							return err
						}
						own, err := frame.ScatterFrom(comm, 0, x, 1)
						if err != nil {
							return err
						}
						m, err := forward.NewNormal(comm, &forward.Problem{Frame: frame, Channels: 1, PSF: psf, Border: border, Regulariser: q, Lambda: 0.3})
						if err != nil {
							return err
						}
						b := make([]float64, len(own))
						if err := m.Apply(b, own); err != nil {
							return err
						}
						f, err := forward.NewTransform(comm, frame, border)
						if err != nil {
							return err
						}
						slab, err := f.ToSlab(b)
						if err != nil {
							return err
						}
						symbol := fourier.Symbol{H: f.Slab().Spectrum(psf.Rows, psf.Cols, psf.Values), Weight: 1, Lambda: 0.3, Order: order, Action: fourier.Inverse}
						if _, err := f.Filter(slab, nil, slab, nil, symbol); err != nil {
							return err
						}
						got, err := f.FromSlab(slab)
						if err != nil {
							return err
						}
						for i, v := range got {
							if math.Abs(v-own[i]) > 1e-12 {
								return fmt.Errorf("value %d is %g, want %g", i, v, own[i])
							}
						}
						f.Release()
						return nil
					})
					if err != nil {
						t.Errorf("%s: %v", name, err)
					}
				}
			}
		}
	}
}

func TestTransformRefusals(t *testing.T) {
	err := launch(1, func(_ context.Context, comm ranks.Comm) error {
		frame, err := halo.Decompose([]int{4, 5}, 1)
		if err != nil {
			return err
		}
		if _, err := forward.NewTransform(comm, frame, halo.Border(99)); err == nil {
			t.Error("an unknown border is accepted")
		}
		if _, err := forward.NewTransform(comm, nil, halo.Periodic); err == nil {
			t.Error("no frame is accepted")
		}
		f, err := forward.NewTransform(comm, frame, halo.Periodic)
		if err != nil {
			return err
		}
		if _, err := f.ToSlab(make([]float64, 19)); err == nil {
			t.Error("ToSlab accepts 19 values")
		}
		if _, err := f.FromSlab(make([]float64, 21)); err == nil {
			t.Error("FromSlab accepts 21 values")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
