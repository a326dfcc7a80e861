package ranks

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// pin gives in-process rank r of n a core of its own, where there are enough, as
// mpirun binds its ranks: left alone the kernel may run two of them on one core and
// leave another idle for seconds. It ties the goroutine to its thread, which ends
// with it, so that no other goroutine inherits the binding. Where the kernel does
// not agree the rank runs unbound.
func pin(r, n int) {
	var allowed unix.CPUSet
	if unix.SchedGetaffinity(0, &allowed) != nil || n < 2 || n > allowed.Count() || n > runtime.GOMAXPROCS(0) {
		return
	}
	for cpu, seen := 0, 0; seen <= r; cpu++ {
		if !allowed.IsSet(cpu) {
			continue
		}
		if seen == r {
			runtime.LockOSThread()
			var own unix.CPUSet
			own.Set(cpu)
			_ = unix.SchedSetaffinity(0, &own)
		}
		seen++
	}
}
