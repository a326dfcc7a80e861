package forward_test

import (
	"context"
	"fmt"

	"tessera/forward"
	"tessera/halo"
	"tessera/ranks"
)

// A blur of a frame of 4 x 6 pixels on 2 ranks: the image of one bright pixel, the
// adjoint, and the dot product that shows that the two fit together.
func ExampleNewBlur() {
	var blurred []float64
	var left, right float64
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(_ context.Context, comm ranks.Comm) error {
		frame, err := halo.Decompose([]int{4, 6}, comm.Size())
		if err != nil {
			return err
		}
		psf, err := forward.NewPSF(1, 3, []float64{1, 2, 1})
		if err != nil {
			return err
		}
		h, err := forward.NewBlur(comm, frame, 1, psf, halo.Reflect)
		if err != nil {
			return err
		}
		// Rank 0 has the whole frame; every rank gets its part.
		var whole []float64
		if comm.Rank() == 0 {
			whole = make([]float64, 24)
			whole[1*6+0] = 8 // row 1, column 0
			whole[1*6+3] = 4
		}
		x, err := frame.ScatterFrom(comm, 0, whole, 1)
		if err != nil {
			return err
		}
		m, n := h.Dims()
		y, back := make([]float64, m), make([]float64, n)
		if err := h.Apply(y, x); err != nil { // y = H x
			return err
		}
		if err := h.Adjoint(back, y); err != nil { // back = H'y
			return err
		}
		yy, err := forward.Dot(comm, y, y)
		if err != nil {
			return err
		}
		xb, err := forward.Dot(comm, x, back)
		if err != nil {
			return err
		}
		full, err := frame.GatherTo(comm, 0, y, 1)
		if comm.Rank() == 0 {
			blurred, left, right = full, yy, xb
		}
		return err
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for row := range 4 {
		fmt.Println(blurred[row*6 : (row+1)*6])
	}
	fmt.Printf("<H x, H x> = %g, <x, H'H x> = %g\n", left, right)
	// Output:
	// [0 0 0 0 0 0]
	// [6 2 1 2 1 0]
	// [0 0 0 0 0 0]
	// [0 0 0 0 0 0]
	// <H x, H x> = 46, <x, H'H x> = 46
}

// The operator of total variation deblurring, its norm, here sqrt(8 + 1/81), and the bound
// of it that gives the step size of a primal-dual method.
func ExampleStack() {
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
		frame, err := halo.Decompose([]int{8, 8}, comm.Size())
		if err != nil {
			return err
		}
		psf, err := forward.Box(3)
		if err != nil {
			return err
		}
		h, err := forward.NewBlur(comm, frame, 1, psf, halo.Periodic)
		if err != nil {
			return err
		}
		d, err := forward.NewDifferences(comm, frame, 1, halo.Periodic)
		if err != nil {
			return err
		}
		a, err := forward.Stack(h, d) // x -> [H x; D x]
		if err != nil {
			return err
		}
		bound := a.(forward.Bounded).NormBound()
		norm, err := forward.Norm(ctx, comm, a, forward.NormOptions{Tolerance: 1e-9})
		if err != nil {
			return err
		}
		if comm.Rank() == 0 {
			m, n := a.Dims()
			fmt.Printf("%v: %d values from %d on this rank\n", a, m, n)
			fmt.Printf("norm %.4f, bound %.4f\n", norm, bound)
		}
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// Stack(Blur, Differences): 96 values from 32 on this rank
	// norm 2.8306, bound 3.0000
}
