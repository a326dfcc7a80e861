package cli

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// goodMachine has nothing to mend.
func goodMachine() *machine {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	return &machine{
		files: fstest.MapFS{
			"etc/hosts":                         file("127.0.0.1\tlocalhost\n10.0.0.1 node1.example node1 # this one\n"),
			"sys/devices/system/cpu/online":     file("0-3\n"),
			"proc/sys/kernel/yama/ptrace_scope": file("1\n"),
			"proc/self/cgroup":                  file("0::/user/job1\n"),
			"proc/cpuinfo":                      file("processor\t: 0\nflags\t\t: sse2 fma avx avx2 avx512f avx512dq avx512bw avx512vl\nbogomips\t: 1\n"),
			"sys/fs/cgroup/user/cpu.max":        file("max 100000\n"),
		},
		hostname: "node1",
		shm:      func() (float64, error) { return 1 << 30, nil },
		lookup:   func(string) (time.Duration, error) { return 0, nil },
		readSelf: func() error { return nil },
		blas:     "OpenBLAS 0.3.21 DYNAMIC_ARCH Cooperlake MAX_THREADS=64, Cooperlake kernels",
	}
}

// Every kind of machine on which MPI is slow or prints lines of its own is named, and
// nothing is said of one that is well.
func TestMachineNotes(t *testing.T) {
	set := func(m *machine, path, text string) {
		m.files.(fstest.MapFS)[path] = &fstest.MapFile{Data: []byte(text)}
	}
	for _, c := range []struct {
		name  string
		spoil func(m *machine)
		note  string
		want  []string // parts of the text
	}{
		{"well", func(*machine) {}, "", nil},
		{"a processor unknown to OpenBLAS", func(m *machine) { m.blas = "OpenBLAS 0.3.21 DYNAMIC_ARCH Prescott MAX_THREADS=64, Prescott kernels" },
			"BLAS kernels", []string{"Prescott", "AVX-512", "OPENBLAS_CORETYPE=SkylakeX"}},
		{"one without AVX-512", func(m *machine) {
			m.blas = "OpenBLAS 0.3.10 Nehalem kernels"
			set(m, "proc/cpuinfo", "processor: 0\nflags: avx fma avx2\n")
		}, "BLAS kernels", []string{"Nehalem", "AVX2", "OPENBLAS_CORETYPE=Haswell"}},
		{"an old processor", func(m *machine) {
			m.blas = "OpenBLAS 0.3.10 Nehalem kernels"
			set(m, "proc/cpuinfo", "processor: 0\nflags: sse2\n")
		}, "", nil},
		{"hosts empty", func(m *machine) {
			set(m, "etc/hosts", "")
			m.lookup = func(string) (time.Duration, error) { return 5 * time.Second, nil }
		}, "host names", []string{"localhost", "node1", "5.0 s", "mpirun", "127.0.0.1 localhost node1"}},
		{"no own name", func(m *machine) {
			set(m, "etc/hosts", "127.0.0.1 localhost\n#1.2.3.4 node1\n")
			m.lookup = func(string) (time.Duration, error) { return 0, errors.New("no such host") }
		}, "host names", []string{"node1 has no address"}},
		{"no hosts file", func(m *machine) { delete(m.files.(fstest.MapFS), "etc/hosts") }, "host names", []string{"localhost"}},
		{"no /sys", func(m *machine) { delete(m.files.(fstest.MapFS), "sys/devices/system/cpu/online") }, "/sys", []string{"not mounted", "cores"}},
		{"small shm", func(m *machine) { m.shm = func() (float64, error) { return 8 << 20, nil } }, "/dev/shm", []string{"8 MB", "2 ranks", "shm-size"}},
		{"no shm", func(m *machine) { m.shm = func() (float64, error) { return 0, errors.New("none") } }, "/dev/shm", []string{"not there"}},
		{"locked", func(m *machine) { set(m, "proc/sys/kernel/yama/ptrace_scope", "3\n") }, "ptrace", []string{"ptrace_scope is 3"}},
		{"forbidden", func(m *machine) { m.readSelf = func() error { return errors.New("operation not permitted") } }, "ptrace", []string{"not permitted"}},
		{"root", func(m *machine) { m.isRoot = true }, "user", []string{"--allow-run-as-root"}},
	} {
		m := goodMachine()
		c.spoil(m)
		for _, n := range m.notes(4) {
			if n.name != c.note {
				if n.text != "" {
					t.Errorf("%s: %s: %s", c.name, n.name, n.text)
				}
				continue
			}
			for _, part := range c.want {
				if !strings.Contains(n.text, part) {
					t.Errorf("%s: %q says nothing of %q", c.name, n.text, part)
				}
			}
		}
	}
}
