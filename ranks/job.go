package ranks

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// A job describes the launcher that started this process (mpirun, mpiexec, srun), as
// found in the environment. The zero job is a process started without one.
type job struct {
	launcher string
	rank     int
	size     int // processes; 0: unknown
	local    int // processes on this machine; 0: unknown
}

// launchers are the variables of each launcher, the innermost first: mpirun
// inside a Slurm step decides, not the step.
var launchers = []struct{ name, rank, size, local string }{
	{"Open MPI's mpirun", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"},
	{"MPICH's mpirun", "PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS"},
	{"srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", ""},
	{"a PMIx launcher", "PMIX_RANK", "", ""},
}

// readJob reads the environment. A Slurm step of a single task is no job: it may be an
// interactive shell.
func readJob(getenv func(string) string) job {
	number := func(name string) (int, bool) {
		n, err := strconv.Atoi(getenv(name))
		return n, name != "" && err == nil && n >= 0
	}
	for _, l := range launchers {
		j := job{launcher: l.name}
		var hasRank, hasSize bool
		j.rank, hasRank = number(l.rank)
		j.size, hasSize = number(l.size)
		j.local, _ = number(l.local)
		if !hasRank || l.size != "" && !hasSize {
			continue
		}
		if l.name == "srun" && j.size == 1 {
			break
		}
		return j
	}
	return job{}
}

func thisJob() job { return readJob(os.Getenv) }

// Speaks tells whether this process says what all processes of a launcher know: it is rank 0, or
// no launcher has started it.
func Speaks() bool { return thisJob().rank == 0 }

// ending is set when the bodies of all ranks of an MPI job have returned.
var ending atomic.Bool

// Ending tells whether the bodies of all ranks of a launcher have returned, so that only MPI and the
// processes have still to end. The launcher sends SIGTERM then, when the first process has ended with
// a status that is not 0: the others are to end with theirs.
func Ending() bool { return ending.Load() }

// Several tells whether a launcher has started this process together with others.
func Several() bool {
	j := thisJob()
	return j.launcher != "" && j.size != 1
}

// refuse is the error of a process that a launcher has started together with others but
// that cannot communicate with them.
func (j job) refuse(why string) error {
	n := "several processes"
	if j.size > 0 {
		n = fmt.Sprintf("%d processes", j.size)
	}
	return j.oneVoice(fmt.Errorf("%s started %s, but %s", j.launcher, n, why))
}

// quietError is an error that another process of the job prints.
type quietError struct{ error }

func (e quietError) Unwrap() error { return e.error }

// Quiet tells whether err, returned by Launch, is an error of all processes of an mpirun
// that another process prints: then main only sets the exit status.
func Quiet(err error) bool {
	var q quietError
	return errors.As(err, &q)
}

// oneVoice makes err quiet on all processes but rank 0. These return 0.3 s later, or when
// the launcher sends SIGTERM: a launcher ends all processes when the first exits with an
// error, and rank 0 must have printed the error by then.
func (j job) oneVoice(err error) error {
	if err == nil || j.rank == 0 {
		return err
	}
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	defer signal.Stop(told)
	select {
	case <-told:
	case <-time.After(300 * time.Millisecond):
	}
	return quietError{err}
}

// Launcher is a script of this repository: Open MPI's mpirun, but the ranks that are told to
// stop have the time that they need. stoppedBy is the variable by which they know it.
const (
	Launcher  = "scripts/mpirun"
	stoppedBy = "TESSERA_STOPPED_BY"
)

// KillDelay is the time after which the launcher of this process kills it once it has passed
// on SIGTERM or an interrupt; false if there is no such limit, or if it is not known.
// SIGUSR1, which mpirun passes on at once, has no limit.
func KillDelay() (time.Duration, bool) { return killDelay(os.Getenv) }

func killDelay(getenv func(string) string) (time.Duration, bool) {
	if readJob(getenv).launcher != launchers[0].name || getenv(stoppedBy) != "" {
		return 0, false
	}
	// mpirun hands its own parameters on to the ranks in the environment.
	for _, name := range []string{"OMPI_MCA_odls_base_sigkill_timeout", "PRTE_MCA_odls_base_sigkill_timeout"} {
		if n, err := strconv.Atoi(getenv(name)); err == nil {
			return time.Duration(n) * time.Second, true
		}
	}
	return time.Second, true
}

// MPIInfo describes the MPI library of this binary, for a report.
type MPIInfo struct {
	Compiled    bool   // built with the tag mpi; if false, the other fields are empty
	Library     string // name and version: "Open MPI 4.1.4"
	Standard    string // version of the MPI standard: "3.1"
	ThreadLevel string // of the running MPI: "multiple"; empty outside Launch or without mpirun
}
