package imageio

import (
	"errors"
	"fmt"
	"io"
)

// describeStack says how a job of stamps reads the file, and tells whether it can: as a stack
// of square images, or what to do so that it is one. Of a single picture and of other arrays
// it says nothing.
func describeStack(t io.Writer, r io.ReaderAt, size int64, unit string) bool {
	s, err := newStackSource(r, size, unit)
	if err != nil {
		if errors.As(err, new(unclearError)) {
			fmt.Fprintf(t, "  as a stack\tnone: it %v\n", err)
		}
		return false
	}
	if s.Count == 1 && s.Shape != nil {
		return false
	}
	if err := s.Square(); err != nil {
		if n := s.Shape; len(n) == 3 && n[0] == n[1] {
			fmt.Fprintf(t, "  as a stack\tnone: it %v\n", err)
		}
		return false
	}
	fmt.Fprintf(t, "  as a stack\t%d stamps of %d rows x %d columns: %s %s, %s; NaN is missing\n", s.Count, s.Rows, s.Cols, s.Format, s.Type, s.Part)
	return true
}
