package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"tessera/internal/imageio"
	"tessera/scaling"
)

// Ways to start ranks.
const (
	launchAuto      = "auto"
	launchInProcess = "in-process"
	launchMPIRun    = "mpirun"
	launchSrun      = "srun"
)

// launcher starts the runs of a study: this program again, as a process of its own, so
// that every run begins with fresh memory.
type launcher struct {
	how    string
	exe    string
	config string // of the job
	answer string // file of a result
	dir    string // for results, which are removed when they have been compared
	cores  int
	runs   int
}

// newLauncher settles how ranks are started.
func newLauncher(how, config, answer, dir string) (*launcher, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	l := &launcher{how: how, exe: exe, config: config, answer: answer, dir: dir, cores: ownCores()}
	if how == launchAuto {
		l.how = launchInProcess
		if os.Getenv("SLURM_JOB_ID") != "" {
			l.how = launchSrun
		}
	}
	if l.how == launchSrun {
		l.cores = allocatedCores(l.cores)
	}
	return l, nil
}

// allocatedCores are those of a Slurm allocation: tasks times the cores of each.
func allocatedCores(own int) int {
	number := func(name string) int {
		n, _ := strconv.Atoi(os.Getenv(name))
		return n
	}
	if n := number("SLURM_NTASKS"); n > 0 {
		return n * max(1, number("SLURM_CPUS_PER_TASK"))
	}
	return max(own, number("SLURM_CPUS_ON_NODE")*max(1, number("SLURM_JOB_NUM_NODES")))
}

func (l *launcher) How() string {
	switch l.how {
	case launchMPIRun:
		return "mpirun, " + l.binding()
	case launchSrun:
		return "srun, " + l.binding()
	}
	return "in-process ranks, a process for each run"
}

// binding says which ranks have a core of their own.
func (l *launcher) binding() string {
	switch l.how {
	case launchMPIRun:
		return "bound to cores where there are enough"
	case launchSrun:
		return "--cpu-bind=cores"
	}
	return "in-process ranks bound to cores where there are enough"
}

// command is what starts a run of so many ranks; copies of a run are counted.
func (l *launcher) command(p scaling.Point, nth int, out string) []string {
	run := []string{l.exe, "run", operand(l.config), "-quiet", "-out", out}
	for _, s := range p.Sets {
		run = append(run, "-set", s)
	}
	n := strconv.Itoa(p.Ranks)
	switch l.how {
	case launchMPIRun:
		head := []string{"mpirun", "-n", n}
		if os.Getuid() == 0 {
			head = append(head, "--allow-run-as-root")
		}
		if p.Copies > 1 {
			head = append(head, "--cpu-set", strconv.Itoa(nth), "--bind-to", "core") // a core each, as the ranks have
		} else if p.Ranks > l.cores {
			head = append(head, "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1")
		} else {
			head = append(head, "--bind-to", "core")
		}
		return append(head, run...)
	case launchSrun:
		head := []string{"srun", "--mpi=pmix", "--kill-on-bad-exit=1", "-n", n}
		if p.Copies > 1 {
			head = append(head, "--exact", "--cpu-bind=cores")
		} else if p.Ranks > l.cores {
			head = append(head, "--overcommit", "--cpu-bind=none")
		} else {
			head = append(head, "--cpu-bind=cores")
		}
		if p.Ranks == 1 {
			run = append(run, "-ranks", n) // srun of one task may be an interactive shell's, which counts for none
		}
		return append(head, run...)
	}
	return append(run, "-ranks", n)
}

// stopWithin is how long a run that was told to stop may take.
const stopWithin = 20 * time.Second

func (l *launcher) Launch(ctx context.Context, p scaling.Point) (scaling.Run, error) {
	n := max(1, p.Copies)
	runs, errs := make([]scaling.Run, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		l.runs++
		out := filepath.Join(l.dir, strconv.Itoa(l.runs))
		line := l.command(p, i, out)
		all.Go(func() { runs[i], errs[i] = l.start(ctx, line, p.Ranks, out) })
	}
	all.Wait()
	first := runs[0]
	for i := 1; i < n; i++ {
		first.Seconds += runs[i].Seconds
		errs = append(errs, l.Discard(runs[i].Answer))
	}
	first.Seconds /= float64(n)
	return first, errors.Join(errs...)
}

// start is one run with its result in out.
func (l *launcher) start(ctx context.Context, line []string, ranks int, out string) (scaling.Run, error) {
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopWithin
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	r := scaling.Run{Command: slices.Clone(line)}
	for i, word := range r.Command {
		if word == l.exe {
			r.Command[i] = filepath.Base(l.exe) // wherever it lies
		}
	}
	if err := cmd.Run(); err != nil {
		return r, fmt.Errorf("%w: %s", err, firstLine(said.String()))
	}
	r.Answer = filepath.Join(out, l.answer)
	return r, l.read(out, ranks, &r)
}

// firstLine is the first line of what a run printed.
func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	if s == "" {
		return "it printed nothing"
	}
	return s
}

// read takes a run's own account of itself from its metrics.json.
func (l *launcher) read(out string, ranks int, r *scaling.Run) error {
	path := filepath.Join(out, "metrics.json")
	text, err := imageio.ReadText(path, 1<<26)
	if err != nil {
		return err
	}
	var m struct {
		Transport  string            `json:"transport"`
		Ranks      int               `json:"ranks"`
		Iterations int               `json:"iterations"`
		RanksDid   []scaling.Account `json:"ranks_did"`
		Seconds    json.RawMessage   `json:"seconds"`
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if m.Ranks != ranks {
		return fmt.Errorf("%s: the run had %d ranks, %d were asked for; is the binary built with MPI?", path, m.Ranks, ranks)
	}
	if len(m.RanksDid) == 0 {
		return errors.New(path + ": no ranks_did: jobs of this kind do not record the work of their ranks and cannot be studied")
	}
	r.Transport, r.Iterations, r.Accounts = m.Transport, m.Iterations, m.RanksDid
	for _, a := range m.RanksDid {
		r.Seconds = max(r.Seconds, a.Seconds)
	}
	r.Phases, r.Total, err = phases(m.Seconds)
	return err
}

// phases are the parts of a run in their order, without those that are parts of others.
func phases(text json.RawMessage) (list []scaling.Phase, total float64, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return nil, 0, err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, 0, err
		}
		var v float64
		if err := d.Decode(&v); err != nil {
			return nil, 0, err
		}
		switch name := fmt.Sprint(key); name {
		case "total":
			total = v
		case "exchange", "reduce", "compute", "compute_mean":
		default:
			list = append(list, scaling.Phase{Name: name, Seconds: v})
		}
	}
	return list, total, nil
}

// Compare is the relative difference of two files of numbers.
func (l *launcher) Compare(answer, reference string) (float64, error) {
	a, err := numbersOf(answer)
	if err != nil {
		return 0, err
	}
	b, err := numbersOf(reference)
	if err != nil {
		return 0, err
	}
	if len(a) != len(b) {
		return math.Inf(1), nil
	}
	diff, norm := 0.0, 0.0
	for i, v := range b {
		diff += (a[i] - v) * (a[i] - v)
		norm += v * v
	}
	if diff == 0 {
		return 0, nil
	}
	return math.Sqrt(diff / norm), nil
}

// numbersOf are the numbers in an npy file, or of the first two arrays of an npz: what
// was learned, not what it is compared with.
func numbersOf(path string) ([]float64, error) {
	if strings.HasSuffix(path, ".npz") {
		list, err := imageio.ReadNpz(path, func(all []imageio.Member) (names []string, err error) {
			for _, m := range all[:min(2, len(all))] {
				names = append(names, m.Name)
			}
			return names, nil
		})
		if err != nil {
			return nil, err
		}
		var all []float64
		for _, m := range list {
			all = append(all, m.Data...)
		}
		return all, nil
	}
	a, err := imageio.ReadNpy(path)
	if err != nil {
		return nil, err
	}
	return a.Data, nil
}

// Discard removes the result that an answer belongs to.
func (l *launcher) Discard(answer string) error {
	if answer == "" {
		return nil
	}
	return os.RemoveAll(filepath.Dir(answer))
}
