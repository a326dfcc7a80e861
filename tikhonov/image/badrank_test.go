package image

import (
	"context"
	"math"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/internal/onerank"
)

// Bad input on one rank only is an error on every rank, for all functions that solve.
func TestBadInputOnOneRank(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(p *Problem, o *Options)
		want  string
	}{
		"no frame":          {func(p *Problem, _ *Options) { p.Frame = nil }, "the frame is not cut"},
		"frame of one rank": {func(p *Problem, _ *Options) { p.Frame, _ = halo.Decompose([]int{12, 10}, 1) }, "the frame is not cut"},
		"line":              {func(p *Problem, _ *Options) { p.Frame, _ = halo.Decompose([]int{120}, p.Frame.Ranks()) }, "frame of 1 dimensions"},
		"another frame": {func(p *Problem, _ *Options) {
			p.Frame, _ = halo.Decompose([]int{16, 20}, p.Frame.Ranks())
			p.Data, p.Weights = make([]float64, 320/p.Frame.Ranks()), nil
		}, ""},
		"no channel":          {func(p *Problem, _ *Options) { p.Channels = 0 }, "0 channels"},
		"two channels":        {func(p *Problem, _ *Options) { p.Channels, p.Data = 2, append(p.Data, p.Data...) }, "every rank has to give the same"},
		"short data":          {func(p *Problem, _ *Options) { p.Data = p.Data[1:] }, "data values, want"},
		"no data":             {func(p *Problem, _ *Options) { p.Data = nil }, "0 data values"},
		"NaN":                 {func(p *Problem, _ *Options) { p.Data[3] = math.NaN() }, "data value NaN"},
		"short weights":       {func(p *Problem, _ *Options) { p.Weights = p.Weights[1:] }, "weights, want"},
		"negative weight":     {func(p *Problem, _ *Options) { p.Weights[2] = -1 }, "weight -1 at"},
		"infinite weight":     {func(p *Problem, _ *Options) { p.Weights[2] = math.Inf(1) }, "weight +Inf at"},
		"even PSF":            {func(p *Problem, _ *Options) { p.PSF = forward.PSF{Rows: 2, Cols: 1, Values: []float64{1, 1}} }, "odd sizes"},
		"another PSF":         {func(p *Problem, _ *Options) { p.PSF, _ = forward.Box(5) }, "every rank has to give the same"},
		"unknown method":      {func(_ *Problem, o *Options) { o.Method = "gauss" }, "unknown method"},
		"another method":      {func(_ *Problem, o *Options) { o.Method = krylov.CG }, "every rank has to give the same"},
		"unknown regulariser": {func(_ *Problem, o *Options) { o.Regulariser = "tv" }, "unknown regulariser"},
		"another regulariser": {func(_ *Problem, o *Options) { o.Regulariser = forward.Gradient }, "every rank has to give the same"},
		"unknown border":      {func(_ *Problem, o *Options) { o.Border = 7 }, "unknown border"},
		"another border":      {func(_ *Problem, o *Options) { o.Border = halo.Periodic }, "every rank has to give the same"},
		"unknown rule":        {func(_ *Problem, o *Options) { o.Rule = "s-curve" }, "unknown rule"},
		"another rule":        {func(_ *Problem, o *Options) { o.Rule = GCV }, "every rank has to give the same"},
		"no lambda":           {func(_ *Problem, o *Options) { o.Lambda = 0 }, "lambda = 0"},
		"another lambda":      {func(_ *Problem, o *Options) { o.Lambda = 0.2 }, "every rank has to give the same"},
		"noise":               {func(_ *Problem, o *Options) { o.Noise = -1 }, "noise = -1"},
		"no overlap":          {func(_ *Problem, o *Options) { o.Overlap = -1 }, "every rank has to give the same"},
		"tile":                {func(_ *Problem, o *Options) { o.Tile = -1 }, "tile = -1"},
		"another tile":        {func(_ *Problem, o *Options) { o.Tile = 3 }, "every rank has to give the same"},
		"tolerance":           {func(_ *Problem, o *Options) { o.Tolerance = 2 }, "tolerance = 2"},
		"iterations":          {func(_ *Problem, o *Options) { o.MaxIterations = -1 }, "max_iterations = -1"},
		"another iterations":  {func(_ *Problem, o *Options) { o.MaxIterations = 1 }, "every rank has to give the same"},
		"restart":             {func(_ *Problem, o *Options) { o.Restart = -1 }, "restart = -1"},
		"precision":           {func(_ *Problem, o *Options) { o.Precision = "half" }, "unknown precision"},
		"another precision":   {func(_ *Problem, o *Options) { o.Precision = Double }, "every rank has to give the same"},
		"weighting":           {func(_ *Problem, o *Options) { o.Weighting = "owner" }, "unknown weighting"},
		"another seed of GCV": {func(_ *Problem, o *Options) { o.Seed = 9 }, "every rank has to give the same"},
		"another weighting":   {func(_ *Problem, o *Options) { o.Weighting = WeightSqrt }, "every rank has to give the same"},
		"no problem at all":   {nil, "no problem"},
	} {
		for call, solve := range map[string]func(ctx context.Context, c ranks.Comm, p *Problem, o Options) error{
			"Solve": func(ctx context.Context, c ranks.Comm, p *Problem, o Options) error {
				_, err := Solve(ctx, c, p, o)
				return err
			},
			"ChooseLambda": func(ctx context.Context, c ranks.Comm, p *Problem, o Options) error {
				_, _, err := ChooseLambda(ctx, c, p, o)
				return err
			},
			"ErrorMap": func(ctx context.Context, c ranks.Comm, p *Problem, o Options) error {
				_, err := ErrorMap(ctx, c, p, o, ErrorOptions{Kind: NoiseErrors, Samples: 1})
				return err
			},
		} {
			onerank.Each(t, call+", "+name, c.want, func(ctx context.Context, comm ranks.Comm, bad bool) error {
				p, err := goodProblem(comm)
				if err != nil {
					return err
				}
				o := Options{Lambda: 0.1, Overlap: 2, Tile: 4}
				switch {
				case bad && c.spoil == nil:
					p = nil
				case bad:
					c.spoil(p, &o)
				}
				return solve(ctx, comm, p, o)
			})
		}
	}
}

// goodProblem is this rank's part of a small frame without fault.
func goodProblem(comm ranks.Comm) (*Problem, error) {
	d, err := halo.Decompose([]int{12, 10}, comm.Size())
	if err != nil {
		return nil, err
	}
	psf, err := forward.Gaussian(3, 1)
	n := d.Owned(comm.Rank()).Size()
	p := &Problem{Channels: 1, Frame: d, PSF: psf, Data: make([]float64, n), Weights: make([]float64, n)}
	for i := range n {
		p.Data[i], p.Weights[i] = float64(i%7), 1
	}
	return p, err
}

// A local matrix that cannot be factored on one rank stops every rank. With
// weights of 1e308 the sums of its elements overflow.
func TestSetupFailsOnOneRank(t *testing.T) {
	onerank.Each(t, "local matrices", "image: the local matrix at", func(ctx context.Context, comm ranks.Comm, bad bool) error {
		p, err := goodProblem(comm)
		if err != nil {
			return err
		}
		p.PSF, err = forward.Box(3)
		if err != nil {
			return err
		}
		if bad {
			for i := range p.Weights {
				p.Weights[i] = 1e308
			}
		}
		_, err = Solve(ctx, comm, p, Options{Lambda: 1e-300, Method: krylov.RASGMRES, Local: LocalTile, Overlap: 2, Tile: 4})
		return err
	})
}
