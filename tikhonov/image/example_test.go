package image_test

import (
	"context"
	"fmt"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/ranks"
	"tessera/tikhonov/image"
)

// A frame of 16 x 20 pixels with one bright spot is blurred and loses a pixel. Two
// ranks restore it, each with half of the pixels, and rank 0 collects the result.
func ExampleSolve() {
	const rows, cols = 16, 20
	psf, err := forward.Gaussian(5, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
		frame, err := halo.Decompose([]int{rows, cols}, comm.Size())
		if err != nil {
			return err
		}
		// The truth on the pixels that this rank owns, and its blurred image.
		box := frame.Owned(comm.Rank())
		var truth, weights []float64
		for r := box.Lo[0]; r < box.Hi[0]; r++ {
			for c := box.Lo[1]; c < box.Hi[1]; c++ {
				d2 := float64((r-8)*(r-8) + (c-10)*(c-10))
				truth = append(truth, 1+9*math.Exp(-d2/4))
				weight := 1.0
				if r == 3 && c == 4 {
					weight = 0 // missing
				}
				weights = append(weights, weight)
			}
		}
		blur, err := forward.NewBlur(comm, frame, 1, psf, halo.Reflect)
		if err != nil {
			return err
		}
		observed := make([]float64, len(truth))
		if err := blur.Apply(observed, truth); err != nil {
			return err
		}

		result, err := image.Solve(ctx, comm,
			&image.Problem{Channels: 1, Frame: frame, Data: observed, Weights: weights, PSF: psf},
			image.Options{Lambda: 1e-3, Regulariser: forward.Gradient, Border: halo.Reflect})
		if err != nil {
			return err
		}
		before, err := frame.GatherTo(comm, 0, observed, 1) // the whole frame, on rank 0
		if err != nil {
			return err
		}
		after, err := frame.GatherTo(comm, 0, result.Solution, 1)
		if err == nil && comm.Rank() == 0 {
			fmt.Println("stopped:", result.Status)
			fmt.Printf("spot:    truth 10.0, observed %.1f, restored %.1f\n", before[8*cols+10], after[8*cols+10])
			fmt.Printf("missing: truth 1.0, restored %.1f\n", after[3*cols+4])
		}
		return err
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// stopped: converged
	// spot:    truth 10.0, observed 7.1, restored 9.9
	// missing: truth 1.0, restored 1.0
}

// A frame with a hole of 5 x 5 pixels is restored on two ranks, with its standard deviation
// at every pixel. The noise has the standard deviation 0.1, and the weights are its inverse
// variances, so that the noise of a pixel of weight 1 is 1.
func ExampleRestoration() {
	const rows, cols, noise = 24, 20, 0.1
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
		frame, err := halo.Decompose([]int{rows, cols}, comm.Size())
		if err != nil {
			return err
		}
		box := frame.Owned(comm.Rank())
		var observed, weights []float64
		for r := box.Lo[0]; r < box.Hi[0]; r++ {
			for c := box.Lo[1]; c < box.Hi[1]; c++ {
				weight := 1 / (noise * noise)
				if r >= 4 && r < 9 && c >= 7 && c < 12 {
					weight = 0
				}
				observed = append(observed, 5+noise*math.Sin(float64(17*r+11*c)))
				weights = append(weights, weight)
			}
		}
		restoration, err := image.NewRestoration(comm,
			&image.Problem{Channels: 1, Frame: frame, Data: observed, Weights: weights},
			image.Options{Lambda: 100, Regulariser: forward.Gradient, Border: halo.Reflect, Noise: 1})
		if err != nil {
			return err
		}
		result, err := restoration.Solve(ctx)
		if err != nil {
			return err
		}
		errors, err := restoration.ErrorMap(ctx, image.ErrorOptions{Kind: image.PosteriorErrors, Samples: 200})
		if err != nil {
			return err
		}
		solution, err := frame.GatherTo(comm, 0, result.Solution, 1)
		if err != nil {
			return err
		}
		sigma, err := frame.GatherTo(comm, 0, errors.Sigma, 1)
		if err == nil && comm.Rank() == 0 {
			observedPixel, hole := 16*cols+10, 6*cols+9
			fmt.Printf("observed: %.0f +- %.2f\n", solution[observedPixel], sigma[observedPixel])
			fmt.Printf("in the hole: %.0f +- %.2f\n", solution[hole], sigma[hole])
			fmt.Printf("sampling error of the +-: %.1f %%\n", 100*errors.SamplingError)
		}
		return err
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// observed: 5 +- 0.05
	// in the hole: 5 +- 0.07
	// sampling error of the +-: 5.0 %
}
