package tv

import (
	"testing"

	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
)

// The planned traffic is that of the run to 5 % for every method, with and without a blur and missing pixels, where the
// frame is as large as the largest piece that the plan solves.
func TestPlannedTraffic(t *testing.T) {
	for name, sets := range map[string][]string{
		"fppa":                        nil,
		"admm":                        {"tv.method=admm"},
		"admm, missing pixels":        {"tv.method=admm", "simulate.missing=0.02", "tv.lower=0"},
		"admm without a blur":         {"tv.method=admm", "blur.kind=none", "simulate.missing=0.02"},
		"primal-dual":                 {"tv.method=primal-dual", "tv.tolerance=0.05"},
		"primal-dual, three channels": {"tv.method=primal-dual", "blur.kind=none", "simulate.channels=3", "tv.coupled=true"},
	} {
		t.Run(name, func(t *testing.T) {
			sets := append([]string{"simulate.rows=176", "simulate.cols=176", "simulate.missing=0", "simulate.noise=0.02", "output.pictures=false", "tv.tolerance=0.05", "tv.lambda=0.002"}, sets...)
			const n = 4
			plan := jobtest.Plan(t, Load, n, small, sets...)
			out, err := jobtest.Run(t, Load, n, small, sets...)
			if err != nil {
				t.Fatal(err)
			}
			m := jobtest.Metrics(t, out)
			if seen := m["bytes_sent"].(float64); !(plan.SentBytes > 0.95*seen && plan.SentBytes < 1.05*seen) {
				t.Errorf("planned %s, sent %s", lifecycle.Bytes(plan.SentBytes), lifecycle.Bytes(seen))
			}
		})
	}
}
