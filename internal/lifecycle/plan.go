package lifecycle

import (
	"fmt"
	"io"
	"math"
	"runtime"

	"tessera/ranks"
)

// Plan is what a run of a job on some ranks would cost, found without allocating anything
// of the problem's size. Its numbers are estimates, good to a factor of about two.
type Plan struct {
	Ranks       int
	MemoryBytes float64 // arrays and factors of the rank that needs most, without the program itself
	RootBytes   float64 // what rank 0 needs beyond that, to read or to write
	SentBytes   float64 // by all ranks, in the part of the run that scaling studies time
	Messages    float64 // likewise
	Iterations  float64 // of that part; 0 = does not iterate
	Compute     float64 // seconds of that part on every rank, if it has a core of its own
	Talk        float64 // seconds of that part spent on messages

	rows [][2]string // what the job says of itself
}

// Row adds a line about the job itself: what is cut how, and what a step costs.
func (p *Plan) Row(name, format string, args ...any) {
	p.rows = append(p.rows, [2]string{name, fmt.Sprintf(format, args...)})
}

// Send adds what all ranks send in so many messages beyond the steps that a plan counts.
func (p *Plan) Send(bytes, messages float64, link Link) {
	p.SentBytes += bytes
	p.Messages += messages
	n := math.Max(1, float64(p.Ranks))
	p.Talk += link.Latency * messages / n
	if link.Bandwidth > 0 {
		p.Talk += bytes / n / link.Bandwidth
	}
}

// Write prints the plan: the job's own lines, then memory, traffic and time in the same
// words for every job.
func (p *Plan) Write(w io.Writer) error {
	t := NewTable(w)
	for _, r := range p.rows {
		t.Row(r[0], "%s", r[1])
	}
	all := p.MemoryBytes*float64(p.Ranks) + p.RootBytes
	root := ""
	if p.RootBytes > 0 {
		root = fmt.Sprintf("; rank 0 needs %s more to read and to write", Bytes(p.RootBytes))
	}
	t.Row("memory", "about %s a rank, %s all ranks%s", Bytes(p.MemoryBytes), Bytes(all), root)
	if p.Ranks > 1 {
		t.Row("traffic", "about %s in %.3g messages, sent by all ranks", Bytes(p.SentBytes), p.Messages)
	} else {
		t.Row("traffic", "none: one rank")
	}
	if p.Iterations > 0 {
		t.Row("iterations", "about %.0f", p.Iterations)
	}
	// On one host the ranks share its cores; on others each is taken to have one.
	cores := ranks.Cores()
	crowd := math.Max(1, float64(p.Ranks)/float64(cores))
	t.Row("time", "about %s of computing and %s of communication", Seconds(p.Compute*crowd), Seconds(p.Talk*crowd))
	if crowd > 1 {
		t.Row("", "%d ranks share %d cores here; with a core for each: %s", p.Ranks, cores, Seconds(p.Compute+p.Talk))
	}
	return t.Flush()
}

// Line is a quantity that grows with the size of a problem.
type Line struct{ Fixed, Each float64 }

// At is its value for a problem of so many items.
func (l Line) At(items float64) float64 { return l.Fixed + l.Each*items }

// LineThrough is the line through two measurements (x1, y1) and (x2, y2), x1 < x2, no
// part of it negative; in proportion to the larger where that cannot be.
func LineThrough(x1, y1, x2, y2 float64) Line {
	if x2 <= x1 || y2 <= y1 {
		return Line{Each: y2 / x2}
	}
	each := (y2 - y1) / (x2 - x1)
	if fixed := y1 - each*x1; fixed > 0 {
		return Line{fixed, each}
	}
	return Line{Each: y2 / x2}
}

// PeakHeap is the most memory, in bytes, that f holds at a time: what the collector finds
// in use, looked at again and again while f runs. Memory of C libraries is not seen.
func PeakHeap(f func() error) (float64, error) {
	inUse := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := inUse()
	stop, most := make(chan struct{}), make(chan uint64)
	go func() {
		top := before
		for {
			select {
			case <-stop:
				most <- top
				return
			default:
				top = max(top, inUse())
			}
		}
	}()
	err := f() // on this goroutine: it may be the one that MPI knows
	close(stop)
	return float64(<-most - before), err
}
