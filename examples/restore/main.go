// Restore reads a blurred and noisy picture, restores it on two ranks and writes the
// result. Run it in this folder with
//
//	go run . blurred.pgm restored.pgm
//
// It minimises ||H w - y||^2 + lambda ||Q w||^2, where y is the picture, H the blur and
// Q w the differences of neighbouring pixels.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"tessera/forward"
	"tessera/halo"
	"tessera/ranks"
	"tessera/tikhonov/image"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: restore IN.pgm OUT.pgm")
	}
	if err := restore(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func restore(in, out string) error {
	rows, cols, picture, err := readPGM(in)
	if err != nil {
		return err
	}
	// Both ranks run the function below. Each of them works on its half of the picture.
	return ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
		frame, err := halo.Decompose([]int{rows, cols}, comm.Size())
		if err != nil {
			return err
		}
		data, err := frame.ScatterFrom(comm, 0, picture, 1)
		if err != nil {
			return err
		}
		psf, err := forward.Gaussian(9, 1.5) // 9 x 9 pixels, sigma 1.5 pixels
		if err != nil {
			return err
		}
		result, err := image.Solve(ctx, comm,
			&image.Problem{Channels: 1, Frame: frame, Data: data, PSF: psf},
			image.Options{Regulariser: forward.Gradient, Border: halo.Reflect, Lambda: 3e-4, Overlap: 4})
		if err != nil {
			return err
		}
		whole, err := frame.GatherTo(comm, 0, result.Solution, 1)
		if err != nil || comm.Rank() != 0 {
			return err
		}
		fmt.Printf("%d x %d pixels on %d ranks, %d iterations\n", rows, cols, comm.Size(), result.Iterations)
		return writePGM(out, rows, cols, whole)
	})
}
