package image

import (
	"context"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"

	"tessera/forward"
	"tessera/halo"
	"tessera/ranks"
)

// The tiles of all ranks cover the frame once; an extended tile is what lies within
// the overlap, listed once, and contiguous.
func TestCutTiles(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		shape := []int{rapid.IntRange(1, 40).Draw(rt, "rows"), rapid.IntRange(1, 40).Draw(rt, "cols")}
		border := rapid.SampledFrom(borders).Draw(rt, "border")
		side, overlap := rapid.IntRange(1, 45).Draw(rt, "tile"), rapid.IntRange(0, 50).Draw(rt, "overlap")
		d, err := halo.Decompose(shape, rapid.IntRange(1, min(9, shape[0]*shape[1])).Draw(rt, "ranks"))
		if err != nil {
			rt.Fatal(err)
		}
		covered := make([]int, shape[0]*shape[1])
		for r := range d.Ranks() {
			box := d.Owned(r)
			for _, tl := range cutTiles(box, shape, side, overlap, border) {
				for i := tl.owned[0].lo; i < tl.owned[0].hi; i++ {
					for j := tl.owned[1].lo; j < tl.owned[1].hi; j++ {
						covered[i*shape[1]+j]++
					}
				}
				for axis, n := range shape {
					o, e := tl.owned[axis], tl.ext[axis]
					if o.lo < box.Lo[axis] || o.hi > box.Hi[axis] || o.len() < 1 || 2*o.len() > 3*side+1 {
						rt.Errorf("axis %d: owns %v of %v, tile %d", axis, o, box, side)
					}
					if e.lo > o.lo || e.hi < o.hi || o.lo-e.lo > overlap || e.hi-o.hi > overlap {
						rt.Errorf("axis %d: %v extended to %v, overlap %d", axis, o, e, overlap)
					}
					listed, within := map[int]int{}, map[int]bool{}
					for i := e.lo; i < e.hi; i++ {
						listed[naiveSource(i, n, border)]++
					}
					for i := o.lo - overlap; i < o.hi+overlap; i++ {
						if border == halo.Periodic {
							within[naiveSource(i, n, border)] = true
						} else if i >= 0 && i < n {
							within[i] = true
						}
					}
					if len(listed) != e.len() || len(listed) != len(within) {
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
	for name, k := range kernels(t) {
		if len(k.Values) > 100 {
			continue // classes of large kernels are approximate
		}
		for _, s := range []struct{ rows, cols, tile, overlap int }{{24, 21, 3, 2}, {30, 12, 5, 0}, {18, 25, 5, 7}, {4, 50, 4, 3}} {
			for _, border := range borders {
				f := randomFrame(1, s.rows, s.cols, 1)
				f.kernel = k
				o := Options{Regulariser: forward.Laplacian, Border: border, Lambda: 0.5}
				m := f.dense(o)
				reach := [2]int{max(2, 2*(k.Rows/2)), max(2, 2*(k.Cols/2))}
				seen := map[class]*mat.SymDense{}
				shape := []int{s.rows, s.cols}
				for _, tl := range cutTiles(halo.Box{Lo: []int{0, 0}, Hi: shape}, shape, s.tile, s.overlap, border) {
					key := classify(&tl, shape, reach, border)
					local := restrict(m, tl.pixels(s.rows, s.cols, border))
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
		seen := map[class]bool{}
		for _, tl := range cutTiles(halo.Box{Lo: []int{0, 0}, Hi: shape}, shape, 16, 4, border) {
			seen[classify(&tl, shape, [2]int{4, 4}, border)] = true
		}
		if len(seen) != want {
			t.Errorf("%v: %d classes of tiles, want %d", border, len(seen), want)
		}
	}
}

// eachTile calls body with every rank's tiles, their colours, and the number of colours.
func (f *frame) eachTile(t *testing.T, n int, o Options, body func(c ranks.Comm, tl *tile, colour, colours int)) {
	t.Helper()
	o = o.withDefaults()
	err := f.launch(n, func(_ context.Context, c ranks.Comm, p *Problem) error {
		m, err := newOperator(c, p, &o)
		if err != nil {
			return err
		}
		colour, colours := colourTiles(m, &o)
		tiles := cutTiles(p.Frame.Owned(c.Rank()), []int{f.rows, f.cols}, o.Tile, o.Overlap, o.Border)
		if len(colour) != len(tiles) {
			t.Errorf("rank %d: %d colours for %d tiles", c.Rank(), len(colour), len(tiles))
		}
		for r := range c.Size() { // one rank at a time
			if r == c.Rank() {
				for i := range tiles {
					body(c, &tiles[i], colour[i], colours)
				}
			}
			if err := c.Barrier(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Two tiles of one colour do not couple: R_i M R_j' = 0, and they share no pixel.
func TestColoursDoNotCouple(t *testing.T) {
	t.Parallel()
	for name, k := range kernels(t) {
		for _, s := range tilings {
			for _, border := range borders {
				for _, q := range regularisers {
					f := randomFrame(1, s.rows, s.cols, 1)
					if f.kernel = k; !f.fits(k) || len(k.Values) > 100 && q != forward.Laplacian {
						continue
					}
					o := Options{Regulariser: q, Border: border, Lambda: 0.5, Tile: s.tile, Overlap: s.overlap}
					m := f.dense(o)
					var before []struct {
						pixels []int
						colour int
					}
					f.eachTile(t, s.ranks, o, func(_ ranks.Comm, tl *tile, colour, colours int) {
						if colour < 0 || colour >= colours {
							t.Errorf("colour %d of %d", colour, colours)
						}
						pixels := tl.pixels(s.rows, s.cols, border)
						for _, other := range before {
							if other.colour != colour {
								continue
							}
							for _, p := range pixels {
								for _, q := range other.pixels {
									if p == q || m.At(p, q) != 0 {
										t.Fatalf("%s, %v, %+v: pixels %d and %d of two tiles of colour %d couple", name, border, s, p, q, colour)
									}
								}
							}
						}
						before = append(before, struct {
							pixels []int
							colour int
						}{pixels, colour})
					})
				}
			}
		}
	}
}

// Four colours where tiles are at least 2 overlap + reach wide, at any rank count.
func TestFourColours(t *testing.T) {
	for _, border := range borders {
		for _, n := range []int{1, 4, 16} {
			f := randomFrame(1, 64, 64, 1)
			f.kernel = gaussian5(t)
			f.eachTile(t, n, Options{Border: border, Lambda: 1, Tile: 16, Overlap: 4}, func(c ranks.Comm, tl *tile, colour, colours int) {
				if want := 2*(tl.owned[0].lo/16%2) + tl.owned[1].lo/16%2; colours != 4 || colour != want {
					t.Errorf("%v, %d ranks: tile %v has colour %d of %d, want %d of 4", border, n, tl.owned, colour, colours, want)
				}
			})
		}
	}
}
