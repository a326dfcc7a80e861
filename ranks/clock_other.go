//go:build !linux

package ranks

// ThreadSeconds is the processor time of the calling thread: what others do on the same
// core does not count. Where the system keeps no such clock it is wall time.
func ThreadSeconds() float64 { return seconds() }
