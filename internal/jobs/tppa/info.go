package tppa

import (
	"fmt"

	"tessera/internal/imageio"
	"tessera/internal/training"
)

// Info says how a job tppa-train would read a file: as a stack of true pictures; "" of a file
// that is none.
func Info(path string) string {
	a, err := imageio.StatStack(path)
	if err != nil || len(a.Shape) == 2 || a.Count == 0 || a.Pictures() != nil {
		return ""
	}
	return fmt.Sprintf("  as true pictures  %s (data.truth of tppa-train and mlpatch-train)\n", training.Axes(a.Count, a.Rows, a.Cols))
}
