package lifecycle

import (
	"time"

	"tessera/ranks"
)

// Link is what it costs two ranks to talk to each other, both ways at once.
type Link struct {
	Latency   float64 // seconds of an exchange of 8 bytes
	Bandwidth float64 // bytes a second each way, large messages; 0 without a second rank
}

// MeasureLink times exchanges between ranks 0 and 1 for some milliseconds. Every
// rank calls it; rank 0 gets the answer.
func MeasureLink(comm ranks.Comm) (Link, error) {
	if comm.Size() < 2 || comm.Rank() > 1 {
		return Link{}, nil
	}
	const large = 1 << 17 // doubles
	short, err := exchangeTime(comm, 1, 20, 50)
	if err != nil {
		return Link{}, err
	}
	long, err := exchangeTime(comm, large, 5, 2)
	return Link{Latency: short, Bandwidth: 8 * large / long}, err
}

// exchangeTime is the mean of a batch of exchanges, of the best batch: on a busy
// machine the others tell of the machine.
func exchangeTime(comm ranks.Comm, n, batches, rounds int) (float64, error) {
	send, recv := make([]float64, n), make([]float64, n)
	peer := ranks.Neighbours{Ranks: []int{1 - comm.Rank()}, SendCounts: []int{n}, RecvCounts: []int{n}}
	best := time.Hour
	for range batches {
		start := time.Now()
		for range rounds {
			if err := comm.Exchange(peer, send, recv); err != nil {
				return 0, err
			}
		}
		best = min(best, time.Since(start)/time.Duration(rounds))
	}
	return best.Seconds(), nil
}
