package psf

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"tessera/ranks"
)

// TestOneRankIsWrong gives one rank a bad stack or bad options. Every rank must return
// the same error; none may wait for the others.
func TestOneRankIsWrong(t *testing.T) {
	keep := func(*Snapshot) error { return nil }
	for name, c := range map[string]struct {
		change func(*Stack, *Options)
		want   string
	}{
		// The stack.
		"short data": {func(s *Stack, _ *Options) { s.Data = s.Data[1:] }, "not stamps of 9 x 9"},
		"missing stamp": {func(s *Stack, _ *Options) {
			n := s.Side * s.Side
			s.Data, s.Weights, s.PSFs = s.Data[n:], s.Weights[n:], s.PSFs[25:]
		}, "stamp"},
		"no side":        {func(s *Stack, _ *Options) { s.Side = 0 }, "not stamps of 0 x 0"},
		"other side":     {func(s *Stack, _ *Options) { s.Side, s.First, s.PSFOf, s.PSFs = 3, 0, nil, s.PSFs[:25] }, "stamps"},
		"total":          {func(s *Stack, _ *Options) { s.Total = 900 }, "Stack.Total is 12 on one rank and 900 on another"},
		"empty":          {func(s *Stack, _ *Options) { s.Total = 0 }, "an empty stack"},
		"first":          {func(s *Stack, _ *Options) { s.First += 1000 }, "stamps 10"},
		"short weights":  {func(s *Stack, _ *Options) { s.Weights = s.Weights[1:] }, "weights for"},
		"negative":       {func(s *Stack, _ *Options) { s.Weights[80] = -2 }, "weight -2 at row 8, column 8"},
		"infinite":       {func(s *Stack, _ *Options) { s.Weights[0] = math.Inf(1) }, "weight +Inf at row 0, column 0"},
		"sum of PSF":     {func(s *Stack, _ *Options) { s.PSFs[7] += 0.5 }, "PSF 0: its pixels sum to 1."},
		"few PSFs":       {func(s *Stack, _ *Options) { s.PSFs = s.PSFs[:len(s.PSFs)-25] }, "PSFs for"},
		"PSF side":       {func(s *Stack, _ *Options) { s.PSFSide, s.PSFs = 1, slices.Repeat([]float64{1}, s.Count()) }, "Stack.PSFSide is 1 on one rank and 5 on another"},
		"number of PSF":  {func(s *Stack, _ *Options) { s.PSFOf = slices.Repeat([]int{-1}, s.Count()) }, "PSF number -1"},
		"short PSFOf":    {func(s *Stack, _ *Options) { s.PSFOf = []int{0} }, "PSFOf has 1 entries"},
		"noise of masks": {func(s *Stack, o *Options) { clear(s.Data); s.Weights, o.Noise = nil, FromWeights }, "no weights"},

		// Options that are wrong.
		"mode":        {func(_ *Stack, o *Options) { o.Mode = "fast" }, `mode "fast"`},
		"border":      {func(_ *Stack, o *Options) { o.Border = "reflect" }, `border "reflect"`},
		"precision":   {func(_ *Stack, o *Options) { o.Precision = "half" }, `precision "half"`},
		"wavelet":     {func(_ *Stack, o *Options) { o.Wavelet = "haar" }, `wavelet "haar"`},
		"noise":       {func(_ *Stack, o *Options) { o.Noise = "none" }, `noise "none"`},
		"sigma":       {func(_ *Stack, o *Options) { o.Noise, o.Sigma = Given, math.NaN() }, "standard deviation NaN"},
		"start":       {func(_ *Stack, o *Options) { o.Start = "two" }, `start "two"`},
		"short start": {func(_ *Stack, o *Options) { o.Start, o.Given = FromGiven, []float64{1} }, "a start of 1 numbers"},
		"NaN start": {func(s *Stack, o *Options) {
			o.Start, o.Given = FromGiven, make([]float64, len(s.Data))
			o.Given[5] = math.NaN()
		}, "number 5 of the start is NaN"},
		"thresholds":     {func(_ *Stack, o *Options) { o.Thresholds = []float64{1} }, "1 thresholds for 3 scales"},
		"bad threshold":  {func(_ *Stack, o *Options) { o.Thresholds = []float64{1, -1, 1} }, "threshold -1"},
		"iterations":     {func(_ *Stack, o *Options) { o.MaxIterations = -1 }, "-1 iterations"},
		"bad tolerance":  {func(_ *Stack, o *Options) { o.Tolerance = math.NaN() }, "tolerances NaN and 0"},
		"relaxation":     {func(_ *Stack, o *Options) { o.Rho = 2 }, "relaxation 2"},
		"negative steps": {func(_ *Stack, o *Options) { o.Tau = -1 }, "steps -1 and 0"},

		// Options that are right but not those of the other ranks.
		"other mode":         {func(_ *Stack, o *Options) { o.Mode = LowRank }, "Mode is not the same on all ranks"},
		"other border":       {func(_ *Stack, o *Options) { o.Border = Wrap }, "Border is not the same"},
		"other precision":    {func(_ *Stack, o *Options) { o.Precision = Double }, "Precision is not the same"},
		"other noise":        {func(_ *Stack, o *Options) { o.Noise = MADPerStamp }, "Noise is not the same"},
		"other iterations":   {func(_ *Stack, o *Options) { o.MaxIterations = 5 }, "MaxIterations is 4 on one rank and 5 on another"},
		"other reweightings": {func(_ *Stack, o *Options) { o.Reweightings = 2 }, "Reweightings is 0 on one rank and 2 on another"},
		"other check":        {func(_ *Stack, o *Options) { o.CheckEvery = 1 }, "CheckEvery is 1 on one rank and 2 on another"},
		"other tolerance":    {func(_ *Stack, o *Options) { o.Tolerance = 0.5 }, "Tolerance is 0 on one rank and 0.5 on another"},
		"other balance":      {func(_ *Stack, o *Options) { o.Balance = true }, "Balance is not the same"},
		"other block":        {func(_ *Stack, o *Options) { o.Block = 3 }, "Block is 3 on one rank and 32 on another"},
		"other seed":         {func(_ *Stack, o *Options) { o.Seed = 7 }, "Seed is not the same"},
		"compatible":         {func(_ *Stack, o *Options) { o.Compatible, o.Precision, o.Start = true, Double, FromOnes }, "Compatible is not the same"},
		"save":               {func(_ *Stack, o *Options) { o.Save = keep }, "Save (given or not) is not the same"},
		"save every":         {func(_ *Stack, o *Options) { o.SaveEvery = time.Second }, "SaveEvery is 0 on one rank and 1e+09 on another"},
		"resume":             {func(_ *Stack, o *Options) { o.Resume = &Snapshot{Meta: []byte("other")} }, "Resume is not the same"},
	} {
		for _, size := range []int{2, 3, 4} {
			for _, bad := range []int{0, size - 1} {
				s := smallStack(1, 12, 9, 5, true)
				errs := make([]error, size)
				err := ranks.Launch(context.Background(), ranks.Options{Ranks: size}, func(ctx context.Context, comm ranks.Comm) error {
					part, o := stretch(s, Options{MaxIterations: 4, CheckEvery: 2}, size, comm.Rank())
					part.Data, part.Weights, part.PSFs = slices.Clone(part.Data), slices.Clone(part.Weights), slices.Clone(part.PSFs)
					if comm.Rank() == bad {
						c.change(part, &o)
					}
					_, errs[comm.Rank()] = Deconvolve(ctx, comm, part, o)
					return nil
				})
				what := fmt.Sprintf("%s, rank %d of %d", name, bad, size)
				if err != nil {
					t.Errorf("%s: %v", what, err)
				}
				for rank, err := range errs {
					if err == nil || !strings.Contains(err.Error(), c.want) || err.Error() != errs[0].Error() {
						t.Errorf("%s: rank %d returns %v, want %q", what, rank, err, c.want)
					}
				}
			}
		}
	}
}

// TestNoStack: a nil stack is an error on all ranks as well.
func TestNoStack(t *testing.T) {
	errs := make([]error, 2)
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
		part, o := stretch(smallStack(1, 12, 9, 5, true), Options{}, 2, comm.Rank())
		if comm.Rank() == 1 {
			part = nil
		}
		_, errs[comm.Rank()] = Deconvolve(ctx, comm, part, o)
		return nil
	})
	if err != nil || errs[0] == nil || errs[1] == nil || !strings.Contains(errs[0].Error(), "rank 1: psf: no stack") {
		t.Errorf("%v, %v", errs, err)
	}
}
