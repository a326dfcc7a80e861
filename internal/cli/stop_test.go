package cli

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tessera/internal/jobs"
	"tessera/internal/lifecycle"
)

// The first signal stops, and the second one ends the process, but for a SIGUSR1 within a second.
func TestSignals(t *testing.T) {
	type event struct {
		sig  os.Signal
		at   time.Duration
		want answer
	}
	ms := time.Millisecond
	for name, events := range map[string][]event{
		"twice the same":        {{syscall.SIGUSR1, 0, stopNow}, {syscall.SIGUSR1, 300 * ms, nothing}, {syscall.SIGUSR1, 999 * ms, nothing}, {syscall.SIGUSR1, 1001 * ms, endsHere}},
		"interrupt twice":       {{syscall.SIGINT, 0, stopNow}, {syscall.SIGINT, 10 * ms, endsHere}},
		"SIGTERM and interrupt": {{syscall.SIGTERM, 0, stopNow}, {syscall.SIGINT, 10 * ms, endsHere}},
		"SIGTERM and SIGUSR1":   {{syscall.SIGTERM, 0, stopNow}, {syscall.SIGUSR1, 10 * ms, nothing}, {syscall.SIGTERM, 20 * ms, endsHere}},
		"SIGUSR1 later":         {{syscall.SIGUSR1, 0, stopNow}, {syscall.SIGUSR1, 5 * time.Second, endsHere}},
	} {
		var s stopper
		for i, e := range events {
			if got := s.take(e.sig, time.Unix(100, 0).Add(e.at)); got != e.want {
				t.Errorf("%s: answer %d is %d, want %d", name, i, got, e.want)
			}
		}
	}
}

// endless are sets with which a kind of job does not end by itself while the test looks at it. A
// kind without them fails TestStopIsAcknowledged.
var endless = map[string][]string{
	"tikhonov":         {"tikhonov.method=cg", "tikhonov.lambda=1e-12", "tikhonov.tolerance=1e-15", "tikhonov.max_iterations=100000000"},
	"two-layer":        {"simulate.rows=1500", "simulate.cols=1500"},
	"tv":               {"tv.lambda=0.1", "tv.tolerance=1e-15", "tv.max_iterations=100000000"},
	"tppa":             {"simulate.rows=2000", "simulate.cols=2000"},
	"tppa-train":       {"tppa.steps=1000000"},
	"mlpatch-train":    {"mlpatch.steps=1000000"},
	"mlpatch-superres": {"mlpatch.steps=1000000"},
	"mlpatch-denoise":  {"mlpatch.model=../../configs/models/denoise-cells.npz", "simulate.rows=3000", "simulate.cols=3000"},
	"mlpatch-admm":     {"mlpatch.model=../../configs/models/denoise-cells.npz", "simulate.rows=1500", "simulate.cols=1500"},
	"darkmatter":       {"noise.realisations=100000"},
	"kernel":           {"simulate.count=2000000"},
	"deep-kernel":      {"simulate.count=3000", "deep.steps=1000000"},
	"psf":              {"psf.still=0", "psf.iterations=10000000"},
	"scdl-train":       {"scdl.iterations=100000000"},
	"scdl-spectra":     nil,
	"scdl-upscale":     nil,
}

// short are kinds that need a result of another job and end within a moment: that they stop at
// their collective calls is tested with the jobs.
var short = map[string]bool{"scdl-spectra": true, "scdl-upscale": true}

// A run of any kind that is told to stop as soon as it has shown its first phase says so at once,
// and ends with the status of a run that was stopped.
func TestStopIsAcknowledged(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a program for every kind of job")
	}
	for _, k := range jobs.Kinds() {
		sets, known := endless[k.Name]
		if !known {
			t.Errorf("no endless %s in stop_test.go", k.Name)
		}
		if short[k.Name] {
			continue
		}
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			config := filepath.Join(dir, "job.toml")
			if err := os.WriteFile(config, fmt.Appendf(nil, "job = %q\n", k.Name), 0o666); err != nil {
				t.Fatal(err)
			}
			args := []string{"run", config, "-ranks", "2", "-out", filepath.Join(dir, "out")}
			if k.Name == "tppa" {
				model := filepath.Join(dir, "model")
				learn := filepath.Join(dir, "learn.toml")
				if err := os.WriteFile(learn, []byte("job = \"tppa-train\"\n[simulate]\ncount = 6\nrows = 16\ncols = 20\n[data]\nvalidation = 2\n[tppa]\nsteps = 2\nlayers = 2\n"), 0o666); err != nil {
					t.Fatal(err)
				}
				if text, err := exec.Command("tessera", "run", learn, "-out", model, "-quiet").CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, text)
				}
				args = append(args, "-set", "tppa.model="+filepath.Join(model, "model.npz"))
			}
			for _, set := range sets {
				args = append(args, "-set", set)
			}
			cmd := exec.Command("tessera", args...)
			stderr, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			limit := time.AfterFunc(20*time.Minute, func() { cmd.Process.Kill() })
			defer limit.Stop()
			var lines []string
			for in := bufio.NewScanner(stderr); in.Scan(); {
				lines = append(lines, in.Text())
				if len(lines) == 1 {
					if err := cmd.Process.Signal(syscall.SIGUSR1); err != nil {
						t.Error(err)
					}
				}
			}
			cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != stopped {
				t.Errorf("exit status %d, want %d: %q", code, stopped, lines)
			}
			said := 0
			for _, line := range lines {
				if line == stopping {
					said++
				}
			}
			if said != 1 || strings.Contains(lines[0], stopping) {
				t.Errorf("acknowledged %d times: %q", said, lines)
			}
			if _, err := os.Stat(filepath.Join(dir, "out", lifecycle.MetricsName)); err == nil {
				t.Error("there is a result: the job ended by itself")
			}
		})
	}
}
