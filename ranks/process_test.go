package ranks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tessera/ranks"
)

// outcome is the result of a program that start has run.
type outcome struct {
	code           int
	stdout, stderr string
	took           time.Duration // from the "event" that a role prints to the end; for the log alone
}

// start runs this binary in a role; prefix is the launcher with its arguments, or empty. If
// sig is not 0, it is sent to the process whose pid the role prints.
func start(t testing.TB, prefix []string, role string, sig syscall.Signal, env ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute) // on one busy core a message of a crowd of ranks takes milliseconds
	defer cancel()
	args := append(prefix[:len(prefix):len(prefix)], os.Args[0])
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(append(os.Environ(), roleVar+"="+role), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout := &watched{pid: make(chan int, 1)}
	cmd.Stdout = stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var event time.Time
	if sig != 0 {
		select {
		case pid := <-stdout.pid:
			event = time.Now()
			if err := syscall.Kill(pid, sig); err != nil {
				t.Error(err)
			}
		case <-ctx.Done():
			t.Error("no process to signal")
		}
	}
	err := cmd.Wait()
	end := time.Now()
	if ctx.Err() != nil {
		t.Fatalf("%s does not end: %s\n%s", role, stdout.text.String(), stderr.String())
	}
	o := outcome{stdout: stdout.text.String(), stderr: stderr.String()}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		o.code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if m := regexp.MustCompile(`event (\d+)`).FindStringSubmatch(o.stdout); m != nil {
		ns, _ := strconv.ParseInt(m[1], 10, 64)
		event = time.Unix(0, ns)
	}
	if !event.IsZero() {
		o.took = end.Sub(event)
	}
	return o
}

// watched keeps output and finds the pid in it.
type watched struct {
	text bytes.Buffer
	pid  chan int
}

var pidLine = regexp.MustCompile(`pid (\d+)\n`)

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.text.Write(p)
	if m := pidLine.FindSubmatch(w.text.Bytes()); m != nil {
		pid, _ := strconv.Atoi(string(m[1]))
		select {
		case w.pid <- pid:
		default:
		}
	}
	return n, err
}

// rankLines are the lines of standard error that begin with the number of a rank.
// A launcher, and libraries that it loads, may write others.
func rankLines(stderr string) []string {
	return regexp.MustCompile(`(?m)^rank \d+: .*$`).FindAllString(stderr, -1)
}

// TestRefusesWithoutMPI: processes of one launcher whose binary has no MPI all
// fail, and one of them says why. The test sets the launcher's variables itself.
func TestRefusesWithoutMPI(t *testing.T) {
	if ranks.MPI().Compiled {
		t.Skip("this binary has MPI")
	}
	for _, env := range []string{
		"OMPI_COMM_WORLD_RANK=%d OMPI_COMM_WORLD_SIZE=3",
		"PMI_RANK=%d PMI_SIZE=3",
		"SLURM_PROCID=%d SLURM_STEP_NUM_TASKS=3",
	} {
		said := ""
		for rank := range 3 {
			o := start(t, nil, "report", 0, strings.Fields(fmt.Sprintf(env, rank))...)
			if o.code != 1 || o.stdout != "" {
				t.Errorf("%s: rank %d: exit status %d, output %q", env, rank, o.code, o.stdout)
			}
			said += o.stderr
		}
		if strings.Count(said, "started 3 processes, but this binary was built without MPI") != 1 {
			t.Errorf("%s: the ranks say %q", env, said)
		}
	}
	if o := start(t, nil, "report", 0, "OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_SIZE=1", ranksVar+"=2"); o.code != 0 || !strings.Contains(o.stdout, "2 ranks, in-process") {
		t.Errorf("mpirun -n 1: %+v", o)
	}
}

// TestSignalInProcess is TestMPISignals with in-process ranks.
func TestSignalInProcess(t *testing.T) {
	signals(t, nil, ranksVar+"=3")
}

// signals sends SIGTERM to one process. Ranks that agree to stop have the time of
// Options.Grace to write a checkpoint; ranks that ignore the signal are aborted
// when that time is over.
func signals(t *testing.T, prefix []string, env ...string) {
	long := append(env[:len(env):len(env)], graceVar+"=2m")
	o := start(t, prefix, "agree to stop", syscall.SIGTERM, long...)
	t.Logf("agreed: exit status %d after %v", o.code, o.took)
	if said := rankLines(o.stderr); o.code != 3 || len(said) != 1 || !strings.Contains(said[0], "context canceled") ||
		!strings.Contains(o.stdout, "checkpoint written") {
		t.Errorf("agreed: %+v", o)
	}
	o = start(t, prefix, "ignore the signal", syscall.SIGTERM, env...)
	t.Logf("ignored: exit status %d after %v", o.code, o.took)
	if said := rankLines(o.stderr); o.code == 0 || len(said) == 0 || !strings.Contains(said[0], "still running 1.5s after it was told to stop") {
		t.Errorf("ignored: %+v", o)
	}
}
