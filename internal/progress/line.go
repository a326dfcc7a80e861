package progress

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

const (
	redraw = 100 * time.Millisecond // shortest time between two updates on a terminal
	plain  = 10 * time.Second       // and elsewhere
	early  = 0.05                   // part of the steps that has to be done before the time left is told
	absurd = 1000 * time.Hour       // time left that nobody wants to be told
)

// Line shows the progress of one run. Only one goroutine may use it, that of one rank.
type Line struct {
	w        io.Writer
	terminal bool
	width    func() int
	now      func() time.Time

	phase  string
	told   map[string]bool // phases shown as plain lines: each once, also if a search repeats it
	began  time.Time       // of the phase
	first  float64         // residual at its first step
	shown  time.Time       // when a line was last written
	length int             // characters on the terminal's line
}

// New returns a Line that writes to w, and rewrites one line if w is a terminal.
func New(w io.Writer) *Line {
	l := &Line{w: w, now: time.Now, told: map[string]bool{}}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		l.terminal = true
		l.width = func() int {
			width, _, err := term.GetSize(int(f.Fd()))
			if err != nil || width < 20 {
				return 80
			}
			return width
		}
	}
	return l
}

// Phase begins a phase that has no steps to count.
func (l *Line) Phase(name string) {
	if l == nil || name == l.phase {
		return
	}
	l.begin(name)
	if l.terminal || !l.told[name] {
		l.told[name] = true
		l.write(name)
	}
}

// Step reports an iteration of a phase, counted from 1, and its residual. If target is
// positive, the phase ends when the residual is below it, and the line shows the time
// left, estimated as if each iteration reduced the residual by the same factor.
func (l *Line) Step(phase string, iteration int, residual, target float64) {
	if l == nil {
		return
	}
	now := l.now()
	if phase != l.phase {
		l.begin(phase)
	}
	if l.first == 0 || iteration <= 1 {
		l.began, l.first = now, residual
	}
	wait := plain
	if l.terminal {
		wait = redraw
	}
	if now.Sub(l.shown) < wait {
		return
	}
	text := fmt.Sprintf("%s  iteration %d  residual %.1e", phase, iteration, residual)
	if left, ok := l.left(now, residual, target); ok {
		text += "  about " + Duration(left) + " left"
	}
	l.write(text)
}

// Count reports that done of a known number of steps of a phase are finished; detail is
// any further text. The time left is estimated from the steps since the first report.
func (l *Line) Count(phase string, done, of int, detail string) {
	if l == nil {
		return
	}
	now := l.now()
	wait := plain
	if l.terminal {
		wait = redraw
	}
	if phase != l.phase {
		if l.begin(phase); !l.told[phase] { // the phase itself is shown at once, as Phase does it
			l.told[phase], wait = true, 0
		}
	}
	if l.first == 0 {
		l.began, l.first = now, float64(done)
	}
	if now.Sub(l.shown) < wait {
		return
	}
	text := strings.TrimRight(fmt.Sprintf("%s  %d of %d  %s", phase, done, of, detail), " ")
	if since := float64(done) - l.first; since > 0 && done < of && since >= early*float64(of) {
		if left := float64(now.Sub(l.began)) * float64(of-done) / since; left < float64(absurd) {
			text += "  about " + Duration(time.Duration(left)) + " left"
		}
	}
	l.write(text)
}

// Say writes a line of its own that stays, such as what was read from a file.
func (l *Line) Say(text string) {
	if l == nil {
		return
	}
	phase := l.phase
	l.Done()
	l.phase = phase
	fmt.Fprintln(l.w, text)
}

// Done clears the line on a terminal, so that other output can follow.
func (l *Line) Done() {
	if l == nil {
		return
	}
	if l.length > 0 {
		fmt.Fprintf(l.w, "\r%*s\r", l.length, "")
		l.length = 0
	}
	l.phase = ""
}

func (l *Line) begin(phase string) {
	l.phase, l.began, l.first = phase, l.now(), 0
}

// left extrapolates log(residual) from the phase's first step to the target.
func (l *Line) left(now time.Time, residual, target float64) (time.Duration, bool) {
	if !(target > 0 && residual > target && residual < l.first) || math.Log(l.first/residual) < early*math.Log(l.first/target) {
		return 0, false
	}
	spent := now.Sub(l.began)
	left := time.Duration(float64(spent) * math.Log(residual/target) / math.Log(l.first/residual))
	return left, spent > 0 && left < absurd
}

func (l *Line) write(text string) {
	l.shown = l.now()
	if !l.terminal {
		fmt.Fprintln(l.w, text)
		return
	}
	if most := l.width() - 1; utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most])
	}
	n := utf8.RuneCountInString(text)
	fmt.Fprintf(l.w, "\r%s%*s", text, max(0, l.length-n), "")
	l.length = n
}

// Duration formats a time in at most two units: 0.4 s, 12 s, 3 min 20 s, 2 h 5 min.
func Duration(d time.Duration) string {
	s := d.Seconds()
	switch {
	case s < 9.95:
		return fmt.Sprintf("%.1f s", s)
	case s < 99.5:
		return fmt.Sprintf("%.0f s", s)
	case s < 3600:
		return fmt.Sprintf("%d min %d s", int(s)/60, int(s)%60)
	}
	return fmt.Sprintf("%d h %d min", int(s)/3600, int(s)%3600/60)
}
