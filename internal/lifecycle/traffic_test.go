package lifecycle

import (
	"context"
	"math"
	"testing"

	"tessera/ranks"
)

// Traffic counts as the ranks do.
func TestTraffic(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 7} {
		var all []float64
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(_ context.Context, c ranks.Comm) error {
			before := *c.Stats()
			x := make([]float64, 5)
			for range 3 {
				if err := c.Allreduce(x, x, ranks.Sum); err != nil {
					return err
				}
			}
			if err := c.Bcast(x, 0); err != nil {
				return err
			}
			if _, err := ranks.Numbers(c, 1, 2); err != nil {
				return err
			}
			if _, err := ranks.ExchangeCounts(c, make([]int, n)); err != nil {
				return err
			}
			after := *c.Stats()
			sums, err := ranks.GatherNumbers(c, float64(after.Messages-before.Messages), float64(after.BytesSent-before.BytesSent))
			if c.Rank() == 0 {
				all = sums
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		var messages, bytes float64
		for r := range n {
			messages, bytes = messages+all[2*r], bytes+all[2*r+1]
		}
		got := NewTraffic(n)
		got.Allreduce(5, 3)
		got.Bcast(5, 1)
		got.Allgatherv(2 * float64(n))
		got.ExchangeCounts()
		if math.Abs(got.Messages-messages) > 1e-9 || math.Abs(got.Bytes-bytes) > 1e-9 {
			t.Errorf("%d ranks: %g messages and %g bytes, the ranks counted %g and %g", n, got.Messages, got.Bytes, messages, bytes)
		}
		p := &Plan{}
		got.Into(p, Link{Latency: 1e-6, Bandwidth: 1e9})
		if p.SentBytes != got.Bytes || p.Messages != got.Messages || (p.Talk > 0) != (n > 1) {
			t.Errorf("%d ranks: the plan says %+v", n, p)
		}
	}
}
