package kernel

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"tessera/internal/imageio"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
	"tessera/loadbalance"
	"tessera/ranks"
)

// The sample of a large survey predicts how many neighbours an observation has, which a
// count over all pairs confirms.
func TestNeighboursOfAnExcerpt(t *testing.T) {
	for dim := 1; dim <= 3; dim++ {
		if dim != 2 && testing.Short() {
			continue
		}
		c := defaults()
		c.Simulate.Count, c.Simulate.Dim = 12000, dim
		e, err := c.excerpt()
		if err != nil {
			t.Fatal(err)
		}
		var all *scattered
		jobtest.OnRanks(t, 1, func(comm ranks.Comm) (err error) {
			all, err = c.observe(t.Context(), comm)
			return err
		})
		if e.count != 12000 || len(e.data.Y) != excerptMost {
			t.Fatalf("%g observations, %d in the sample", e.count, len(e.data.Y))
		}
		for _, distance := range []float64{0.002, 0.02, 0.1, 3} {
			pairs := 0
			x := all.data.X
			for i := range all.data.Y {
				for j := range i {
					if distance2(x[i*dim:(i+1)*dim], x[j*dim:(j+1)*dim]) < distance*distance {
						pairs++
					}
				}
			}
			want := 1 + 2*float64(pairs)/12000
			if got, _ := e.neighbours(distance); got > 1.3*want || want > 1.3*got {
				t.Errorf("%d dimensions, within %g: %g neighbours, there are %g", dim, distance, got, want)
			}
		}
	}
}

// The cells of an excerpt hold what the solver's balanced cells hold, and as many
// observations of others are near them.
func TestLayoutIsTheSolvers(t *testing.T) {
	for _, n := range []int{2, 3, 7, 12} {
		c := defaults()
		c.Simulate.Count = 3000
		e, err := c.excerpt()
		if err != nil {
			t.Fatal(err)
		}
		const reach = 0.1
		_, each := e.neighbours(reach)
		got := e.layout(n, each, reach)
		var fetched, moved float64
		jobtest.OnRanks(t, n, func(comm ranks.Comm) error {
			all, err := c.observe(t.Context(), comm)
			if err != nil {
				return err
			}
			pts, err := all.data.Numbered(comm)
			if err != nil {
				return err
			}
			part, err := loadbalance.Strips(all.lo, all.hi, n)
			if err != nil {
				return err
			}
			if pts, err = loadbalance.Distribute(comm, part, pts); err != nil {
				return err
			}
			_, pts, report, err := loadbalance.Rebalance(comm, part, pts, loadbalance.Options{})
			if err != nil {
				return err
			}
			box := []float64{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
			for i := range pts.Len() {
				for k := range 2 {
					v := pts.X[2*i+k]
					box[k], box[2+k] = min(box[k], v), max(box[2+k], v)
				}
			}
			near := 0.0
			x := make([]float64, 2)
			for i := range c.Simulate.Count { // every rank looks at all of them
				copy(x, e.data.X[2*i:])
				r2 := 0.0
				for k := range 2 {
					r2 += sq(max(0, box[k]-x[k], x[k]-box[2+k]))
				}
				if r2 <= reach*reach {
					near++
				}
			}
			sums := []float64{near - float64(pts.Len())}
			if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
				return err
			}
			if comm.Rank() == 0 {
				fetched, moved = sums[0]/3000, float64(report.Moved)/3000
			}
			return nil
		})
		if math.Abs(got.fetch[0]-fetched) > 0.01*fetched || math.Abs(got.moved-moved) > 0.01 {
			t.Errorf("%d ranks: %g of what a rank owns fetched and %g moved, the solver fetches %g and moves %g", n, got.fetch[0], got.moved, fetched, moved)
		}
	}
}

func sq(x float64) float64 { return x * x }

// A plan of a table is that of the same observations made by the program.
func TestPlanOfATable(t *testing.T) {
	table := filepath.Join(t.TempDir(), "t.csv")
	s := Sampling{Fraction: 1, Count: 9000, Dim: 2, Clusters: 6, Clustered: 0.8, Noise: 0.1}
	if _, err := s.Write(table, 1); err != nil {
		t.Fatal(err)
	}
	if whole, err := imageio.ReadTable(table); err != nil || whole.Rows != 9000 {
		t.Fatal(err)
	}
	var plans [2]*lifecycle.Plan
	for i, set := range []string{"simulate.count=9000", fmt.Sprintf("observations.path=%q", table)} {
		j, err := jobtest.Parse(Load, "job = 'kernel'", set)
		if err != nil {
			t.Fatal(err)
		}
		jobtest.OnRanks(t, 1, func(comm ranks.Comm) (err error) {
			plans[i], err = j.Plan(context.Background(), comm, 4, lifecycle.Link{Latency: 1e-6, Bandwidth: 1e9})
			return err
		})
	}
	a, b := plans[0], plans[1]
	near := func(x, y float64) bool { return x < 1.3*y && y < 1.3*x }
	if !near(a.MemoryBytes, b.MemoryBytes) || !near(a.SentBytes, b.SentBytes) || a.Messages <= 0 || a.Talk <= 0 {
		t.Errorf("simulated: %+v\nfrom a table: %+v", a, b)
	}
}
