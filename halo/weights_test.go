package halo

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tessera/ranks"
)

// multiplicity counts, for each cell of the domain, the extended cells of all ranks that
// represent it, one after the other.
func multiplicity(d *Decomposition, width []int, border Border) []int {
	count := make([]int, d.Domain().Size())
	for r := range d.Ranks() {
		cells(d.Owned(r).Grow(width), func(_ int, at []int) {
			if s := source(d.shape, at, periodicOrZero(border)); s >= 0 {
				count[s]++
			}
		})
	}
	return count
}

func TestMultiplicity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := anyShape(t)
		d := anyTiling(t, shape)
		width := make([]int, len(shape))
		for k := range width {
			width[k] = rapid.IntRange(0, shape[k]+2).Draw(t, "width")
		}
		border := rapid.SampledFrom(borders).Draw(t, "border")
		want := multiplicity(d, width, border)
		for r := range d.Ranks() {
			p, err := NewPlan(d, r, width, border)
			if err != nil {
				t.Fatal(err)
			}
			got := p.Multiplicity()
			inverse, root := p.Weights(InverseMultiplicity), p.Weights(InverseSqrtMultiplicity)
			cells(p.Extended(), func(i int, at []int) {
				m := 0
				if s := source(shape, at, periodicOrZero(border)); s >= 0 {
					m = want[s]
				}
				w := 0.0
				if m > 0 {
					w = 1 / float64(m)
				}
				if got[i] != m || inverse[i] != w || root[i] != math.Sqrt(w) {
					t.Fatalf("%v, width %v, %v, rank %d: cell %v has multiplicity %d, weights %v, %v, want %d",
						shape, width, border, r, at, got[i], inverse[i], root[i], m)
				}
			})
		}
	})
}

// sum_i EO_i D_i RO_i w = w: exactly for the owner's weights, to rounding for the others;
// for InverseSqrtMultiplicity with D_i^2.
func TestPartitionOfUnity(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 7, 16} {
		for _, border := range borders {
			for _, weighting := range []Weighting{Owner, InverseMultiplicity, InverseSqrtMultiplicity} {
				d, err := Decompose([]int{9, 14}, n)
				if err != nil {
					t.Fatal(err)
				}
				launch(t, n, func(comm ranks.Comm) error {
					p, err := NewPlan(d, comm.Rank(), []int{2, 3}, border)
					if err != nil {
						return err
					}
					rng := rand.New(rand.NewPCG(3, uint64(comm.Rank())))
					w := make([]float64, p.Owned().Size())
					for i := range w {
						w[i] = rng.NormFloat64()
					}
					ext := make([]float64, p.Extended().Size())
					p.Scatter(ext, w, 1)
					if err := p.Exchange(comm, ext, 1); err != nil {
						return err
					}
					for i, d := range p.Weights(weighting) {
						ext[i] *= d
						if weighting == InverseSqrtMultiplicity {
							ext[i] *= d
						}
					}
					if err := p.AddBack(comm, ext, 1); err != nil {
						return err
					}
					got := make([]float64, len(w))
					p.Gather(got, ext, 1)
					for i := range w {
						if tol := 1e-15 * math.Abs(w[i]) * 20; got[i] != w[i] && (weighting == Owner || math.Abs(got[i]-w[i]) > tol) {
							return fmt.Errorf("%d ranks, %v, weighting %d, rank %d: value %d is %v, want %v",
								n, border, weighting, comm.Rank(), i, got[i], w[i])
						}
					}
					return nil
				})
			}
		}
	}
}

// The partition of unity with CopyBox and AddBox on whole arrays, without messages.
func TestRestrictAndExtend(t *testing.T) {
	d, err := Decompose([]int{6, 5, 7}, 7)
	if err != nil {
		t.Fatal(err)
	}
	domain := d.Domain()
	w := make([]float64, domain.Size())
	for i := range w {
		w[i] = math.Sin(float64(i))
	}
	sum := make([]float64, len(w))
	for r := range d.Ranks() {
		p, err := NewPlan(d, r, []int{2, 1, 3}, Zero)
		if err != nil {
			t.Fatal(err)
		}
		ext := p.Extended()
		in := ext.Intersect(domain)
		z := make([]float64, ext.Size())
		CopyBox(z, ext, w, domain, in)
		for i, o := range p.Weights(Owner) {
			z[i] *= o
		}
		AddBox(sum, domain, z, ext, in)
	}
	if !slices.Equal(sum, w) {
		t.Error("sum_i EO_i D_i RO_i w is not w")
	}
}
