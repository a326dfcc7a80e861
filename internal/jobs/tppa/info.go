package tppa

import (
	"fmt"

	"tessera/internal/imageio"
)

// Info says how a job tppa-train would read a file: as a stack of true pictures; "" of a file
// that is none.
func Info(path string) string {
	a, err := imageio.StatNpy(path)
	if err != nil || len(a.Shape) != 3 || a.Shape[0] == 0 {
		return ""
	}
	return fmt.Sprintf("  as true pictures  %s (data.truth of tppa-train)\n", axesOfPictures(a.Shape[0], a.Shape[1], a.Shape[2]))
}

// axesOfPictures says what the axes of a stack of pictures are.
func axesOfPictures(count, rows, cols int) string {
	return fmt.Sprintf("%d pictures of %d rows x %d columns", count, rows, cols)
}
