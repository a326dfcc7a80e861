package kernel

import "golang.org/x/sys/unix"

// threadSeconds is the processor time of the calling thread: what others do on the
// same core does not count.
func threadSeconds() float64 {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0
	}
	return float64(t.Sec) + 1e-9*float64(t.Nsec)
}
