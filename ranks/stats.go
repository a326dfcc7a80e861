package ranks

import "time"

// Stats counts the communication of one rank over all its communicators. Seconds are
// wall time inside the calls; the rest of the rank's time is computing.
//
// A collective counts as the messages that this rank sends in the usual algorithm for
// it, whatever the transport does: a binomial tree for Bcast and Reduce, one message to
// the root for Gatherv, a ring for Allgatherv and Split, one message to each other rank
// for Alltoallv, recursive doubling for Allreduce and Barrier.
type Stats struct {
	Messages  int64   // messages sent
	BytesSent int64   // bytes in them
	Exchange  float64 // seconds in all calls but those of Reduce
	Reduce    float64 // seconds in Reduce, Allreduce, Barrier

	meter *meter // nil = off
}

// enter is the time at which a call begins, leave that at which it ends.
func (s *Stats) enter() float64 {
	if s.meter != nil {
		s.meter.begin = ThreadSeconds()
	}
	return seconds()
}

func (s *Stats) leave() float64 {
	if s.meter != nil {
		s.meter.inCalls += ThreadSeconds() - s.meter.begin
	}
	return seconds()
}

// epoch is the zero of the clock. time.Since reads the monotonic clock alone, which
// costs half as much as time.Now.
var epoch = time.Now()

// seconds is a monotonic clock.
func seconds() float64 { return float64(time.Since(epoch)) * 1e-9 }
