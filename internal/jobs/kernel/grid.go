package kernel

import (
	"context"
	"fmt"
	"math"

	"tessera/halo"
	"tessera/ranks"
)

// grid is the places at which a fit is evaluated: points of a regular grid over the box
// [lo, hi], both ends included, row-major; or the pixels of a frame.
type grid struct {
	lo, hi []float64
	shape  []int
	pixels bool // the coordinates are the indices
}

// newGrid is the grid of the given shape over the box of the observations; the pixels
// of the frame, if they are pixels; a default where the shape is empty.
func newGrid(obs *scattered, shape []int) (*grid, error) {
	g := &grid{lo: obs.lo, hi: obs.hi, shape: shape}
	switch {
	case obs.rows > 0:
		g.shape, g.pixels = []int{obs.rows, obs.cols}, true
	case len(shape) == 0:
		g.shape = defaultShape(obs.lo, obs.hi)
	case len(shape) != len(obs.lo):
		return nil, axesError(len(shape), len(obs.lo))
	}
	return g, nil
}

func axesError(axes, dim int) error {
	return fmt.Errorf("evaluate.shape has %d axes, the observations have %d coordinates: want as many numbers as coordinates", axes, dim)
}

// total is the number of places.
func (g *grid) total() int {
	n := 1
	for _, k := range g.shape {
		n *= k
	}
	return n
}

// place appends the coordinates of place i.
func (g *grid) place(places []float64, i int) []float64 {
	at := len(places)
	places = append(places, g.lo...)
	for k := len(g.shape) - 1; k >= 0; k-- {
		n, j := g.shape[k], i%g.shape[k]
		i /= n
		switch lo, hi := g.lo[k], g.hi[k]; {
		case g.pixels:
			places[at+k] = float64(j)
		case n == 1:
			places[at+k] = (lo + hi) / 2
		default:
			places[at+k] = lo + (hi-lo)*float64(j)/float64(n-1)
		}
	}
	return places
}

// partPlaces is how many places a rank evaluates between two looks at the context.
const partPlaces = 1 << 16

// parts calls use with the coordinates of the places of this rank, some of them at a
// time, and ends with the context's error on all ranks if one of them is cancelled.
// Collective.
func (g *grid) parts(ctx context.Context, comm ranks.Comm, use func(places []float64) error) error {
	lo, hi := halo.Split(g.total(), comm.Size(), comm.Rank())
	return inParts(ctx, comm, lo, hi, g.total()/comm.Size()+1, func(lo, hi int) error {
		var places []float64
		for i := lo; i < hi; i++ {
			places = g.place(places, i)
		}
		return use(places)
	})
}

// inParts calls use with the parts of [lo, hi), equally often on all ranks, none of
// which has more than most numbers. Collective.
func inParts(ctx context.Context, comm ranks.Comm, lo, hi, most int, use func(lo, hi int) error) error {
	for range (most + partPlaces - 1) / partPlaces {
		if err := ranks.AgreeError(comm, ctx.Err()); err != nil {
			return err
		}
		end := min(hi, lo+partPlaces)
		if err := use(lo, end); err != nil {
			return err
		}
		lo = end
	}
	return nil
}

// defaultShape has 512 points in one dimension and cells as near to cubes as can be
// in more, 256 or 64 of them along the longest side.
func defaultShape(lo, hi []float64) []int {
	most := []int{512, 256, 64}[len(lo)-1]
	longest := 0.0
	for k := range lo {
		longest = max(longest, hi[k]-lo[k])
	}
	shape := make([]int, len(lo))
	for k := range shape {
		shape[k] = 1
		if longest > 0 {
			shape[k] = max(1, int(math.Round(float64(most)*(hi[k]-lo[k])/longest)))
		}
	}
	return shape
}

// collect brings values, halo.Split over the ranks, to rank 0; nil elsewhere.
// Collective.
func collect(comm ranks.Comm, values []float64, total int) ([]float64, error) {
	size := comm.Size()
	counts := make([]int, size)
	for q := range counts {
		lo, hi := halo.Split(total, size, q)
		counts[q] = hi - lo
	}
	var all []float64
	if comm.Rank() == 0 {
		all = make([]float64, total)
	}
	return all, comm.Gatherv(all, counts, values, 0)
}
