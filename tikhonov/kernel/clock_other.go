//go:build !linux

package kernel

import "time"

// threadSeconds is wall time where the system keeps no clock of a thread's own.
func threadSeconds() float64 { return 1e-9 * float64(time.Now().UnixNano()) }
