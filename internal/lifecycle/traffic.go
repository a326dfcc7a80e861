package lifecycle

import "math/bits"

// Traffic adds up what all ranks send, counted as ranks.Stats counts it. One rank sends
// nothing.
type Traffic struct {
	Bytes, Messages float64
	ranks           float64
	rounds          float64 // of recursive doubling
}

// NewTraffic begins with nothing sent by n ranks.
func NewTraffic(n int) *Traffic {
	return &Traffic{ranks: float64(n), rounds: float64(bits.Len(uint(n - 1)))}
}

// Allreduce adds so many calls with so many numbers on each rank.
func (t *Traffic) Allreduce(numbers, calls float64) { t.add(t.ranks*t.rounds, numbers, calls) }

// Bcast adds so many calls with so many numbers.
func (t *Traffic) Bcast(numbers, calls float64) { t.add(t.ranks-1, numbers, calls) }

// Allgatherv adds a call with so many numbers of all ranks together.
func (t *Traffic) Allgatherv(numbers float64) {
	t.add(t.ranks*(t.ranks-1), numbers/t.ranks, 1)
}

// ExchangeCounts adds a call of ranks.ExchangeCounts.
func (t *Traffic) ExchangeCounts() { t.add(t.ranks*(t.ranks-1), 1, 1) }

// Send adds messages with numbers in all of them together.
func (t *Traffic) Send(messages, numbers float64) {
	t.Messages += messages
	t.Bytes += 8 * numbers
}

func (t *Traffic) add(messages, numbers, calls float64) {
	t.Messages += messages * calls
	t.Bytes += 8 * numbers * messages * calls
}

// Into sets what a plan says of traffic, for ranks that share it evenly.
func (t *Traffic) Into(p *Plan, link Link) {
	p.SentBytes, p.Messages = t.Bytes, t.Messages
	p.Talk = link.Latency * t.Messages / t.ranks
	if link.Bandwidth > 0 {
		p.Talk += t.Bytes / t.ranks / link.Bandwidth
	}
}
