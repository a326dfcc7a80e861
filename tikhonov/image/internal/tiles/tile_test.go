package tiles_test

import (
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"

	"tessera/forward"
	"tessera/halo"
	"tessera/tikhonov/image/internal/oracle"
	"tessera/tikhonov/image/internal/tiles"
)

// The tiles of all ranks cover the frame once; an extended tile is what lies within
// the overlap, listed once, and contiguous.
func TestCutTiles(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		shape := []int{rapid.IntRange(1, 40).Draw(rt, "rows"), rapid.IntRange(1, 40).Draw(rt, "cols")}
		border := rapid.SampledFrom(oracle.Borders).Draw(rt, "border")
		side, overlap := rapid.IntRange(1, 45).Draw(rt, "tile"), rapid.IntRange(0, 50).Draw(rt, "overlap")
		d, err := halo.Decompose(shape, rapid.IntRange(1, min(9, shape[0]*shape[1])).Draw(rt, "ranks"))
		if err != nil {
			rt.Fatal(err)
		}
		covered := make([]int, shape[0]*shape[1])
		for r := range d.Ranks() {
			box := d.Owned(r)
			for _, tl := range tiles.Cut(box, shape, side, overlap, border) {
				for i := tl.Owned[0].Lo; i < tl.Owned[0].Hi; i++ {
					for j := tl.Owned[1].Lo; j < tl.Owned[1].Hi; j++ {
						covered[i*shape[1]+j]++
					}
				}
				for axis, n := range shape {
					o, e := tl.Owned[axis], tl.Ext[axis]
					if o.Lo < box.Lo[axis] || o.Hi > box.Hi[axis] || o.Len() < 1 || 2*o.Len() > 3*side+1 {
						rt.Errorf("axis %d: owns %v of %v, tile %d", axis, o, box, side)
					}
					if e.Lo > o.Lo || e.Hi < o.Hi || o.Lo-e.Lo > overlap || e.Hi-o.Hi > overlap {
						rt.Errorf("axis %d: %v extended to %v, overlap %d", axis, o, e, overlap)
					}
					listed, within := map[int]int{}, map[int]bool{}
					for i := e.Lo; i < e.Hi; i++ {
						listed[oracle.Source(i, n, border)]++
					}
					for i := o.Lo - overlap; i < o.Hi+overlap; i++ {
						if border == halo.Periodic {
							within[oracle.Source(i, n, border)] = true
						} else if i >= 0 && i < n {
							within[i] = true
						}
					}
					if len(listed) != e.Len() || len(listed) != len(within) {
						rt.Errorf("axis %d of %d, %v: %v extends to %v, overlap %d", axis, n, border, o, e, overlap)
					}
					for i := range within {
						if listed[i] != 1 {
							rt.Errorf("axis %d of %d, %v: %v extended to %v lists pixel %d %d times", axis, n, border, o, e, i, listed[i])
						}
					}
				}
			}
		}
		if slices.Min(covered) != 1 || slices.Max(covered) != 1 {
			rt.Errorf("pixels are owned %d to %d times", slices.Min(covered), slices.Max(covered))
		}
	})
}

// Tiles of one class have the same local matrix, and a large frame has nine classes.
func TestClassify(t *testing.T) {
	t.Parallel()
	for name, k := range oracle.PSFs(t) {
		if len(k.Values) > 100 {
			continue // classes of large kernels are approximate
		}
		for _, s := range []struct{ rows, cols, tile, overlap int }{{24, 21, 3, 2}, {30, 12, 5, 0}, {18, 25, 5, 7}, {4, 50, 4, 3}} {
			for _, border := range oracle.Borders {
				f := oracle.RandomFrame(1, s.rows, s.cols, 1)
				f.PSF = k
				o := oracle.Equations{Regulariser: forward.Laplacian, Border: border, Lambda: 0.5}
				m := f.Dense(o)
				reach := [2]int{max(2, 2*(k.Rows/2)), max(2, 2*(k.Cols/2))}
				seen := map[tiles.Class]*mat.SymDense{}
				shape := []int{s.rows, s.cols}
				for _, tl := range tiles.Cut(halo.Box{Lo: []int{0, 0}, Hi: shape}, shape, s.tile, s.overlap, border) {
					key := tiles.Classify(&tl, shape, reach, border)
					local := oracle.Restrict(m, oracle.Pixels(&tl, s.rows, s.cols, border))
					if first := seen[key]; first == nil {
						seen[key] = local
					} else if !mat.EqualApprox(first, local, 1e-13) {
						t.Errorf("%s, %v, %+v: tile %v differs from the first of its class", name, border, s, tl)
					}
				}
			}
		}
	}
	shape := []int{256, 256}
	for border, want := range map[halo.Border]int{halo.Zero: 9, halo.Reflect: 9, halo.Periodic: 1} {
		seen := map[tiles.Class]bool{}
		for _, tl := range tiles.Cut(halo.Box{Lo: []int{0, 0}, Hi: shape}, shape, 16, 4, border) {
			seen[tiles.Classify(&tl, shape, [2]int{4, 4}, border)] = true
		}
		if len(seen) != want {
			t.Errorf("%v: %d classes of tiles, want %d", border, len(seen), want)
		}
	}
}
