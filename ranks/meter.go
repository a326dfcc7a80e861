package ranks

import "runtime"

// Work is what a rank did in a part of its program.
type Work struct {
	Seconds   float64 // wall time
	CPU       float64 // processor time of the rank's thread outside its calls of a Comm
	Exchange  float64 // as in Stats
	Reduce    float64
	Messages  int64
	BytesSent int64
}

// meter adds up the processor time inside calls.
type meter struct{ begin, inCalls float64 }

// Measure begins to measure what this rank does; stop ends it. Meanwhile its goroutine
// keeps to one thread, whose clock goes on only while it runs: where ranks share a core
// CPU is what the rank computed, and wall time what it and the others did. Each call
// of a Comm takes some tenths of a microsecond more. Where the system has no such clock
// CPU is wall time outside the calls.
func Measure(c Comm) (stop func() Work) {
	s := c.Stats()
	before := *s
	runtime.LockOSThread()
	m := &meter{}
	s.meter = m
	start, cpu := c.Wtime(), ThreadSeconds()
	return func() Work {
		w := Work{
			Seconds: c.Wtime() - start, CPU: ThreadSeconds() - cpu - m.inCalls,
			Exchange: s.Exchange - before.Exchange, Reduce: s.Reduce - before.Reduce,
			Messages: s.Messages - before.Messages, BytesSent: s.BytesSent - before.BytesSent,
		}
		s.meter = nil
		runtime.UnlockOSThread()
		return w
	}
}
