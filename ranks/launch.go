package ranks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"time"
)

// Options says how Launch starts the ranks.
type Options struct {
	Ranks int  // in-process ranks; 0: one per core. Under mpirun the world decides and a different value here is an error.
	Sync  bool // in-process only: every Send waits for its receive, as MPI_Ssend; shows head-to-head deadlocks

	// Grace is how long the bodies may go on after ctx has been cancelled, to
	// write what they want to keep. 0: 1.5 s, so that all end within two.
	Grace time.Duration
}

func (o Options) grace() time.Duration {
	if o.Grace > 0 {
		return o.Grace
	}
	return 1500 * time.Millisecond
}

// stopping is how long the bodies may go on after a rank has failed.
const stopping = 400 * time.Millisecond

// Launch runs body on every rank and returns when all have ended: nil if every
// body returned nil, otherwise a *RankError of the rank that failed first. In a
// binary built with the tag mpi that mpirun or srun has started, this process is
// one rank of the MPI world; otherwise the ranks are goroutines.
//
// A rank fails when its body returns an error or panics or when it calls Abort.
//
// In-process, the context of all bodies is then cancelled, and every call on a
// Comm, blocked or later, returns an error that wraps ErrAborted. So it is when
// all ranks wait for each other (ErrDeadlock). Goroutines cannot be killed: if a
// body that makes no calls on its Comm is still computing 0.4 s after a failure,
// Launch returns without it and says so in the error.
//
// Under MPI, if all bodies return within 0.2 s or so, they agree on one error,
// which Launch returns on all ranks and which is Quiet on all but rank 0.
// Otherwise the failed rank writes "rank R: ..." to standard error, ends all
// processes with MPI_Abort and RankError's Code, and Launch does not return. It
// can be called once in a process.
//
// When ctx is cancelled, by a signal to this process for instance, so is the
// bodies' context, and they have Options.Grace to agree to stop and return its
// error; that is no failure, so that one rank may be writing what another has
// gathered. After that they are aborted.
func Launch(ctx context.Context, o Options, body func(context.Context, Comm) error) error {
	if o.Ranks < 0 {
		return fmt.Errorf("ranks: Options.Ranks is %d", o.Ranks)
	}
	if done, err := launchWorld(ctx, o, thisJob(), body); done {
		return err
	}
	n := o.Ranks
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	if n > maxRanks {
		return fmt.Errorf("ranks: %d in-process ranks, at most %d are possible", n, maxRanks)
	}
	return launchInProcess(ctx, n, o, body)
}

func launchInProcess(ctx context.Context, n int, o Options, body func(context.Context, Comm) error) error {
	bodyCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w := newWorld(n, o.Sync, cancel)
	defer spareProcessors(n)()
	members := make([]int, n)
	for r := range members {
		members[r] = r
	}
	g := newGroup(w, members)
	ended := make(chan int, n)
	for r := range n {
		go guard(
			func() error {
				pin(r, n)
				return body(bodyCtx, newCommunicator(newEndpoint(g, r), r, n, new(Stats)))
			},
			func(err error) {
				w.leave(ctx, r, err)
				ended <- r
			})
	}
	return w.await(ctx, o.grace(), ended)
}

// spareProcessors gives the Go scheduler two processors more than there are ranks
// and returns what takes them back. With none idle it takes a rank's away as soon as
// the rank has been in C for 20 us, and every matrix product then waits to get it
// back: 1024 x 1024 x 3 on two cores, native kernels, 0.62 s against 0.73 s.
// GOMAXPROCS in the environment has the last word.
func spareProcessors(n int) (restore func()) {
	before := runtime.GOMAXPROCS(0)
	if n < 2 || n > before || before >= n+2 || os.Getenv("GOMAXPROCS") != "" {
		return func() {}
	}
	runtime.GOMAXPROCS(n + 2)
	return func() { runtime.GOMAXPROCS(before) }
}

// guard calls done with what body returns, or with an error if it panics or
// ends its goroutine.
func guard(body func() error, done func(error)) {
	err := errors.New("the body called runtime.Goexit")
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
		done(err)
	}()
	err = body()
}

// await collects the ranks as they end and keeps the times.
func (w *world) await(ctx context.Context, grace time.Duration, ended <-chan int) error {
	running := make([]int, len(w.bells))
	for r := range running {
		running[r] = r
	}
	told, failed := ctx.Done(), w.failed
	var overdue, giveUp <-chan time.Time
	for len(running) > 0 {
		select {
		case r := <-ended:
			running = slices.DeleteFunc(running, func(x int) bool { return x == r })
		case <-told:
			told, overdue = nil, time.After(grace)
		case <-overdue:
			w.fail(&RankError{Rank: running[0], Code: 1, Err: stillRunning(ctx, grace)})
		case <-failed:
			failed, giveUp = nil, time.After(stopping)
		case <-giveUp:
			first := w.failure.Load().first
			return &RankError{Rank: first.Rank, Code: first.Code,
				Err: fmt.Errorf("%w (%v later these ranks are still computing: %v)", first.Err, stopping, running)}
		}
	}
	if f := w.failure.Load(); f != nil {
		return f.first
	}
	if e := w.stopped.Load(); e != nil {
		return e
	}
	return nil
}

// toldToStop says whether err is that of a body that was told to stop and did.
func toldToStop(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// stillRunning is the error of a rank that ignores its cancelled context.
func stillRunning(ctx context.Context, grace time.Duration) error {
	return fmt.Errorf("still running %v after it was told to stop: %w", grace, context.Cause(ctx))
}
