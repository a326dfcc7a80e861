package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"tessera/internal/imageio"
)

// runForStatus runs a command that must end with a given exit status:
//
//	status 2 tessera run missing.toml
func runForStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N command args...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// mpirun runs a command on N ranks, which must end with a given exit status, after a
// signal to the launcher if one is named (see interrupt):
//
//	mpirun 3 0 tessera run small.toml
//	mpirun 3 3 USR1 out/.run-*.log iteration tessera run long.toml
func mpirun(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: mpirun N STATUS [SIGNAL FILES PATTERN] command args...")
	}
	launch := []string{"mpirun", "--oversubscribe", "--bind-to", "none", "-n", args[0]}
	if os.Getuid() == 0 {
		launch = append(launch, "--allow-run-as-root")
	}
	if slices.Contains([]string{"INT", "TERM", "USR1", "KILL"}, args[2]) && len(args) > 5 {
		interrupt(ts, false, append([]string{args[2], args[1], args[3], args[4]}, append(launch, args[5:]...)...))
		return
	}
	runForStatus(ts, false, append([]string{args[1]}, append(launch, args[2:]...)...))
}

// same compares two npy files, or the arrays of two npz files together: relative
// difference in the 2-norm at most TOL; 0 asks for the same bytes' worth of values.
//
//	same TOL a.npy b.npy
func same(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: same TOL a.npy b.npy")
	}
	tol, err := strconv.ParseFloat(args[0], 64)
	ts.Check(err)
	values := func(name string) (x []float64) {
		members := []imageio.Member{{}}
		if strings.HasSuffix(name, ".npz") {
			var err error
			members, err = imageio.ReadNpz(ts.MkAbs(name), nil)
			ts.Check(err)
		} else {
			a, err := imageio.ReadNpy(ts.MkAbs(name))
			ts.Check(err)
			members[0].Array = *a
		}
		for _, m := range members {
			x = append(x, m.Data...)
		}
		return x
	}
	a, b := values(args[1]), values(args[2])
	if len(a) != len(b) {
		ts.Fatalf("%d and %d values", len(a), len(b))
	}
	diff, norm := 0.0, 0.0
	for i, v := range a {
		diff += (v - b[i]) * (v - b[i])
		norm += v * v
	}
	r := math.Sqrt(diff / norm)
	if within := r <= tol; within == neg {
		ts.Fatalf("relative difference %.3g, tolerance %g", r, tol)
	}
}

// interrupt starts a command, sends it a signal once a line of one of the FILES (a
// pattern of names) matches PATTERN, and checks its exit status. It waits for that line
// as long as the command runs, never for a time:
//
//	interrupt INT 3 out/.run-*.log iteration tessera run long.toml
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 5 {
		ts.Fatalf("usage: interrupt SIGNAL STATUS FILES PATTERN command args...")
	}
	// The shell's kill: testscript keeps the process to itself.
	const line = `signal=$1 files=$2 pattern=$3; shift 3
"$@" & p=$!
until grep -qse "$pattern" $files; do kill -0 $p 2>/dev/null || { wait $p; echo "ended with $? before the signal"; exit; }; sleep 0.05; done
kill -$signal $p; wait $p; echo "status $?"`
	ts.Check(ts.Exec("sh", append([]string{"-c", line, "sh", args[0], args[2], args[3]}, args[4:]...)...))
	if out := ts.ReadFile("stdout"); !strings.Contains(out, "status "+args[1]+"\n") {
		ts.Fatalf("want status %s, got %q", args[1], out)
	}
}

// beside starts a command and, once a line of one of the FILES matches PATTERN, a second
// one beside it, which must end with STATUS. Then it interrupts the first one, which must end
// with status 3:
//
//	beside 2 out/.run-*.log iteration tessera run long.toml -- tessera run long.toml -force
func beside(ts *testscript.TestScript, neg bool, args []string) {
	dash := slices.Index(args, "--")
	if neg || dash < 4 || dash == len(args)-1 {
		ts.Fatalf("usage: beside STATUS FILES PATTERN command args... -- command args...")
	}
	const line = `files=$1 pattern=$2 first=$3; shift 3
$first & p=$!
until grep -qse "$pattern" $files; do kill -0 $p 2>/dev/null || { wait $p; echo "first $? before the second"; exit; }; sleep 0.05; done
"$@" 2>second.txt; echo "second $?"
kill -INT $p; wait $p; echo "first $?"`
	ts.Check(ts.Exec("sh", append([]string{"-c", line, "sh", args[1], args[2], strings.Join(args[3:dash], " ")}, args[dash+1:]...)...))
	if out := ts.ReadFile("stdout"); !strings.Contains(out, "second "+args[0]+"\n") || !strings.Contains(out, "first 3\n") {
		ts.Fatalf("want second %s, first 3; got %q", args[0], out)
	}
}

// metric checks a value in metrics.json by its dotted path and an operator:
//
//	metric out/metrics.json quality.solution.psnr_db > 30
//	metric out/metrics.json config.blur.kind = moffat
func metric(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: metric FILE PATH =|<|> VALUE")
	}
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &v))
	for key := range strings.SplitSeq(args[1], ".") {
		m, ok := v.(map[string]any)
		if !ok || m[key] == nil {
			ts.Fatalf("no %s in %s", args[1], args[0])
		}
		v = m[key]
	}
	got := fmt.Sprint(v)
	if args[2] == "=" {
		if got != args[3] {
			ts.Fatalf("%s is %s, want %s", args[1], got, args[3])
		}
		return
	}
	x, ok := v.(float64)
	want, err := strconv.ParseFloat(args[3], 64)
	ts.Check(err)
	if !ok || !(args[2] == "<" && x < want || args[2] == ">" && x > want) {
		ts.Fatalf("%s is %s, want %s %s", args[1], got, args[2], args[3])
	}
}

// array writes an npy file of one value:
//
//	array FILE ROWS COLS VALUE
func array(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: array FILE ROWS COLS VALUE")
	}
	rows, err := strconv.Atoi(args[1])
	ts.Check(err)
	cols, err := strconv.Atoi(args[2])
	ts.Check(err)
	v, err := strconv.ParseFloat(args[3], 64)
	ts.Check(err)
	x := make([]float64, rows*cols)
	for i := range x {
		x[i] = v
	}
	ts.Check(imageio.WriteNpy(ts.MkAbs(args[0]), []int{rows, cols}, x))
}
