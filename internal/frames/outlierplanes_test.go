package frames

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/forward"
	"tessera/internal/imageio"
	"tessera/ranks"
)

// observedOn reads a frame of channels on some ranks, whole or apart, and returns the weights by their place, the description of the first
// file and of the last one, and the counts of outliers.
func observedOn(t *testing.T, n int, apart bool, image ImageSection) (weights []float64, first, last string, missing int, err error) {
	t.Helper()
	image.PerChannel = true
	err = ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(ctx context.Context, comm ranks.Comm) error {
		from := Source{Image: &image, Simulate: &SimulateSection{}, Apart: apart}
		o, err := from.Observe(ctx, comm, forward.PSF{})
		if err != nil {
			return err
		}
		own := slices.Repeat([]float64{1}, len(o.Data))
		for i := range own {
			if o.Weights != nil {
				own[i] = o.Weights[i%len(o.Weights)]
			}
			if o.Weights.Missing(i) != math.IsNaN(o.Data[i]) {
				t.Errorf("%d ranks: value %d is %g, its weight %g", n, i, o.Data[i], own[i])
			}
		}
		whole, err := o.Frame.GatherTo(comm, 0, own, o.Channels)
		if err != nil || comm.Rank() > 0 {
			return err
		}
		weights, first, last = whole, o.Inputs[0].String(), o.Inputs[len(o.Inputs)-1].String()
		total := o.Outliers
		for _, m := range o.marks {
			total = total.Plus(m.report)
		}
		if total != nil {
			missing = total.Missing
		}
		return nil
	})
	return weights, first, last, missing, err
}

// A channel of marks alone is missing as one of NaN is, read whole and in parts, on every number of ranks; a frame of marks
// alone is one error.
func TestMarkedPlanes(t *testing.T) {
	const n = outlierRows * outlierCols
	for name, c := range map[string]struct {
		fill func(cube []float64)
		want string // in the description
		err  string
		gone int // values
	}{
		"a channel of -9999":      {func(y []float64) { fill(y[n:2*n], -9999) }, "every observed value of channel 1 is -9999, which marks missing values: taken as missing", "", n},
		"a channel of 1e30":       {func(y []float64) { fill(y[n:2*n], 1e30) }, "every observed value of channel 1 is 1e+30", "", n},
		"two channels":            {func(y []float64) { fill(y[:n], 1e30); fill(y[2*n:], -99) }, "every observed value of channel 0 is 1e+30; every observed value of channel 2 is -99, which", "", 2 * n},
		"two marks in one":        {func(y []float64) { fill(y[n:2*n], -9999); y[n+7] = -99; y[n+8] = math.NaN() }, "every observed value of channel 1 is from -9999 to -99", "", n - 1},
		"a channel and one pixel": {func(y []float64) { fill(y[n:2*n], -9999); y[5] = 1e30 }, "channel 1 is -9999, which marks missing values: taken as missing (image.outliers = \"keep\" takes all finite values as data); 1 value, a number that marks", "", n + 1},
		"all":                     {func(y []float64) { fill(y, 1e30) }, "", "every observed value is 1e+30, which marks missing values: nothing was observed\n  if these are data, write image.outliers = \"keep\"", 0},
		"all that is not NaN":     {func(y []float64) { fill(y, math.NaN()); y[3], y[n+9] = -9999, -9999 }, "", "every observed value is -9999, which marks missing values: nothing was observed", 0},
	} {
		var cube []float64
		for k := range 3 {
			cube = append(cube, scene(100, 3, 1.5+float64(k)/2, 3e4)...)
		}
		c.fill(cube)
		path := filepath.Join(t.TempDir(), "cube.npy")
		if err := imageio.WriteNpy(path, []int{3, outlierRows, outlierCols}, cube); err != nil {
			t.Fatal(err)
		}
		image := DefaultImage()
		image.Path = path
		for i, ranks := range []int{1, 2, 3, 4, 7} {
			weights, said, _, missing, err := observedOn(t, ranks, i%2 == 1, image)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || !strings.Contains(err.Error(), path) {
					t.Errorf("%s on %d ranks: %v, want %q", name, ranks, err, c.err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s on %d ranks: %v", name, ranks, err)
				continue
			}
			if !strings.Contains(said, c.want) || !strings.Contains(said, "by the rule for outliers") || strings.Contains(said, "no value missing") || missing != c.gone {
				t.Errorf("%s on %d ranks: %d missing, want %d; %q, want %q", name, ranks, missing, c.gone, said, c.want)
			}
			for i, v := range cube {
				if away := math.IsNaN(v) || v == 1e30 || v == -9999 || v == -99; away != (weights[i] == 0) {
					t.Errorf("%s on %d ranks: %g at %d has the weight %g", name, ranks, v, i, weights[i])
					break
				}
			}
		}
		keep := image
		keep.Outliers = OutliersKeep
		if _, said, _, missing, err := observedOn(t, 2, false, keep); err != nil || missing != 0 || strings.Contains(said, "marks") {
			t.Errorf("%s, kept: %d missing, %v, %s", name, missing, err, said)
		}
	}
}

func fill(y []float64, v float64) {
	for i := range y {
		y[i] = v
	}
}

// Marks in error maps and weights are missing pixels, in one plane or in a channel of several, read whole and in parts, on every
// number of ranks.
func TestMarksOfPlanes(t *testing.T) {
	const n = outlierRows * outlierCols
	dir := t.TempDir()
	frame := filepath.Join(dir, "cube.npy")
	if err := imageio.WriteNpy(frame, []int{2, outlierRows, outlierCols}, append(scene(100, 3, 1.5, 3e4), scene(50, 2, 1.5, 3e4)...)); err != nil {
		t.Fatal(err)
	}
	at := []int{3, n - 1, n/2 + 17}
	for _, use := range []use{useSigma, useVariance, useWeights} {
		for _, channels := range []int{1, 2} {
			for _, mark := range []float64{-9999, 1e30, math.MaxFloat32, -32768} {
				y := slices.Repeat([]float64{2}, channels*n)
				y[n/3] = 2.5
				for _, i := range at {
					y[(channels-1)*n+i] = mark
				}
				path := filepath.Join(dir, "beside.npy")
				if err := imageio.WriteNpy(path, []int{channels, outlierRows, outlierCols}, y); err != nil {
					t.Fatal(err)
				}
				image := DefaultImage()
				image.Path = frame
				switch use {
				case useSigma:
					image.Sigma = path
				case useVariance:
					image.Variance = path
				default:
					image.Weights = path
				}
				for i, ranks := range []int{1, 3, 4} {
					name := fmt.Sprintf("%s of %d channels, %g on %d ranks", use, channels, mark, ranks)
					weights, _, said, missing, err := observedOn(t, ranks, i == 1, image)
					if err != nil {
						t.Errorf("%s: %v", name, err)
						continue
					}
					if missing != len(at) || !strings.Contains(said, "3 values, each a number that marks missing values") || !strings.Contains(said, fmt.Sprintf("%.6g at row 0, column 3", mark)) {
						t.Errorf("%s: %d missing, %q", name, missing, said)
					}
					for i, w := range weights {
						if gone := slices.Contains(at, i%n) && (channels == 1 || i >= n); gone != (w == 0) {
							t.Errorf("%s: weight %d is %g", name, i, w)
							break
						}
					}
				}
				image.Outliers = OutliersKeep
				if _, _, _, _, err := observedOn(t, 2, false, image); mark < 0 && (err == nil || !strings.Contains(err.Error(), "often marks a missing pixel: if it does, write 0 or NaN in its place")) {
					t.Errorf("%s of %g, kept: %v", use, mark, err)
				}
			}
		}
	}
	// A plane of one value is data, however large; one of a negative mark is an error.
	for v, want := range map[float64]string{1e30: "", -9999: "every observed value is -9999, which marks missing values"} {
		path := filepath.Join(dir, "beside.npy")
		if err := imageio.WriteNpy(path, []int{outlierRows, outlierCols}, slices.Repeat([]float64{v}, n)); err != nil {
			t.Fatal(err)
		}
		image := DefaultImage()
		image.Path, image.Weights = frame, path
		for _, apart := range []bool{false, true} {
			_, _, _, missing, err := observedOn(t, 2, apart, image)
			if want == "" && (err != nil || missing != 0) || want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path)) {
				t.Errorf("weights of %g, apart %v: %d missing, %v", v, apart, missing, err)
			}
		}
	}
}

// MissingText has one sentence for every number of missing values.
func TestMissingText(t *testing.T) {
	for _, c := range []struct {
		notFinite, taken int
		want             string
	}{
		{0, 0, "no value missing"},
		{1, 0, "1 of 100 values missing (not finite)"},
		{0, 1, "1 of 100 values missing (by the rule for outliers)"},
		{0, 51, "51 of 100 values missing (by the rule for outliers)"},
		{2, 1, "3 of 100 values missing (2 not finite, 1 by the rule for outliers)"},
	} {
		if got := MissingText(c.notFinite, c.taken, 100); got != c.want {
			t.Errorf("%d and %d: %q, want %q", c.notFinite, c.taken, got, c.want)
		}
	}
}

// Marks in a true frame are missing, and a true frame of marks alone is an error that names file and value.
func TestMarksOfTruth(t *testing.T) {
	dir := t.TempDir()
	frame, truth := filepath.Join(dir, "frame.npy"), filepath.Join(dir, "truth.npy")
	y := scene(100, 3, 1.5, 3e4)
	shape := []int{outlierRows, outlierCols}
	if err := imageio.WriteNpy(frame, shape, y); err != nil {
		t.Fatal(err)
	}
	for _, mark := range []float64{-9999, 1e30} {
		image := DefaultImage()
		image.Path, image.Truth = frame, truth
		marked := slices.Clone(y)
		marked[5] = mark
		if err := imageio.WriteNpy(truth, shape, marked); err != nil {
			t.Fatal(err)
		}
		if _, _, said, _, err := observedOn(t, 2, false, image); err != nil || !strings.Contains(said, fmt.Sprintf("%.6g at row 0, column 5", mark)) {
			t.Errorf("%g in a truth: %v, %q", mark, err, said)
		}
		fill(marked, mark)
		if err := imageio.WriteNpy(truth, shape, marked); err != nil {
			t.Fatal(err)
		}
		if _, _, _, _, err := observedOn(t, 2, true, image); err == nil || !strings.Contains(err.Error(), truth) || !strings.Contains(err.Error(), fmt.Sprintf("every observed value is %.6g", mark)) {
			t.Errorf("a truth of %g: %v", mark, err)
		}
	}
}
