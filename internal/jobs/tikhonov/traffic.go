package tikhonov

import (
	"fmt"
	"math"

	"tessera/halo"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/krylov"
)

// exchange is a halo exchange, or the adding back of a halo, which moves as much.
type exchange struct {
	rows, cols int // width of the halo in pixels
	border     halo.Border
	planes     int // arrays of the frame's size that travel together
	times      int // in an iteration
}

// traffic is what the ranks send to each other in one iteration of a solve.
type traffic struct {
	frame       *halo.Decomposition
	owned       int     // pixels of the largest box
	exchanges   int     // one after the other
	sent        float64 // bytes, by all ranks
	received    float64 // bytes, by the rank that receives most
	messages    int     // of the exchanges, by all ranks
	neighbours  int     // of one rank, at most
	perOwnPixel float64 // numbers received for each number owned, on the rank where that is most
}

// trafficOf counts the exchanges of an iteration for a frame cut among n ranks. Its time is
// in proportion to the number of messages, not of pixels.
func trafficOf(shape *imageio.Frame, n int, list []exchange) (*traffic, error) {
	frame, err := halo.Decompose([]int{shape.Rows, shape.Cols}, n)
	if err != nil {
		return nil, err
	}
	t := &traffic{frame: frame}
	for r := range n {
		t.owned = max(t.owned, frame.Owned(r).Size())
	}
	for _, e := range list {
		one, err := frame.Traffic([]int{e.rows, e.cols}, e.border)
		if err != nil {
			return nil, err
		}
		numbers := float64(e.planes * e.times)
		t.sent += 8 * numbers * float64(one.Cells)
		t.received += 8 * numbers * float64(one.MaxReceived)
		t.perOwnPixel += numbers / float64(shape.Channels) * one.MaxRatio
		t.neighbours = max(t.neighbours, one.MaxNeighbours)
		t.messages += e.times * one.Messages
		t.exchanges += e.times
	}
	return t, nil
}

// gather adds numbers that every rank gets from all ranks together once in an iteration.
func (t *traffic) gather(numbers float64) {
	n := float64(t.frame.Ranks())
	if n < 2 {
		return
	}
	t.sent += 8 * numbers * (n - 1)
	t.received += 8 * numbers
	t.messages += int(n * (n - 1))
	t.exchanges++
}

// transpose adds the exchanges of a frame's rows with all ranks, so many in an iteration.
func (t *traffic) transpose(shape *imageio.Frame, times int) {
	n := float64(t.frame.Ranks())
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

// calibration is what solving small pieces of the frame has shown.
type calibration struct {
	seconds    lifecycle.Line // of set-up and solve, on a rank with so many unknowns
	bytes      lifecycle.Line // held at a time by such a rank
	iterations int            // of the last solve
	steps      int            // rounds of exchanges of all solves, those of a search for lambda too
	solves     int            // likewise
	method     krylov.Method  // of the tikhonov job: that was used
	overlap    int            // likewise, pixels
}

// plan puts together the cost of a run in which the ranks' largest box has so many
// unknowns. An iteration makes the exchanges of t and two sums over all ranks.
func (t *traffic) plan(shape *imageio.Frame, fit *calibration, unknowns float64, link lifecycle.Link) *lifecycle.Plan {
	n := t.frame.Ranks()
	p := &lifecycle.Plan{
		Ranks: n, Iterations: float64(fit.iterations), Compute: fit.seconds.At(unknowns), MemoryBytes: fit.bytes.At(unknowns),
	}
	if n > 1 {
		steps, rounds := float64(fit.steps), math.Ceil(math.Log2(float64(n)))
		p.Talk = link.Latency * (2*rounds + float64(t.exchanges))
		if link.Bandwidth > 0 {
			p.Talk += t.received / link.Bandwidth
		}
		p.Talk *= steps
		p.SentBytes = steps * t.sent
		p.Messages = steps * (float64(t.messages) + 2*rounds*float64(n))
	}
	layout := "bricks"
	if g := t.frame.GridShape(); g != nil {
		layout = fmt.Sprintf("a grid of %d x %d", g[0], g[1])
	}
	first := t.frame.Owned(0).Shape()
	p.Row("frame", "%d x %d x %d", shape.Channels, shape.Rows, shape.Cols)
	p.Row("ranks", "%d in %s; rank 0 owns %d x %d pixels, none more than %d", n, layout, first[0], first[1], t.owned)
	return p
}

// say adds what an iteration sends. halo says how wide the halos are.
func (t *traffic) say(p *lifecycle.Plan, halo string) {
	p.Row("halo", "%s: %s received a rank and iteration, %.1f %% of what it owns", halo, lifecycle.Bytes(t.received), 100*t.perOwnPixel)
	p.Row("messages", "%d an iteration, to at most %d neighbours", t.messages, t.neighbours)
}

// sayTranspose adds what an iteration of a transform of the whole frame sends.
func (t *traffic) sayTranspose(p *lifecycle.Plan) {
	p.Row("transform", "of the whole frame, there and back: %s received a rank and iteration", lifecycle.Bytes(t.received))
	p.Row("messages", "%d an iteration, each rank with all others", t.messages)
}

// sample is what one rank needed to restore a piece of the frame.
type sample struct {
	seconds float64 // of the first solve
	bytes   float64 // held at a time, the observation included
}

// measure solves a problem whose observation takes so many bytes twice: once for the time
// and once for the memory, as looking at the memory takes time.
func measure(observation float64, solve func() error) (sample, error) {
	seconds, err := timed(solve)
	if err != nil {
		return sample{}, err
	}
	held, err := lifecycle.PeakHeap(solve)
	return sample{seconds, held + observation}, err
}
