package ranks

import "time"

// Stats is one rank's account of what it said to the others, over all its
// communicators. Seconds are wall time inside the calls; what is not in Exchange
// or Reduce is computing.
//
// A collective counts as the messages this rank sends in the usual algorithm for
// it, whatever the transport does: binomial trees for Bcast and Reduce,
// everybody to the root for Gatherv, a ring for Allgatherv, one message to each
// other rank for Alltoallv, recursive doubling for Allreduce and Barrier.
type Stats struct {
	Messages  int64 // messages sent
	BytesSent int64
	Exchange  float64 // seconds in Send, Recv, Sendrecv, Exchange, Gatherv, Bcast and the like
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

// epoch is what the clock counts from. time.Since reads only the monotonic
// clock, half the cost of time.Now.
var epoch = time.Now()

// seconds is a monotonic clock.
func seconds() float64 { return float64(time.Since(epoch)) * 1e-9 }
