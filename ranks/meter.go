package ranks

import "runtime"

// Work is the time and communication of a rank in a part of its program.
type Work struct {
	Seconds   float64 // wall time
	CPU       float64 // seconds of processor time of the rank's thread outside its calls of a Comm
	Exchange  float64 // seconds, as in Stats
	Reduce    float64 // seconds, as in Stats
	Messages  int64   // sent
	BytesSent int64
}

// meter adds up the processor time inside calls.
type meter struct{ begin, inCalls float64 }

// Plus is the work of two measurements together.
func (w Work) Plus(o Work) Work {
	return Work{
		Seconds: w.Seconds + o.Seconds, CPU: w.CPU + o.CPU, Exchange: w.Exchange + o.Exchange, Reduce: w.Reduce + o.Reduce,
		Messages: w.Messages + o.Messages, BytesSent: w.BytesSent + o.BytesSent,
	}
}

// Measure begins to measure the work of this rank; stop ends the measurement and returns
// the result. It is local. Between the two calls the rank's goroutine stays on one
// thread, whose clock runs only while the thread does: if ranks share a core, CPU is the
// time that this rank computed, while Seconds contains the time of the others too. Each
// call of a Comm takes some tenths of a microsecond more. On a system without such a
// clock, CPU is the wall time outside the calls.
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
