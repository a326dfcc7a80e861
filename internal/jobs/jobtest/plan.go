package jobtest

import (
	"context"
	"testing"

	"tessera/internal/config"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// Plan is the plan of a job on n ranks.
func Plan(t testing.TB, load func(*config.File) *lifecycle.Job, n int, text string, sets ...string) *lifecycle.Plan {
	t.Helper()
	var p *lifecycle.Plan
	OnRanks(t, 1, func(comm ranks.Comm) error {
		j, err := Parse(load, text, sets...)
		if err == nil {
			p, err = j.Plan(context.Background(), comm, n, lifecycle.Link{Latency: 1e-6, Bandwidth: 1e9})
		}
		return err
	})
	return p
}

// AgainstPlan runs a job on n ranks and compares its memory and traffic with its plan: each
// must be right to a factor of two.
func AgainstPlan(t testing.TB, load func(*config.File) *lifecycle.Job, n int, text string, sets ...string) {
	t.Helper()
	within := func(planned, seen float64) bool { return planned <= 2*seen && seen <= 2*planned }
	var p *lifecycle.Plan
	var dir string
	planned, memory := 0.0, 0.0
	// A busy machine may look at the heap too seldom, and then see garbage in it.
	for range 5 {
		p = Plan(t, load, n, text, sets...)
		planned = float64(n)*p.MemoryBytes + p.RootBytes
		var err error
		memory, err = lifecycle.PeakHeap(func() (err error) {
			dir, err = runDrawn(t, load, n, text, sets...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if within(planned, memory) {
			break
		}
	}
	sent := 0.0
	did, _ := Metrics(t, dir)["ranks_did"].([]any)
	for _, a := range did {
		sent += a.(map[string]any)["bytes_sent"].(float64)
	}
	if len(did) != n || p.Compute <= 0 {
		t.Errorf("the run accounts for %d ranks of %d; the plan is %+v", len(did), n, p)
	}
	t.Logf("memory %s planned, %s seen; traffic %s planned, %s seen",
		lifecycle.Bytes(planned), lifecycle.Bytes(memory), lifecycle.Bytes(p.SentBytes), lifecycle.Bytes(sent))
	if !within(planned, memory) {
		t.Errorf("memory: %s planned, the run held %s", lifecycle.Bytes(planned), lifecycle.Bytes(memory))
	}
	if !within(p.SentBytes, sent) {
		t.Errorf("traffic: %s planned, the run sent %s", lifecycle.Bytes(p.SentBytes), lifecycle.Bytes(sent))
	}
}
