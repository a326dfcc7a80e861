package scaling

import (
	"fmt"
	"math"
)

// Link is a network in LogGP's terms, as far as whole runs need them: what a message
// costs whatever its length, latency and overheads together, and what a byte costs.
type Link struct {
	Name      string  `json:"name"`
	Latency   float64 `json:"latency"`   // seconds a message
	Bandwidth float64 `json:"bandwidth"` // bytes a second and rank
}

func (l Link) String() string {
	return fmt.Sprintf("%s: %.3g us a message, %.3g GB/s", l.Name, 1e6*l.Latency, 1e-9*l.Bandwidth)
}

// talk is the time that a rank's traffic takes.
func (l Link) talk(messages, bytes float64) float64 {
	t := messages * l.Latency
	if l.Bandwidth > 0 {
		t += bytes / l.Bandwidth
	}
	return t
}

// modelled is the time of a run on as many cores as ranks: the slowest rank's
// processor time between calls and what the link takes for its traffic,
//
//	T = max over ranks of (C_r + messages_r latency + bytes_r / bandwidth).
//
// It knows nothing of caches and memory that cores share, nor of waiting for each
// other within an iteration: it is a bound from below for balanced runs.
func (l Link) modelled(ranks []Account) (seconds, compute, talk float64) {
	for _, a := range ranks {
		t := l.talk(float64(a.Messages), float64(a.BytesSent))
		if a.CPU+t > seconds {
			seconds, compute, talk = a.CPU+t, a.CPU, t
		}
	}
	return seconds, compute, talk
}

// project is the run of a row on so many ranks of another machine: computing in
// proportion to the work of a rank, and messages and bytes of the busiest rank as they
// are, which is so for exchanges between neighbours, but for reductions, which grow
// with the logarithm.
func (l Link) project(accounts []Account, from, to int, work float64) (seconds, compute, talk float64) {
	var cpu, messages, bytes float64
	for _, a := range accounts {
		cpu = max(cpu, a.CPU)
		messages, bytes = max(messages, float64(a.Messages)), max(bytes, float64(a.BytesSent))
	}
	compute = cpu * float64(from) / float64(to) * work
	grow := math.Log2(float64(to)) / max(1, math.Log2(float64(from)))
	talk = l.talk(messages*max(1, grow), bytes*max(1, grow))
	return compute + talk, compute, talk
}
