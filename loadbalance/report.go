package loadbalance

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Report is what Rebalance did; the same on every rank. The load of a rank is its number
// of points or, if Costs, the sum of their costs in the unit of Options.Cost.
type Report struct {
	Costs                   bool      // loads are costs, not numbers of points
	Before, Repaired, After []float64 // load of each rank; Repaired is Before after DyDD's first step (Repair), nil for costs
	EBefore, E              float64   // min / max of Before and of After, 1 if balanced
	Best                    float64   // the largest possible E: floor(m/p)/ceil(m/p) for m points on p ranks; 0: unknown, for costs
	Moved                   int64     // points that changed their owner
	Norm                    float64   // Euclidean norm of the flows over all cuts, in units of load
	Rounds                  int       // rounds of messages if points went from neighbour to neighbour; 0 for costs
	Bytes                   int64     // sent by all ranks together, points alone
	RepairSeconds           float64   // wall time of the repair (T_r), of the slowest rank
	Seconds                 float64   // wall time of Rebalance with the migration (T_DyDD), of the slowest rank
}

func (r *Report) finish() { r.EBefore, r.E = E(r.Before), E(r.After) }

// BreakEven is the number of sweeps of a solver after which Rebalance has saved the time
// that it took. before and after are the seconds of one sweep on the slowest rank
// without and with it. The result is +Inf if a sweep got no faster.
func (r *Report) BreakEven(before, after float64) float64 {
	if after >= before {
		return math.Inf(1)
	}
	return math.Ceil(r.Seconds / (before - after))
}

// Write writes a table with the load of each rank before and after, as bars and numbers,
// and a last line with the other numbers.
func (r *Report) Write(w io.Writer) error {
	const width = 28
	most := max(slices.Max(r.Before), slices.Max(r.After))
	var b strings.Builder
	fmt.Fprintf(&b, "rank  %-*s  %s\n", width+10, "before", "after")
	for i := range r.Before {
		fmt.Fprintf(&b, "%4d  %s %s  %s %s\n", i, bar(r.Before[i], most, width), load(r.Before[i]), bar(r.After[i], most, width), load(r.After[i]))
	}
	fmt.Fprintf(&b, "E = min/max %.4f -> %.4f", r.EBefore, r.E)
	if r.Best > 0 {
		fmt.Fprintf(&b, " (best possible %.4f)", r.Best)
	}
	fmt.Fprintf(&b, "; %d moved, %.3g MB, in %.3g s\n", r.Moved, float64(r.Bytes)/1e6, r.Seconds)
	_, err := io.WriteString(w, b.String())
	return err
}

func load(x float64) string {
	if x == math.Trunc(x) && x < 1e9 {
		return fmt.Sprintf("%9.0f", x)
	}
	return fmt.Sprintf("%9.3g", x)
}

// bar draws x/most of width characters, to an eighth of a character.
func bar(x, most float64, width int) string {
	eighths := 0
	if most > 0 {
		eighths = int(math.Round(8 * float64(width) * x / most))
	}
	s := strings.Repeat("\u2588", eighths/8)
	n := eighths / 8
	if eighths%8 > 0 {
		s += string(rune(0x2590 - eighths%8))
		n++
	}
	return s + strings.Repeat(" ", width-n)
}

// Graph is the graph whose nodes are the cells and whose edges join cells that touch.
func (p *Partition) Graph() *Graph {
	var edges [][2]int
	for i := range p.cells {
		for _, j := range p.Near(i, 0) {
			if i < j {
				edges = append(edges, [2]int{i, j})
			}
		}
	}
	return must(NewGraph(p.cells, edges))
}
