package lifecycle

import (
	"hash/fnv"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"

	"tessera/ranks"
)

// peakMemory is the largest resident memory, in MB, of the processes that the
// ranks live in, added up on rank 0, and that of the largest of them; 0 where the
// system does not tell. Ranks of one process are counted once. Collective.
func peakMemory(comm ranks.Comm) (total, largest float64, err error) {
	host, _ := os.Hostname()
	h := fnv.New64a()
	io.WriteString(h, host+"\x00"+strconv.Itoa(os.Getpid()))
	const exact = 1<<53 - 1 // what a float64 carries to the last bit
	all, err := ranks.GatherNumbers(comm, float64(h.Sum64()&exact), HighWater())
	if err != nil {
		return 0, 0, err
	}
	seen := map[float64]bool{}
	for ; len(all) > 0; all = all[2:] {
		if process := all[0]; !seen[process] {
			seen[process] = true
			total += all[1]
			largest = max(largest, all[1])
		}
	}
	return total, largest, nil
}

// HighWater is the largest resident memory of this process so far, in MB.
func HighWater() float64 {
	if runtime.GOOS != "linux" {
		return 0
	}
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb * 1024 / 1e6
		}
	}
	return 0
}
