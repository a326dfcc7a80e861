package scaling

import (
	"fmt"
	"math"
)

// Link is the network between ranks with two of the parameters of the LogGP model: a
// message of n bytes takes Latency + n/Bandwidth. The zero Link takes no time.
type Link struct {
	Name      string  `json:"name"`      // shown in reports
	Latency   float64 `json:"latency"`   // seconds for each message, with the overheads at both ends
	Bandwidth float64 `json:"bandwidth"` // bytes per second of each rank; 0 = infinite
}

// String is the link with its numbers, for people.
func (l Link) String() string {
	return fmt.Sprintf("%s: %.3g us per message, %.3g GB/s", l.Name, 1e6*l.Latency, 1e-9*l.Bandwidth)
}

// transfer is the time that a rank's traffic takes, in seconds.
func (l Link) transfer(messages, bytes float64) float64 {
	t := messages * l.Latency
	if l.Bandwidth > 0 {
		t += bytes / l.Bandwidth
	}
	return t
}

// modelled is the time of a run with a core for every rank, from the processor time C_r of
// each rank outside communication calls and the time that the link takes for its traffic:
//
//	T = max over ranks of (C_r + messages_r latency + bytes_r / bandwidth).
//
// The model leaves out that cores share caches and memory, and that ranks wait for each
// other within an iteration. For balanced runs it is a lower bound.
func (l Link) modelled(ranks []Account) (seconds, compute, communication float64) {
	for _, a := range ranks {
		t := l.transfer(float64(a.Messages), float64(a.BytesSent))
		if a.CPU+t > seconds {
			seconds, compute, communication = a.CPU+t, a.CPU, t
		}
	}
	return seconds, compute, communication
}

// project models a run on to ranks of another machine from the accounts of a run on from
// ranks; work is the ratio of the problems' sizes. Computing time is proportional to the
// work of a rank. Messages and bytes are those of the busiest rank, times the ratio of the
// logarithms of the numbers of ranks: an upper bound, because only reductions grow so,
// while exchanges with neighbours do not.
func (l Link) project(accounts []Account, from, to int, work float64) (seconds, compute, communication float64) {
	var cpu, messages, bytes float64
	for _, a := range accounts {
		cpu = max(cpu, a.CPU)
		messages, bytes = max(messages, float64(a.Messages)), max(bytes, float64(a.BytesSent))
	}
	compute = cpu * float64(from) / float64(to) * work
	grow := math.Log2(float64(to)) / max(1, math.Log2(float64(from)))
	communication = l.transfer(messages*max(1, grow), bytes*max(1, grow))
	return compute + communication, compute, communication
}
