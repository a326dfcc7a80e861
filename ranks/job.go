package ranks

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

// A job is what the environment says about the launcher that started this
// process: mpirun, mpiexec, srun. The zero job is a process started by hand.
type job struct {
	launcher string
	rank     int
	size     int // processes; 0 if the launcher does not say
	local    int // processes on this machine, likewise
}

// launchers are the variables of each launcher, the innermost first: mpirun
// inside a Slurm step decides, not the step.
var launchers = []struct{ name, rank, size, local string }{
	{"Open MPI's mpirun", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"},
	{"MPICH's mpirun", "PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS"},
	{"srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", ""},
	{"a PMIx launcher", "PMIX_RANK", "", ""},
}

// readJob looks at the environment. A Slurm step of a single task is no job: it
// may well be an interactive shell.
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

// refuse is the error of a process that was started beside others but cannot
// talk to them.
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

// Quiet says whether err, which Launch returned, is the same on all processes of
// an mpirun and printed by another: main then only sets the exit status.
func Quiet(err error) bool {
	var q quietError
	return errors.As(err, &q)
}

// oneVoice makes err quiet on all processes but rank 0. They come back a little
// later, or when the launcher tells them to go: it ends all when the first exits
// with an error, and rank 0 has yet to say why.
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

// MPIInfo says what this binary knows of MPI, for a report.
type MPIInfo struct {
	Compiled    bool   // built with the tag mpi
	Library     string // "Open MPI 4.1.4"; empty if not compiled
	Standard    string // of MPI that the library follows, "3.1"
	ThreadLevel string // granted by the running MPI, "multiple"; empty unless inside Launch under mpirun
}
