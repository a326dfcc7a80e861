package cli

import (
	"os/exec"
	"testing"
	"time"
)

// What this process and its children use is not that of others.
func TestOtherCores(t *testing.T) {
	begin := time.Now()
	before := usage{machine: 100, ours: 10, at: begin}
	for _, c := range []struct{ machine, ours, want float64 }{
		{100, 10, 0}, {104, 14, 0}, {104, 10, 2}, {106, 13, 1.5}, {100, 11, 0},
	} {
		after := usage{machine: c.machine, ours: c.ours, at: begin.Add(2 * time.Second)}
		if got := after.since(before); got != c.want {
			t.Errorf("%v: %g cores, want %g", c, got, c.want)
		}
	}
	a, ok := usageNow()
	if !ok {
		t.Skip("this system does not say how much processor time is used")
	}
	if err := exec.Command("sh", "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done").Run(); err != nil {
		t.Fatal(err)
	}
	b, _ := usageNow()
	if child := b.ours - a.ours; !(child > 0.02) || b.machine-a.machine < child-0.1 {
		t.Errorf("a child that computes used %g s, the machine %g s", child, b.machine-a.machine)
	}
}
