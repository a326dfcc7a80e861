package kernel

import (
	"context"
	"testing"

	"tessera/ranks"
)

// CheckFolds refuses the numbers of observations that Select cannot divide, and no others.
func TestCheckFolds(t *testing.T) {
	for _, rule := range []Rule{CrossValidation, LeaveOneOut} {
		t.Run(string(rule), func(t *testing.T) { testCheckFolds(t, rule) })
	}
	if err := (Search{Rule: GCV}).CheckFolds(1); err != nil {
		t.Error(err)
	}
}

func testCheckFolds(t *testing.T, rule Rule) {
	refused := 0
	for n := 1; n <= 24; n++ {
		search := Search{Rule: rule, Folds: 4, Seed: 3, Widths: []float64{1}, Lambdas: []float64{0.1}}
		obs := &Observations{Dim: 1}
		for i := range n {
			obs.X, obs.Y = append(obs.X, float64(i)), append(obs.Y, float64(i%3))
		}
		err := search.CheckFolds(n)
		launched := ranks.Launch(t.Context(), ranks.Options{Ranks: 1}, func(_ context.Context, comm ranks.Comm) error {
			_, failed := Select(t.Context(), comm, obs, Options{Kernel: Kernel{Family: WendlandC2, Width: 1}, Lambda: 1}, search)
			if (err == nil) != (failed == nil) {
				t.Errorf("%d observations: CheckFolds says %v, Select %v", n, err, failed)
			}
			return nil
		})
		if launched != nil {
			t.Fatal(launched)
		}
		if err != nil {
			refused++
		}
	}
	if refused == 0 || refused == 24 {
		t.Errorf("%d of 24 numbers of observations are refused", refused)
	}
}
