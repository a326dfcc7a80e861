package ranks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// Options of Launch. The zero value starts one in-process rank for each core.
type Options struct {
	Ranks int  // number of ranks; 0: one for each core, or what mpirun has started. Under mpirun another number is an error.
	Sync  bool // in-process: every Send waits for its receive, as MPI_Ssend, so that programs that need buffering deadlock

	// Grace is the time for which the bodies may go on after ctx is cancelled, for
	// example to write a checkpoint. 0: 1.5 s.
	Grace time.Duration
	// Busy, after Grace, tells whether a body of this process still does what must not be
	// cut short, such as writing a file; then the bodies have the time of Grace again. nil:
	// they do not. It may be called at any time and from any goroutine.
	Busy func() bool
}

func (o Options) grace() time.Duration {
	if o.Grace > 0 {
		return o.Grace
	}
	return 1500 * time.Millisecond
}

// busy is what Busy says.
func (o Options) busy() bool { return o.Busy != nil && o.Busy() }

// stopping is the time for which the bodies may go on after a rank has failed.
const stopping = 400 * time.Millisecond

// Launch runs body on every rank and returns when all bodies have returned: nil if each
// returned nil, otherwise the *RankError of the rank that failed first. In a binary with
// the build tag mpi that mpirun or srun has started, this process is one rank of the MPI
// world; otherwise the ranks are goroutines.
//
// A rank fails when its body returns an error, panics, or calls Abort.
//
// In-process, a failure cancels the context of all bodies, and every blocked or later
// call of a Comm returns an error that wraps ErrAborted. The same happens if all ranks
// wait for each other (ErrDeadlock). A goroutine cannot be killed: if a body still
// computes 0.4 s after a failure, without calls of its Comm, Launch returns before it,
// and the error says so.
//
// Under MPI, if all bodies return within about 0.2 s, they agree on one error, which
// Launch returns on all ranks and which is Quiet on all but rank 0. Otherwise the failed
// rank writes "rank R: ..." to standard error and ends all processes by MPI_Abort with
// the Code of its RankError; Launch then does not return. Under MPI a process can call
// Launch once.
//
// When ctx is cancelled, for example by a signal to this process, the bodies' context is
// cancelled too, and the bodies have the time of Options.Grace to agree to stop and to
// return the context's error. Returning that error is no failure: other ranks may still
// be writing. Bodies that go on after that time, and are not busy by Options.Busy, are
// aborted.
func Launch(ctx context.Context, o Options, body func(context.Context, Comm) error) error {
	if o.Ranks < 0 {
		return fmt.Errorf("ranks: Options.Ranks is %d", o.Ranks)
	}
	if done, err := launchWorld(ctx, o, thisJob(), body); done {
		return err
	}
	n := o.Ranks
	if n == 0 {
		n = Cores()
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
	return w.await(ctx, o, ended)
}

// processors counts the launches of this process, which may overlap, and keeps the
// GOMAXPROCS that it had before the first of them.
var processors struct {
	sync.Mutex
	before   int
	launches []int // how many ranks each has
}

// spareProcessors gives the Go scheduler two processors (GOMAXPROCS) more than there are
// ranks; restore undoes this. If no processor is idle, the scheduler takes away that of a
// rank that has been in C for 20 us, and after every matrix product the rank waits for it:
// a restoration of 1024 x 1024 x 3 pixels on two cores took 0.73 s instead of 0.62 s. If
// the environment sets GOMAXPROCS, that value is kept.
func spareProcessors(n int) (restore func()) {
	p := &processors
	p.Lock()
	defer p.Unlock()
	if len(p.launches) == 0 {
		p.before = runtime.GOMAXPROCS(0)
	}
	p.launches = append(p.launches, n)
	setProcessors()
	return func() {
		p.Lock()
		defer p.Unlock()
		i := slices.Index(p.launches, n)
		p.launches = slices.Delete(p.launches, i, i+1)
		setProcessors()
	}
}

// setProcessors sets GOMAXPROCS for the launches there are; processors is locked.
func setProcessors() {
	if os.Getenv("GOMAXPROCS") != "" {
		return
	}
	want := processors.before
	for _, n := range processors.launches {
		if n >= 2 && n <= processors.before {
			want = max(want, n+2)
		}
	}
	if want != runtime.GOMAXPROCS(0) { // setting it stops all goroutines
		runtime.GOMAXPROCS(want)
	}
}

// guard calls done with the error of body, also if body panics or ends its goroutine.
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

// await waits for the ranks to end, within the time limits.
func (w *world) await(ctx context.Context, o Options, ended <-chan int) error {
	grace := o.grace()
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
			if o.busy() {
				overdue = time.After(grace)
				continue
			}
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

// toldToStop tells whether err is the error of a cancelled context.
func toldToStop(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// stillRunning is the error of a rank that ignores its cancelled context.
func stillRunning(ctx context.Context, grace time.Duration) error {
	return fmt.Errorf("still running %v after it was told to stop: %w", grace, context.Cause(ctx))
}
