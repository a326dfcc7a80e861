package mlpatch

import (
	"fmt"

	"tessera/internal/config"
	"tessera/mlpatch"
)

// symmetries is the value of a key "average": over how many symmetries of the square the answer is the mean, 1, 2, 4 or 8.
type symmetries int

// UnmarshalTOML reads the number, or true for 8 and false for 1.
func (s *symmetries) UnmarshalTOML(v any) error {
	switch v {
	case true:
		*s = mlpatch.Symmetries
		return nil
	case false:
		*s = 1
		return nil
	}
	switch x, err := config.Number(v); {
	case err == nil && (x == 1 || x == 2 || x == 4 || x == mlpatch.Symmetries):
		*s = symmetries(x)
		return nil
	}
	return fmt.Errorf("1, 2, 4 or 8 symmetries (true: 8, false: 1)")
}

// MarshalJSON writes the number, as the config has it.
func (s symmetries) MarshalJSON() ([]byte, error) { return fmt.Append(nil, int(s)), nil }
