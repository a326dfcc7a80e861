package tppa

import (
	"fmt"

	"tessera/internal/imageio"
	"tessera/internal/training"
	"tessera/train"
)

// Info says how a job tppa-train would read a file: as a stack of true pictures; "" of a file
// that is none.
func Info(path string) string {
	if kind, _, err := train.Describe(path); err == nil && kind == modelKind {
		m, err := readModel(path)
		if err != nil {
			return fmt.Sprintf("  as a model  %s, refused: %v\n", kind, err)
		}
		in := m.took(path)
		return fmt.Sprintf("  as a model  %s (tppa.model of tppa)\n              %s\n              %s\n", kind, in.Axes, in.Note)
	}
	a, err := imageio.StatStack(path)
	if err != nil || len(a.Shape) == 2 || a.Count == 0 || a.Pictures() != nil {
		return ""
	}
	return fmt.Sprintf("  as true pictures  %s (data.truth of tppa-train and mlpatch-train)\n", training.Axes(a.Count, a.Rows, a.Cols))
}
