//go:build mpi

package ranks_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"tessera/ranks"
	"tessera/ranks/internal/mpix"
	"tessera/ranks/rankstest"
)

func init() {
	roles["no allocations"] = noAllocations
	roles["table"] = func(_ context.Context, c ranks.Comm) error { return table(c, append(cLoops(), variants()...)) }
	// Some cases of the suite with MPI's limit on the elements of one call lowered
	// from 2^31-1 to 3500: a longer collective must go in parts.
	roles["short int"] = func(_ context.Context, c ranks.Comm) error {
		mpix.SetLimit(3500)
		if err := suite(c, func(name string) bool { return name == "bcast" || name == "allgatherv" || name == "gatherv" }); err != nil {
			return err
		}
		if err := c.Send(make([]float64, 3501), c.Rank(), 0); err == nil || !strings.Contains(err.Error(), "more elements in one message") {
			return fmt.Errorf("a message beyond the limit: %v", err)
		}
		return nil
	}
}

// mpirun is the launcher that belongs to the library of this binary.
func mpirun(t testing.TB, n int) []string {
	names, flags := []string{"mpirun.openmpi", "mpirun"}, []string{"--oversubscribe"}
	if os.Getuid() == 0 {
		flags = append(flags, "--allow-run-as-root")
	}
	if strings.HasPrefix(ranks.MPI().Library, "MPICH") {
		names, flags = []string{"mpirun.mpich", "mpiexec.hydra", "mpirun"}, nil
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return append(append([]string{path}, flags...), "-n", strconv.Itoa(n))
		}
	}
	t.Skipf("no mpirun for %s", ranks.MPI().Library)
	return nil
}

func TestMPIConformance(t *testing.T) {
	counts := []int{1, 2, 3, 4, 7, 8}
	if testing.Short() {
		counts = []int{1, 2, 7}
	}
	for _, n := range counts {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			o := start(t, mpirun(t, n), "suite", 0)
			cases, want := strings.Count(o.stdout, "ok "), len(rankstest.Cases())
			if o.code != 0 || cases != want {
				t.Errorf("%d of %d cases, exit status %d\n%s", cases, want, o.code, o.stderr)
			}
		})
	}
	for _, n := range []int{1, 2, 5} {
		if o := start(t, mpirun(t, n), "short int", 0); o.code != 0 || strings.Count(o.stdout, "ok ") != 3 {
			t.Errorf("short int, %d ranks: %+v", n, o)
		}
	}
}

// TestMPIFailures: however a rank ends, all processes end. A rank that can still
// write an error message writes one line with its number and the reason, and no
// other rank writes one. Standard error may hold other lines: those of mpirun and of
// the libraries it loads.
func TestMPIFailures(t *testing.T) {
	for _, k := range []struct {
		role, want string // want matches a line of standard error; "": none is expected
		code       int    // 0: any but 0
	}{
		{"error", "rank 1: reading x.npy: no such file", 1},
		{"panic", "rank 1: panic: runtime error: invalid memory address or nil pointer dereference", ranks.PanicCode},
		{"abort", "rank 1: enough", 71},
		{"agreed error", "rank 1: reading x.npy: no such file", 1},
		{"late", "rank 1: too late", 1},
		{"all panic", "rank .: panic: all of us", ranks.PanicCode}, // rank 0, unless the machine is slow
		{"kill", "", 0},
		{"exit", "", 0},
	} {
		t.Run(k.role, func(t *testing.T) {
			o := start(t, mpirun(t, 3), k.role, 0)
			t.Logf("exit status %d after %v", o.code, o.took)
			if o.code == 0 || k.code != 0 && o.code != k.code {
				t.Errorf("exit status %d, want %d; stderr:\n%s", o.code, k.code, o.stderr)
			}
			if k.want == "" {
				return
			}
			if said := rankLines(o.stderr); len(said) != 1 || !regexp.MustCompile("^"+k.want+"$").MatchString(said[0]) {
				t.Errorf("ranks wrote %q, want only %q; stderr:\n%s", said, k.want, o.stderr)
			}
		})
	}
}

func TestMPISignals(t *testing.T) { signals(t, mpirun(t, 3)) }

// TestMPILaunch: who decides the number of ranks, and when there is no job.
func TestMPILaunch(t *testing.T) {
	if o := start(t, nil, "report", 0, ranksVar+"=3"); o.code != 0 || !strings.Contains(o.stdout, "3 ranks, in-process") {
		t.Errorf("without mpirun: %+v", o)
	}
	library := ranks.MPI().Library
	for _, asked := range []string{"0", "2"} {
		if o := start(t, mpirun(t, 2), "report", 0, ranksVar+"="+asked); o.code != 0 || !strings.Contains(o.stdout, "2 ranks, "+library) {
			t.Errorf("2 ranks, %s asked for: %+v", asked, o)
		}
	}
	o := start(t, mpirun(t, 2), "report", 0, ranksVar+"=5")
	if o.code == 0 || strings.Count(o.stderr, "5 ranks are asked for, but") != 1 {
		t.Errorf("2 ranks, 5 asked for: %+v", o)
	}
	// The variables of a launcher whose library is not this binary's.
	foreign := []string{"OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_SIZE=2"}
	if strings.HasPrefix(library, "Open MPI") {
		foreign = []string{"PMI_RANK=0", "PMI_SIZE=2"}
	}
	if o := start(t, nil, "report", 0, foreign...); o.code != 1 || !strings.Contains(o.stderr, "sees only itself") {
		t.Errorf("under another library's launcher: %+v", o)
	}
}

// TestMPIEnding: the processes of a launcher are ending once the bodies of all ranks have
// returned, and no other process is.
func TestMPIEnding(t *testing.T) {
	for n, c := range map[int]struct {
		prefix []string
		after  string
	}{1: {nil, "after: false"}, 3: {mpirun(t, 3), "after: true"}} {
		o := start(t, c.prefix, "ending", 0, ranksVar+"="+strconv.Itoa(n))
		if o.code != 0 || strings.Count(o.stdout, "during: false") != n || strings.Count(o.stdout, c.after) != n {
			t.Errorf("%d ranks: %+v", n, o)
		}
	}
}

func TestMPINoAllocations(t *testing.T) {
	if o := start(t, mpirun(t, 2), "no allocations", 0); o.code != 0 {
		t.Error(o.stderr)
	}
}

// cLoops are the same exchanges in C, on a communicator of their own.
func cLoops() []variant {
	var own *mpix.Comm
	var vs []variant
	for how, name := range []string{"C Sendrecv", "C Irecv, Isend, Waitall", "C mpix_exchange"} {
		vs = append(vs, variant{name, func(c ranks.Comm, times int, x, y []float64) (float64, error) {
			if own == nil {
				var err error
				if own, err = mpix.Duplicate(); err != nil {
					return 0, err
				}
			}
			return own.Loop(how, times, 1-c.Rank(), x, y), nil
		}})
	}
	return vs
}

// BenchmarkMPI prints the table of the MPI transport, with what the same calls
// cost in C.
func BenchmarkMPI(b *testing.B) {
	if b.N == 1 {
		o := start(b, mpirun(b, 2), "table", 0)
		fmt.Print(o.stdout, o.stderr)
	}
}
