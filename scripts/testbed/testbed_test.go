//go:build testbed

// Package testbed runs Tessera under a Slurm and on several hosts, both of this
// machine's making, as root:
//
//	go test -tags testbed ./scripts/testbed
package testbed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// root is the project's directory, tessera the binary under test.
var root, tessera string

func TestMain(m *testing.M) { os.Exit(build(m)) }

// build makes the binary and runs the tests.
func build(m *testing.M) int {
	if os.Getuid() != 0 {
		fmt.Println("skipped: only root can start a Slurm and make hosts")
		return 0
	}
	dir, err := os.MkdirTemp("", "tessera-testbed")
	if err == nil {
		defer os.RemoveAll(dir)
		root, err = filepath.Abs("../..")
	}
	tessera = filepath.Join(dir, "tessera")
	if err == nil {
		cmd := exec.Command("go", "build", "-tags", "native,mpi", "-o", tessera, ".")
		cmd.Dir, cmd.Stderr = root, os.Stderr
		err = cmd.Run()
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return m.Run()
}

// frame is a short job, stamps one of some seconds that keeps checkpoints.
const (
	frame = `
job = "tikhonov"
[simulate]
rows = 61
cols = 47
missing = 0.02
[blur]
kind = "gaussian"
size = 5
`
	stamps = `
job = "psf"
[simulate]
count = 60
psfs = 20
side = 21
[psf]
iterations = 10000
look_every = 5
[checkpoint]
every = 0.5
`
)

// bench is a directory with the two configs and what there is to do in it.
type bench struct {
	*testing.T
	dir string
}

func newBench(t *testing.T) *bench {
	b := &bench{t, t.TempDir()}
	b.write("frame.toml", frame)
	b.write("stamps.toml", stamps)
	return b
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) write(name, text string) {
	b.Helper()
	if err := os.WriteFile(b.path(name), []byte(text), 0o666); err != nil {
		b.Fatal(err)
	}
}

// sh runs lines of bash, and returns their exit status and output. $root and $tessera
// are what they are here, slurm, hosts and cut the scripts of this directory.
func (b *bench) sh(within time.Duration, lines string) (int, string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), within)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", lines)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "root="+root, "tessera="+tessera, "TESSERA="+tessera, "PATH="+filepath.Join(root, "scripts/testbed")+":"+os.Getenv("PATH"))
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		b.Fatalf("%v after %v\n%s", err, time.Since(start), &out)
	}
	b.Logf("took %.1f s", time.Since(start).Seconds())
	return cmd.ProcessState.ExitCode(), out.String()
}

// must is sh for lines that succeed.
func (b *bench) must(within time.Duration, lines string) string {
	b.Helper()
	status, out := b.sh(within, lines)
	if status != 0 {
		b.Fatalf("exit status %d\n%s", status, out)
	}
	return out
}

// same checks that two runs ended with the same bytes.
func (b *bench) same(one, other string) {
	b.Helper()
	x, err := os.ReadFile(b.path(one + "/solution.npy"))
	if err != nil {
		b.Fatal(err)
	}
	y, err := os.ReadFile(b.path(other + "/solution.npy"))
	if err != nil {
		b.Fatal(err)
	}
	if !bytes.Equal(x, y) {
		b.Errorf("%s and %s ended with different solutions", one, other)
	}
}

func TestBatchRun(t *testing.T) {
	b := newBench(t)
	b.must(time.Minute, `$tessera run frame.toml -quiet -ranks 4 -out here`)
	b.must(time.Minute, `
		slurm sbatch --wait -n 4 -o run.log $root/scripts/slurm/run.sbatch frame.toml -out there || { cat run.log; exit 1; }
		grep 'written to' run.log`)
	b.same("here", "there")
}

// A strong scaling study in a batch job: srun starts its runs.
func TestStudy(t *testing.T) {
	b := newBench(t)
	b.write("study.toml", "config = \"frame.toml\"\n[runs]\nleast = 2\nmost = 2\n")
	out := b.must(2*time.Minute, `slurm sbatch --wait --nodes=1 --ntasks-per-node=4 "$root/scripts/slurm/scale-strong.sbatch" study.toml -ranks 1,2,4 -out strong; status=$?; cat tessera-strong-*.log; exit $status`)
	if !strings.Contains(out, "written to strong/report.html") {
		t.Errorf("no report:\n%s", out)
	}
	for name, want := range map[string]string{"environment.json": `"launch": "srun, --cpu-bind=cores"`, "runs.jsonl": `"transport":"Open MPI`, "summary.csv": "measured", "report.html": "<svg"} {
		text, err := os.ReadFile(b.path("strong/" + name))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s without %s: %v", name, want, err)
		}
	}
	runs, err := os.ReadFile(b.path("strong/runs.jsonl"))
	if n := strings.Count(string(runs), `"failed"`); err != nil || n > 0 {
		t.Errorf("%d runs failed, %v:\n%s", n, err, runs)
	}
}

// Two nodes, without and with a batch script; a run that fails fails its job.
func TestNodes(t *testing.T) {
	b := newBench(t)
	b.write("other.toml", frame+"[output]\ndir = 'other'\n")
	b.write("full.toml", frame+"[output]\ndir = 'here'\n")
	b.must(time.Minute, `$tessera run frame.toml -quiet -ranks 4 -out here`)
	out := b.must(2*time.Minute, `slurm -nodes 2 -cpus 2 bash -e -c '
		srun --mpi=pmix -N 2 --ntasks-per-node=2 --kill-on-bad-exit=1 $tessera run frame.toml -quiet -out srun
		$tessera slurm frame.toml -nodes 2 -ntasks-per-node 2 -out printed >job
		sbatch --wait -o log job || { cat log; exit 1; }
		sbatch --wait -o array-%a --array=1-2 -n 2 $root/scripts/slurm/array.sbatch other.toml full.toml && exit 1
		cat array-1 array-2'`)
	b.same("here", "srun")
	b.same("here", "printed")
	for _, want := range []string{"task 1: other.toml", "written to      other", "task 2: full.toml", "is there already"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// untilKept waits for the first checkpoint of a run into DIR.
const untilKept = `
	for _ in {1..200}; do [ -e DIR/checkpoint/checkpoint.json ] && break; sleep 0.1; done
`

// A run that is told to stop goes back into the queue and on to the same end; one
// that is cancelled does not come back.
func TestRequeue(t *testing.T) {
	b := newBench(t)
	b.must(time.Minute, `$tessera run stamps.toml -quiet -ranks 2 -out whole`)
	for _, c := range []struct{ name, submit string }{
		{"long", `sbatch --parsable -n 2 -o long.log $root/scripts/slurm/long.sbatch long stamps.toml -quiet`},
		{"printed", `$tessera slurm stamps.toml -nodes 1 -ntasks-per-node 2 -out printed >job && sbatch --parsable -o printed.log job`},
	} {
		b.Run(c.name, func(t *testing.T) {
			b := &bench{t, b.dir}
			b.write("submit", `
				job=$(`+c.submit+`)
				`+strings.ReplaceAll(untilKept, "DIR", c.name)+`
				scancel --signal=USR1 $job
				for _ in {1..400}; do
					state=$(scontrol show job $job)
					[[ $state == *JobState=COMPLETED* || $state == *JobState=FAILED* ]] && break
					sleep 0.1
				done
				cat `+c.name+`.log
				[[ $state == *JobState=COMPLETED*Restarts=1\ * ]] || { echo "$state"; exit 1; }
			`)
			out := b.must(90*time.Second, `slurm bash submit`)
			for _, want := range []string{"holds a checkpoint", "back into the queue"} {
				if strings.Count(out, want) != 1 {
					t.Errorf("want %q once in\n%s", want, out)
				}
			}
			b.same("whole", c.name)
			if _, err := os.Stat(b.path(c.name + "/checkpoint")); err == nil {
				t.Errorf("%s/checkpoint is still there", c.name)
			}
		})
	}
	b.Run("cancelled", func(t *testing.T) {
		b := &bench{t, b.dir}
		b.write("submit", `
			job=$(sbatch --parsable -n 2 -o cancelled.log $root/scripts/slurm/long.sbatch cancelled stamps.toml -quiet -set psf.iterations=9000000)
			`+strings.ReplaceAll(untilKept, "DIR", "cancelled")+`
			scancel $job
			sleep 12
			cat cancelled.log
			scontrol show job $job
		`)
		if out := b.must(90*time.Second, `slurm bash submit`); !strings.Contains(out, "JobState=CANCELLED Reason=None") {
			t.Errorf("not cancelled, or back again:\n%s", out)
		}
	})
}

func TestHosts(t *testing.T) {
	b := newBench(t)
	b.must(time.Minute, `$tessera run frame.toml -quiet -ranks 4 -out here`)
	out := b.must(time.Minute, `hosts 4 bash -e -c '
		mpirun -n 4 hostname
		mpirun -n 4 $tessera run frame.toml -quiet -out there'`)
	b.same("here", "there")
	for _, host := range []string{"h1\n", "h2\n", "h3\n", "h4\n"} {
		if strings.Count(out, host) != 1 {
			t.Errorf("want one rank on %q", host)
		}
	}
}

// A host that vanishes ends the job, which can be continued without it.
func TestCut(t *testing.T) {
	b := newBench(t)
	b.must(time.Minute, `$tessera run stamps.toml -quiet -ranks 2 -out whole`)
	b.write("vanish", `
		mpirun -n 4 $tessera run stamps.toml -quiet -out part -set psf.iterations=9000000 & run=$!
		`+strings.ReplaceAll(untilKept, "DIR", "part")+`
		cut h3
		SECONDS=0
		wait $run
		status=$?
		echo "status $status after $SECONDS s"
		[ $status -ne 0 ] && [ $SECONDS -lt 60 ]
	`)
	out := b.must(2*time.Minute, `hosts 4 bash vanish`)
	t.Log(out)
	if !strings.Contains(out, "lost communication with a remote daemon") || !strings.Contains(out, "10.77.0.3") {
		t.Errorf("nobody says which host was lost:\n%s", out)
	}
	b.must(time.Minute, `hosts 3 mpirun -n 3 $tessera run stamps.toml -quiet -resume -out part`)
	b.same("whole", "part")
}

// Whatever becomes of the command, its exit status is the script's and nothing stays.
func TestTakenDown(t *testing.T) {
	b := newBench(t)
	const left = `ls -d /tmp/tessera-slurm.* /tmp/tessera-hosts.* 2>/dev/null; ip netns list | grep ^tessera-; ps -eo args | grep '[t]essera-slurm'; true`
	before := b.must(time.Minute, left)
	for lines, want := range map[string]int{
		`slurm sh -c 'exit 7'`:    7,
		`hosts 2 sh -c 'exit 7'`:  7,
		`slurm no-such-command`:   127,
		`slurm`:                   2,
		`slurm -nodes none true`:  2,
		`hosts 0 true`:            2,
		`hosts 2`:                 2,
		`cut h1`:                  2,
		`hosts -rate much 2 true`: 1,
		`timeout -s TERM 6 slurm sh -c 'sbatch --wrap "sleep 600" -n 2; sleep 600'`: 124,
		`timeout -s INT 3 hosts 2 mpirun -n 2 sleep 600`:                            124,
		// Two at once.
		`hosts 2 mpirun -n 2 sleep 1 & hosts 2 mpirun -n 2 sleep 1 && wait $!`: 0,
		`slurm slurm srun -n 2 true`: 0,
	} {
		if status, out := b.sh(time.Minute, lines); status != want {
			t.Errorf("%s: exit status %d, want %d\n%s", lines, status, want, out)
		}
	}
	if after := b.must(time.Minute, left); after != before {
		t.Errorf("left behind:\n%s", after)
	}
}
