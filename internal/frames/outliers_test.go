package frames

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/forward"
	"tessera/internal/imageio"
	"tessera/internal/outliers"
	"tessera/ranks"
)

const outlierRows, outlierCols = 64, 90

// scene is a frame with noise of 3 on a background, with stars of these peaks seen through a
// Gaussian PSF.
func scene(background, noise, sd float64, peaks ...float64) []float64 {
	rng := rand.New(rand.NewPCG(7, 7))
	y := make([]float64, outlierRows*outlierCols)
	for i := range y {
		y[i] = background + noise*rng.NormFloat64()
	}
	for k, peak := range peaks {
		r0, c0 := 8+float64(11*k%45)+0.3*float64(k%3), 9+float64(17*k%70)+0.2*float64(k%4)
		for i := range y {
			dr, dc := float64(i/outlierCols)-r0, float64(i%outlierCols)-c0
			y[i] += peak * math.Exp(-(dr*dr+dc*dc)/(2*sd*sd))
		}
	}
	return y
}

func each(y []float64, f func(float64) float64) []float64 {
	out := make([]float64, len(y))
	for i, v := range y {
		out[i] = f(v)
	}
	return out
}

// search looks through a frame on some ranks and returns the counts by kind and the text.
func searched(t *testing.T, n int, y []float64, psf forward.PSF) (counts [outliers.Kinds]int, own []int, text string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "frame.npy")
	if err := imageio.WriteNpy(path, []int{outlierRows, outlierCols}, y); err != nil {
		t.Fatal(err)
	}
	image := DefaultImage()
	image.Path = path
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(ctx context.Context, comm ranks.Comm) error {
		o, err := ReadObservation(comm, &image, nil)
		if err != nil {
			return err
		}
		s := OutlierSearch{Planes: 1, Rows: outlierRows, Cols: outlierCols, Box: o.ownBox(comm), Data: o.Data, Absent: o.Weights.Missing, Apart: true, Raised: raisedBy(psf), Frame: o.Frame}
		found, err := s.Find(comm)
		if err != nil {
			return err
		}
		flags := make([]float64, outlierRows*outlierCols)
		for _, f := range found.Own {
			flags[f.Row*outlierCols+f.Col] = 1
		}
		if err := comm.Allreduce(flags, flags, ranks.Sum); err != nil {
			return err
		}
		if comm.Rank() == 0 {
			counts, text = found.Counts, found.Text(&s, "image.outliers", OutliersReport)
			for i, v := range flags {
				if v > 0 {
					own = append(own, i)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return counts, own, text
}

// Frames as people have them, of every dynamic range, have no value that is touched or
// reported.
func TestStarsAreNoOutliers(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	poisson := func(mean float64) float64 {
		n, p := 0.0, math.Exp(-mean)
		for q := rng.Float64(); q > p; q *= rng.Float64() {
			n++
		}
		return n
	}
	gaussian := func(sd float64) forward.PSF {
		p := forward.PSF{Rows: 9, Cols: 9}
		for i := range 81 {
			r, c := float64(i/9-4), float64(i%9-4)
			p.Values = append(p.Values, math.Exp(-(r*r+c*c)/(2*sd*sd)))
		}
		return p
	}
	for name, c := range map[string]struct {
		y   []float64
		psf forward.PSF
	}{
		"stars of 1e5 noise":              {scene(100, 3, 1.5, 3e5, 3e4, 3e3, 300), gaussian(1.5)},
		"a star of 1e6 noise":             {scene(100, 3, 1, 3e6), gaussian(1)},
		"a star of 1e6 noise, no PSF":     {scene(100, 3, 0.7, 3e6), forward.PSF{}},
		"a star of 1e10 noise":            {scene(100, 3, 1, 3e10), gaussian(1)},
		"undersampled":                    {scene(0, 1, 0.45, 1e4, 1e5, 300), gaussian(0.45)},
		"no noise":                        {scene(0, 0, 1.2, 1e4, 1e5, 300), gaussian(1.2)},
		"no noise, no PSF":                {scene(100, 0, 0.8, 1e4, 1e5, 300), forward.PSF{}},
		"saturated cores":                 {each(scene(100, 3, 2, 3e6, 1e6), func(v float64) float64 { return min(v, 65535) }), gaussian(2)},
		"zero background":                 {each(scene(-20, 3, 1.5, 3e4, 3e3), func(v float64) float64 { return max(v, 0) }), gaussian(1.5)},
		"Poisson, mean 0.01":              {each(scene(0, 0, 1), func(float64) float64 { return poisson(0.01) }), gaussian(1)},
		"Poisson of stars":                {each(scene(0.2, 0, 1.5, 30, 20, 8), poisson), gaussian(1.5)},
		"integers":                        {each(scene(100, 0.2, 1.5, 3e4, 3e3), math.Round), gaussian(1.5)},
		"bytes":                           {each(scene(0.4, 0.2, 1.5), func(v float64) float64 { return min(max(math.Round(255*v), 0), 255) / 255 }), gaussian(1)},
		"99 % zeros":                      {each(scene(0, 1, 1), func(v float64) float64 { return max(v-2.3, 0) }), gaussian(1)},
		"zeros":                           {scene(0, 0, 1), gaussian(1)},
		"constant":                        {scene(7, 0, 1), gaussian(1)},
		"constant and one pixel":          {append([]float64{8}, scene(7, 0, 1)[1:]...), gaussian(1)},
		"zeros and one pixel":             {append([]float64{1e6}, scene(0, 0, 1)[1:]...), gaussian(1)},
		"many pixels that stand alone":    {each(scene(0, 1, 1), func(v float64) float64 { return v + 1e3*math.Floor(rng.Float64()+0.03) }), forward.PSF{}},
		"below zero":                      {scene(-500, 3, 1.5, -3e4, 3e3), gaussian(1.5)},
		"uncalibrated, background -9999 ": {scene(-9999, 30, 1.5, 3e4), gaussian(1.5)},
	} {
		for _, unit := range []float64{1, 1e-20, 1e20, 1e290} {
			if counts, _, text := searched(t, 1, each(c.y, func(v float64) float64 { return unit * v }), c.psf); counts != [outliers.Kinds]int{} || text != "" {
				t.Errorf("%s, unit %g: %v %s", name, unit, counts, text)
			}
		}
	}
}

// Values that are no light are found where they are, among stars, at edges and beside missing
// pixels, on every number of ranks.
func TestOutliersAreFound(t *testing.T) {
	at := []int{0, 31*outlierCols + 44, 32*outlierCols + 45, 40*outlierCols + 89, 63*outlierCols + 10}
	kinds := map[outliers.Kind]string{outliers.Mark: "a number that marks missing values", outliers.Certain: "too far from all others for light", outliers.Alone: "neighbours hardly raised"}
	for name, c := range map[string]struct {
		value float64
		kind  outliers.Kind
	}{
		"1e30": {1e30, outliers.Mark}, "-1e30": {-1e30, outliers.Mark}, "float32": {math.MaxFloat32, outliers.Mark}, "-9999": {-9999, outliers.Mark},
		"garbage": {-3.7e21, outliers.Certain}, "cosmic ray": {3e4, outliers.Alone}, "dead": {-3e3, outliers.Alone}, "hot": {600, outliers.Alone},
	} {
		y := scene(100, 3, 1.5, 3e5, 3e4)
		var want [outliers.Kinds]int
		want[c.kind] = len(at)
		for _, i := range at {
			y[i] = c.value
		}
		y[1] = math.NaN()
		psf := forward.PSF{Rows: 3, Cols: 3, Values: []float64{0.5, 0.7, 0.5, 0.7, 1, 0.7, 0.5, 0.7, 0.5}}
		for _, n := range []int{1, 2, 3, 4, 7} {
			counts, own, text := searched(t, n, y, psf)
			if counts != want || !slices.Equal(own, at) {
				t.Errorf("%s on %d ranks: %v at %v, want %v at %v", name, n, counts, own, want, at)
			}
			for _, part := range []string{"5 values", kinds[c.kind], fmt.Sprintf("%.6g at row 0, column 0", c.value), fmt.Sprintf("%.6g at row 31, column 44", c.value), "...", "image.outliers", "the median is 100"} {
				if !strings.Contains(text, part) {
					t.Errorf("%s on %d ranks: %q, want %q in it", name, n, text, part)
				}
			}
		}
	}
}

// A region of marks larger than the rest of the frame is missing, and the scale is that of the rest.
func TestMarksOfMostPixels(t *testing.T) {
	y := scene(100, 3, 1.5, 3e5)
	for i := range y {
		if i%outlierCols > 30 {
			y[i] = -1e30
		}
	}
	counts, _, _ := searched(t, 3, y, forward.PSF{})
	if want := outlierRows * (outlierCols - 31); counts[outliers.Mark] != want || counts[outliers.Alone] != 0 {
		t.Errorf("%v, want %d marks", counts, want)
	}
}

// The scale of samples that the ranks have parts of is that of the whole sample.
func TestMeasuredOnRanks(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	whole := [][]float64{make([]float64, 1001), make([]float64, 500), {}, {0, 0, 0, 0, -3, 1, 2}, {-0.5}}
	for i := range whole[0] {
		whole[0][i] = -5 + rng.NormFloat64()
	}
	for i := range whole[1] {
		whole[1][i] = 1e300 * rng.ExpFloat64()
	}
	want := make([]outliers.Scale, len(whole))
	for g := range whole {
		want[g].Measure(slices.Clone(whole[g]))
	}
	for _, n := range []int{1, 2, 5} {
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(_ context.Context, comm ranks.Comm) error {
			parts := make([][]float64, len(whole))
			for g, list := range whole {
				for i, v := range list {
					if i%n == comm.Rank() {
						parts[g] = append(parts[g], v)
					}
				}
			}
			got, err := measured(comm, parts)
			if err == nil && !slices.Equal(got, want) {
				t.Errorf("%d ranks: %v, want %v", n, got, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
