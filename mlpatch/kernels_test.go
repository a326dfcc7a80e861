package mlpatch

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"tessera/internal/linalg"
)

// With the kernels that OpenBLAS has for other processors, too, the bits do not depend on where a pixel lies: the tests of it run again
// in a process for each of them.
func TestOtherKernels(t *testing.T) {
	const asked, variable = "TESSERA_TEST_KERNELS", "OPENBLAS_CORETYPE"
	backend := linalg.Backend()
	if want := os.Getenv(asked); want != "" {
		if !strings.Contains(backend, want+" kernels") {
			t.Fatalf("%s, want %s kernels", backend, want)
		}
		return
	}
	if !strings.HasSuffix(backend, " kernels") || runtime.GOARCH != "amd64" {
		t.Skip("this binary has no OpenBLAS for amd64: ", backend)
	}
	list := []string{"Nehalem"}
	for _, name := range []string{"Haswell", "Zen", "SkylakeX", "Cooperlake", "Sapphirerapids"} { // these processors have AVX2
		if strings.Contains(backend, name+" kernels") {
			list = append(list, "Haswell")
		}
	}
	for _, name := range list {
		c := exec.Command(os.Args[0], "-test.run=^(TestOtherKernels|TestField|TestDefaultNetwork|TestUpscaler)$", "-test.count=1")
		c.Env = append(os.Environ(), asked+"="+name, variable+"="+name)
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("with %s kernels: %v\n%s", name, err, out)
		}
	}
}
