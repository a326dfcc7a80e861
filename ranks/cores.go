package ranks

import (
	"io/fs"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Cores is how many cores this process may use: those that its affinity allows, at most
// what the CPU limit of its control group comes to, rounded up (Linux), or GOMAXPROCS of the
// environment. Unlike runtime.GOMAXPROCS it is the same inside of Launch as outside.
func Cores() int {
	if n, err := strconv.Atoi(os.Getenv("GOMAXPROCS")); err == nil && n > 0 {
		return n
	}
	return max(1, int(min(float64(runtime.NumCPU()), math.Ceil(cpuLimit(os.DirFS("/"))))))
}

// cpuLimit is how many cores the control group lets this process use; +Inf without a limit.
func cpuLimit(files fs.FS) float64 {
	limit := math.Inf(1)
	add := func(quota, period string) {
		q, err := strconv.ParseFloat(quota, 64)
		p, err2 := strconv.ParseFloat(period, 64)
		if err == nil && err2 == nil && q > 0 && p > 0 {
			limit = min(limit, q/p)
		}
	}
	for _, group := range groups(files) {
		if text, err := fs.ReadFile(files, "sys/fs/cgroup"+group+"/cpu.max"); err == nil {
			if f := strings.Fields(string(text)); len(f) == 2 {
				add(f[0], f[1])
			}
		}
		quota, err := fs.ReadFile(files, "sys/fs/cgroup/cpu"+group+"/cpu.cfs_quota_us")
		period, err2 := fs.ReadFile(files, "sys/fs/cgroup/cpu"+group+"/cpu.cfs_period_us")
		if err == nil && err2 == nil {
			add(strings.TrimSpace(string(quota)), strings.TrimSpace(string(period)))
		}
	}
	return limit
}

// groups are the control group of this process and those above it, with a slash in front;
// the outermost is "".
func groups(files fs.FS) []string {
	list := []string{""}
	text, err := fs.ReadFile(files, "proc/self/cgroup")
	if err != nil {
		return list
	}
	for line := range strings.Lines(string(text)) {
		part := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(part) < 3 || part[1] != "" && !slices.Contains(strings.Split(part[1], ","), "cpu") {
			continue
		}
		path := ""
		for _, name := range strings.Split(part[2], "/") {
			if name != "" && name != ".." {
				path += "/" + name
				list = append(list, path)
			}
		}
	}
	return list
}
