package literal

import (
	"context"
	"math"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/ranks"
	"tessera/tikhonov/image"
	"tessera/tikhonov/internal/onerank"
)

// Bad input on one rank only is an error on every rank.
func TestBadInputOnOneRank(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(p *image.Problem, o *Options)
		want  string
	}{
		"no problem":          {nil, "no problem"},
		"no frame":            {func(p *image.Problem, _ *Options) { p.Frame = nil }, "the frame is not cut"},
		"no channel":          {func(p *image.Problem, _ *Options) { p.Channels = 0 }, "0 channels"},
		"two channels":        {func(p *image.Problem, _ *Options) { p.Channels, p.Data = 2, append(p.Data, p.Data...) }, "every rank has to give the same"},
		"short data":          {func(p *image.Problem, _ *Options) { p.Data = p.Data[1:] }, "data values, want"},
		"NaN":                 {func(p *image.Problem, _ *Options) { p.Data[3] = math.NaN() }, "data value NaN"},
		"short weights":       {func(p *image.Problem, _ *Options) { p.Weights = p.Weights[1:] }, "weights, want"},
		"negative weight":     {func(p *image.Problem, _ *Options) { p.Weights[2] = -1 }, "weight -1 at"},
		"even PSF":            {func(p *image.Problem, _ *Options) { p.PSF = forward.PSF{Rows: 2, Cols: 1, Values: []float64{1, 1}} }, "odd sizes"},
		"another PSF":         {func(p *image.Problem, _ *Options) { p.PSF, _ = forward.Box(5) }, "every rank has to give the same"},
		"unknown regulariser": {func(_ *image.Problem, o *Options) { o.Regulariser = "tv" }, "unknown regulariser"},
		"border":              {func(_ *image.Problem, o *Options) { o.Border = -1 }, "unknown border"},
		"another border":      {func(_ *image.Problem, o *Options) { o.Border = halo.Reflect }, "every rank has to give the same"},
		"lambda":              {func(_ *image.Problem, o *Options) { o.Lambda = -1 }, "lambda = -1"},
		"omega":               {func(_ *image.Problem, o *Options) { o.Omega = math.NaN() }, "omega = NaN"},
		"another omega":       {func(_ *image.Problem, o *Options) { o.Omega = 0 }, "every rank has to give the same"},
		"tile":                {func(_ *image.Problem, o *Options) { o.Tile = -1 }, "tile = -1"},
		"no overlap":          {func(_ *image.Problem, o *Options) { o.Overlap = -1 }, "every rank has to give the same"},
		"tolerance":           {func(_ *image.Problem, o *Options) { o.Tolerance = 1 }, "tolerance = 1"},
		"iterations":          {func(_ *image.Problem, o *Options) { o.MaxIterations = -1 }, "max_iterations = -1"},
	} {
		onerank.Each(t, name, c.want, func(ctx context.Context, comm ranks.Comm, bad bool) error {
			d, err := halo.Decompose([]int{12, 10}, comm.Size())
			if err != nil {
				return err
			}
			n := d.Owned(comm.Rank()).Size()
			p := &image.Problem{Channels: 1, Frame: d, Data: make([]float64, n), Weights: make([]float64, n)}
			for i := range n {
				p.Data[i], p.Weights[i] = float64(i%7), 1
			}
			if p.PSF, err = forward.Gaussian(3, 1); err != nil {
				return err
			}
			o := Options{Lambda: 0.1, Omega: 0.01, Overlap: 2, Tile: 4}
			switch {
			case bad && c.spoil == nil:
				p = nil
			case bad:
				c.spoil(p, &o)
			}
			_, err = Solve(ctx, comm, p, o)
			return err
		})
	}
}
