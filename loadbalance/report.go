package loadbalance

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Report is what a rebalancing did; the same on every rank.
type Report struct {
	Costs                   bool      // loads are costs, not counts
	Before, Repaired, After []float64 // load of each rank; Repaired is what DyDD's first step makes of Before, nil for costs
	EBefore, E              float64   // min / max of Before, of After
	Best                    float64   // the best E there is: floor/ceil for counts, 0 = unknown for costs
	Moved                   int64     // points that changed their owner
	Norm                    float64   // Euclidean norm of the flows over all cuts
	Rounds                  int       // of store-and-forward that the flow would take hop by hop
	Bytes                   int64     // sent by all ranks
	RepairSeconds           float64   // T_r: of the repair, max over ranks
	Seconds                 float64   // T_DyDD, with the migration, max over ranks
}

func (r *Report) finish() { r.EBefore, r.E = E(r.Before), E(r.After) }

// BreakEven is after how many sweeps the move has paid, given what a sweep of the
// slowest rank took before and takes after, in seconds; infinite if it never does.
func (r *Report) BreakEven(before, after float64) float64 {
	if after >= before {
		return math.Inf(1)
	}
	return math.Ceil(r.Seconds / (before - after))
}

// Write draws the loads of all ranks before and after, a bar each, with the numbers
// below.
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

// bar is x of most as blocks, to an eighth of a character.
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

// Graph joins the cells that touch.
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
