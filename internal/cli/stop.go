package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"

	"tessera/ranks"
)

// stopping is what the program says at once when it is told to stop, whatever it does.
const stopping = "tessera: stopping after this step; again to end now"

// sameSignal is how long after the first signal another SIGUSR1 is the same one: a batch system and
// a launcher pass it on both.
const sameSignal = time.Second

// answer is what a signal asks for.
type answer int

const (
	stopNow  answer = iota // the first: the command is cancelled
	nothing                // the same once more
	endsHere               // the second: the process ends at once
)

// stopper is what was asked for so far.
type stopper struct {
	told  bool
	first time.Time
}

// take is the answer to a signal that comes at a time.
func (s *stopper) take(sig os.Signal, now time.Time) answer {
	switch {
	case !s.told:
		s.told, s.first = true, now
		return stopNow
	case sig == syscall.SIGUSR1 && now.Sub(s.first) < sameSignal:
		return nothing
	}
	return endsHere
}

// untilTold returns a context that is cancelled by an interrupt, SIGTERM or SIGUSR1, which batch
// systems send ahead of a job's end. The first signal is acknowledged on w at once by say, which is
// false where another process does so, or nothing is to be said. The second one ends the process as
// if nothing watched it, but for a SIGUSR1 within a second of the first, and where all ranks are about to end.
func untilTold(w io.Writer, say func() bool) (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals, over := make(chan os.Signal, 4), make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGUSR1)
	go func() {
		var s stopper
		for {
			select {
			case <-over:
				return
			case sig := <-signals:
				if ranks.Ending() {
					continue
				}
				switch s.take(sig, time.Now()) {
				case stopNow:
					if say() {
						acknowledge(w)
					}
					cancel()
				case endsHere:
					signal.Reset(sig)
					if p, err := os.FindProcess(os.Getpid()); err == nil && p.Signal(sig) == nil {
						time.Sleep(200 * time.Millisecond) // the signal ends the process
					}
					os.Exit(failed) // unless whoever started it has it ignored
				}
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(over)
		cancel()
	}
}

// acknowledge says that the program stops: on a terminal on a line of its own, below that of the
// progress.
func acknowledge(w io.Writer) {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, stopping)
}
