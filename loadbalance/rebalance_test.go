package loadbalance

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"tessera/ranks"
)

// scatter draws points of a kind that is difficult to balance in its own way.
func scatter(rng *rand.Rand, kind string, n, dim int) *Points {
	p := &Points{Dim: dim, Cols: 1}
	for i := range n {
		for k := range dim {
			var x float64
			switch kind {
			case "uniform":
				x = rng.Float64()
			case "clusters":
				x = float64(i%3) + 0.01*rng.NormFloat64()
			case "one place":
				x = 3
			case "grid":
				x = float64(rng.IntN(3))
			case "line":
				if k == 0 {
					x = rng.Float64()
				}
			case "huge and negative":
				x = math.Copysign(math.Pow(10, 300*(rng.Float64()-0.5)), rng.Float64()-0.5)
			}
			p.X = append(p.X, x)
		}
		p.ID = append(p.ID, int64(7*i+3))
		p.Attr = append(p.Attr, float64(i))
	}
	return p
}

// share is the random share of one rank, which does not depend on the places of the points.
func share(p *Points, rank, size int, seed uint64) *Points {
	rng := rand.New(rand.NewPCG(seed, 1))
	q := &Points{Dim: p.Dim, Cols: p.Cols}
	for i, id := range p.ID {
		if rng.IntN(size) == rank {
			q.X = append(q.X, p.X[i*p.Dim:(i+1)*p.Dim]...)
			q.ID = append(q.ID, id)
			q.Attr = append(q.Attr, p.Attr[i])
		}
	}
	return q
}

type world struct {
	part   *Partition
	points []*Points
	report *Report
}

func rebalanced(t *testing.T, all *Points, size int, seed uint64, cost func(i float64) float64) world {
	t.Helper()
	w := world{points: make([]*Points, size)}
	var mu sync.Mutex
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: size}, func(_ context.Context, c ranks.Comm) error {
		pts := share(all, c.Rank(), size, seed)
		lo, hi, err := Bounds(c, pts)
		if err != nil {
			return err
		}
		part, err := Strips(lo, hi, size)
		if err != nil {
			return err
		}
		if pts, err = Distribute(c, part, pts); err != nil {
			return err
		}
		var o Options
		if cost != nil {
			o.Cost = []float64{}
			for _, a := range pts.Attr {
				o.Cost = append(o.Cost, cost(a))
			}
		}
		next, moved, report, err := Rebalance(c, part, pts, o)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if w.part != nil && !reflect.DeepEqual(w.part, next) {
			return fmt.Errorf("rank %d has another partition", c.Rank())
		}
		w.part, w.report, w.points[c.Rank()] = next, report, moved
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestRebalance(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 0))
	for _, kind := range []string{"uniform", "clusters", "one place", "grid", "line", "huge and negative"} {
		for dim := 1; dim <= 3; dim++ {
			for _, size := range []int{1, 2, 3, 4, 7, 16} {
				n := []int{0, 1, 5, 200, 501}[rng.IntN(5)]
				all := scatter(rng, kind, n, dim)
				w := rebalanced(t, all, size, 1, nil)
				name := fmt.Sprintf("%d points, %s, %d-D, %d ranks", n, kind, dim, size)
				var ids []int64
				for r, p := range w.points {
					if k := p.Len(); k != n/size && k != (n+size-1)/size {
						t.Errorf("%s: rank %d ends with %d: %v", name, r, k, w.report.After)
					}
					lo, hi := w.part.Cell(r)
					for i, id := range p.ID {
						x := p.X[i*dim : (i+1)*dim]
						if w.part.Owner(x, id) != r || boxGap(lo, hi, x) > 0 || p.Attr[i] != float64((id-3)/7) {
							t.Fatalf("%s: point %d at %v is on rank %d, cell [%v, %v]", name, id, x, r, lo, hi)
						}
					}
					ids = append(ids, p.ID...)
				}
				slices.Sort(ids)
				if !slices.Equal(ids, all.ID) {
					t.Errorf("%s: points were lost or doubled", name)
				}
				if again := rebalanced(t, all, size, 2, nil); !reflect.DeepEqual(w.points, again.points) {
					t.Errorf("%s: the result depends on who held the points", name)
				}
			}
		}
	}
}

func boxGap(lo, hi, x []float64) float64 {
	gap := 0.0
	for k := range x {
		gap = max(gap, lo[k]-x[k], x[k]-hi[k])
	}
	return gap
}

// Two points within d of each other are on one rank or on two that are near.
func TestNearIsComplete(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 0))
	for _, kind := range []string{"uniform", "clusters", "grid", "line"} {
		for dim := 1; dim <= 3; dim++ {
			all := scatter(rng, kind, 150, dim)
			w := rebalanced(t, all, 7, 1, nil)
			for _, d := range []float64{0, 0.05, 0.3, 5} {
				for a, pa := range w.points {
					near := w.part.Near(a, d)
					for b, pb := range w.points {
						if a == b {
							continue
						}
						if slices.Contains(near, b) != slices.Contains(w.part.Near(b, d), a) {
							t.Fatalf("near is not symmetric for %d and %d", a, b)
						}
						for i := range pa.ID {
							for j := range pb.ID {
								s := 0.0
								for k := range dim {
									s = math.Hypot(s, pa.X[i*dim+k]-pb.X[j*dim+k])
								}
								if s <= d && !slices.Contains(near, b) {
									t.Fatalf("%s: points at distance %v on ranks %d and %d, near at %v: %v", kind, s, a, b, d, near)
								}
							}
						}
					}
				}
			}
		}
	}
}

// Costs that differ by two orders of magnitude are balanced to within the cost of a few
// points.
func TestRebalanceCosts(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 0))
	all := scatter(rng, "uniform", 4000, 2)
	cost := func(i float64) float64 { return 1 + math.Mod(i, 100) }
	for _, size := range []int{1, 4, 7} {
		w := rebalanced(t, all, size, 1, cost)
		if w.report.E < 0.95 {
			t.Errorf("%d ranks: E = %.3f, loads %v", size, w.report.E, w.report.After)
		}
		sum := 0.0
		for _, l := range w.report.After {
			sum += l
		}
		if want := 40 * 5050.; math.Abs(sum-want) > 1e-6*want {
			t.Errorf("%d ranks: costs of %v became %v", size, want, sum)
		}
		if w.points[0].Cols != 1 {
			t.Error("the cost stayed in the attributes")
		}
	}
}

// On a line the points that cross the cuts are those of the DyDD schedule, here for the
// published chain of four subdomains.
func TestRebalanceFollowsTheSchedule(t *testing.T) {
	all := &Points{Dim: 1, Cols: 1}
	for cell, n := range []int{150, 300, 450, 600} {
		for i := range n {
			x := float64(cell) + (float64(i)+0.5)/float64(n)
			if len(all.ID) == 0 {
				x = 0
			} else if cell == 3 && i == n-1 {
				x = 4
			}
			all.X = append(all.X, x)
			all.ID = append(all.ID, int64(7*len(all.ID)+3))
			all.Attr = append(all.Attr, float64(len(all.Attr)))
		}
	}
	r := rebalanced(t, all, 4, 1, nil).report
	if !slices.Equal(r.Before, []float64{150, 300, 450, 600}) || !slices.Equal(r.After, []float64{375, 375, 375, 375}) {
		t.Errorf("loads %v -> %v", r.Before, r.After)
	}
	if math.Abs(r.Norm-437.32) > 0.01 || r.Rounds != 1 || r.Moved != 750 {
		t.Errorf("norm %v, %d rounds, %d moved; want 437.32, 1, 750", r.Norm, r.Rounds, r.Moved)
	}
	var b strings.Builder
	r.Seconds = 0.5
	if err := r.Write(&b); err != nil || !strings.Contains(b.String(), "E = min/max 0.2500 -> 1.0000 (best possible 1.0000); 750 moved") {
		t.Errorf("%v\n%s", err, b.String())
	}
	if n := r.BreakEven(0.2, 0.1); n != 5 {
		t.Errorf("break-even after %v sweeps, want 5", n)
	}
	if n := r.BreakEven(0.1, 0.1); !math.IsInf(n, 1) {
		t.Errorf("break-even after %v sweeps, want never", n)
	}
}

// BenchmarkRebalance balances 1e6 clustered points on 64 in-process ranks.
func BenchmarkRebalance(b *testing.B) {
	const n, size = 1_000_000, 64
	for b.Loop() {
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: size}, func(_ context.Context, c ranks.Comm) error {
			p := &Points{Dim: 2, Cols: 2}
			for i := c.Rank(); i < n; i += size {
				rng := rand.New(rand.NewPCG(1, uint64(i)))
				w := 0.02 + 0.1*float64(i%5)
				p.X = append(p.X, float64(i%5)+w*rng.NormFloat64(), float64(i%3)+w*rng.NormFloat64())
				p.ID = append(p.ID, int64(i))
				p.Attr = append(p.Attr, 1, 1)
			}
			lo, hi, err := Bounds(c, p)
			if err != nil {
				return err
			}
			part, err := Strips(lo, hi, size)
			if err != nil {
				return err
			}
			if p, err = Distribute(c, part, p); err != nil {
				return err
			}
			_, _, report, err := Rebalance(c, part, p, Options{})
			if err == nil && c.Rank() == 0 {
				b.ReportMetric(report.Seconds, "s/balance")
				b.ReportMetric(report.E, "E")
				b.ReportMetric(report.EBefore, "E-before")
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
