package krylov

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"tessera/ranks"
)

// Cancelling the context of one rank stops all of them at the same iteration, with
// context.Canceled.
func TestCancelOneRank(t *testing.T) {
	const at = 3
	s := &system{m: chain(60, gauss5(), nil, 1e-3, true), b: random(rand.New(rand.NewPCG(1, 13)), 60)}
	for name, f := range methods(strips(60, 6, 1)) {
		for _, size := range []int{1, 3, 4} {
			for _, who := range []int{0, size - 1} {
				seen := make([]int, size)
				errs := make([]error, size)
				err := ranks.Launch(context.Background(), ranks.Options{Ranks: size}, func(ctx context.Context, comm ranks.Comm) error {
					ctx, cancel := context.WithCancel(ctx)
					defer cancel()
					r, me := s.on(comm), comm.Rank()
					var report *Report
					report, errs[me] = f(ctx, r, make([]float64, r.Len()), Control{LambdaMin: 1e-3, Tolerance: 1e-10, Monitor: func(k int, _ []float64) (bool, error) {
						seen[me] = k
						if me == who && k == at {
							cancel()
						}
						return false, nil
					}})
					if report == nil || report.Status != Cancelled {
						t.Errorf("%s, %d ranks: rank %d reports %+v", name, size, me, report)
					}
					return nil
				})
				if err != nil {
					t.Fatalf("%s, %d ranks: %v", name, size, err)
				}
				for rank := range size {
					if !errors.Is(errs[rank], context.Canceled) {
						t.Errorf("%s, %d ranks: rank %d ends with %v", name, size, rank, errs[rank])
					}
					if k := seen[rank]; k != seen[0] || k < at || k > at+1 {
						t.Errorf("%s, %d ranks: rank %d stops after iteration %d, rank 0 after %d, cancelled in %d", name, size, rank, k, seen[0], at)
					}
				}
			}
		}
	}
}

// A rank whose context has a cause returns the cause; the others return context.Canceled.
func TestCancelCause(t *testing.T) {
	s := &system{m: chain(20, gauss5(), nil, 1e-3, true), b: random(rand.New(rand.NewPCG(2, 13)), 20)}
	why := errors.New("disk full")
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		want := context.Canceled
		if comm.Rank() == 1 {
			cancel(why)
			want = why
		}
		r := s.on(comm)
		if _, err := ConjugateGradients(ctx, comm, r, nil, make([]float64, r.Len()), s.b[r.lo:r.hi], Control{}); !errors.Is(err, want) {
			t.Errorf("rank %d: %v, want %v", comm.Rank(), err, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// An operator that fails, as a broken connection does, ends the solve with its error.
func TestOperatorError(t *testing.T) {
	s := &system{m: chain(20, gauss5(), nil, 1e-2, true), b: random(rand.New(rand.NewPCG(3, 13)), 20)}
	why := errors.New("no answer")
	for name, f := range methods(strips(20, 2, 1)) {
		for _, call := range []int{1, 2, 5} {
			wrapped := func(ctx context.Context, r *rows, x []float64, c Control) (*Report, error) {
				broken := *r
				left := call
				broken.comm = failing{r.comm, &left, why}
				return f(ctx, &broken, x, c)
			}
			if o := s.run(t, 1, wrapped, nil, Control{LambdaMin: 1e-2}); !errors.Is(o.err, why) {
				t.Errorf("%s, call %d: %v, want %v", name, call, o.err, why)
			}
		}
	}
}

// failing returns an error from a certain Allgatherv.
type failing struct {
	ranks.Comm
	left *int
	err  error
}

func (f failing) Allgatherv(dst []float64, counts []int, src []float64) error {
	if *f.left--; *f.left <= 0 {
		return f.err
	}
	return f.Comm.Allgatherv(dst, counts, src)
}
