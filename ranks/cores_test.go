package ranks

import (
	"context"
	"math"
	"os"
	"runtime"
	"testing"
	"testing/fstest"
)

// The limit of a control group is the smallest of those that enclose it, in both versions.
func TestCPULimit(t *testing.T) {
	for _, c := range []struct {
		files map[string]string
		want  float64
	}{
		{nil, math.Inf(1)},
		{map[string]string{"sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5},
		{map[string]string{"sys/fs/cgroup/user/cpu.max": "400000 100000\n", "sys/fs/cgroup/user/job1/cpu.max": "200000 100000\n"}, 2},
		{map[string]string{"sys/fs/cgroup/user/cpu.max": "100000 100000\n", "sys/fs/cgroup/user/job1/cpu.max": "max 100000\n"}, 1},
		{map[string]string{
			"proc/self/cgroup": "4:cpu,cpuacct:/docker/x\n",
			"sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us": "50000\n", "sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us": "100000\n",
		}, 0.5},
		{map[string]string{"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, math.Inf(1)},
	} {
		files := fstest.MapFS{
			"proc/self/cgroup":           {Data: []byte("0::/user/job1\n")},
			"sys/fs/cgroup/user/cpu.max": {Data: []byte("max 100000\n")},
		}
		for path, text := range c.files {
			files[path] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := cpuLimit(files); got != c.want {
			t.Errorf("%v: %g cores, want %g", c.files, got, c.want)
		}
	}
}

// Within Launch, where the Go scheduler has more processors, Cores is what Launch took.
func TestCoresWithinLaunch(t *testing.T) {
	if MPI().ThreadLevel != "" {
		t.Skip("ranks of an MPI job")
	}
	before := Cores()
	err := Launch(t.Context(), Options{}, func(_ context.Context, c Comm) error {
		if c.Rank() == 0 && (c.Size() != before || Cores() != before) {
			t.Errorf("%d cores before, %d ranks, %d cores within", before, c.Size(), Cores())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// Launches that overlap, and end in any order, leave GOMAXPROCS as it was.
func TestSpareProcessors(t *testing.T) {
	if os.Getenv("GOMAXPROCS") != "" {
		t.Skip("the environment sets GOMAXPROCS, which is kept")
	}
	had := runtime.GOMAXPROCS(4)
	defer runtime.GOMAXPROCS(had)
	for _, c := range []struct {
		ranks   [2]int
		between int // GOMAXPROCS once the first has ended
	}{{[2]int{2, 4}, 6}, {[2]int{4, 2}, 4}, {[2]int{3, 3}, 5}, {[2]int{3, 1}, 4}, {[2]int{4, 7}, 4}} {
		first, second := spareProcessors(c.ranks[0]), spareProcessors(c.ranks[1])
		first()
		between := runtime.GOMAXPROCS(0)
		second()
		if after := runtime.GOMAXPROCS(0); between != c.between || after != 4 {
			t.Errorf("%d ranks: GOMAXPROCS %d, want %d, then %d, want 4", c.ranks, between, c.between, after)
		}
	}
}
