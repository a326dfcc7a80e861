//go:build !linux

package ranks

// ThreadSeconds is the processor time of the calling thread in seconds; the time of other
// threads on the same core does not count. On a system without such a clock it is wall time.
func ThreadSeconds() float64 { return seconds() }
