package imageio

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
)

// HostMemory is the memory and swap space of this host in bytes; infinite where the system
// does not tell.
func HostMemory() float64 {
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

// room returns an error if so many bytes are more than the memory that there is.
func room(bytes, has float64) error {
	if bytes > has {
		return fmt.Errorf("unpacking it takes %.1f GB of memory, and this host has %.1f GB: make it smaller", bytes/1e9, has/1e9)
	}
	return nil
}
