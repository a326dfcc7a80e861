package image

import (
	"context"
	"math"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/krylov"
	"tessera/psfmodel"
	"tessera/ranks"
)

// Strips and corners are right for every regulariser and border, and do no harm on frames of any proportion and cut, down to a few pixels,
// which a PSF is larger than: few iterations, and the solution of conjugate gradients.
func TestVaryingPSFEdges(t *testing.T) {
	t.Parallel()
	const most = 45
	for i, c := range []struct{ rows, cols, ranks int }{{40, 33, 2}, {5, 30, 3}, {30, 4, 2}, {3, 3, 1}, {1, 20, 2}} {
		for j, border := range []halo.Border{halo.Zero, halo.Reflect, halo.Periodic} {
			for k, q := range forward.Regularisers() {
				if q == forward.Gradient && c.rows < 40 || border == halo.Periodic && q != forward.Laplacian { // takes long
					continue
				}
				if i > 0 && (i+j+k)%3 > 0 && testing.Short() { // each shape with a regulariser of a border
					continue
				}
				m, err := psfmodel.Field{Size: 9, Grid: 3, FWHM: [2]float64{2, 3}, Ellipticity: 0.2, Coma: 0.3}.Model(c.rows, c.cols)
				if err != nil {
					t.Fatal(err)
				}
				v, err := m.Varying(c.rows, c.cols, [2]float64{}, 0)
				if err != nil {
					t.Fatal(err)
				}
				var x [2][]float64
				for k, method := range []krylov.Method{krylov.Auto, krylov.CG} {
					err := ranks.Launch(context.Background(), ranks.Options{Ranks: c.ranks}, func(ctx context.Context, comm ranks.Comm) error {
						p, _, err := starField(comm, c.rows, c.cols, v, border, true)
						if err != nil {
							return err
						}
						r, err := Solve(ctx, comm, p, Options{Lambda: 5e-3, Border: border, Regulariser: q, Method: method, Tolerance: 1e-9})
						if err != nil {
							return err
						}
						if k == 0 && comm.Rank() == 0 && r.Iterations > most && c.rows > 40 {
							t.Errorf("%d x %d on %d ranks, border %v, %s: %d iterations, want at most %d", c.rows, c.cols, c.ranks, border, q, r.Iterations, most)
						}
						whole, err := p.Frame.GatherTo(comm, 0, r.Solution, 1)
						if comm.Rank() == 0 {
							x[k] = whole
						}
						return err
					})
					if err != nil {
						t.Errorf("%d x %d on %d ranks, border %v, %s, %s: %v", c.rows, c.cols, c.ranks, border, q, method, err)
					}
				}
				d, s := 0.0, 0.0
				for i, w := range x[1] {
					d += (x[0][i] - w) * (x[0][i] - w)
					s += w * w
				}
				if !(math.Sqrt(d/s) < 1e-7) {
					t.Errorf("%d x %d on %d ranks, border %v, %s: the solutions differ by %g", c.rows, c.cols, c.ranks, border, q, math.Sqrt(d/s))
				}
			}
		}
	}
}
