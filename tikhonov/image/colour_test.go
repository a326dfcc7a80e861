package image

import (
	"context"
	"testing"

	"tessera/forward"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/oracle"
	"tessera/tikhonov/image/internal/tiles"
)

// eachTile calls body with every rank's tiles, their colours, and the number of colours.
func (f *frame) eachTile(t *testing.T, n int, o Options, body func(c ranks.Comm, tl *tiles.Tile, colour, colours int)) {
	t.Helper()
	o = o.withDefaults()
	err := f.launch(n, func(_ context.Context, c ranks.Comm, p *Problem) error {
		m, err := preparedOperator(c, p, &o)
		if err != nil {
			return err
		}
		colour, colours := colourTiles(m, &o)
		tiles := tiles.Cut(p.Frame.Owned(c.Rank()), []int{f.Rows, f.Cols}, o.Tile, o.Overlap, o.Border)
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
	for name, k := range oracle.PSFs(t) {
		for _, s := range oracle.Tilings {
			for _, border := range oracle.Borders {
				for _, q := range oracle.Regularisers {
					f := randomFrame(1, s.Rows, s.Cols, 1)
					if f.PSF = k; len(k.Values) > 100 && q != forward.Laplacian {
						continue
					}
					o := Options{Regulariser: q, Border: border, Lambda: 0.5, Tile: s.Tile, Overlap: s.Overlap}
					m := f.Dense(o.equations())
					var before []struct {
						pixels []int
						colour int
					}
					f.eachTile(t, s.Ranks, o, func(_ ranks.Comm, tl *tiles.Tile, colour, colours int) {
						if colour < 0 || colour >= colours {
							t.Errorf("colour %d of %d", colour, colours)
						}
						pixels := oracle.Pixels(tl, s.Rows, s.Cols, border)
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
	for _, border := range oracle.Borders {
		for _, n := range []int{1, 4, 16} {
			f := randomFrame(1, 64, 64, 1)
			f.PSF = oracle.Gaussian5(t)
			f.eachTile(t, n, Options{Border: border, Lambda: 1, Tile: 16, Overlap: 4}, func(c ranks.Comm, tl *tiles.Tile, colour, colours int) {
				if want := 2*(tl.Owned[0].Lo/16%2) + tl.Owned[1].Lo/16%2; colours != 4 || colour != want {
					t.Errorf("%v, %d ranks: tile %v has colour %d of %d, want %d of 4", border, n, tl.Owned, colour, colours, want)
				}
			})
		}
	}
}
