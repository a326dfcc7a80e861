package ranks

import "golang.org/x/sys/unix"

// ThreadSeconds is the processor time of the calling thread in seconds; the time of other
// threads on the same core does not count. On a system without such a clock it is wall time.
func ThreadSeconds() float64 {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0
	}
	return float64(t.Sec) + 1e-9*float64(t.Nsec)
}
