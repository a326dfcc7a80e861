package cli

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"tessera/internal/linalg"
	"tessera/ranks"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"tessera": func() { os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs testdata/script: each is one behaviour of the command line.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":    runForStatus,
			"same":      same,
			"array":     array,
			"interrupt": interrupt,
			"metric":    metric,
			"mpirun":    mpirun,
		},
		// [mpi]: this test binary has MPI, and there is a launcher for it. [native]: it
		// has native kernels.
		Condition: func(cond string) (bool, error) {
			if cond == "native" {
				return !strings.Contains(linalg.Backend(), "gonum"), nil
			}
			if cond != "mpi" {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			_, err := exec.LookPath("mpirun")
			return ranks.MPI().Compiled && err == nil, nil
		},
	})
}
