//go:build mpi

package ranks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"tessera/ranks/internal/mpix"
)

// launchWorld runs body as this process's rank of an MPI job, if it is in one.
func launchWorld(ctx context.Context, o Options, j job, body func(context.Context, Comm) error) (bool, error) {
	if j.launcher == "" {
		return false, nil
	}
	if o.Ranks > 0 && j.size > 0 && o.Ranks != j.size {
		return true, j.oneVoice(fmt.Errorf("%d ranks are asked for, but %s started %d", o.Ranks, j.launcher, j.size))
	}
	if mpix.Started() {
		return true, j.oneVoice(errors.New("ranks: Launch was called before: MPI starts once in a process; use Split for smaller runs"))
	}
	world, err := mpix.Start(j.local)
	if err != nil {
		return true, j.oneVoice(err)
	}
	if j.size > 1 && world.Size == 1 {
		mpix.Stop()
		return true, j.refuse(mpix.Library() + ", which this binary is linked with, sees only itself: use that library's own mpirun")
	}
	j.rank = world.Rank
	if o.Ranks > 0 && o.Ranks != world.Size {
		mpix.Stop()
		return true, j.oneVoice(fmt.Errorf("%d ranks are asked for, the MPI world has %d", o.Ranks, world.Size))
	}
	err = runWorld(ctx, world, o, body)
	ending.Store(true)
	mpix.Stop()
	return true, j.oneVoice(err)
}

// MPI describes the MPI library of this binary.
func MPI() MPIInfo {
	return MPIInfo{Compiled: true, Library: mpix.Library(), Standard: mpix.Standard(), ThreadLevel: mpix.ThreadLevel()}
}

// patience is how long a rank whose body has returned an error waits for the
// others to return too, before it ends them.
const patience = 200 * time.Millisecond

// runWorld returns the same error on all ranks, or does not return.
func runWorld(ctx context.Context, world *mpix.Comm, o Options, body func(context.Context, Comm) error) error {
	grace := o.grace()
	library := mpix.Library()
	// The ranks' messages at the end need a communicator of their own: a failed body may
	// have left messages in the other one.
	closing, err := mpix.Duplicate()
	if err != nil {
		return err
	}
	if cores := world.Cores(); cores > 0 && cores < runtime.GOMAXPROCS(0) && os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(cores)
	}
	world.ShareVerdict()
	c := newCommunicator(newMPIWire(world, world.Rank, library), world.Rank, world.Size, new(Stats))
	ended := make(chan error, 1)
	go guard(func() error { return body(ctx, c) }, func(err error) { ended <- err })

	told := ctx.Done()
	var overdue <-chan time.Time
	var deadline time.Time // when to end the job if other bodies have not returned
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for running := true; running; {
		select {
		case <-look.C:
			obey()
		case err = <-ended:
			running = false
		case <-told:
			told, overdue = nil, time.After(grace)
		case <-overdue:
			if o.busy() {
				overdue = time.After(grace)
				continue
			}
			abortWorld(&RankError{Rank: world.Rank, Code: 1, Err: stillRunning(ctx, grace)})
		}
	}
	switch {
	case err == nil:
	case toldToStop(err): // after a signal: other ranks may still be writing
		deadline = time.Now().Add(grace + turn(world.Rank))
	default:
		deadline = time.Now().Add(patience + turn(world.Rank))
	}
	return settle(closing, library, err, deadline)
}

// settle waits until the bodies of all ranks have returned and makes one error of theirs.
// If they have not returned by the deadline, unless that is zero, it ends the job with err.
func settle(closing *mpix.Comm, library string, err error, deadline time.Time) error {
	vote := closing.Size
	if err != nil {
		vote = closing.Rank
	}
	if e := closing.Vote(vote); e != nil {
		return errors.Join(err, e)
	}
	pause := 20 * time.Microsecond
	for {
		obey()
		all, least, e := closing.Voted()
		switch {
		case e != nil:
			return errors.Join(err, e)
		case all && least == closing.Size:
			return nil
		case all:
			w := newMPIWire(closing, closing.Rank, library)
			return AgreeError(newCommunicator(w, closing.Rank, closing.Size, new(Stats)), err)
		case !deadline.IsZero() && time.Now().After(deadline):
			abortWorld(asRankError(closing.Rank, err))
		}
		time.Sleep(pause)
		pause = min(2*pause, 2*time.Millisecond)
	}
}

// turn is a delay that differs between ranks: if several on different machines fail
// together, the first to print its error normally ends the others before they print theirs.
func turn(rank int) time.Duration { return time.Duration(min(rank, 8)) * 50 * time.Millisecond }

const (
	// lookEvery is the time between two checks whether another rank has ended the job.
	lookEvery = 50 * time.Millisecond
	// lastWords is the time between a rank's error message and MPI_Abort, in which the
	// launcher prints the message before its own.
	lastWords = 30 * time.Millisecond
)

// obey ends this process if another one of this machine ends the job. The launcher would
// do so too, but Open MPI's takes a second for it.
func obey() {
	if code := mpix.Verdict(); code != 0 {
		time.Sleep(3 * lastWords)
		os.Exit(code)
	}
}

// abortWorld prints e and ends all processes of the job. It does not return.
func abortWorld(e *RankError) {
	if !mpix.ClaimVerdict(e.Code) {
		obey()
	}
	fmt.Fprintln(os.Stderr, printable(e.Error()))
	time.Sleep(lastWords)
	// If MPI_Abort hangs, the exit status of this process makes the launcher end the others.
	time.AfterFunc(time.Second, func() { os.Exit(e.Code) })
	mpix.Abort(e.Code)
	os.Exit(e.Code)
}
