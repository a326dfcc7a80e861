package ranks_test

import (
	"context"
	"fmt"

	"tessera/ranks"
)

// Three ranks add up the squares of 1 to 9. Each adds three of them; the Allreduce
// gives the sum of all to every rank.
func ExampleLaunch() {
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 3}, func(_ context.Context, c ranks.Comm) error {
		sum := []float64{0}
		for i := 1 + c.Rank(); i <= 9; i += c.Size() {
			sum[0] += float64(i * i)
		}
		if err := c.Allreduce(sum, sum, ranks.Sum); err != nil {
			return err
		}
		if c.Rank() == 0 {
			fmt.Printf("%d ranks: %v\n", c.Size(), sum[0])
		}
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// 3 ranks: 285
}
