package cli

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"tessera/ranks"
)

// abortOnCrash makes what Go itself ends, which no code can catch, end by SIGABRT: a process
// without memory, a fault in C, a panic in a goroutine that is no rank's. Go's own exit
// status 2 is that of bad usage. No core is left. A value of GOTRACEBACK stays as it is.
func abortOnCrash() {
	if os.Getenv("GOTRACEBACK") != "" {
		return
	}
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) // without it there may be a core, no more
	debug.SetTraceback("crash")
}

// isCrash tells whether an error is a panic, on this rank or another one, for which the
// program is to blame.
func isCrash(err error) bool {
	p, r := new(ranks.PanicError), new(ranks.RankError)
	return errors.As(err, &p) && !p.NoMemory() || errors.As(err, &r) && r.Code == ranks.PanicCode
}

// crashMessage is what the console shows of a panic.
func crashMessage(err error) (text string, ok bool) {
	p := new(ranks.PanicError)
	if !errors.As(err, &p) {
		return "", false
	}
	if p.NoMemory() {
		return "not enough memory: the problem needs an array that is larger than the memory which this machine can address; `tessera plan` predicts the memory of a run", true
	}
	return fmt.Sprintf("this is a defect of tessera %s, please report it: %v", version(), err), true
}
