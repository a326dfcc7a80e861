package forwardtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/random"
	"tessera/ranks"
)

// Case is an operator to test.
type Case struct {
	Name string
	// Build makes the operator on the ranks of comm. It is called on every rank.
	Build func(comm ranks.Comm, border halo.Border) (*Built, error)
	// Borders are given to Build one after the other; nil stands for halo.Zero alone, for
	// an operator that has no border.
	Borders []halo.Border
	// SameBits says that the results have the same bits on any number of ranks.
	SameBits bool
	// Tolerance is the largest difference between the results on several ranks and on one,
	// and between A(a x + b y) and a A x + b A y, relative to the largest value; 0 = 1e-13.
	Tolerance float64
}

// Built is the operator on one rank, with the places of its values in the whole of x
// and of y. A vector of several layouts is these one after the other, as Stack makes it.
type Built struct {
	Operator forward.Operator
	X, Y     []Layout
}

// Layout says that this rank's part of an array is Planes x owned box of Frame. An array
// that is no image is one of a frame of one axis.
type Layout struct {
	Frame  *halo.Decomposition
	Planes int
}

// adjointTolerance is the largest relative difference of <A x, y> and <x, A'y>.
const adjointTolerance = 1e-13

// normTolerance is the largest relative difference of the norms on several ranks and on
// one, after normSteps steps of the power iteration.
const (
	normTolerance = 1e-10
	normSteps     = 10
)

// Run tests the operator and reports every border and number of ranks that fails.
func Run(t testing.TB, c Case) {
	t.Helper()
	borders := c.Borders
	if borders == nil {
		borders = []halo.Border{halo.Zero}
	}
	for _, border := range borders {
		var one *outcome
		for _, n := range []int{1, 2, 3, 4, 7} {
			got, err := c.run(n, border)
			if err == nil && one != nil {
				err = c.compare(got, one)
			}
			if err != nil {
				t.Errorf("%s, border %v, %d ranks: %v", c.Name, border, n, err)
			}
			if one == nil {
				if one = got; err != nil {
					break // nothing to compare with
				}
			}
		}
	}
}

// outcome is what is compared between numbers of ranks.
type outcome struct {
	ax, aty []float64 // whole arrays
	norm    float64   // NaN where it depends on the decomposition
}

func (c *Case) tolerance() float64 {
	if c.Tolerance == 0 {
		return 1e-13
	}
	return c.Tolerance
}

// run tests the operator on n ranks.
func (c *Case) run(n int, border halo.Border) (*outcome, error) {
	var whole outcome
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(ctx context.Context, comm ranks.Comm) error {
		built, err := c.Build(comm, border)
		if err != nil {
			return fmt.Errorf("Build: %w", err)
		}
		if built == nil || built.Operator == nil {
			return errors.New("Build returned no operator")
		}
		k := &check{Built: built, comm: comm, tolerance: c.tolerance()}
		got, err := k.all(ctx)
		if comm.Rank() == 0 {
			whole = got
		}
		return err
	})
	return &whole, err
}

// compare holds the outcome on several ranks against that on one.
func (c *Case) compare(got, one *outcome) error {
	for _, v := range []struct {
		what      string
		got, want []float64
	}{{"A x", got.ax, one.ax}, {"A'y", got.aty, one.aty}} {
		if len(v.got) != len(v.want) {
			return fmt.Errorf("%s has %d values, on 1 rank it has %d", v.what, len(v.got), len(v.want))
		}
		top := largest(v.want)
		for i, w := range v.want {
			g := v.got[i]
			if c.SameBits && math.Float64bits(g) != math.Float64bits(w) {
				return fmt.Errorf("%s: value %d is %v, on 1 rank it is %v; the bits should be the same", v.what, i, g, w)
			}
			if !(math.Abs(g-w) <= c.tolerance()*top) {
				return fmt.Errorf("%s: value %d is %v, on 1 rank it is %v: more than %g of the largest value apart", v.what, i, g, w, c.tolerance())
			}
		}
	}
	if math.Abs(got.norm-one.norm) > normTolerance*one.norm { // false for NaN
		return fmt.Errorf("the norm after %d steps is %.15g, on 1 rank it is %.15g", normSteps, got.norm, one.norm)
	}
	return nil
}

func largest(a []float64) float64 {
	top := 0.0
	for _, v := range a {
		top = max(top, math.Abs(v))
	}
	return top
}

// draw is this rank's part of a random vector. Each value depends on the name of the
// vector and on the value's place in the whole alone.
func draw(layouts []Layout, rank int, vector uint64) []float64 {
	var part []float64
	for l, layout := range layouts {
		domain, owned := layout.Frame.Domain(), layout.Frame.Owned(rank)
		r := random.New(vector, uint64(l))
		plane := make([]float64, domain.Size())
		for p := range layout.Planes {
			for i := range plane {
				plane[i] = r.Normal(uint64(p*len(plane) + i))
			}
			local := make([]float64, owned.Size())
			halo.CopyBox(local, owned, plane, domain, owned)
			part = append(part, local...)
		}
	}
	return part
}

// gather is the whole vector on rank 0, nil on the others. Collective.
func gather(comm ranks.Comm, layouts []Layout, part []float64) ([]float64, error) {
	var whole []float64
	for _, layout := range layouts {
		n := layout.size(comm.Rank())
		full, err := layout.Frame.GatherTo(comm, 0, part[:n], layout.Planes)
		if err != nil {
			return nil, err
		}
		whole, part = append(whole, full...), part[n:]
	}
	return whole, nil
}

// size is the length of a rank's part.
func (l Layout) size(rank int) int { return l.Planes * l.Frame.Owned(rank).Size() }

// total is the length of a rank's part of a vector.
func total(layouts []Layout, rank int) (n int) {
	for _, l := range layouts {
		n += l.size(rank)
	}
	return n
}

func equalBits(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) })
}
