package scdl

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"tessera/ranks"
)

// wrongRank makes a collective call on 2, 3 and 4 ranks, with bad true on the first or on
// the last one only. Every rank must return the same error; none may wait for the others.
func wrongRank(t *testing.T, name, want string, call func(ctx context.Context, comm ranks.Comm, bad bool) error) {
	t.Helper()
	for _, size := range []int{2, 3, 4} {
		for _, bad := range []int{0, size - 1} {
			errs := make([]error, size)
			err := ranks.Launch(context.Background(), ranks.Options{Ranks: size}, func(ctx context.Context, comm ranks.Comm) error {
				errs[comm.Rank()] = call(ctx, comm, comm.Rank() == bad)
				return nil
			})
			if err != nil {
				t.Errorf("%s, rank %d of %d: %v", name, bad, size, err)
			}
			for rank, err := range errs {
				if err == nil || !strings.Contains(err.Error(), want) || err.Error() != errs[0].Error() {
					t.Errorf("%s, rank %d of %d: rank %d returns %v, want %q", name, bad, size, rank, err, want)
				}
			}
		}
	}
}

// shareOf is a copy of this rank's share of samples.
func shareOf(s *Samples, comm ranks.Comm) *Samples {
	lo, hi := Share(s.Total, comm.Size(), comm.Rank())
	part := *s
	part.First, part.High, part.Low = lo, slices.Clone(s.High[lo*s.P:hi*s.P]), slices.Clone(s.Low[lo*s.M:hi*s.M])
	return &part
}

// badSamples are wrong on one rank whatever is called with them.
var badSamples = map[string]struct {
	change func(*Samples)
	want   string
}{
	"short high": {func(s *Samples) { s.High = s.High[1:] }, "not matched samples"},
	"short low":  {func(s *Samples) { s.Low = s.Low[s.M:] }, "not matched samples"},
	"no numbers": {func(s *Samples) { s.P, s.High = 0, nil }, "not matched samples of 0"},
	"other P":    {func(s *Samples) { s.P, s.M, s.High, s.Low = 5, 5, s.High[:5*s.Count()], s.Low[:5*s.Count()] }, "Samples.P is 5 on one rank and"},
	"total":      {func(s *Samples) { s.Total = 6400 }, "Samples.Total is 256 on one rank and 6400 on another"},
	"empty":      {func(s *Samples) { s.Total = 0 }, "no samples"},
	"first":      {func(s *Samples) { s.First++ }, "samples"},
	"overlap":    {func(s *Samples) { s.First = (s.First + 64) % 128 }, "begins with sample"},
	"missing":    {func(s *Samples) { s.High, s.Low = nil, nil }, "sample"},
	"NaN":        {func(s *Samples) { s.High[27] = math.NaN() }, "number 2 is NaN"},
	"infinite":   {func(s *Samples) { s.Low[10] = math.Inf(1) }, "number 1 is +Inf"},
}

// sampleCalls are the collective functions of samples.
var sampleCalls = map[string]func(context.Context, ranks.Comm, *Samples) error{
	"Train": func(ctx context.Context, comm ranks.Comm, s *Samples) error {
		_, err := Train(ctx, comm, s, Options{Atoms: 8, MaxIterations: 2})
		return err
	},
	"Online": func(ctx context.Context, comm ranks.Comm, s *Samples) error {
		_, err := Online(ctx, comm, s, Options{Atoms: 8, MaxIterations: 2})
		return err
	},
	"RawAtoms": func(_ context.Context, comm ranks.Comm, s *Samples) error {
		_, err := RawAtoms(comm, s, 8, 1)
		return err
	},
	"Regress": func(_ context.Context, comm ranks.Comm, s *Samples) error {
		_, err := Regress(comm, s)
		return err
	},
	"Digest": func(_ context.Context, comm ranks.Comm, s *Samples) error {
		_, err := s.Digest(comm)
		return err
	},
}

func TestOneRankHasWrongSamples(t *testing.T) {
	s := spectra(256, 1)
	for function, call := range sampleCalls {
		for name, c := range badSamples {
			wrongRank(t, function+", "+name, c.want, func(ctx context.Context, comm ranks.Comm, bad bool) error {
				part := shareOf(s, comm)
				if bad {
					c.change(part)
				}
				return call(ctx, comm, part)
			})
		}
		wrongRank(t, function+", nil", "no samples", func(ctx context.Context, comm ranks.Comm, bad bool) error {
			return call(ctx, comm, either(bad, nil, shareOf(s, comm)))
		})
	}
}

func TestOneRankHasWrongOptions(t *testing.T) {
	s := spectra(256, 1)
	keep := func(*Snapshot) error { return nil }
	for name, c := range map[string]struct {
		change func(*Options)
		want   string
	}{
		// Wrong.
		"no atoms":       {func(o *Options) { o.Atoms = 0 }, "0 atoms for 256 samples"},
		"too many":       {func(o *Options) { o.Atoms = 257 }, "257 atoms for 256 samples"},
		"iterations":     {func(o *Options) { o.MaxIterations = -1 }, "-1 iterations"},
		"check":          {func(o *Options) { o.CheckEvery = -2 }, "an error every -2"},
		"tolerance":      {func(o *Options) { o.Tolerance = math.NaN() }, "tolerance NaN"},
		"lambda":         {func(o *Options) { o.Lambda = -1 }, "must be positive, one is -1"},
		"penalty":        {func(o *Options) { o.C2 = math.Inf(1) }, "must be positive, one is +Inf"},
		"batch":          {func(o *Options) { o.Batch = -1 }, "mini-batches of -1"},
		"precision":      {func(o *Options) { o.Precision = "half" }, `precision "half"`},
		"unknown":        {func(o *Options) { o.Compatibility = "parallel" }, "compatib"},
		"resume garbage": {func(o *Options) { o.Resume = &Snapshot{Meta: []byte("?")} }, "Resume is not the same"},

		// Right, but not those of the other ranks.
		"other atoms":         {func(o *Options) { o.Atoms = 9 }, "Atoms is 8 on one rank and 9 on another"},
		"other iterations":    {func(o *Options) { o.MaxIterations = 3 }, "MaxIterations is 2 on one rank and 3 on another"},
		"other check":         {func(o *Options) { o.CheckEvery = 2 }, "CheckEvery is 1 on one rank and 2 on another"},
		"other tolerance":     {func(o *Options) { o.Tolerance = 0.9 }, "Tolerance is 0 on one rank and 0.9 on another"},
		"other lambda":        {func(o *Options) { o.Lambda = 7 }, "Lambda is"},
		"other penalty":       {func(o *Options) { o.C3 = 7 }, "C3 is 0.8 on one rank and 7 on another"},
		"other step":          {func(o *Options) { o.Step = 0.5 }, "Step is"},
		"other start":         {func(o *Options) { o.FirstColumns = true }, "FirstColumns is not the same"},
		"other precision":     {func(o *Options) { o.Precision = Double }, "Precision is not the same"},
		"other compatibility": {func(o *Options) { o.Compatibility = Sequential }, "ompatib"},
		"other seed":          {func(o *Options) { o.Seed = 4 }, "Seed is not the same"},
		"folder":              {func(o *Options) { o.Folder = t.TempDir() }, "older"},
		"other batch":         {func(o *Options) { o.Batch = 64 }, "Batch is 64 on one rank and 2048 on another"},
		"save":                {func(o *Options) { o.Save = keep }, "Save (given or not) is not the same"},
		"save every":          {func(o *Options) { o.SaveEvery = time.Second }, "SaveEvery is 0 on one rank and 1e+09 on another"},
	} {
		for function, train := range map[string]trainer{"Train": Train, "Online": Online} {
			wrongRank(t, function+", "+name, c.want, func(ctx context.Context, comm ranks.Comm, bad bool) error {
				o := Options{Atoms: 8, MaxIterations: 2}
				if bad {
					c.change(&o)
				}
				_, err := train(ctx, comm, shareOf(s, comm), o)
				return err
			})
		}
	}
	wrongRank(t, "RawAtoms, atoms", "atoms is 8 on one rank and 9 on another", func(_ context.Context, comm ranks.Comm, bad bool) error {
		atoms := 8
		if bad {
			atoms = 9
		}
		_, err := RawAtoms(comm, shareOf(s, comm), atoms, 1)
		return err
	})
}

func TestOneRankHasWrongStrips(t *testing.T) {
	const rows, cols = 40, 30
	grid := Grid{Scale: 2, Patch: 3, Blur: 0.5}
	for name, c := range map[string]struct {
		grid       Grid
		rows, cols int
		want       string
	}{
		"scale":    {Grid{Scale: 5, Patch: 3}, rows, cols, "scale 5"},
		"patch":    {Grid{Scale: 2, Patch: 4}, rows, cols, "patches of 4 pixels"},
		"blur":     {Grid{Scale: 2, Patch: 3, Blur: math.NaN()}, rows, cols, "blur NaN"},
		"small":    {grid, 4, cols, "2 x 15 low pixels is smaller"},
		"negative": {grid, -4, cols, "is smaller than a patch"},
		"rows":     {grid, 44, cols, "rows is 40 on one rank and 44 on another"},
		"cols":     {grid, rows, 34, "cols is 30 on one rank and 34 on another"},
		"grid":     {Grid{Scale: 2, Patch: 5, Blur: 0.5}, rows, cols, "Patch is 3 on one rank and 5 on another"},
	} {
		wrongRank(t, "NewStrips, "+name, c.want, func(_ context.Context, comm ranks.Comm, bad bool) error {
			g, r, w := grid, rows, cols
			if bad {
				g, r, w = c.grid, c.rows, c.cols
			}
			_, err := NewStrips(comm, g, r, w)
			return err
		})
	}

	linear := (&Linear{P: 36, M: 9, Map: make([]float64, 36*9)}).Predict
	for name, c := range map[string]struct {
		call func(ctx context.Context, s *Strips, high, low []float64, bad bool) error
		want string
	}{
		"Degrade": {func(_ context.Context, s *Strips, high, _ []float64, bad bool) error {
			_, err := s.Degrade(cut(high, bad))
			return err
		}, "pixels on rank"},
		"Bicubic": {func(_ context.Context, s *Strips, _, low []float64, bad bool) error {
			_, err := s.Bicubic(cut(low, bad))
			return err
		}, "pixels on rank"},
		"PSNR, first": {func(_ context.Context, s *Strips, high, _ []float64, bad bool) error {
			_, err := s.PSNR(cut(high, bad), high)
			return err
		}, "pixels on rank"},
		"PSNR, second": {func(_ context.Context, s *Strips, high, _ []float64, bad bool) error {
			_, err := s.PSNR(high, cut(high, bad))
			return err
		}, "pixels on rank"},
		"SSIM, first": {func(_ context.Context, s *Strips, high, _ []float64, bad bool) error {
			_, err := s.SSIM(cut(high, bad), high)
			return err
		}, "pixels on rank"},
		"SSIM, second": {func(_ context.Context, s *Strips, high, _ []float64, bad bool) error {
			_, err := s.SSIM(high, cut(high, bad))
			return err
		}, "pixels on rank"},
		"BackProject, high": {func(ctx context.Context, s *Strips, high, low []float64, bad bool) error {
			_, err := s.BackProject(ctx, cut(high, bad), low, 2)
			return err
		}, "pixels on rank"},
		"BackProject, low": {func(ctx context.Context, s *Strips, high, low []float64, bad bool) error {
			_, err := s.BackProject(ctx, high, cut(low, bad), 2)
			return err
		}, "pixels on rank"},
		"BackProject, negative": {func(ctx context.Context, s *Strips, high, low []float64, bad bool) error {
			_, err := s.BackProject(ctx, high, low, either(bad, -1, 2))
			return err
		}, "-1 back-projections, want 0 or more"},
		"BackProject, other": {func(ctx context.Context, s *Strips, high, low []float64, bad bool) error {
			_, err := s.BackProject(ctx, high, low, either(bad, 3, 2))
			return err
		}, "the number of iterations is 2 on one rank and 3 on another"},
		"Upscale, low": {func(ctx context.Context, s *Strips, _, low []float64, bad bool) error {
			_, err := Upscale(ctx, s, cut(low, bad), linear, UpscaleOptions{})
			return err
		}, "pixels on rank"},
		"Upscale, no predictor": {func(ctx context.Context, s *Strips, _, low []float64, bad bool) error {
			_, err := Upscale(ctx, s, low, either(bad, nil, Predictor(linear)), UpscaleOptions{})
			return err
		}, "no predictor"},
		"Upscale, short prediction": {func(ctx context.Context, s *Strips, _, low []float64, bad bool) error {
			short := func([]float64) ([]float64, error) { return []float64{1}, nil }
			_, err := Upscale(ctx, s, low, either(bad, short, Predictor(linear)), UpscaleOptions{})
			return err
		}, "1 numbers predicted"},
		"Upscale, negative": {func(ctx context.Context, s *Strips, _, low []float64, bad bool) error {
			_, err := Upscale(ctx, s, low, linear, UpscaleOptions{BackProjection: either(bad, -1, 2)})
			return err
		}, "-1 back-projections, want 0 or more"},
		"Upscale, other": {func(ctx context.Context, s *Strips, _, low []float64, bad bool) error {
			_, err := Upscale(ctx, s, low, linear, UpscaleOptions{BackProjection: either(bad, 3, 2)})
			return err
		}, "the number of iterations is 2 on one rank and 3 on another"},
		"Upscale, cancelled": {func(ctx context.Context, s *Strips, _, low []float64, bad bool) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			if bad {
				cancel()
			}
			_, err := Upscale(ctx, s, low, linear, UpscaleOptions{BackProjection: 2})
			return err
		}, "canceled"},
	} {
		wrongRank(t, name, c.want, func(ctx context.Context, comm ranks.Comm, bad bool) error {
			s, err := NewStrips(comm, grid, rows, cols)
			if err != nil {
				t.Error(err)
				return err
			}
			high := mine(s, s.High(), make([]float64, rows*cols))
			low := mine(s, s.Low(), make([]float64, rows*cols/4))
			return c.call(ctx, s, high, low, bad)
		})
	}
}

// cut is x, on the bad rank without its last number.
func cut(x []float64, bad bool) []float64 { return x[:len(x)-either(bad, 1, 0)] }

// either is a on the bad rank and b on the others.
func either[T any](bad bool, a, b T) T {
	if bad {
		return a
	}
	return b
}
