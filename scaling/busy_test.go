package scaling

import (
	"context"
	"strings"
	"testing"
)

// A study beside other work says so first, one on an idle machine does not; every counted run
// waits, and the first round begins with the fewest ranks.
func TestBusyMachine(t *testing.T) {
	for _, c := range []struct {
		cores []float64 // that others use, run by run, again and again
		says  string
	}{
		{[]float64{0}, ""},
		{[]float64{0.02, 0.1}, ""},
		{append(make([]float64, 19), 1), ""}, // one run in twenty
		{[]float64{0, 1.5}, "THE MACHINE WAS BUSY: during 50 % of the runs other processes used more than 0.25 of a core, at most 1.5 cores."},
		{[]float64{0.3}, "THE MACHINE WAS BUSY: during 100 %"},
	} {
		var records []Record
		run, waited := 0, 0
		s := strong(1, 2, 4)
		m := newMachine(0.01)
		err := s.Run(context.Background(), m, Observer{
			Keep: func(r Record) error { records = append(records, r); return nil },
			Others: func() func() float64 {
				return func() float64 { run++; return c.cores[run%len(c.cores)] }
			},
			Wait: func(context.Context) error { waited++; return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		counted := 0
		var first []int
		for _, r := range records {
			if r.Repetition > 0 {
				counted++
			}
			if r.Repetition == 1 && r.Point.Copies <= 1 {
				first = append(first, r.Point.Ranks)
			}
		}
		if waited != counted || len(first) < 3 || first[0] != 1 || first[1] != 2 || first[2] != 4 {
			t.Errorf("%d waits before %d counted runs; the first round is %v", waited, counted, first)
		}
		sum := Summarise(s, records)
		says := sum.headline()[0]
		if busy := strings.HasPrefix(says, "THE MACHINE WAS BUSY"); busy != (c.says != "") || !strings.HasPrefix(says, c.says) {
			t.Errorf("%v: %s", c.cores, says)
		}
	}
}
