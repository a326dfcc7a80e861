// Package onerank helps to test that bad input on one rank only ends a collective call
// with the same error on every rank, and never with ranks that wait for each other.
package onerank

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"tessera/ranks"
)

// Each runs call at 2, 3 and 4 in-process ranks, with the bad input on the first or on
// the last rank: bad tells a rank whether it is the one. Every rank has to return the
// same error, which contains want. A deadlock fails the test at once, any other wait
// after a minute.
func Each(t *testing.T, name, want string, call func(ctx context.Context, c ranks.Comm, bad bool) error) {
	t.Helper()
	for _, n := range []int{2, 3, 4} {
		for _, who := range []int{0, n - 1} {
			what := fmt.Sprintf("%s, rank %d of %d", name, who, n)
			errs := make([]error, n)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // ends what hangs
			err := ranks.Launch(ctx, ranks.Options{Ranks: n, Sync: true}, func(ctx context.Context, c ranks.Comm) error {
				// The error is kept and not returned: it would end the calls of the others.
				errs[c.Rank()] = call(ctx, c, c.Rank() == who)
				return nil
			})
			cancel()
			if err != nil {
				t.Errorf("%s: %v", what, err)
				continue
			}
			for r, err := range errs {
				switch {
				case err == nil:
					t.Errorf("%s: no error on rank %d", what, r)
				case err.Error() != errs[0].Error():
					t.Errorf("%s: rank %d ends with %q, rank 0 with %q", what, r, err, errs[0])
				}
			}
			if errs[0] != nil && !strings.Contains(errs[0].Error(), want) {
				t.Errorf("%s: %q, want ... %s ...", what, errs[0], want)
			}
		}
	}
}
