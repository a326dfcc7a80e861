package ranks

// Stats is one rank's account of what it said to the others. Seconds are wall
// time inside the calls; what is not in Exchange or Reduce is computing.
type Stats struct {
	Messages  int64 // messages sent, collectives counted as the messages they would be made of
	BytesSent int64
	Exchange  float64 // seconds in Send, Recv, Sendrecv, Exchange, Gatherv, Bcast and the like
	Reduce    float64 // seconds in Reduce, Allreduce, Barrier
}
