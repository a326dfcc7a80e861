package kernel

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"gonum.org/v1/gonum/mat"

	"tessera/krylov"
	"tessera/loadbalance"
	"tessera/ranks"
)

// Random systems of every method, kernel, width and lambda: the error of the solution is never
// above the bound, and never above ten times the tolerance where the solve says that it
// converged.
func TestClaims(t *testing.T) {
	count, claims := 120, 0
	if testing.Short() {
		count = 24
	}
	methods := []krylov.Method{krylov.RASGMRES, krylov.ASCG, krylov.RAS, krylov.CG}
	for k := range count {
		rng := rand.New(rand.NewPCG(7, uint64(k)))
		n, dim, size := 40+rng.IntN(80), 1+rng.IntN(3), 1+k%3
		obs := clustered(n, dim, uint64(k))
		kernel := Kernel{Family: Families()[rng.IntN(len(Families()))], Width: math.Pow(10, -1.5+2*rng.Float64())}
		lambda, tolerance := math.Pow(10, -10+10*rng.Float64()), math.Pow(10, -2-7*rng.Float64())
		o := SystemOptions{Kernel: kernel, Block: 30, Method: methods[k%len(methods)]}
		v, a := make([]float64, n), mat.NewSymDense(n, nil)
		for i := range n {
			v[i] = rng.NormFloat64()
			for j := range i + 1 {
				a.SetSym(i, j, kernel.At(math.Sqrt(distance2(obs.X[i*dim:(i+1)*dim], obs.X[j*dim:(j+1)*dim]))))
			}
			a.SetSym(i, i, a.At(i, i)+lambda)
		}
		var chol mat.Cholesky
		if !chol.Factorize(a) {
			continue
		}
		var solution mat.VecDense
		if err := chol.SolveVecTo(&solution, mat.NewVecDense(n, v)); err != nil {
			continue
		}
		x := make([]float64, n)
		var report *krylov.Report
		var mu sync.Mutex
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: size}, func(ctx context.Context, c ranks.Comm) error {
			pts, err := obs.part(c.Rank(), size).Numbered(c)
			if err != nil {
				return err
			}
			one := make([]float64, dim)
			for k := range one {
				one[k] = 1
			}
			part, err := loadbalance.Strips(make([]float64, dim), one, size)
			if err != nil {
				return err
			}
			if pts, err = loadbalance.Distribute(c, part, pts); err != nil {
				return err
			}
			o := o
			var mine []float64
			for _, id := range pts.ID {
				o.Diagonal = append(o.Diagonal, lambda)
				mine = append(mine, v[id])
			}
			s, err := NewSystem(ctx, c, part, pts, o)
			if err != nil {
				return err
			}
			y := make([]float64, s.Len())
			r, err := s.Solve(ctx, y, mine, krylov.Control{Tolerance: tolerance, MaxIterations: []int{3, 30, 500}[k%5%3]})
			mu.Lock()
			defer mu.Unlock()
			for i, id := range pts.ID {
				x[id] = y[i]
			}
			if report = r; krylov.Unfinished(err) {
				return nil
			}
			return err
		})
		if report == nil || report.ErrorBound == 0 {
			t.Logf("%d: %v", k, err)
			continue // refused, or diverged
		}
		d, norm := 0.0, 0.0
		for i := range x {
			d += sq(x[i] - solution.AtVec(i))
			norm += sq(solution.AtVec(i))
		}
		d = max(0, math.Sqrt(d/norm)-2e-16*chol.Cond())
		if d > 1.000001*report.ErrorBound {
			t.Errorf("%d: %s, %v, lambda %.2g, %v after %d: error %.2g above the bound %.2g (certified: %v)", k, o.Method, kernel, lambda, report.Status, report.Iterations, d, report.ErrorBound, report.Certified)
		}
		if report.Status == krylov.Converged {
			if claims++; d > 10*tolerance {
				t.Errorf("%d: %s, %v, lambda %.2g: converged to %.2g with an error of %.2g", k, o.Method, kernel, lambda, tolerance, d)
			}
		}
	}
	if t.Logf("%d of %d converged", claims, count); claims < count/4 {
		t.Errorf("%d of %d converged", claims, count)
	}
}
