package ranks_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tessera/ranks"
)

// blocked are calls in which the ranks other than 1 of 3 wait when rank 1 fails.
var blocked = map[string]func(ctx context.Context, c ranks.Comm) error{
	"Recv": func(_ context.Context, c ranks.Comm) error {
		_, err := c.Recv(make([]float64, 1), 1, 0)
		return err
	},
	"Recv from any": func(_ context.Context, c ranks.Comm) error {
		_, err := c.RecvBytes(make([]byte, 1), ranks.AnySource, ranks.AnyTag)
		return err
	},
	"Sendrecv": func(_ context.Context, c ranks.Comm) error {
		x := make([]float64, 5000)
		_, err := c.Sendrecv(x, 1, 0, make([]float64, 5000), 1, 0)
		return err
	},
	"short Exchange": func(_ context.Context, c ranks.Comm) error {
		return c.Exchange(ranks.Neighbours{Ranks: []int{1}, SendCounts: []int{1}, RecvCounts: []int{1}}, make([]float64, 1), make([]float64, 1))
	},
	"long Exchange": func(_ context.Context, c ranks.Comm) error {
		x := make([]float64, 20000)
		nb := ranks.Neighbours{Ranks: []int{2 - c.Rank(), 1}, SendCounts: []int{10000, 10000}, RecvCounts: []int{10000, 10000}}
		err := c.Exchange(nb, x, make([]float64, 20000))
		clear(x) // the buffer is ours again, also after an error
		return err
	},
	"Barrier": func(_ context.Context, c ranks.Comm) error { return c.Barrier() },
	"Bcast":   func(_ context.Context, c ranks.Comm) error { return c.Bcast(make([]float64, 10), 1) },
	"Allreduce": func(_ context.Context, c ranks.Comm) error {
		x := make([]float64, 4000)
		return c.Allreduce(x, x, ranks.Sum)
	},
	"Gatherv": func(_ context.Context, c ranks.Comm) error {
		return c.Gatherv(make([]float64, 3), []int{1, 1, 1}, []float64{1}, 0)
	},
	"Split": func(_ context.Context, c ranks.Comm) error { _, err := c.Split(0, 0); return err },
	"Allreduce on a split": func(_ context.Context, c ranks.Comm) error {
		// Rank 1 takes part in this Split and fails later.
		s, err := c.Split(0, 0)
		if err != nil {
			return err
		}
		return s.Allreduce([]float64{1}, []float64{1}, ranks.Sum)
	},
	"computing": func(ctx context.Context, c ranks.Comm) error {
		<-ctx.Done()
		return fmt.Errorf("cause: %w", context.Cause(ctx))
	},
}

// TestFailureWakesEverybody: when rank 1 fails, Launch returns its error, and every call in
// which another rank waits returns an error that wraps ErrAborted and names rank 1.
func TestFailureWakesEverybody(t *testing.T) {
	errDisk := errors.New("disk full")
	failing := map[string]struct {
		fail func(c ranks.Comm) error
		want string
		code int
	}{
		"error": {func(ranks.Comm) error { return fmt.Errorf("writing x.npy: %w", errDisk) }, "rank 1: writing x.npy: disk full", 1},
		"panic": {func(ranks.Comm) error { panic(errDisk) }, "rank 1: panic: disk full\n\ngoroutine ", ranks.PanicCode},
		"abort": {func(c ranks.Comm) error { c.Abort(7, errDisk); return nil }, "rank 1: disk full", 7},
	}
	for how, f := range failing {
		for where, wait := range blocked {
			for _, sync := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/sync=%v", how, where, sync), func(t *testing.T) {
					t.Parallel()
					var others atomic.Int32
					err := ranks.Launch(background, ranks.Options{Ranks: 3, Sync: sync}, func(ctx context.Context, c ranks.Comm) error {
						if c.Rank() == 1 {
							if where == "Allreduce on a split" {
								if _, err := c.Split(0, 0); err != nil {
									return err
								}
							}
							time.Sleep(5 * time.Millisecond)
							return f.fail(c)
						}
						err := wait(ctx, c)
						if !errors.Is(err, ranks.ErrAborted) || !errors.Is(err, errDisk) || !strings.Contains(err.Error(), "by rank 1") {
							t.Errorf("rank %d: error %v, want ErrAborted by rank 1", c.Rank(), err)
						}
						if later := c.Barrier(); !errors.Is(later, ranks.ErrAborted) {
							t.Errorf("rank %d: a later call: %v, want ErrAborted", c.Rank(), later)
						}
						others.Add(1)
						return err
					})
					var re *ranks.RankError
					if !errors.As(err, &re) || re.Rank != 1 || re.Code != f.code || !errors.Is(err, errDisk) || !strings.HasPrefix(err.Error(), f.want) {
						t.Errorf("Launch returned %q, want %q...", err, f.want)
					}
					// Launch waits 0.4 s for the other ranks, which may need longer on a busy machine.
					for limit := time.Now().Add(patience); others.Load() != 2 && time.Now().Before(limit); {
						time.Sleep(time.Millisecond)
					}
					if others.Load() != 2 {
						t.Errorf("%d of 2 other ranks came back from their call", others.Load())
					}
				})
			}
		}
	}
}

func TestPanicStackNamesTheCulprit(t *testing.T) {
	err := ranks.Launch(background, ranks.Options{Ranks: 2}, func(_ context.Context, c ranks.Comm) error {
		if c.Rank() == 1 {
			culprit(nil)
		}
		return c.Barrier()
	})
	var pe *ranks.PanicError
	if !errors.As(err, &pe) || !strings.Contains(err.Error(), "ranks_test.culprit(") {
		t.Errorf("no trace of the culprit in %v", err)
	}
}

func culprit(x []int) { x[3]++ }

func TestGoexitIsAnError(t *testing.T) {
	err := ranks.Launch(background, ranks.Options{Ranks: 2}, func(_ context.Context, c ranks.Comm) error {
		if c.Rank() == 0 {
			runtime.Goexit()
		}
		return c.Barrier()
	})
	if err == nil || !strings.HasPrefix(err.Error(), "rank 0: the body called runtime.Goexit") {
		t.Errorf("Launch returned %v", err)
	}
}

// TestMismatch: if ranks call different collectives, or the same one with different sizes,
// every rank gets an error, and the communicator can still be used.
func TestMismatch(t *testing.T) {
	x := make([]float64, 100)
	bcast := func(n, root int) func(ranks.Comm) error {
		return func(c ranks.Comm) error { return c.Bcast(make([]float64, n), root) }
	}
	allreduce := func(n int, op ranks.Op) func(ranks.Comm) error {
		return func(c ranks.Comm) error { y := make([]float64, n); return c.Allreduce(y, y, op) }
	}
	for name, k := range map[string]struct {
		zero, others func(ranks.Comm) error
		want         string
	}{
		"kinds":   {bcast(3, 0), ranks.Comm.Barrier, "rank 0 calls Bcast of 3 elements, root 0, rank 1 calls Barrier"},
		"types":   {bcast(3, 0), func(c ranks.Comm) error { return c.BcastBytes(make([]byte, 3), 0) }, "rank 1 calls BcastBytes of 3"},
		"lengths": {bcast(3, 0), bcast(4, 0), "Bcast of 3 elements, root 0, rank 1 calls Bcast of 4"},
		"long":    {bcast(3, 0), bcast(4000, 0), "Bcast of 3 elements, root 0, rank 1 calls Bcast of 4000"},
		"roots":   {bcast(3, 0), bcast(3, 1), "root 0, rank 1 calls Bcast of 3 elements, root 1"},
		"ops":     {allreduce(50, ranks.Sum), allreduce(50, ranks.Max), "(Sum), rank 1 calls Allreduce of 50 elements (Max)"},
		"targets": {allreduce(5, ranks.Sum), func(c ranks.Comm) error { return c.Reduce(x[:5], x[:5], ranks.Sum, 1) }, "Allreduce of 5 elements (Sum), rank 1 calls Reduce"},
		"counts": {
			func(c ranks.Comm) error { return c.Allgatherv(x[:3], []int{1, 1, 1}, x[:1]) },
			func(c ranks.Comm) error { return c.Allgatherv(x[:4], []int{2, 1, 1}, x[:1]) },
			"Allgatherv: rank 0 has counts [1 1 1], rank 1 has [2 1 1]"},
	} {
		t.Run(name, func(t *testing.T) {
			err := ranks.Launch(background, ranks.Options{Ranks: 3}, func(_ context.Context, c ranks.Comm) error {
				call := k.others
				if c.Rank() == 0 {
					call = k.zero
				}
				if err := call(c); !errors.Is(err, ranks.ErrMismatch) || !strings.Contains(err.Error(), k.want) {
					t.Errorf("rank %d: error %v, want %q", c.Rank(), err, k.want)
				}
				return c.Barrier()
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDeadlock: ranks that all wait for each other, or for a rank that has
// returned, get an error that says what each of them waits in.
func TestDeadlock(t *testing.T) {
	x := make([]float64, 1)
	for name, k := range map[string]struct {
		ranks int
		sync  bool
		body  func(c ranks.Comm) error
		want  []string
	}{
		"each for the next": {3, false, func(c ranks.Comm) error {
			_, err := c.Recv(make([]float64, 1), (c.Rank()+1)%3, 4)
			return err
		}, []string{"rank 0 in Recv with rank 1 and tag 4", "rank 2 in Recv with rank 0 and tag 4"}},
		"head to head": {2, true, func(c ranks.Comm) error {
			if err := c.Send(x, 1-c.Rank(), 0); err != nil {
				return err
			}
			_, err := c.Recv(make([]float64, 1), 1-c.Rank(), 0)
			return err
		}, []string{"rank 0 in Send with rank 1 and tag 0", "rank 1 in Send with rank 0 and tag 0"}},
		"gone": {3, false, func(c ranks.Comm) error {
			if c.Rank() == 2 {
				return nil
			}
			return c.Barrier()
		}, []string{"rank 0 in Barrier", "rank 1 in Barrier", "rank 2 has returned"}},
		"collective against message": {2, false, func(c ranks.Comm) error {
			if c.Rank() == 0 {
				return c.Barrier()
			}
			_, err := c.Recv(make([]float64, 1), ranks.AnySource, ranks.AnyTag)
			return err
		}, []string{"rank 0 in Barrier", "rank 1 in Recv with rank any and tag any"}},
		"one-sided exchange": {2, false, func(c ranks.Comm) error {
			if c.Rank() == 1 {
				return nil
			}
			return c.Exchange(ranks.Neighbours{Ranks: []int{1}, SendCounts: []int{1}, RecvCounts: []int{1}}, x, make([]float64, 1))
		}, []string{"rank 0 in Exchange with rank 1"}},
		"alone": {1, false, func(c ranks.Comm) error {
			_, err := c.Recv(make([]float64, 1), 0, 0)
			return err
		}, []string{"rank 0 in Recv with rank 0 and tag 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := ranks.Launch(background, ranks.Options{Ranks: k.ranks, Sync: k.sync}, func(_ context.Context, c ranks.Comm) error { return k.body(c) })
			if !errors.Is(err, ranks.ErrDeadlock) {
				t.Fatalf("Launch returned %v, want ErrDeadlock", err)
			}
			for _, want := range k.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

// patience limits every wait of the tests, with room for a busy machine.
const patience = 2 * time.Minute

// TestCancel: ranks that agree to stop have the time of Options.Grace to finish,
// and Launch returns context.Canceled; ranks that go on after it are aborted.
func TestCancel(t *testing.T) {
	launch := func(grace time.Duration, body func(context.Context, ranks.Comm) error) (error, time.Duration) {
		ctx, cancel := context.WithCancel(background)
		time.AfterFunc(20*time.Millisecond, cancel)
		start := time.Now()
		err := ranks.Launch(ctx, ranks.Options{Ranks: 3, Grace: grace}, body)
		return err, time.Since(start)
	}
	t.Run("agreed", func(t *testing.T) {
		var finished atomic.Bool
		err, _ := launch(patience, func(ctx context.Context, c ranks.Comm) error {
			for {
				stop := []float64{0}
				if ctx.Err() != nil {
					stop[0] = 1
				}
				if err := c.Allreduce(stop, stop, ranks.Max); err != nil {
					return err
				}
				if stop[0] == 0 {
					continue
				}
				if c.Rank() == 0 { // the other ranks return meanwhile
					time.Sleep(600 * time.Millisecond)
					finished.Store(true)
				}
				return context.Canceled
			}
		})
		if !errors.Is(err, context.Canceled) || errors.Is(err, ranks.ErrAborted) {
			t.Errorf("Launch returned %v", err)
		}
		if !finished.Load() {
			t.Error("Launch returned before rank 0")
		}
	})
	t.Run("one leaves", func(t *testing.T) {
		// The others wait for the rank that left: the launch ends without waiting for the grace period.
		err, took := launch(10*patience, func(ctx context.Context, c ranks.Comm) error {
			if c.Rank() == 1 {
				<-ctx.Done()
				return ctx.Err()
			}
			return c.Barrier()
		})
		if err == nil || !strings.HasPrefix(err.Error(), "rank 1: context canceled") {
			t.Errorf("Launch returned %v", err)
		}
		if took > patience {
			t.Errorf("took %v", took)
		}
	})
	t.Run("no notice", func(t *testing.T) {
		err, took := launch(0, func(ctx context.Context, c ranks.Comm) error {
			for {
				if err := c.Barrier(); err != nil {
					return err
				}
			}
		})
		if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "rank 0: still running 1.5s after it was told to stop") {
			t.Errorf("Launch returned %v", err)
		}
		if took > patience {
			t.Errorf("took %v", took)
		}
	})
	t.Run("computing for ever", func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		err, took := launch(0, func(ctx context.Context, c ranks.Comm) error {
			if c.Rank() == 2 {
				<-release
				return nil
			}
			return c.Barrier()
		})
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "these ranks are still computing: [") {
			t.Errorf("Launch returned %v", err)
		}
		if took > patience {
			t.Errorf("took %v", took)
		}
	})
}

func TestLaunchOptions(t *testing.T) {
	if err := ranks.Launch(background, ranks.Options{Ranks: -1}, nil); err == nil {
		t.Error("-1 ranks are accepted")
	}
	var n atomic.Int32
	if err := ranks.Launch(background, ranks.Options{}, func(_ context.Context, c ranks.Comm) error {
		n.Store(int32(c.Size()))
		return nil
	}); err != nil || int(n.Load()) != ranks.Cores() {
		t.Errorf("%d ranks by default on %d cores, %v", n.Load(), ranks.Cores(), err)
	}
}

// Bodies that are busy after the time of Grace are not aborted, as long as they are.
func TestBusy(t *testing.T) {
	var busy atomic.Bool
	asked := make(chan bool, 100)
	o := ranks.Options{Ranks: 2, Grace: time.Millisecond, Busy: func() bool {
		select {
		case asked <- true:
		default:
		}
		return busy.Load()
	}}
	ctx, cancel := context.WithCancel(context.Background())
	busy.Store(true)
	err := ranks.Launch(ctx, o, func(ctx context.Context, c ranks.Comm) error {
		if c.Rank() == 1 {
			cancel()
			for range 3 { // it has been asked, and waits again
				<-asked
			}
		}
		if err := c.Barrier(); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) || errors.Is(err, ranks.ErrAborted) || strings.Contains(err.Error(), "still running") {
		t.Errorf("busy: %v", err)
	}
	busy.Store(false)
	ctx, cancel = context.WithCancel(context.Background())
	cancel()
	end := make(chan bool)
	err = ranks.Launch(ctx, o, func(context.Context, ranks.Comm) error { <-end; return nil })
	close(end)
	if err == nil || !strings.Contains(err.Error(), "still running") {
		t.Errorf("not busy: %v", err)
	}
}

// A panic for lack of memory says so, and is no defect of the program.
func TestNoMemory(t *testing.T) {
	n := -1
	for _, c := range []struct {
		body func()
		code int
		want string
	}{
		{func() { _ = make([]float64, n+1<<62) }, 1, "rank 0: not enough memory for an array: "},
		{func() { _ = []int{}[n+1] }, ranks.PanicCode, "rank 0: panic: "},
	} {
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(context.Context, ranks.Comm) error { c.body(); return nil })
		r := new(ranks.RankError)
		if !errors.As(err, &r) || r.Code != c.code || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%+v, want code %d and %q", err, c.code, c.want)
		}
	}
}
