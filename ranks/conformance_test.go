package ranks_test

import (
	"context"
	"fmt"
	"testing"

	"tessera/ranks"
	"tessera/ranks/rankstest"
)

var background = context.Background()

// TestConformance runs the suite over the in-process transport, buffered and synchronous.
func TestConformance(t *testing.T) {
	for _, sync := range []bool{false, true} {
		for _, n := range []int{1, 2, 3, 4, 7, 8, 64} {
			t.Run(fmt.Sprintf("sync=%v/ranks=%d", sync, n), func(t *testing.T) {
				for _, k := range rankstest.Cases() {
					if sync && k.Buffered || testing.Short() && n == 64 {
						continue
					}
					t.Run(k.Name, func(t *testing.T) {
						t.Parallel()
						err := ranks.Launch(background, ranks.Options{Ranks: n, Sync: sync},
							func(_ context.Context, c ranks.Comm) error { return k.Run(c) })
						if err != nil {
							t.Fatal(err)
						}
					})
				}
			})
		}
	}
}

// TestSendCopies: a message holds the content of the buffer when Send was called, also if
// the receive comes later or the receiver is the sender.
func TestSendCopies(t *testing.T) {
	err := ranks.Launch(background, ranks.Options{Ranks: 2}, func(_ context.Context, c ranks.Comm) error {
		x := []float64{1, 2, 3}
		for dst := range 2 {
			if err := c.Send(x, dst, 1); err != nil {
				return err
			}
		}
		clear(x)
		for src := range 2 {
			y := make([]float64, 3)
			if _, err := c.Recv(y, src, 1); err != nil {
				return err
			}
			if y[0] != 1 || y[1] != 2 || y[2] != 3 {
				return fmt.Errorf("from rank %d: %v", src, y)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
