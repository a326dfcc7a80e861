package scdl

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tessera/internal/linalg"
)

// testTile compares one iteration of one tile with that of plain Go.
func testTile[T linalg.Float](t *testing.T, tolerance float64) {
	for _, c := range []struct{ atoms, p, m, samples int }{{1, 1, 1, 1}, {7, 25, 9, 64}, {85, 13, 4, 50}, {163, 33, 17, 64}} {
		for f, o := range []Options{{}, {Beta: 0.7}, {Compatibility: Sequential}, {Compatibility: Spark}} {
			o.Atoms = c.atoms
			o = o.withDefaults()
			r := rand.New(rand.NewPCG(1, 2))
			fill := func(x []T) {
				for i := range x {
					x[i] = T(r.NormFloat64())
				}
			}
			x := newTiles[T](&o, c.p, c.m)
			if x.form != form(f) {
				t.Fatalf("form %d, want %d", x.form, f)
			}
			for _, d := range []*side[T]{&x.high, &x.low} {
				for i := range d.dictionary {
					d.dictionary[i] = r.NormFloat64() / math.Sqrt(float64(d.rows))
				}
				if err := d.prepare(c.atoms); err != nil {
					t.Fatal(err)
				}
				s := make([]float64, c.samples*d.rows)
				for i := range s {
					s[i] = r.NormFloat64()
				}
				d.load(s, newUnits(0, 1))
			}
			x.errors = x.form >= sequential
			state := make([]T, x.form.arrays()*c.atoms*TileSamples)
			fill(state)
			y := newTiles[T](&o, c.p, c.m)
			y.high.dictionary, y.low.dictionary, y.errors = x.high.dictionary, x.low.dictionary, x.errors
			y.high.samples, y.low.samples = x.high.samples, x.low.samples
			for _, d := range []*side[T]{&y.high, &y.low} {
				if err := d.prepare(c.atoms); err != nil {
					t.Fatal(err)
				}
			}
			plain := slices.Clone(state)
			x.tile(state)
			y.tilePlain(plain)
			what := fmt.Sprintf("form %d, %d atoms, %d and %d numbers", f, c.atoms, c.p, c.m)
			for i := range plain {
				if math.Abs(float64(state[i]-plain[i])) > tolerance*10 {
					t.Fatalf("%s: state %d is %g, plain %g", what, i, state[i], plain[i])
				}
			}
			near := func(name string, a, b []float64) {
				scale := 0.0
				for _, v := range b {
					scale = max(scale, math.Abs(v))
				}
				for i := range b {
					if math.Abs(a[i]-b[i]) > tolerance*scale {
						t.Fatalf("%s: %s %d is %g, plain %g", what, name, i, a[i], b[i])
					}
				}
			}
			near("high gradient", x.high.gradient, y.high.gradient)
			near("low gradient", x.low.gradient, y.low.gradient)
			near("high squares", x.high.squares, y.high.squares)
			near("low squares", x.low.squares, y.low.squares)
			near("residual", x.residual, y.residual)
			a, b := x.sums, y.sums
			near("sums", []float64{a.high, a.low, a.stateErrorHigh, a.stateErrorLow}, []float64{b.high, b.low, b.stateErrorHigh, b.stateErrorLow})
			if math.Abs(a.nonzeroHigh-b.nonzeroHigh) > 2 || math.Abs(a.nonzeroLow-b.nonzeroLow) > 2 || b.nonzeroHigh == 0 {
				t.Errorf("%s: %g and %g numbers are not 0, plain %g and %g", what, a.nonzeroHigh, a.nonzeroLow, b.nonzeroHigh, b.nonzeroLow)
			}
		}
	}
}

func TestTile(t *testing.T) {
	testTile[float32](t, 2e-5)
	testTile[float64](t, 1e-13)
}
