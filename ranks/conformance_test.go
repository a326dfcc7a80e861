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
