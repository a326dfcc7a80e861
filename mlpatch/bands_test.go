package mlpatch

import (
	"context"
	"errors"
	"strings"
	"testing"

	"tessera/halo"
	"tessera/ranks"
)

// A frame that is streamed in bands of any size, on any number of ranks and with every border, has the bits of one that is held whole, and no
// rank reads more rows at a time than a band and its surroundings.
func TestBands(t *testing.T) {
	const rows, cols, channels = 23, 19, 2
	for name, n := range networks {
		if n.Planes != 1 {
			continue
		}
		theta := somewhere(n, 9)
		symmetries, asked := 1, 0 // 0 = 1
		if n.Geometry.Kind == Square {
			symmetries, asked = 4, 4
		}
		x := make([]float64, 0, channels*rows*cols)
		for range channels {
			p, _ := randomPlanes(n, rows, cols)
			x = append(x, p[0]...)
		}
		level := []float64{0.3, 0.7}[:n.Levels]
		var levels [][]float64
		for i := range level {
			levels = append(levels, level[i:i+1])
		}
		for _, border := range []halo.Border{halo.Zero, halo.Reflect, halo.Periodic} {
			var want []float64
			for c := range channels {
				want = append(want, apply(t, 1, n, theta, [][]float64{x[c*rows*cols : (c+1)*rows*cols]}, levels, rows, cols, border, symmetries)...)
			}
			for _, form := range [][2]int{{1, 1}, {1, 5}, {1, 40}, {2, 4}, {7, 2}} {
				got := make([]float64, len(x))
				cut := func(a []float64, lo, hi int) (out []float64) {
					for c := range channels {
						out = append(out, a[(c*rows+lo)*cols:(c*rows+hi)*cols]...)
					}
					return out
				}
				b := &Bands{Net: n, Theta: theta, Rows: rows, Cols: cols, Channels: channels, Band: form[1], Border: border, Symmetries: asked, Levels: level}
				b.Read = func(lo, hi int) ([]float64, error) {
					if hi-lo > b.Band+2*n.Geometry.Room() {
						t.Errorf("%s: %d rows are read for a band of %d", name, hi-lo, b.Band)
					}
					return cut(x, lo, hi), nil
				}
				b.Write = func(lo, hi int, y []float64) error {
					for c := range channels {
						copy(got[(c*rows+lo)*cols:(c*rows+hi)*cols], y[c*(hi-lo)*cols:])
					}
					return nil
				}
				err := ranks.Launch(context.Background(), ranks.Options{Ranks: form[0]}, func(ctx context.Context, comm ranks.Comm) error { return b.Apply(ctx, comm) })
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				for i := range want {
					if got[i] != want[i] {
						t.Fatalf("%s, border %v, %d ranks, bands of %d rows: value %d is %g, want %g to the bit", name, border, form[0], form[1], i, got[i], want[i])
					}
				}
			}
		}
	}
	n := networks["linear"]
	b := &Bands{Net: n, Theta: somewhere(n, 9), Rows: 9, Cols: 4, Channels: 1, Band: 2, Read: func(lo, hi int) ([]float64, error) {
		if lo > 2 {
			return nil, errors.New("a bad disk")
		}
		return make([]float64, (hi-lo)*4), nil
	}, Write: func(int, int, []float64) error { return nil }}
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
		if err := b.Apply(ctx, comm); err == nil || !strings.Contains(err.Error(), "a bad disk") {
			t.Errorf("rank %d: %v", comm.Rank(), err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
