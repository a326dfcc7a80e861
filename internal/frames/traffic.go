package frames

import (
	"fmt"
	"math"
	"time"

	"tessera/halo"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
)

// Exchange is a halo exchange, or the adding back of a halo, which moves as much.
type Exchange struct {
	Rows, Cols int // width of the halo in pixels
	Border     halo.Border
	Planes     int // arrays of the frame's size that travel together
	Times      int // in an iteration
}

// Traffic is what the ranks send to each other in one iteration of a solve.
type Traffic struct {
	Frame       *halo.Decomposition
	Owned       int     // pixels of the largest box
	exchanges   int     // one after the other
	sent        float64 // bytes, by all ranks
	received    float64 // bytes, by the rank that receives most
	messages    int     // of the exchanges, by all ranks
	neighbours  int     // of one rank, at most
	perOwnPixel float64 // numbers received for each number owned, on the rank where that is most
}

// TrafficOf counts the exchanges of an iteration for a frame cut among n ranks. Its time is
// in proportion to the number of messages, not of pixels.
func TrafficOf(shape *imageio.Frame, n int, list []Exchange) (*Traffic, error) {
	frame, err := halo.Decompose([]int{shape.Rows, shape.Cols}, n)
	if err != nil {
		return nil, err
	}
	t := &Traffic{Frame: frame}
	for r := range n {
		t.Owned = max(t.Owned, frame.Owned(r).Size())
	}
	for _, e := range list {
		one, err := frame.Traffic([]int{e.Rows, e.Cols}, e.Border)
		if err != nil {
			return nil, err
		}
		numbers := float64(e.Planes * e.Times)
		t.sent += 8 * numbers * float64(one.Cells)
		t.received += 8 * numbers * float64(one.MaxReceived)
		t.perOwnPixel += numbers / float64(shape.Channels) * one.MaxRatio
		t.neighbours = max(t.neighbours, one.MaxNeighbours)
		t.messages += e.Times * one.Messages
		t.exchanges += e.Times
	}
	return t, nil
}

// Gather adds numbers that every rank gets from all ranks together once in an iteration.
func (t *Traffic) Gather(numbers float64) {
	n := float64(t.Frame.Ranks())
	if n < 2 {
		return
	}
	t.sent += 8 * numbers * (n - 1)
	t.received += 8 * numbers
	t.messages += int(n * (n - 1))
	t.exchanges++
}

// Transpose adds the exchanges of a frame's rows with all ranks, so many in an iteration.
func (t *Traffic) Transpose(shape *imageio.Frame, times int) {
	n := float64(t.Frame.Ranks())
	if n < 2 {
		return
	}
	calls := float64(times * shape.Channels)
	bytes := 8 * float64(shape.Rows) * float64(shape.Cols) * (1 - 1/n)
	t.sent += calls * bytes
	t.received += calls * bytes / n
	t.messages += int(calls * n * (n - 1))
	t.exchanges += int(calls * (n - 1))
}

// Calibration is what solving small pieces of the frame has shown.
type Calibration struct {
	Seconds    lifecycle.Line // of set-up and solve, on a rank with so many unknowns
	Bytes      lifecycle.Line // held at a time by such a rank
	Iterations int            // of the last solve
	Steps      int            // rounds of exchanges of all solves, those of a search for lambda too
	Solves     int            // likewise
}

// Plan puts together the cost of a run in which the ranks' largest box has so many
// unknowns. An iteration makes the exchanges of t and two sums over all ranks.
func (t *Traffic) Plan(shape *imageio.Frame, fit *Calibration, unknowns float64, link lifecycle.Link) *lifecycle.Plan {
	n := t.Frame.Ranks()
	p := &lifecycle.Plan{
		Ranks: n, Iterations: float64(fit.Iterations), Compute: fit.Seconds.At(unknowns), MemoryBytes: fit.Bytes.At(unknowns),
	}
	if n > 1 {
		steps, rounds := float64(fit.Steps), math.Ceil(math.Log2(float64(n)))
		p.Talk = link.Latency * (2*rounds + float64(t.exchanges))
		if link.Bandwidth > 0 {
			p.Talk += t.received / link.Bandwidth
		}
		p.Talk *= steps
		p.SentBytes = steps * t.sent
		p.Messages = steps * (float64(t.messages) + 2*rounds*float64(n))
	}
	layout := "bricks"
	if g := t.Frame.GridShape(); g != nil {
		layout = fmt.Sprintf("a grid of %d x %d", g[0], g[1])
	}
	first := t.Frame.Owned(0).Shape()
	p.Row("frame", "%d x %d x %d", shape.Channels, shape.Rows, shape.Cols)
	p.Row("ranks", "%d in %s; rank 0 owns %d x %d pixels, none more than %d", n, layout, first[0], first[1], t.Owned)
	return p
}

// Say adds what an iteration sends. halo says how wide the halos are.
func (t *Traffic) Say(p *lifecycle.Plan, halo string) {
	p.Row("halo", "%s: %s received a rank and iteration, %.1f %% of what it owns", halo, lifecycle.Bytes(t.received), 100*t.perOwnPixel)
	p.Row("messages", "%d an iteration, to at most %d neighbours", t.messages, t.neighbours)
}

// SayTranspose adds what an iteration of a transform of the whole frame sends.
func (t *Traffic) SayTranspose(p *lifecycle.Plan) {
	p.Row("transform", "of the whole frame, there and back: %s received a rank and iteration", lifecycle.Bytes(t.received))
	p.Row("messages", "%d an iteration, each rank with all others", t.messages)
}

// Sample is what one rank needed to restore a piece of the frame.
type Sample struct {
	Seconds float64 // of the first solve
	Bytes   float64 // held at a time, the observation included
}

// MeasureSolve solves a problem whose observation takes so many bytes twice: once for the time
// and once for the memory, as looking at the memory takes time.
func MeasureSolve(observation float64, solve func() error) (Sample, error) {
	seconds, err := Timed(solve)
	if err != nil {
		return Sample{}, err
	}
	held, err := lifecycle.PeakHeap(solve)
	return Sample{seconds, held + observation}, err
}

// Timed is how many seconds f takes.
func Timed(f func() error) (float64, error) {
	start := time.Now()
	err := f()
	return time.Since(start).Seconds(), err
}

// Bytes is the memory of an observation on this rank.
func (o *Observation) Bytes() float64 {
	return 8 * float64(len(o.Data)+len(o.Weights)+len(o.Truth))
}
