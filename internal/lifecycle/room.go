package lifecycle

import (
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"tessera/ranks"
)

// roomFactor is how many times the memory of a host the estimate of a run may be: it is
// right within a factor of 2.
const roomFactor = 2

// CheckRoom returns an error if the ranks of a host need far more memory than it has, so
// that a run is refused before it allocates. bytes is what this rank needs, mend the keys
// that make it less. Collective; the error is the same on all ranks.
func CheckRoom(comm ranks.Comm, bytes float64, mend string) error {
	name, _ := os.Hostname()
	h := fnv.New64a()
	io.WriteString(h, name)
	const exact = 1<<53 - 1 // what a float64 carries to the last bit
	host := float64(h.Sum64() & exact)
	all, err := ranks.Numbers(comm, host, bytes)
	if err != nil {
		return err
	}
	need := 0.0
	for i := 0; i < len(all); i += 2 {
		if all[i] == host {
			need += all[i+1]
		}
	}
	if has := hostMemory(); need > roomFactor*has {
		err = fmt.Errorf("this needs about %s of memory on %s, which has %s: lower %s, or use more hosts", Bytes(need), name, Bytes(has), mend)
	}
	return ranks.AgreeError(comm, err)
}

// hostMemory is the memory and swap space of this host in bytes; infinite where the system
// does not tell.
func hostMemory() float64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return math.Inf(1)
	}
	total := 0.0
	for line := range strings.Lines(string(text)) {
		key, rest, _ := strings.Cut(line, ":")
		if fields := strings.Fields(rest); (key == "MemTotal" || key == "SwapTotal") && len(fields) > 0 {
			kb, _ := strconv.ParseFloat(fields[0], 64)
			total += 1024 * kb
		}
	}
	if total == 0 {
		return math.Inf(1)
	}
	return total
}
