package ranks_test

import (
	"context"
	"testing"

	"tessera/ranks"
)

// The processor time of a rank that computes is its own; ranks that wait for it
// count the wall time but no processor time.
func TestMeasure(t *testing.T) {
	const work = 0.05 // seconds
	done := make([]ranks.Work, 3)
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 3}, func(_ context.Context, c ranks.Comm) error {
		stop := ranks.Measure(c)
		if err := c.Barrier(); err != nil { // rank 1 begins when all ranks measure
			return err
		}
		if c.Rank() == 1 {
			for start := ranks.ThreadSeconds(); ranks.ThreadSeconds()-start < work; {
			}
		}
		x := []float64{1, 2}
		if err := c.Allreduce(x, x, ranks.Sum); err != nil {
			return err
		}
		done[c.Rank()] = stop()
		before := *c.Stats()
		err := c.Barrier()
		if after := *c.Stats(); after.Reduce < before.Reduce {
			t.Errorf("rank %d: the account runs backwards", c.Rank())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for r, w := range done {
		if busy := w.CPU >= work; busy != (r == 1) {
			t.Errorf("rank %d: %g s of processor time", r, w.CPU)
		}
		if w.Seconds < work*0.9 || w.Reduce <= 0 || w.Messages != 4 || w.BytesSent != 32 || w.Exchange != 0 {
			t.Errorf("rank %d: %+v", r, w)
		}
	}
}
