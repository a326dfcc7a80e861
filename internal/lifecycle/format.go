package lifecycle

import (
	"fmt"
	"time"

	"tessera/internal/progress"
)

func Bytes(bytes float64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	i := 0
	for bytes >= 999.5 && i < len(units)-1 {
		bytes /= 1000
		i++
	}
	return fmt.Sprintf("%.3g %s", bytes, units[i])
}

func Seconds(seconds float64) string {
	if seconds < 0.095 {
		return fmt.Sprintf("%.2g ms", 1e3*seconds)
	}
	return progress.Duration(time.Duration(seconds * float64(time.Second)))
}
