package tv

import (
	"strings"
	"testing"
)

// The plot of a run with a single check of the gap has its value in the legend, as one marker is no curve; that of several does not.
func TestGapOfOneCheck(t *testing.T) {
	for checks, want := range map[int]string{1: "relative duality gap: 0.00071 at iteration 20, the only check", 3: "relative duality gap"} {
		m := &metrics{}
		for i := range checks {
			m.History, m.Checked = append(m.History, 7.1e-4), append(m.Checked, 20*(i+1))
		}
		p := m.gapPlot(1e-3)
		if name := p.Series[0].Name; name != want || len(p.Series[0].X) != checks {
			t.Errorf("%d checks: %q, want %q", checks, name, want)
		}
		if first := strings.Contains(p.Title, "at the first check"); first != (checks == 1) {
			t.Errorf("%d checks: title %q", checks, p.Title)
		}
		if err := p.Write(t.TempDir()+"/gap", "svg"); err != nil {
			t.Error(err)
		}
	}
}
