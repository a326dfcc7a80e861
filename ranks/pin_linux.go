package ranks

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// pin binds in-process rank r of n to a core of its own, if there are enough, as mpirun
// does with its ranks: otherwise the kernel may run two of them on one core for seconds
// while another core is idle. The goroutine stays on its thread, which ends with it, so
// that no other goroutine inherits the binding. If the kernel refuses, the rank runs unbound.
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
