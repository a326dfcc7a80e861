package halo

import (
	"testing"
	"time"

	"tessera/ranks"
)

// double is the least of a communicator that this package needs.
type double struct {
	ranks.Comm // nil: any other call panics
	rank       int
	wires      [][]chan []float64 // [from][to]
}

func (c *double) Rank() int { return c.rank }
func (c *double) Size() int { return len(c.wires) }

func (c *double) Send(buf []float64, dst, _ int) error {
	c.wires[c.rank][dst] <- append([]float64(nil), buf...)
	return nil
}

func (c *double) Recv(buf []float64, src, tag int) (ranks.Status, error) {
	m := <-c.wires[src][c.rank]
	return ranks.Status{Source: src, Tag: tag, Count: copy(buf, m)}, nil
}

func (c *double) Exchange(n ranks.Neighbours, send, recv []float64) error {
	for i, q := range n.Ranks {
		c.Send(send[:n.SendCounts[i]], q, 0)
		send = send[n.SendCounts[i]:]
	}
	for i, q := range n.Ranks {
		m := <-c.wires[q][c.rank]
		if len(m) != n.RecvCounts[i] {
			panic("message length")
		}
		copy(recv, m)
		recv = recv[n.RecvCounts[i]:]
	}
	return nil
}

func launch(t testing.TB, n int, body func(comm ranks.Comm) error) {
	t.Helper()
	wires := make([][]chan []float64, n)
	for i := range wires {
		wires[i] = make([]chan []float64, n)
		for j := range wires[i] {
			wires[i][j] = make(chan []float64, 64)
		}
	}
	done := make(chan error, n)
	for r := range n {
		go func() { done <- body(&double{rank: r, wires: wires}) }()
	}
	for range n {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(time.Minute):
			t.Fatal("a rank hangs")
		}
	}
}
