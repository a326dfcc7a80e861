package progress

import (
	"math"
	"strings"
	"testing"
	"time"
)

// console is a Line on a fake clock.
func console(terminal bool) (*Line, *strings.Builder, *time.Time) {
	var out strings.Builder
	now := time.Unix(0, 0)
	l := New(&out)
	l.now = func() time.Time { return now }
	l.terminal, l.width = terminal, func() int { return 40 }
	return l, &out, &now
}

func TestPlainLines(t *testing.T) {
	l, out, now := console(false)
	l.Phase("set-up")
	l.Phase("set-up") // told twice, shown once
	for i := 1; i <= 20; i++ {
		*now = now.Add(2 * time.Second)
		l.Step("solve", i, math.Pow(10, -float64(i)/2), 1e-8)
	}
	l.Phase("set-up") // again, as a search for lambda does
	l.Done()
	want := "set-up\n" +
		"solve  iteration 5  residual 3.2e-03  about 22 s left\n" +
		"solve  iteration 10  residual 1.0e-05  about 12 s left\n" +
		"solve  iteration 15  residual 3.2e-08  about 2.0 s left\n" +
		"solve  iteration 20  residual 1.0e-10\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
}

func TestTerminalLine(t *testing.T) {
	l, out, now := console(true)
	l.Phase("a rather long name for a phase")
	*now = now.Add(redraw)
	l.Step("solve", 1, 0.5, 1e-8)
	*now = now.Add(redraw / 2)
	l.Step("solve", 2, 0.1, 1e-8) // too soon to be seen
	l.Done()
	want := "\ra rather long name for a phase" +
		"\rsolve  iteration 1  residual 5.0e-01" +
		"\r" + strings.Repeat(" ", 36) + "\r"
	if got := out.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestTerminalLineIsCutToTheWidth(t *testing.T) {
	l, out, _ := console(true)
	l.Phase(strings.Repeat("ü", 100))
	if got := out.String(); got != "\r"+strings.Repeat("ü", 39) {
		t.Errorf("got %q", got)
	}
}

func TestNilAndOddNumbers(t *testing.T) {
	var none *Line
	none.Phase("x")
	none.Step("x", 1, 1, 1)
	none.Done()

	l, out, now := console(false)
	for i, r := range []float64{1, math.NaN(), math.Inf(1), 0, -1, 2} {
		*now = now.Add(10 * time.Second)
		l.Step("solve", i+1, r, 1e-8)
	}
	if strings.Contains(out.String(), "left") {
		t.Errorf("a time left of a residual that does not fall:\n%s", out)
	}
}

// The time left is told from 5 % on, and never an absurd one.
func TestTimeLeftIsNotGuessed(t *testing.T) {
	for name, steps := range map[string]func(l *Line, i int){
		"too early":    func(l *Line, i int) { l.Count("steps", i, 100, "") },
		"hardly moved": func(l *Line, i int) { l.Step("solve", i, 1-1e-4*float64(i), 1e-8) },
		"years":        func(l *Line, i int) { l.Count("steps", i*(math.MaxInt/20), math.MaxInt, "") },
	} {
		l, out, now := console(false)
		for i := 1; i <= 4; i++ {
			*now = now.Add(1000 * time.Hour)
			steps(l, i)
		}
		if strings.Count(out.String(), "\n") != 4 || strings.Contains(out.String(), "left") {
			t.Errorf("%s:\n%s", name, out)
		}
	}
}

func TestDuration(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0.0 s"}, {420 * time.Millisecond, "0.4 s"}, {12 * time.Second, "12 s"},
		{200 * time.Second, "3 min 20 s"}, {2*time.Hour + 5*time.Minute, "2 h 5 min"},
	} {
		if got := Duration(c.d); got != c.want {
			t.Errorf("Duration(%v) = %q, want %q", c.d, got, c.want)
		}
	}
}

func TestCount(t *testing.T) {
	l, out, now := console(false)
	for i := 10; i <= 60; i += 10 {
		*now = now.Add(6 * time.Second)
		l.Count("sparse iteration", i, 60, "cost 1.5")
	}
	l.Done()
	want := "sparse iteration  10 of 60  cost 1.5\n" + // at once: nothing else has been shown
		"sparse iteration  30 of 60  cost 1.5  about 18 s left\n" +
		"sparse iteration  50 of 60  cost 1.5  about 6.0 s left\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	(*Line)(nil).Count("nothing", 1, 2, "") // is not shown
}
