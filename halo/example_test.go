package halo_test

import (
	"context"
	"fmt"

	"tessera/halo"
	"tessera/ranks"
)

// Two ranks own four cells each of a line of eight. An exchange fills the two ring
// cells on each side: with cells of the other rank, and at the ends of the line with
// the mirror image.
func ExamplePlan_Exchange() {
	line := []float64{10, 11, 12, 13, 14, 15, 16, 17}
	extended := make([][]float64, 2) // by rank
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(_ context.Context, comm ranks.Comm) error {
		d, err := halo.Decompose([]int{len(line)}, comm.Size())
		if err != nil {
			return err
		}
		plan, err := halo.NewPlan(d, comm.Rank(), []int{2}, halo.Reflect)
		if err != nil {
			return err
		}
		ext := make([]float64, plan.Extended().Size())
		own := plan.Owned()
		plan.Scatter(ext, line[own.Lo[0]:own.Hi[0]], 1)
		extended[comm.Rank()] = ext
		return plan.Exchange(comm, ext, 1)
	})
	if err != nil {
		fmt.Println(err)
	}
	for rank, ext := range extended {
		fmt.Println("rank", rank, ext)
	}
	// Output:
	// rank 0 [11 10 10 11 12 13 14 15]
	// rank 1 [12 13 14 15 16 17 17 16]
}
