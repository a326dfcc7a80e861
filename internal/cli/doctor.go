package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"tessera/internal/fourier"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/linalg"
	"tessera/ranks"
)

// doctor prints what this binary and this machine can do. It fails if something
// that every run needs does not work.
func doctor(ctx context.Context, c *call) error {
	if err := c.noArguments("doctor"); err != nil {
		return err
	}
	var broken []string
	here := thisMachine(ctx)
	err := ranks.Launch(ctx, ranks.Options{}, func(_ context.Context, comm ranks.Comm) error {
		link, err := lifecycle.MeasureLink(comm)
		if err != nil || comm.Rank() != 0 {
			return err
		}
		t := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
		row := func(name, format string, args ...any) {
			fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...))
		}
		row("tessera", "%s, %s %s/%s, build tags: %s", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, buildTags())
		row("ranks", "%d, %s; %s", comm.Size(), ranks.Transport(comm), linkText(link))
		row("MPI", "%s", mpi(ranks.MPI()))
		row("BLAS", "%s, %.1f GFLOP/s in double, %.1f in single precision, one core", linalg.Backend(), gemmRate[float64](), gemmRate[float32]())
		row("FFT", "%s, 84 x 84 there and back in %.0f us", fourier.Backend(), 1e6*fftTime())
		row("memory copy", "%.1f GB/s, one core", copyRate())
		row("cores", "%s", coresText(installedCores(), ranks.Cores(), comm.Size(), runtime.GOMAXPROCS(0)))
		row("memory", "%s", memory())
		row("open files", "%s", openFiles())
		if err := pictures(); err != nil {
			broken = append(broken, err.Error())
			row("images", "broken: %v", err)
		} else {
			row("images", "npy, FITS and PNG written and read back")
		}
		for _, n := range here.notes(ranks.Cores()) {
			if n.text != "" {
				row(n.name, "%s", n.text)
			}
		}
		return t.Flush()
	})
	if err == nil && len(broken) > 0 {
		err = fmt.Errorf("doctor: %s", strings.Join(broken, "; "))
	}
	return err
}

// linkText says how fast ranks exchange messages.
func linkText(l lifecycle.Link) string {
	if l.Bandwidth == 0 {
		return "no second rank to exchange messages with"
	}
	return fmt.Sprintf("exchange of 8 bytes in %.2g us, of 1 MiB at %.1f GB/s", 1e6*l.Latency, l.Bandwidth/1e9)
}

// mpi says what this binary knows of MPI.
func mpi(m ranks.MPIInfo) string {
	if !m.Compiled {
		return "not in this binary; go build -tags mpi"
	}
	s := fmt.Sprintf("%s, MPI %s", m.Library, m.Standard)
	if m.ThreadLevel == "" {
		return s + "; not started by a launcher"
	}
	return s + ", threads: " + m.ThreadLevel
}

// fftTime is the time of a two-dimensional real transform, there and back.
func fftTime() float64 {
	const n = 84
	p := fourier.NewPlan2(n, n)
	x, y := make([]float64, n*n), make([]complex128, n*p.SpectrumCols())
	return bestOf(20, func() {
		p.Forward(y, x)
		p.Inverse(x, y)
	})
}

// gemmRate is the speed of a matrix product in GFLOP/s.
func gemmRate[T linalg.Float]() float64 {
	const n = 384
	a, b, c := make([]T, n*n), make([]T, n*n), make([]T, n*n)
	for i := range a {
		a[i], b[i] = T(i%7), T(i%5)
	}
	return 2 * n * n * n / 1e9 / bestOf(3, func() {
		linalg.Gemm(false, false, n, n, n, 1, a, n, b, n, 0, c, n)
	})
}

// copyRate is the speed of copying memory that no cache holds, in GB/s read and written.
func copyRate() float64 {
	const n = 8 << 20
	src, dst := make([]float64, n), make([]float64, n)
	for i := range src {
		src[i] = 1 // memory never written to is one shared page of zeros
	}
	return 2 * 8 * n / 1e9 / bestOf(3, func() { copy(dst, src) })
}

// bestOf is the shortest of several runs of f, in seconds; the first warms up.
func bestOf(runs int, f func()) float64 {
	f()
	best := time.Hour
	for range runs {
		start := time.Now()
		f()
		best = min(best, time.Since(start))
	}
	return best.Seconds()
}

// memory is what the machine has, and what it lets this process have.
func memory() string {
	var parts []string
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		for _, key := range []string{"MemTotal", "MemAvailable"} {
			for line := range strings.Lines(string(text)) {
				f := strings.Fields(line)
				if kb, err := strconv.ParseFloat(f[min(1, len(f)-1)], 64); err == nil && f[0] == key+":" {
					parts = append(parts, fmt.Sprintf("%.1f GB %s", kb/(1<<20), map[string]string{"MemTotal": "in all", "MemAvailable": "available"}[key]))
				}
			}
		}
	}
	if text, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		if limit, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64); err == nil {
			parts = append(parts, fmt.Sprintf("limited to %.1f GB by its control group", limit/(1<<30)))
		}
	}
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_AS, &l) == nil && l.Cur < 1<<60 {
		parts = append(parts, fmt.Sprintf("limited to %.1f GB by ulimit -v", float64(l.Cur)/(1<<30)))
	}
	if len(parts) == 0 {
		return "unknown"
	}
	return strings.Join(parts, ", ")
}

func openFiles() string {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("at most %d", l.Cur)
}

// pictures writes a small frame in every format and reads it back.
func pictures() error {
	dir, err := os.MkdirTemp("", "tessera-doctor-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	f := &imageio.Frame{Channels: 1, Rows: 2, Cols: 3, Data: []float64{0, 0.2, 0.4, 0.6, 0.8, 1}}
	write := map[string]func(string) error{
		"x.npy":  func(p string) error { return imageio.WriteNpy(p, []int{2, 3}, f.Data) },
		"x.fits": func(p string) error { return imageio.WriteFITS(p, f) },
		"x.png":  func(p string) error { return imageio.WritePNG(p, f, imageio.Linear(0, 1)) },
	}
	for name, w := range write {
		path := filepath.Join(dir, name)
		if err := w(path); err != nil {
			return err
		}
		g, err := imageio.ReadFrame(path)
		if err != nil {
			return err
		}
		for i, v := range g.Data {
			if d := v - f.Data[i]; d > 1e-12 || d < -1e-12 {
				return fmt.Errorf("%s: pixel %d was written as %g and read as %g", name, i, f.Data[i], v)
			}
		}
	}
	return nil
}
