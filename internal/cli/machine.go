package cli

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"math"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"tessera/internal/linalg"

	"golang.org/x/sys/unix"
)

// machine is where doctor looks for what slows runs down or stops them under MPI.
type machine struct {
	files    fs.FS  // the files of the machine, by their path without the first slash
	hostname string // its own name
	isRoot   bool   // the user is root
	shm      func() (bytes float64, err error)
	lookup   func(name string) (time.Duration, error) // how long its address takes
	readSelf func() error                             // reads memory of a process by its number, as ranks do
	blas     string                                   // linalg.Backend()
}

// thisMachine is the real one.
func thisMachine(ctx context.Context) *machine {
	name, _ := os.Hostname()
	return &machine{
		files: os.DirFS("/"), hostname: name, isRoot: os.Getuid() == 0,
		shm: func() (float64, error) {
			var s unix.Statfs_t
			err := unix.Statfs("/dev/shm", &s)
			return float64(s.Blocks) * float64(s.Bsize), err
		},
		lookup: func(name string) (time.Duration, error) {
			ctx, cancel := context.WithTimeout(ctx, lookupLimit)
			defer cancel()
			start := time.Now()
			_, err := net.DefaultResolver.LookupHost(ctx, name)
			return time.Since(start), err
		},
		readSelf: readSelf,
		blas:     linalg.Backend(),
	}
}

const (
	lookupLimit  = 10 * time.Second
	slowLookup   = time.Second
	shmOfRank    = 4 << 20 // bytes of /dev/shm that Open MPI sets up for a rank (btl_vader_segment_size)
	lockedPtrace = 2       // from which ptrace_scope wants a capability
)

// note is a line of doctor about the machine.
type note struct{ name, text string }

// notes are what is found; a name with an empty text has nothing to mend.
func (m *machine) notes(cores int) []note {
	return []note{
		{"BLAS kernels", m.kernels()},
		{"host names", m.hostNames()},
		{"/sys", m.sys()},
		{"/dev/shm", m.sharedMemory(cores)},
		{"ptrace", m.ptrace()},
		{"user", m.user()},
	}
}

// oldKernels are those of OpenBLAS that use neither AVX2 nor AVX-512. It takes some of them for
// a processor that came after it.
var oldKernels = []string{
	"Prescott", "Katmai", "Coppermine", "Northwood", "Banias", "Core2", "Penryn", "Dunnington", "Nehalem", "Atom", "Athlon", "Opteron",
	"Opteron_SSE3", "Barcelona", "Nano", "Bobcat", "Sandybridge", "Bulldozer", "Piledriver", "Steamroller",
}

// kernels tells that OpenBLAS makes little of the processor.
func (m *machine) kernels() string {
	name := ""
	for _, old := range oldKernels {
		if strings.HasSuffix(m.blas, " "+old+" kernels") {
			name = old
		}
	}
	text, err := fs.ReadFile(m.files, "proc/cpuinfo")
	if name == "" || err != nil {
		return ""
	}
	_, flags, _ := strings.Cut(string(text), "\nflags")
	flags, _, _ = strings.Cut(flags, "\n")
	has := func(all ...string) bool {
		return !slices.ContainsFunc(all, func(f string) bool { return !slices.Contains(strings.Fields(flags), f) })
	}
	set, what := "SkylakeX", "AVX-512"
	if !has("avx512f", "avx512bw", "avx512dq", "avx512vl") {
		set, what = "Haswell", "AVX2"
	}
	if !has("avx2", "fma") {
		return ""
	}
	return fmt.Sprintf("this OpenBLAS does not know the processor and takes its %s kernels, which leave %s unused: "+
		"set OPENBLAS_CORETYPE=%s in the environment, or install a newer OpenBLAS, for products several times as fast", name, what, set)
}

// hostNames tells what starting MPI costs where /etc/hosts lacks a name that it looks up.
func (m *machine) hostNames() string {
	known := map[string]bool{}
	if f, err := m.files.Open("etc/hosts"); err == nil {
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan(); {
			line, _, _ := strings.Cut(s.Text(), "#")
			for k, name := range strings.Fields(line) {
				if k > 0 {
					known[name] = true
				}
			}
		}
	}
	var missing []string
	for _, name := range []string{"localhost", m.hostname} {
		if name != "" && !known[name] && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return ""
	}
	text := fmt.Sprintf("not in /etc/hosts: %s", strings.Join(missing, ", "))
	for _, name := range missing {
		switch took, err := m.lookup(name); {
		case took >= slowLookup:
			text += fmt.Sprintf("; the address of %s takes %.1f s, which each start of mpirun waits for", name, took.Seconds())
		case err != nil:
			text += fmt.Sprintf("; %s has no address", name)
		}
	}
	return text + fmt.Sprintf(`; mend it with the line "127.0.0.1 %s"`, strings.Join(missing, " "))
}

// sys tells that Open MPI does not see how the cores lie.
func (m *machine) sys() string {
	if runtime.GOOS != "linux" {
		return ""
	}
	if _, err := fs.Stat(m.files, "sys/devices/system/cpu"); err == nil {
		return ""
	}
	return "not mounted: Open MPI cannot see the cores, prints a line about it, and binds no rank to one"
}

// sharedMemory tells for how many ranks /dev/shm has room.
func (m *machine) sharedMemory(cores int) string {
	if runtime.GOOS != "linux" {
		return ""
	}
	size, err := m.shm()
	if err != nil {
		return "not there: Open MPI's ranks of one machine keep their messages in the folder of temporary files"
	}
	if room := math.Floor(size / shmOfRank); room < float64(max(cores, 2)) {
		return fmt.Sprintf("%.0f MB, room for %.0f ranks of Open MPI, which sets up 4 MB for each; there are %d cores (docker run --shm-size=256m)",
			size/1e6, room, cores)
	}
	return ""
}

// ptrace tells that ranks of one machine cannot read each other's memory.
func (m *machine) ptrace() string {
	if text, err := fs.ReadFile(m.files, "proc/sys/kernel/yama/ptrace_scope"); err == nil && !m.isRoot {
		if scope, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && scope >= lockedPtrace {
			return fmt.Sprintf("locked (/proc/sys/kernel/yama/ptrace_scope is %d): Open MPI copies large messages twice and may print a line about it", scope)
		}
	}
	if err := m.readSelf(); err != nil {
		return fmt.Sprintf("locked (process_vm_readv: %v): Open MPI copies large messages twice and may print a line about it", err)
	}
	return ""
}

func (m *machine) user() string {
	if m.isRoot {
		return "root: mpirun wants --allow-run-as-root"
	}
	return ""
}

// coresText is what of the installed cores a run takes, in an in-process run of so many
// ranks with so many processors of the Go scheduler.
func coresText(installed, taken, inProcess, processors int) string {
	text := strconv.Itoa(installed)
	if taken < installed {
		text += fmt.Sprintf(", limited to %d by the control group, the affinity or GOMAXPROCS: -ranks and plan take %d", taken, taken)
	}
	text += fmt.Sprintf("; GOMAXPROCS %d", processors)
	if processors == inProcess+2 {
		text += fmt.Sprintf(": two more than the %d ranks, so that the scheduler takes no core from a rank within BLAS", inProcess)
	}
	return text
}
