package simulate

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// pieces divides rows x cols into a random grid of boxes.
func pieces(t *rapid.T, rows, cols int) []Box {
	cuts := func(n int, name string) []int {
		c := rapid.SliceOfN(rapid.IntRange(0, n), 0, 4).Draw(t, name)
		c = append(c, 0, n)
		slices.Sort(c)
		return slices.Compact(c)
	}
	var all []Box
	r, c := cuts(rows, "row cuts"), cuts(cols, "column cuts")
	for i := range len(r) - 1 {
		for j := range len(c) - 1 {
			all = append(all, Box{r[i], r[i+1], c[j], c[j+1]})
		}
	}
	return all
}

// lay copies the data of box b to its place in a frame.
func lay(frame, data []float64, channels, rows, cols int, b Box) {
	for c := range channels {
		for r := b.R0; r < b.R1; r++ {
			copy(frame[(c*rows+r)*cols+b.C0:][:b.cols()], data[(c*b.rows()+r-b.R0)*b.cols():])
		}
	}
}

func equalBits(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) })
}

func TestDegradationDoesNotSeeTheBoxes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const channels = 2
		rows, cols := rapid.IntRange(1, 20).Draw(t, "rows"), rapid.IntRange(1, 20).Draw(t, "cols")
		seed := rapid.Uint64().Draw(t, "seed")
		whole := Box{0, rows, 0, cols}
		noise := make([]float64, channels*rows*cols)
		AddNoise(noise, channels, whole, cols, seed, 2)
		dead := Dead{Seed: seed, Fraction: 0.3, Columns: 0.2}
		weights := dead.Weights(whole, cols)
		got, gotWeights := make([]float64, len(noise)), make([]float64, len(weights))
		for _, b := range pieces(t, rows, cols) {
			part := make([]float64, channels*b.rows()*b.cols())
			AddNoise(part, channels, b, cols, seed, 2)
			lay(got, part, channels, rows, cols, b)
			lay(gotWeights, dead.Weights(b, cols), 1, rows, cols, b)
		}
		if !equalBits(got, noise) || !equalBits(gotWeights, weights) {
			t.Fatal("the pieces differ from the whole")
		}
	})
}

func TestNoiseStatistics(t *testing.T) {
	const side, sigma = 1000, 0.1
	n := side * side
	x := make([]float64, 2*n)
	AddNoise(x, 2, Box{0, side, 0, side}, side, 42, sigma)
	var sum, sq, cube, fourth float64
	for _, v := range x {
		v /= sigma
		sum += v
		sq += v * v
		cube += v * v * v
		fourth += v * v * v * v
	}
	m := float64(2 * n)
	// Standard errors of the four moments of N normals: sqrt(1, 2, 15, 96) / sqrt N.
	for _, c := range []struct {
		name             string
		got, want, error float64
	}{
		{"mean", sum / m, 0, 1}, {"variance", sq / m, 1, math.Sqrt(2)},
		{"third moment", cube / m, 0, math.Sqrt(15)}, {"fourth moment", fourth / m, 3, math.Sqrt(96)},
	} {
		if d := math.Abs(c.got-c.want) * math.Sqrt(m) / c.error; d > 4 {
			t.Errorf("%s = %v, %.1f standard errors from %v", c.name, c.got, d, c.want)
		}
	}
	// The correlation is 0 +- 1/sqrt N between neighbours in a row or a column, between the
	// two numbers of a Box-Muller pair, and between the channels at one pixel.
	for _, lag := range []int{1, 2, side, side + 1, n} {
		c := 0.0
		for i := range len(x) - lag {
			c += x[i] * x[i+lag] / (sigma * sigma)
		}
		k := float64(len(x) - lag)
		if d := math.Abs(c/k) * math.Sqrt(k); d > 4 {
			t.Errorf("correlation at lag %d = %v, %.1f standard errors", lag, c/k, d)
		}
	}
	// The tail beyond 3 sigma holds 0.26998 %.
	tail := 0.0
	for _, v := range x {
		if math.Abs(v) > 3*sigma {
			tail++
		}
	}
	if want := 0.0026998 * m; math.Abs(tail-want) > 4*math.Sqrt(want) {
		t.Errorf("%v values beyond 3 sigma, want about %.0f", tail, want)
	}

	y := make([]float64, n)
	AddNoise(y, 1, Box{0, side, 0, side}, side, 43, sigma)
	c := 0.0
	for i, v := range y {
		c += v * x[i] / (sigma * sigma)
	}
	if d := math.Abs(c) / math.Sqrt(float64(n)); d > 4 {
		t.Errorf("seeds 42 and 43 correlate, %.1f standard errors", d)
	}
}

func TestNoiseIsAdded(t *testing.T) {
	a, b := []float64{1, 2, 3}, []float64{0, 0, 0}
	AddNoise(a, 1, Box{5, 6, 1, 4}, 9, 1, 0.5)
	AddNoise(b, 1, Box{5, 6, 1, 4}, 9, 1, 1)
	for i := range a {
		if math.Abs(a[i]-float64(i+1)-b[i]/2) > 1e-15 || b[i] == 0 {
			t.Errorf("%v and %v", a, b)
		}
	}
}

func TestDeadPixels(t *testing.T) {
	const rows, cols = 400, 1000
	whole := Box{0, rows, 0, cols}
	count := func(w []float64) (dead, deadColumns int) {
		for c := range cols {
			column := 0
			for r := range rows {
				switch w[r*cols+c] {
				case 0:
					column++
				case 1:
				default:
					t.Fatalf("weight %v", w[r*cols+c])
				}
			}
			dead += column
			if column == rows {
				deadColumns++
			}
		}
		return
	}
	near := func(name string, got int, p float64, n int) {
		t.Helper()
		if math.Abs(float64(got)-p*float64(n)) > 4*math.Sqrt(p*(1-p)*float64(n)) {
			t.Errorf("%s: %d of %d, want a share of %v", name, got, n, p)
		}
	}
	for _, p := range []float64{0.01, 0.3, 0.9} {
		dead, columns := count(Dead{Seed: 5, Fraction: p}.Weights(whole, cols))
		near("pixels", dead, p, rows*cols)
		if columns != 0 {
			t.Errorf("%d dead columns were not asked for", columns)
		}
	}
	_, columns := count(Dead{Seed: 5, Columns: 0.05}.Weights(whole, cols))
	near("columns", columns, 0.05, cols)
	if dead, _ := count(Dead{Seed: 5}.Weights(whole, cols)); dead != 0 {
		t.Errorf("%d dead pixels of a perfect camera", dead)
	}
	if dead, _ := count(Dead{Seed: 5, Fraction: 1}.Weights(whole, cols)); dead != rows*cols {
		t.Errorf("%d of %d pixels of a broken camera are dead", dead, rows*cols)
	}
}

func BenchmarkNoise3M(b *testing.B) {
	x := make([]float64, 3<<20)
	for b.Loop() {
		AddNoise(x, 3, Box{0, 1024, 0, 1024}, 1024, 1, 1)
	}
}
