package tppa

import (
	"path/filepath"
	"testing"

	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
)

// The planned traffic of the model and of everything beside it is that of the run to 15 %, where the frame is as large as the
// largest piece that the plan solves.
func TestPlannedTraffic(t *testing.T) {
	model, err := jobtest.Run(t, LoadTrain, 1, smallTraining, "output.pictures=false")
	if err != nil {
		t.Fatal(err)
	}
	for name, sets := range map[string][]string{
		"plain": nil, "without a blur": {"blur.kind=none"}, "zeros": {"tppa.border=zero"},
	} {
		if len(sets) > 0 && testing.Short() {
			continue
		}
		sets := append([]string{"simulate.rows=144", "simulate.cols=144", "simulate.noise=0.02", "output.pictures=false", "tv.tolerance=1e-2", "tppa.model=" + filepath.Join(model, "model.npz")}, sets...)
		const n = 4
		plan := jobtest.Plan(t, Load, n, `job = "tppa"`, sets...)
		out, err := jobtest.Run(t, Load, n, `job = "tppa"`, sets...)
		if err != nil {
			t.Fatal(err)
		}
		seen := jobtest.Metrics(t, out)["bytes_sent"].(float64)
		t.Logf("%s: planned %s, sent %s", name, lifecycle.Bytes(plan.SentBytes), lifecycle.Bytes(seen))
		if !(plan.SentBytes > 0.85*seen && plan.SentBytes < 1.15*seen) {
			t.Errorf("%s: planned %s, sent %s", name, lifecycle.Bytes(plan.SentBytes), lifecycle.Bytes(seen))
		}
	}
}
