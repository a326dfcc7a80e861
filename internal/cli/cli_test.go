package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"tessera/internal/config"
	"tessera/internal/lifecycle"
	"tessera/internal/linalg"
	"tessera/internal/outdir"
	"tessera/ranks"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"tessera": func() { os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr)) },
		"crash":   crash,
	})
}

// TestScripts runs testdata/script: each is one behaviour of the command line.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			scripts, err := filepath.Abs("../../scripts")
			e.Setenv("SCRIPTS", scripts)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":    runForStatus,
			"same":      same,
			"array":     array,
			"beside":    beside,
			"interrupt": interrupt,
			"metric":    metric,
			"mpirun":    mpirun,
		},
		// [mpi]: this test binary has MPI, and there is a launcher for it. [native]: it
		// has native kernels. [root]: the test runs as root, which mpirun must be told.
		Condition: func(cond string) (bool, error) {
			if cond == "native" {
				return !strings.Contains(linalg.Backend(), "gonum"), nil
			}
			if cond == "root" {
				return os.Getuid() == 0, nil
			}
			if cond != "mpi" {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			_, err := exec.LookPath("mpirun")
			return ranks.MPI().Compiled && err == nil, nil
		},
	})
}

// crash ends as a crash of the program does: in a command ("command"), in a goroutine that
// no code watches ("goroutine"), or for lack of memory ("memory").
func crash() {
	switch os.Args[1] {
	case "command":
		os.Exit(Main([]string{"version"}, brokenWriter{}, os.Stderr))
	case "goroutine":
		abortOnCrash()
		go panic("somewhere")
		select {}
	case "memory":
		debug.SetGCPercent(-1)
		abortOnCrash()
		if err := unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: 4 << 30, Max: 4 << 30}); err != nil {
			panic(err)
		}
		var keep [][]byte
		for {
			keep = append(keep, make([]byte, 1<<28))
			keep[len(keep)-1][0] = 1
		}
	}
}

// brokenWriter is a console that breaks the program.
type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { panic("no console") }

// Errors have the exit status that the documentation gives them.
func TestStatus(t *testing.T) {
	index := []int{}
	at := func(err error) error { return fmt.Errorf("rank 1: %w", err) }
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, done},
		{errors.New("disk"), failed},
		{usageError{"what?"}, misused},
		{at(&config.Error{}), misused},
		{at(&outdir.HeldError{}), misused},
		{at(&lifecycle.ExistsError{}), misused},
		{at(&lifecycle.NoCheckpointError{}), misused},
		{at(&lifecycle.StoppedError{Err: context.Canceled}), stopped},
		{at(&lifecycle.LostError{Failure: errors.New("disk full")}), failed},
		{at(&ranks.PanicError{Value: "x"}), crashed},
		{ranks.Launch(context.Background(), ranks.Options{Ranks: 3}, func(_ context.Context, c ranks.Comm) error {
			if c.Rank() == 1 {
				index[5] = 1
			}
			return c.Barrier()
		}), crashed},
		{&ranks.RankError{Code: ranks.PanicCode, Err: errors.New("of another process")}, crashed},
		{at(&ranks.PanicError{Value: sizeError()}), failed},
	} {
		if got := status(c.err); got != c.want {
			t.Errorf("%v: status %d, want %d", c.err, got, c.want)
		}
	}
	if got := message(&ranks.PanicError{Value: sizeError()}); !strings.Contains(got, "not enough memory") || strings.Contains(got, "goroutine") {
		t.Error(got)
	}
	for rank, want := range []string{"tessera: disk", "tessera: rank 1: disk"} {
		if got := message(&ranks.RankError{Rank: rank, Err: errors.New("disk")}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := message(&ranks.PanicError{Value: "x"}); !strings.Contains(got, "defect of tessera") {
		t.Error(got)
	}
}

// sizeError is the panic of an array that no memory can hold.
func sizeError() (v any) {
	defer func() { v = recover() }()
	n := 1 << 62
	return make([]float64, n)
}
