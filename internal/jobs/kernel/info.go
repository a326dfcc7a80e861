package kernel

import (
	"fmt"
	"strings"

	"tessera/train"
)

// Info says what the fit in a file is of, and which command takes it; "" of a file that holds none.
func Info(path string) string {
	if kind, _, err := train.Describe(path); err != nil || kind != fitKind {
		return ""
	}
	s, err := readFit(path)
	if err != nil {
		return fmt.Sprintf("  as a fit  refused: %v\n", err)
	}
	return fmt.Sprintf("  as a fit  %s of width %.4g on %d observations of %s, coordinates %s (tessera predict FIT PLACES)\n", s.Family, s.Width, len(s.coefficients), s.Source, strings.Join(s.Names, ", "))
}
