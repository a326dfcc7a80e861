package tppa

import (
	"fmt"

	"tessera/internal/imageio"
	"tessera/internal/training"
)

// Info says how a job tppa-train would read a file: as a stack of true pictures; "" of a file
// that is none.
func Info(path string) string {
	a, err := imageio.StatNpy(path)
	if err != nil || len(a.Shape) != 3 || a.Shape[0] == 0 {
		return ""
	}
	return fmt.Sprintf("  as true pictures  %s (data.truth of tppa-train)\n", training.Axes(a.Shape[0], a.Shape[1], a.Shape[2]))
}
