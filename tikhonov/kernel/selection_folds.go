package kernel

import "fmt"

// CheckFolds returns an error if cross-validation of n observations would have a fold
// without observations, or with all of them. It depends on Seed, Folds and n alone. Other
// rules have no folds.
func (s Search) CheckFolds(n int) error {
	s = s.withDefaults(1)
	if s.Rule == LeaveOneOut && n < fewest {
		return fmt.Errorf("%d observations: %s wants %d or more", n, LeaveOneOut, fewest)
	}
	if s.Rule != CrossValidation {
		return nil
	}
	seen := make([]bool, s.Folds)
	left := s.Folds
	for id := 0; id < n && left > 0; id++ {
		if fold := foldOf(s.Seed, int64(id), s.Folds); !seen[fold] {
			seen[fold] = true
			left--
		}
	}
	if left > 0 {
		return fmt.Errorf("%d observations leave %d of %d folds empty: want more observations or fewer folds", n, left, s.Folds)
	}
	return nil
}
