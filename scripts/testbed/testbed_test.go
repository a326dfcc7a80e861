//go:build testbed

// Package testbed runs Tessera under a Slurm and on several hosts, both set up on this
// machine for the duration of a test, as root:
//
//	go test -tags testbed ./scripts/testbed
//
// Where a test interrupts a run, it waits for a file that the run writes, never for a
// time: the tests pass on a machine of any speed.
package testbed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// frame is a job of a second. endless is one that keeps a checkpoint every half second,
// with so many iterations that it is certain to be interrupted before its end; the lines of
// enough set a number that it can be continued with.
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
	endless = `
job = "psf"
[simulate]
count = 60
psfs = 20
side = 21
[checkpoint]
every = 0.5
[psf]
tolerance = 0
still = 0
iterations = 9000000
`
)

// limit is how long the lines of one test may take. It ends lines that hang; nothing is
// measured with it.
const limit = 20 * time.Minute

// bench is a directory with configs and what there is to do in it.
type bench struct {
	*testing.T
	dir string
}

func newBench(t *testing.T) *bench {
	b := &bench{t, t.TempDir()}
	b.write("frame.toml", frame)
	b.write("endless.toml", endless)
	return b
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) write(name, text string) {
	b.Helper()
	if err := os.WriteFile(b.path(name), []byte(text), 0o666); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) read(name string) string {
	b.Helper()
	text, err := os.ReadFile(b.path(name))
	if err != nil {
		b.Fatal(err)
	}
	return string(text)
}

// sh runs lines of bash and returns their exit status and what they printed. The
// variables $root and $tessera have the values that they have here; slurm, hosts and cut
// are the scripts of this directory.
func (b *bench) sh(lines string) (int, string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", lines)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "root="+root, "tessera="+tessera, "TESSERA="+tessera, "PATH="+filepath.Join(root, "scripts/testbed")+":"+os.Getenv("PATH"))
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = limit
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
func (b *bench) must(lines string) string {
	b.Helper()
	status, out := b.sh(lines)
	if status != 0 {
		b.Fatalf("exit status %d\n%s", status, out)
	}
	return out
}

// same checks that two runs wrote the same bytes.
func (b *bench) same(one, other string) {
	b.Helper()
	if b.read(one+"/solution.npy") != b.read(other+"/solution.npy") {
		b.Errorf("%s and %s have different solutions", one, other)
	}
}

// untilKept waits for the first checkpoint of a run that writes into the folder NAME.
func untilKept(name string) string {
	return `until [ -e ` + name + `/checkpoint/checkpoint.json ]; do sleep 0.1; done`
}

// enough sets, in NAME.toml, a hundred iterations more than the interrupted run in the
// folder NAME has reported.
func enough(name string) string {
	return strings.ReplaceAll(`
		n=$(grep -rho --include='*.log' '"iteration":[0-9]*' NAME | tr -dc '0-9\n' | sort -n | tail -n 1)
		sed -i "s/^iterations = .*/iterations = $((${n:?no iteration in the log of NAME} + 100))/" NAME.toml
	`, "NAME", name)
}

// sameAsUninterrupted checks that the run of NAME.toml in the folder NAME, which was
// interrupted and continued, wrote the bytes of a run that was not.
func (b *bench) sameAsUninterrupted(name string) {
	b.Helper()
	b.must(strings.ReplaceAll(`$tessera run NAME.toml -quiet -ranks 2 -out NAME-whole`, "NAME", name))
	b.same(name+"-whole", name)
}

func TestBatchRun(t *testing.T) {
	b := newBench(t)
	b.must(`$tessera run frame.toml -quiet -ranks 4 -out here`)
	b.must(`
		slurm sbatch --wait -n 4 -o run.log $root/scripts/slurm/run.sbatch frame.toml -out there || { cat run.log; exit 1; }
		grep 'written to' run.log`)
	b.same("here", "there")
}

// A strong scaling study in a batch job: srun starts its runs.
func TestStudy(t *testing.T) {
	b := newBench(t)
	b.write("study.toml", "config = \"frame.toml\"\n[runs]\nleast = 2\nmost = 2\n")
	out := b.must(`slurm sbatch --wait --nodes=1 --ntasks-per-node=4 "$root/scripts/slurm/scale-strong.sbatch" study.toml -ranks 1,2,4 -out strong; status=$?; cat tessera-strong-*.log; exit $status`)
	if !strings.Contains(out, "written to strong/report.html") {
		t.Errorf("no report:\n%s", out)
	}
	for name, want := range map[string]string{"environment.json": `"launch": "srun, --cpu-bind=cores"`, "runs.jsonl": `"transport":"Open MPI`, "summary.csv": "measured", "report.html": "<svg"} {
		if !strings.Contains(b.read("strong/"+name), want) {
			t.Errorf("%s has no %s", name, want)
		}
	}
	if runs := b.read("strong/runs.jsonl"); strings.Contains(runs, `"failed"`) {
		t.Errorf("runs failed:\n%s", runs)
	}
}

// Two nodes, without and with a batch script; a run that fails fails its job.
func TestNodes(t *testing.T) {
	b := newBench(t)
	b.write("other.toml", frame+"[output]\ndir = 'other'\n")
	b.write("full.toml", frame+"[output]\ndir = 'here'\n")
	b.must(`$tessera run frame.toml -quiet -ranks 4 -out here`)
	out := b.must(`slurm -nodes 2 -cpus 2 bash -e -c '
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

// A run that is told to stop goes back into the queue and continues to the same result.
func TestRequeue(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct{ name, submit string }{
		{"long", `sbatch --parsable -n 2 -o long.log $root/scripts/slurm/long.sbatch long long.toml -quiet`},
		{"printed", `$tessera slurm printed.toml -nodes 1 -ntasks-per-node 2 -out printed >job && sbatch --parsable -o printed.log job`},
	} {
		b.Run(c.name, func(t *testing.T) {
			b := &bench{t, b.dir}
			b.write(c.name+".toml", endless)
			// No job starts on a node that is drained: the job waits in the queue until its
			// config has the number of iterations for the second start.
			b.write("submit", `
				# A job that hangs says in which state it is, and the nodes.
				await() {
					for _ in {1..3000}; do
						state=$(scontrol show job $job)
						[[ $state != *JobState=@($1)* ]] || return 0
						sleep 0.1
					done
					echo "$state"; sinfo -N -l; cat `+c.name+`.log
					exit 1
				}
				job=$(`+c.submit+`)
				`+untilKept(c.name)+`
				scontrol update nodename=ALL state=drain reason=test
				until scancel --signal=USR1 $job; do sleep 1; done
				await 'PENDING|COMPLETED|FAILED|CANCELLED|NODE_FAIL'
				`+enough(c.name)+`
				scontrol update nodename=ALL state=resume
				await 'COMPLETED|FAILED|CANCELLED|NODE_FAIL'
				cat `+c.name+`.log
				[[ $state == *JobState=COMPLETED*Restarts=1\ * ]] || { echo "$state"; exit 1; }
			`)
			out := b.must(`slurm bash submit`)
			for _, want := range []string{"holds a checkpoint", "back into the queue"} {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			b.sameAsUninterrupted(c.name)
			if _, err := os.Stat(b.path(c.name + "/checkpoint")); err == nil {
				t.Errorf("%s/checkpoint is still there", c.name)
			}
		})
	}
}

// A run that is cancelled does not come back. A job is no longer in the state COMPLETING
// when its script, which alone could put it back into the queue, has ended.
func TestCancelled(t *testing.T) {
	b := newBench(t)
	b.write("submit", `
		job=$(sbatch --parsable -n 2 -o cancelled.log $root/scripts/slurm/long.sbatch cancelled endless.toml -quiet)
		`+untilKept("cancelled")+`
		scancel $job
		until state=$(scontrol show job $job); [[ $state != *JobState=@(RUNNING|COMPLETING)* ]]; do sleep 0.1; done
		cat cancelled.log
		echo "$state"
	`)
	if out := b.must(`slurm bash submit`); !strings.Contains(out, "JobState=CANCELLED Reason=None") || !strings.Contains(out, "Restarts=0 ") {
		t.Errorf("the job was not cancelled, or it came back:\n%s", out)
	}
}

func TestHosts(t *testing.T) {
	b := newBench(t)
	b.must(`$tessera run frame.toml -quiet -ranks 4 -out here`)
	b.must(`hosts 4 bash -e -c '
		mpirun -n 4 hostname >names
		mpirun -n 4 $tessera run frame.toml -quiet -out there'`)
	b.same("here", "there")
	if names := strings.Fields(b.read("names")); !slices.Equal(slices.Sorted(slices.Values(names)), []string{"h1", "h2", "h3", "h4"}) {
		t.Errorf("ranks on %v, want one on each of 4 hosts", names)
	}
}

// A host that vanishes ends the job, which can be continued without it.
func TestCut(t *testing.T) {
	b := newBench(t)
	b.write("part.toml", endless)
	b.write("vanish", `
		mpirun -n 4 $tessera run part.toml -quiet -out part & run=$!
		`+untilKept("part")+`
		cut h3
		wait $run
		status=$?
		echo "status $status"
		[ $status -ne 0 ] || exit 1
	`+enough("part"))
	out := b.must(`hosts 4 bash vanish`)
	if !strings.Contains(out, "lost communication with a remote daemon") || !strings.Contains(out, "10.77.0.3") {
		t.Errorf("no message says which host was lost:\n%s", out)
	}
	b.must(`hosts 3 mpirun -n 3 $tessera run part.toml -quiet -resume -out part`)
	b.sameAsUninterrupted("part")
}

// Whatever becomes of the command, its exit status is the script's and nothing stays.
func TestTakenDown(t *testing.T) {
	b := newBench(t)
	const left = `ls -d /tmp/tessera-slurm.* /tmp/tessera-hosts.* 2>/dev/null; ip netns list | grep ^tessera-; ps -eo args | grep '[t]essera-slurm'; true`
	before := b.must(left)
	// interrupted starts lines whose command makes the file up, and sends a signal as soon
	// as the file is there. With job control (set -m) bash leaves SIGINT to what it starts.
	interrupted := func(signal, lines string) string {
		return `rm -f up; set -m; ` + lines + ` & run=$!; until [ -e up ] || ! kill -0 $run; do sleep 0.1; done; kill -` + signal + ` $run; wait $run`
	}
	// meets is a command that makes one file and ends when the other is there.
	meets := func(mine, other string) string {
		return `sh -c 'touch ` + mine + `; until [ -e ` + other + ` ]; do sleep 0.1; done'`
	}
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
		interrupted("TERM", `slurm sh -c 'sbatch --wrap "touch up; exec sleep 600" -n 2; exec sleep 600'`): 143,
		interrupted("INT", `hosts 2 mpirun -n 2 sh -c 'touch up; exec sleep 600'`):                         130,
		// Two at once.
		`hosts 2 mpirun -n 2 ` + meets("one", "other") + ` & hosts 2 mpirun -n 2 ` + meets("other", "one") + ` && wait $!`: 0,
		`slurm slurm srun -n 2 true`: 0,
	} {
		if status, out := b.sh(lines); status != want {
			t.Errorf("%s: exit status %d, want %d\n%s", lines, status, want, out)
		}
	}
	if after := b.must(left); after != before {
		t.Errorf("left behind:\n%s", after)
	}
}

// What a script that was killed has left is cleared away by the next one: namespaces,
// daemons, jobs, the command, and the folder.
func TestKilled(t *testing.T) {
	b := newBench(t)
	const left = `ls -d /tmp/tessera-slurm.* /tmp/tessera-hosts.* 2>/dev/null; ip netns list | grep ^tessera- | cut -d' ' -f1; ps -eo args | grep -e '[t]essera-slurm' -e '[s]leep 61[0-9]'; true`
	for name, c := range map[string]struct{ killed, next string }{
		"hosts": {`hosts 2 mpirun -n 2 sh -c 'touch up; exec sleep 611'`, `hosts 1 true`},
		"slurm": {`slurm sh -c 'sbatch --wrap "touch up; exec sleep 612" -n 2; exec sleep 613'`, `slurm true`},
	} {
		before := b.must(left)
		b.must(`rm -f up; set -m; ` + c.killed + ` >/dev/null 2>&1 </dev/null & run=$!; until [ -e up ] || ! kill -0 $run; do sleep 0.1; done; kill -KILL $run; wait $run; [ -e up ]`)
		if b.must(left) == before {
			t.Errorf("%s: a killed script leaves nothing: the test is of no use", name)
		}
		b.must(c.next)
		if after := b.must(left); after != before {
			t.Errorf("%s: left behind:\n%s\nwant\n%s", name, after, before)
		}
	}
}
