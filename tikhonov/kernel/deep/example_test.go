package deep_test

import (
	"context"
	"fmt"
	"math"

	"tessera/ranks"
	"tessera/tikhonov/kernel"
	"tessera/tikhonov/kernel/deep"
)

// A function with a crease along the diagonal of the unit square, seen at 12 x 12
// places. The start whose direction is across the crease, 3/4 pi, is found and its
// fit refined. The true values at the end are 10 and 1.11.
func ExampleTrain() {
	obs := &kernel.Observations{Dim: 2}
	for i := range 144 {
		a, b := (float64(i%12)+.5)/12, (float64(i/12)+.4)/12
		obs.X = append(obs.X, a, b)
		obs.Y = append(obs.Y, 1/(0.1+math.Abs(a-b)))
	}
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
		share := obs // of the observations, every rank holds any part
		if comm.Rank() > 0 {
			share = &kernel.Observations{Dim: 2}
		}
		m, err := deep.Train(ctx, comm, share, deep.Options{Steps: 10})
		if err != nil {
			return err
		}
		v, err := m.Predict([]float64{.2, .2, .9, .1}) // any points, on every rank
		if err == nil && comm.Rank() == 0 {
			fmt.Printf("start %d of %d: J = %.1f\n", m.Start, len(m.Starts), m.Starts[m.Start])
			fmt.Printf("%d steps: J = %.1f\n", len(m.Steps), m.Objective)
			fmt.Printf("f(.2, .2) = %.1f, f(.9, .1) = %.1f\n", v[0], v[1])
		}
		return err
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// start 6 of 8: J = 1.4
	// 10 steps: J = 1.3
	// f(.2, .2) = 9.2, f(.9, .1) = 1.1
}
