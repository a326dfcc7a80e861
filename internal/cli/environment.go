package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"tessera/internal/fourier"
	"tessera/internal/linalg"
	"tessera/ranks"
	"tessera/scaling"
)

// surroundings is where a study is made.
func surroundings(l *launcher, config []byte, sets []string) scaling.Environment {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	e := scaling.Environment{
		Tessera: version() + ", build tags: " + buildTags(), Modified: strings.Contains(version(), "modified"), Go: runtime.Version(), Host: host,
		System: system(), CPU: processor(), Cores: l.cores, MemoryGB: installedMemory(), Launch: l.How(), Binding: l.binding(),
		MPI: mpi(ranks.MPI()), BLAS: linalg.Backend(), FFT: fourier.Backend(), Variables: map[string]string{},
	}
	for _, v := range os.Environ() {
		name, value, _ := strings.Cut(v, "=")
		for _, prefix := range []string{"GOGC", "GOMAXPROCS", "OMP_NUM_THREADS", "OPENBLAS_", "SLURM_JOB_NODELIST", "SLURM_JOB_NUM_NODES", "SLURM_NTASKS", "SLURM_CPUS_PER_TASK", "OMPI_MCA_"} {
			if strings.HasPrefix(name, prefix) {
				e.Variables[name] = value
			}
		}
	}
	h := sha256.New()
	h.Write(config)
	for _, s := range sets {
		h.Write([]byte("\n" + s))
	}
	e.ConfigDigest = hex.EncodeToString(h.Sum(nil))
	return e
}

// ownCores are the cores that this process may use.
func ownCores() int { return ranks.Cores() }

func system() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return runtime.GOOS + "/" + runtime.GOARCH
	}
	return unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:]) + " " + unix.ByteSliceToString(u.Machine[:])
}

// installedCores are the machine's cores, or those that this process sees.
func installedCores() int {
	if text, err := os.ReadFile("/sys/devices/system/cpu/online"); err == nil {
		first, last, found := strings.Cut(strings.TrimSpace(string(text)), "-")
		a, err := strconv.Atoi(first)
		b, err2 := strconv.Atoi(last)
		if found && err == nil && err2 == nil && b >= a {
			return max(b-a+1, runtime.NumCPU())
		}
	}
	return runtime.NumCPU()
}

func processor() string { return field("/proc/cpuinfo", "model name") }

func installedMemory() float64 {
	kb, _ := strconv.ParseFloat(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB"), 64)
	return kb * 1024 / 1e9
}

// field is the first value of a "name : value" line; "unknown" if there is none.
func field(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// load is the average load of this machine over a minute; 0 where it is not known.
func load() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), " ")
	v, _ := strconv.ParseFloat(first, 64)
	return v
}
