package lifecycle

import (
	"fmt"
	"math"
)

// FurtherError is the error of a solve that has not converged, with the keys of the config that let it come further.
type FurtherError struct {
	Err       error
	Section   string  // of the keys max_iterations and tolerance
	Most      int     // max_iterations of the run; 0 = more would not help
	Tolerance float64 // of the run
}

func (e *FurtherError) Unwrap() error { return e.Err }

func (e *FurtherError) Error() string {
	text := e.Err.Error() + ": "
	if e.Most > 0 {
		text += fmt.Sprintf("-set %s.max_iterations=%d allows more, ", e.Section, 2*min(e.Most, math.MaxInt/2))
	}
	return text + fmt.Sprintf("-set %s.tolerance=%.3g ends earlier", e.Section, min(0.5, 10*e.Tolerance))
}

// Further names the keys of a section with which a solve that has not converged comes further; nil stays nil.
func Further(err error, section string, most int, tolerance float64) error {
	if err == nil {
		return nil
	}
	return &FurtherError{err, section, most, tolerance}
}
