package psf_test

import (
	"context"
	"fmt"
	"log"
	"math"

	"tessera/psf"
	"tessera/ranks"
)

// Four stamps of a point source, blurred by a Gaussian, are restored on two ranks. The
// light returns from the neighbouring pixels to the central one.
func ExampleDeconvolve() {
	const side, count, centre = 15, 4, 15*7 + 7
	blur := make([]float64, side*side)
	for i := range blur {
		r, c := float64(i/side-7), float64(i%side-7)
		blur[i] = math.Exp(-(r*r + c*c) / (2 * 1.5 * 1.5))
	}
	if _, err := psf.Normalise(side, blur, 0); err != nil {
		log.Fatal(err)
	}
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
		stack := &psf.Stack{Side: side, First: 2 * comm.Rank(), Total: count, PSFSide: side, PSFs: blur}
		for i := range 2 {
			flux := float64(stack.First + i + 1)
			for _, h := range blur {
				stack.Data = append(stack.Data, flux*h)
			}
		}
		r, err := psf.Deconvolve(ctx, comm, stack, psf.Options{Noise: psf.Given, Sigma: 0.001, MaxIterations: 300})
		if err != nil {
			return err
		}
		if comm.Rank() == 0 {
			fmt.Printf("%d iterations, %d convergence checks\n", r.Iterations, len(r.Checks))
			for i := range 2 {
				fmt.Printf("stamp %d: central pixel %.2f observed, %.2f restored\n", i, stack.Data[i*side*side+centre], r.Data[i*side*side+centre])
			}
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// 300 iterations, 30 convergence checks
	// stamp 0: central pixel 0.07 observed, 0.28 restored
	// stamp 1: central pixel 0.14 observed, 0.57 restored
}
