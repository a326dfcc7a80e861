package kernel_test

import (
	"context"
	"fmt"
	"math"

	"tessera/ranks"
	"tessera/tikhonov/kernel"
)

// The width and lambda of a fit are chosen by 5-fold cross-validation on 3 ranks.
func ExampleSelect() {
	obs := &kernel.Observations{Dim: 1}
	for i := range 90 {
		x := float64(i) / 89
		obs.X = append(obs.X, x)
		obs.Y = append(obs.Y, math.Sin(8*x)+.1*math.Sin(1000*float64(i*i))) // the second term serves as noise
	}
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 3}, func(ctx context.Context, comm ranks.Comm) error {
		share := obs
		if comm.Rank() > 0 {
			share = &kernel.Observations{Dim: 1}
		}
		o := kernel.Options{Kernel: kernel.Kernel{Family: kernel.WendlandC4}}
		s, err := kernel.Select(ctx, comm, share, o, kernel.Search{
			Widths:  []float64{.1, .3, 1, 3},
			Lambdas: []float64{.01, .1, 1, 10},
		})
		if err != nil {
			return err
		}
		if comm.Rank() == 0 {
			fmt.Printf("width %g, lambda %g, edge of the grid: %v\n", s.Width, s.Lambda, s.EdgeWidth || s.EdgeLambda)
		}
		o.Kernel.Width, o.Lambda = s.Width, s.Lambda
		fit, err := kernel.Solve(ctx, comm, share, o)
		if err == nil && comm.Rank() == 0 {
			fmt.Printf("misfit %.3f a point\n", fit.Misfit/float64(fit.Observations))
		}
		return err
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// width 1, lambda 0.1, edge of the grid: false
	// misfit 0.005 a point
}
