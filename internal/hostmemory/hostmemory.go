// Package hostmemory tells how much memory the host has, so that what no host holds is refused
// before it is allocated.
package hostmemory

import (
	"math"
	"os"
	"strconv"
	"strings"
)

// Total is the memory and swap space of this host in bytes; infinite where the system does not
// tell.
func Total() float64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return math.Inf(1)
	}
	return total(string(text))
}

func total(text string) float64 {
	bytes := 0.0
	for line := range strings.Lines(text) {
		key, rest, _ := strings.Cut(line, ":")
		if fields := strings.Fields(rest); (key == "MemTotal" || key == "SwapTotal") && len(fields) > 0 {
			kb, _ := strconv.ParseFloat(fields[0], 64)
			bytes += 1024 * kb
		}
	}
	if bytes == 0 {
		return math.Inf(1)
	}
	return bytes
}
