package loadbalance

import (
	"tessera/ranks"
)

// Partition cuts space into one cell a rank, jagged strips: Shape[0] slabs along
// axis 0, each cut into Shape[1] along axis 1 at places of its own, and so on. The
// outermost cells reach to infinity, so every point has an owner. It does not
// change and may be shared.
type Partition struct {
	shape []int
	// Cuts; see Owner.
}

// Uniform cuts the box [lo, hi] into cells of equal size, shape[k] of them along axis k.
func Uniform(lo, hi []float64, shape []int) (*Partition, error) { panic("to come") }

// Shape is how n cells are laid over a box of the given extents so that they are
// as near to cubes as they can be.
func Shape(n int, extent []float64) []int { panic("to come") }

// Cells is the number of cells, one a rank.
func (p *Partition) Cells() int { panic("to come") }

// Dim is the number of axes.
func (p *Partition) Dim() int { return len(p.shape) }

// Owner is the rank whose cell contains point x. Of points on a cut those whose
// id is below the cut's belong to the lower side; id < 0 is a point that is not an
// observation, and goes to the lower side.
func (p *Partition) Owner(x []float64, id int64) int { panic("to come") }

// Cell is the closed box of a rank; the outermost faces are infinite.
func (p *Partition) Cell(rank int) (lo, hi []float64) { panic("to come") }

// Near lists, ascending, the ranks other than this one whose closed cells come
// within distance d of this one's; it is symmetric.
func (p *Partition) Near(rank int, d float64) []int { panic("to come") }

// Distribute sends every point to the rank that owns it. Collective. On each rank
// the points come out in the order of their IDs.
func Distribute(comm ranks.Comm, p *Partition, pts *Points) (*Points, error) { panic("to come") }

// Options of Rebalance. The zero value balances counts.
type Options struct {
	// Cost, if not nil, is this rank's cost of each of its points, >= 0, in any
	// unit; sums of it are balanced, as nearly as single points allow.
	Cost []float64
}

// Rebalance moves the cuts of p so that all ranks own the same number of points,
// or the same cost, and moves the points with them. pts are this rank's points as
// p owns them (Distribute). Collective; pts is not changed.
func Rebalance(comm ranks.Comm, p *Partition, pts *Points, o Options) (*Partition, *Points, *Report, error) {
	panic("to come")
}

// Report is what a rebalancing did; the same on every rank.
type Report struct {
	Before, Repaired, After []float64 // load of each rank: counts, or costs
	EBefore, E              float64   // min / max of Before, of After
	Best                    float64   // the best E there is: floor/ceil for counts, 0 = unknown for costs
	Moved                   int64     // points that changed their owner
	Norm                    float64   // Euclidean norm of the flows over all edges of the graph
	Rounds                  int       // of store-and-forward that the flow would take hop by hop
	Bytes                   int64     // sent by all ranks
	RepairSeconds           float64   // T_r, max over ranks
	Seconds                 float64   // T_DyDD, with the migration, max over ranks
}
