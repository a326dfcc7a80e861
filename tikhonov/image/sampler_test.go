package image

import (
	"context"
	"math"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/random"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/oracle"
)

// A sample is H'W^(1/2) e1 + sqrt(lambda) Q'e2 with the matrices of the oracle, on any
// number of ranks: the signs are those of the pixels and of the rows of Q, which for the
// gradient are the edges between pixels.
func TestSamplerAgainstMatrices(t *testing.T) {
	const lambda, first, channels = 0.49, 6, 2
	for _, shape := range [][2]int{{9, 7}, {1, 8}, {2, 2}, {6, 1}, {3, 11}} {
		for _, border := range oracle.Borders {
			for _, q := range oracle.Regularisers {
				f := randomFrame(channels, shape[0], shape[1], 4)
				f.Patchwork(4)
				f.PSF, _ = forward.Gaussian(3, 1)
				rows, cols := f.Rows, f.Cols
				var want []float64
				for c := range channels {
					e1, e2 := signs(random.New(3, ofData, uint64(first+c))), signs(random.New(3, ofPenalty, uint64(first+c)))
					data := make([]float64, rows*cols)
					for i := range data {
						data[i] = e1.at(uint64(i)) * math.Sqrt(f.Weight(i))
					}
					edge := func(row, col, axis int) float64 {
						if border == halo.Periodic {
							row, col = row%rows, col%cols
						}
						return e2.at(uint64(2*(row*(cols+1)+col) + axis))
					}
					var e []float64 // in the order of PenaltyRows
					for row := range rows {
						for col := range cols {
							if q != forward.Gradient {
								e = append(e, e2.at(uint64(row*cols+col)))
								continue
							}
							e = append(e, edge(row+1, col, 0), edge(row, col+1, 1))
							if border == halo.Zero && row == 0 {
								e = append(e, -edge(0, col, 0))
							}
							if border == halo.Zero && col == 0 {
								e = append(e, -edge(row, 0, 1))
							}
						}
					}
					penalty := oracle.Transposed(f.PenaltyRows(q, border), e, rows*cols)
					for i, v := range oracle.Transposed(f.BlurRows(border), data, rows*cols) {
						want = append(want, v+0.7*penalty[i])
					}
				}
				for _, n := range []int{1, 2, 3} {
					if n > rows*cols/2 {
						continue
					}
					err := f.launch(n, func(_ context.Context, c ranks.Comm, p *Problem) error {
						r, err := NewRestoration(c, p, Options{Lambda: lambda, Border: border, Regulariser: q})
						if err != nil {
							return err
						}
						if err := r.s.m.prepare(); err != nil {
							return err
						}
						d := sampler{s: r.s, kind: PosteriorErrors, seed: 3, lambda: lambda, rhs: make([]float64, len(p.Data))}
						if err := d.fill(first); err != nil {
							return err
						}
						whole, err := p.Frame.GatherTo(c, 0, d.rhs, channels)
						if c.Rank() == 0 && oracle.Largest(whole, want) > 1e-13 {
							t.Errorf("%v, %v, %s, %d ranks: differs by %g", shape, border, q, n, oracle.Largest(whole, want))
						}
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			}
		}
	}
}
