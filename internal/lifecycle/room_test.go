package lifecycle

import (
	"context"
	"math"
	"strings"
	"testing"

	"tessera/internal/hostmemory"
	"tessera/ranks"
)

// A run that no host holds is refused on all ranks, also where only all ranks together need
// too much.
func TestCheckRoom(t *testing.T) {
	has := hostmemory.Total()
	if math.IsInf(has, 1) {
		t.Skip("the system does not tell how much memory it has")
	}
	for _, c := range []struct {
		each float64
		ok   bool
	}{{1e6, true}, {has / 4, true}, {has, false}, {1e30, false}} {
		err := ranks.Launch(t.Context(), ranks.Options{Ranks: 4}, func(_ context.Context, comm ranks.Comm) error {
			err := CheckRoom(comm, c.each, "simulate.count")
			if (err == nil) != c.ok || err != nil && !strings.Contains(err.Error(), "lower simulate.count, or use more hosts") {
				t.Errorf("%g bytes a rank: %v", c.each, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}
