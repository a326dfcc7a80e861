package halo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"tessera/ranks"
)

// arguments of a call on one rank; a case of TestCollectErrors changes some of them.
type arguments struct {
	d            *Decomposition
	root, planes int
	extra        int // elements more than the call wants
}

// An argument that is wrong on one rank, the first or the last, gives every rank the
// same error, and the communicator can still be used.
func TestCollectErrors(t *testing.T) {
	shape := []int{6, 5}
	for _, n := range []int{2, 3, 4} {
		d, err := Decompose(shape, n)
		if err != nil {
			t.Fatal(err)
		}
		turned, err := Decompose([]int{5, 6}, n) // as many cells on as many ranks
		if err != nil {
			t.Fatal(err)
		}
		more, err := Decompose(shape, n+1)
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []int{0, n - 1} {
			for name, k := range map[string]struct {
				change  func(a *arguments)
				gather  string
				scatter string // "": no error, if the rank is not root
			}{
				"planes": {func(a *arguments) { a.planes = 0 }, "0 planes, want at least 1", "0 planes, want at least 1"},
				"ranks": {func(a *arguments) { a.d = more }, fmt.Sprintf("%d boxes for %d ranks", n+1, n),
					fmt.Sprintf("%d boxes for %d ranks", n+1, n)},
				"root":          {func(a *arguments) { a.root = n }, fmt.Sprintf("root %d of %d ranks", n, n), fmt.Sprintf("root %d of %d ranks", n, n)},
				"length":        {func(a *arguments) { a.extra = 1 }, "owned array of ", "array of 61 values, want 2 x 6x5 = 60"},
				"other planes":  {func(a *arguments) { a.planes = 3 }, "planes is 2 on one rank and 3 on another", "planes is 2 on one rank and 3 on another"},
				"other root":    {func(a *arguments) { a.root = 1 }, "root is 0 on one rank and 1 on another", "root is 0 on one rank and 1 on another"},
				"other domain":  {func(a *arguments) { a.d = turned }, "the decomposition is not the same on all ranks", "the decomposition is not the same on all ranks"},
				"nothing wrong": {func(a *arguments) {}, "", ""},
			} {
				for call, want := range map[string]string{"GatherTo": k.gather, "ScatterFrom": k.scatter} {
					if call == "ScatterFrom" && name == "length" && bad != 0 {
						want = "" // the array matters on root alone
					}
					t.Run(fmt.Sprintf("%d ranks/rank %d/%s/%s", n, bad, name, call), func(t *testing.T) {
						said := make([]string, n)
						launch(t, n, func(comm ranks.Comm) error {
							a := arguments{d: d, planes: 2}
							if comm.Rank() == bad {
								k.change(&a)
							}
							size := func(cells int) []float64 { return make([]float64, a.planes*cells+a.extra) }
							var err error
							if call == "GatherTo" {
								_, err = a.d.GatherTo(comm, a.root, size(a.d.Owned(comm.Rank()).Size()), a.planes)
							} else {
								_, err = a.d.ScatterFrom(comm, a.root, size(a.d.Domain().Size()), a.planes)
							}
							said[comm.Rank()] = fmt.Sprint(err)
							return comm.Barrier()
						})
						for r, s := range said {
							if s != said[0] {
								t.Errorf("rank %d: %s; rank 0: %s", r, s, said[0])
							}
						}
						if want == "" && said[0] != "<nil>" || !strings.Contains(said[0], want) {
							t.Errorf("%s, want %s", said[0], want)
						}
					})
				}
			}
		}
	}
}

// Exchange and AddBack do not compare the arguments of the ranks. The rank with a
// wrong argument gets the error; in-process every other rank gets an error too: its
// own, ErrMismatch, or, once a rank has returned its error, ErrAborted.
func TestExchangeErrorsReachAllRanks(t *testing.T) {
	for _, n := range []int{2, 3, 4} {
		d, err := Decompose([]int{12, 3}, n)
		if err != nil {
			t.Fatal(err)
		}
		calls := map[string]func(*Plan, ranks.Comm, []float64, int) error{"Exchange": (*Plan).Exchange, "AddBack": (*Plan).AddBack}
		for call, run := range calls {
			for _, bad := range []int{0, n - 1} {
				for name, k := range map[string]struct {
					planes, extra, width int
					want                 error // nil: the error of the check itself, which no other rank knows
				}{
					"length": {1, 1, 1, nil},
					"planes": {0, 0, 1, nil},
					"more":   {2, 0, 1, ranks.ErrMismatch},
					"wider":  {1, 0, 2, ranks.ErrMismatch},
				} {
					t.Run(fmt.Sprintf("%d ranks/rank %d/%s/%s", n, bad, name, call), func(t *testing.T) {
						got := make([]error, n)
						err := ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(_ context.Context, comm ranks.Comm) error {
							planes, extra, width := 1, 0, 1
							if comm.Rank() == bad {
								planes, extra, width = k.planes, k.extra, k.width
							}
							p, err := NewPlan(d, comm.Rank(), []int{width, 0}, Reflect)
							if err != nil {
								return err
							}
							err = run(p, comm, make([]float64, planes*p.Extended().Size()+extra), planes)
							if err == nil { // a rank that is no neighbour of bad: its next call fails
								err = comm.Barrier()
							}
							got[comm.Rank()] = err
							return err
						})
						if err == nil {
							t.Fatal("Launch returned nil")
						}
						if k.want != nil && !errors.Is(got[bad], k.want) || !strings.HasPrefix(got[bad].Error(), "halo: ") {
							t.Errorf("rank %d: %v, want %v", bad, got[bad], k.want)
						}
						for r, err := range got {
							if r != bad && !errors.Is(err, ranks.ErrAborted) && !errors.Is(err, ranks.ErrMismatch) {
								t.Errorf("rank %d: %v", r, err)
							}
						}
					})
				}
			}
		}
	}
}
