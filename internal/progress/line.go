package progress

import (
	"fmt"
	"io"
	"math"
	"os"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

const (
	redraw = 100 * time.Millisecond // on a terminal
	plain  = 5 * time.Second        // elsewhere: logs are read later, by people
)

// Line is the progress of one run. It is not safe for concurrent use: one rank
// has one.
type Line struct {
	w        io.Writer
	terminal bool
	width    func() int
	now      func() time.Time

	phase  string
	told   map[string]bool // phases shown as plain lines: once each, searches repeat them
	began  time.Time       // of the phase
	first  float64         // residual at its first step
	shown  time.Time       // when something was last written
	length int             // runes on the terminal's line
}

// New shows progress on w; it updates in place if w is a terminal.
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

// Phase begins a stretch of work that has no steps to count.
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

// Step tells of one iteration of a phase. residual and target, where positive,
// give the time left: an iterative method gains about the same factor each step.
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

// Count tells of one of a known number of steps of a phase, with a word on how it
// goes. The time left follows from the steps since the first that was told of.
func (l *Line) Count(phase string, done, of int, detail string) {
	if l == nil {
		return
	}
	now := l.now()
	if phase != l.phase {
		l.begin(phase)
	}
	if l.first == 0 {
		l.began, l.first = now, float64(done)
	}
	wait := plain
	if l.terminal {
		wait = redraw
	}
	if now.Sub(l.shown) < wait {
		return
	}
	text := fmt.Sprintf("%s  %d of %d  %s", phase, done, of, detail)
	if since := float64(done) - l.first; since > 0 && done < of {
		text += "  about " + Duration(time.Duration(float64(now.Sub(l.began))*float64(of-done)/since)) + " left"
	}
	l.write(text)
}

// Done ends the updating line, so that what is written next starts a line of its own.
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
	if !(target > 0 && residual > target && residual < l.first) {
		return 0, false
	}
	spent := now.Sub(l.began)
	left := time.Duration(float64(spent) * math.Log(residual/target) / math.Log(l.first/residual))
	return left, spent > 0 && left < 1000*time.Hour
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

// Duration writes a time as a person would say it: 0.4 s, 12 s, 3 min 20 s, 2 h 5 min.
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
