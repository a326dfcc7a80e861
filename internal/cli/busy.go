package cli

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A usage is the processor time that has been used so far, in seconds.
type usage struct {
	machine float64   // by all processes, as Linux counts it
	ours    float64   // by this process and its children that have ended
	at      time.Time // when
}

// usageNow reads it; false where the system does not say.
func usageNow() (usage, bool) {
	u := usage{at: time.Now()}
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return u, false
	}
	line, _, _ := strings.Cut(string(text), "\n")
	f := strings.Fields(line)
	if len(f) < 9 || f[0] != "cpu" {
		return u, false
	}
	const perSecond = 100 // USER_HZ of every Linux
	for i, text := range f[1:9] {
		if i == 3 || i == 4 { // idle, and waiting for a disk
			continue
		}
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return u, false
		}
		u.machine += n / perSecond
	}
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var r syscall.Rusage
		if syscall.Getrusage(who, &r) != nil {
			return u, false
		}
		u.ours += time.Duration(r.Utime.Nano() + r.Stime.Nano()).Seconds()
	}
	return u, true
}

// since is how many cores other processes have used on average since an earlier usage.
func (u usage) since(before usage) float64 {
	seconds := u.at.Sub(before.at).Seconds()
	if seconds <= 0 {
		return 0
	}
	return max(0, (u.machine-before.machine-(u.ours-before.ours))/seconds)
}

// others measures the cores that other processes use during a run; nil where it is not known:
// the ranks of srun are no children of this process.
func (l *launcher) others() func() func() float64 {
	if _, ok := usageNow(); !ok || l.how == launchSrun {
		return nil
	}
	return func() func() float64 {
		before, _ := usageNow()
		return func() float64 {
			after, _ := usageNow()
			return after.since(before)
		}
	}
}

// idleCores is how many cores other processes may use on an idle machine.
const idleCores = 0.1

// idle waits for other processes to be idle for a second, no longer than -wait says; nil without -wait.
func (c *call) idle() func(context.Context) error {
	if _, ok := usageNow(); !ok || c.scale.wait <= 0 {
		return nil
	}
	return func(ctx context.Context) error {
		for until := time.Now().Add(c.scale.wait); ; {
			before, _ := usageNow()
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Second):
			}
			after, _ := usageNow()
			switch cores := after.since(before); {
			case cores < idleCores:
				return nil
			case time.Now().After(until):
				if !c.quiet {
					fmt.Fprintf(c.stderr, "other processes still use %.1f cores: the run begins all the same\n", cores)
				}
				return nil
			}
		}
	}
}
