package mlpatch

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"tessera/ranks"
	"tessera/train"
)

// A training that is continued from any of its states, with the validations up to it, loses its
// patience in the step where one that was not stopped does, and has the same parameters.
func TestPatienceResumes(t *testing.T) {
	n := &Network{Planes: 1, Levels: 1, Geometry: Geometry{Kind: Square, Side: 3}, Hidden: []int{8}, Chunks: 1, Residual: true}
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
		set, _ := training(n)
		set.Every, set.Patience = 1, 3
		type checkpoint struct {
			State *train.State
			Curve *Curve
		}
		var kept [][]byte // of each step but the last
		curve := &Curve{}
		o := train.Options{Steps: 5000, Rate: 0.05} // too fast to settle
		o.Each = func(s *train.State) error {
			text, err := json.Marshal(checkpoint{s, curve})
			kept = append(kept, text)
			return err
		}
		whole, err := set.Train(ctx, comm, n.Start(1), curve, o)
		if err != nil {
			return err
		}
		if len(kept) != whole.Steps-1 || len(kept) < 3 {
			t.Errorf("%d states of %d steps", len(kept), whole.Steps)
			return nil
		}
		for back := range 4 { // the states of the steps in which patience runs out, and one before
			if back >= len(kept) {
				break
			}
			var from checkpoint
			if err := json.Unmarshal(kept[len(kept)-1-back], &from); err != nil {
				return err
			}
			o.From, o.Each = from.State, nil
			r, err := set.Train(ctx, comm, n.Start(1), from.Curve, o)
			if err != nil {
				return err
			}
			if r.Steps != whole.Steps || r.Status != whole.Status || !slices.Equal(r.Theta, whole.Theta) || !slices.Equal(from.Curve.Losses, curve.Losses) {
				t.Errorf("continued %d steps before the last: %s after %d steps, want %s after %d; losses of the validation %v, want %v",
					back+1, r.Status, r.Steps, whole.Status, whole.Steps, from.Curve.Losses, curve.Losses)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
