package krylov

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Every way to stop but cancellation, which TestCancelOneRank has: the status in the
// report and in the error, and a message that says what helps.
func TestStatus(t *testing.T) {
	easy := &system{m: chain(40, gauss5(), nil, 1e-2, true), b: random(rand.New(rand.NewPCG(1, 14)), 40)}
	hard := randomSystem(rand.New(rand.NewPCG(2, 14)), 30, 1e10)
	all := methods(strips(40, 4, 1))
	for _, c := range []struct {
		s       *system
		method  string
		control Control
		want    Status
		message string
	}{
		{easy, "ras-gmres", Control{LambdaMin: 1e-2}, Converged, ""},
		{easy, "as-cg", Control{LambdaMin: 1e-2}, Converged, ""},
		{easy, "mult", Control{LambdaMin: 1e-2, MaxIterations: 10000}, Converged, ""},
		{easy, "ras-gmres", Control{LambdaMin: 1e-2, MaxIterations: 3}, IterationLimit, "allow more iterations"},
		{easy, "cg", Control{LambdaMin: 1e-2, MaxIterations: 3}, IterationLimit, "allow more iterations"},
		{easy, "mult", Control{LambdaMin: 1e-2, MaxIterations: 3}, IterationLimit, "allow more iterations"},
		{easy, "ras", Control{LambdaMin: 1e-2, Tolerance: 1e-17, MaxIterations: 100000}, Stagnated, "larger tolerance"},
		{easy, "mult", Control{LambdaMin: 1e-2, Tolerance: 1e-17, MaxIterations: 100000}, Stagnated, "larger tolerance"},
		{easy, "ras", Control{Tolerance: 1e-17, MaxIterations: 100000}, Stagnated, "larger tolerance"},
		{easy, "mult", Control{Tolerance: 1e-17, MaxIterations: 100000}, Stagnated, "larger tolerance"},
		{hard, "cg", Control{LambdaMin: 1e-10, Tolerance: 1e-15, MaxIterations: 100000}, Stagnated, "larger tolerance"},
		{hard, "ras-gmres", Control{LambdaMin: 1e-10, Tolerance: 1e-15, MaxIterations: 100000}, Stagnated, "larger tolerance"},
	} {
		f := all[c.method]
		if c.s == hard {
			f = methods(strips(30, 2, 1))[c.method]
		}
		o := c.s.run(t, 2, f, nil, c.control)
		what := fmt.Sprintf("%s, limit %d", c.method, c.control.MaxIterations)
		if o.report == nil || o.report.Status != c.want {
			t.Errorf("%s: report %+v, error %v, want %v", what, o.report, o.err, c.want)
			continue
		}
		var short *NotConvergedError
		switch {
		case c.want == Converged:
			if o.err != nil || Unfinished(o.err) {
				t.Errorf("%s: %v", what, o.err)
			}
		case !errors.As(o.err, &short) || short.Status != c.want || !strings.Contains(o.err.Error(), c.message) || !Unfinished(o.err):
			t.Errorf("%s: error %v, want %v", what, o.err, c.want)
		}
	}
	if Unfinished(&NotConvergedError{Status: Diverged}) || !Unfinished(fmt.Errorf("fit: %w", &NotConvergedError{Status: Stagnated})) {
		t.Error("a diverged iterate is of no use, a stagnated one is")
	}
}

func TestStatusString(t *testing.T) {
	seen := map[string]bool{}
	for s := Status(0); s <= Cancelled+1; s++ {
		if seen[s.String()] {
			t.Errorf("%q twice", s)
		}
		seen[s.String()] = true
	}
	if got := IterationLimit.String(); got != "iteration limit" {
		t.Errorf("%q", got)
	}
}
