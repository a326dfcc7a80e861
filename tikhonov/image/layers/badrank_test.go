package layers

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

// Bad input on one rank only is an error on every rank.
func TestBadInputOnOneRank(t *testing.T) {
	first, second := kernels(t)
	for name, c := range map[string]struct {
		spoil func(p *Problem, o *Options)
		want  string
	}{
		"no problem":          {nil, "no problem"},
		"no frame":            {func(p *Problem, _ *Options) { p.Frame = nil }, "the frame is not cut"},
		"frame of one rank":   {func(p *Problem, _ *Options) { p.Frame, _ = halo.Decompose([]int{12, 10}, 1) }, "the frame is not cut"},
		"no channel":          {func(p *Problem, _ *Options) { p.Channels = 0 }, "0 channels"},
		"two channels":        {func(p *Problem, _ *Options) { p.Channels, p.Data = 2, append(p.Data, p.Data...) }, "every rank has to give the same"},
		"short data":          {func(p *Problem, _ *Options) { p.Data = p.Data[1:] }, "data values, want"},
		"infinity":            {func(p *Problem, _ *Options) { p.Data[3] = math.Inf(-1) }, "data value -Inf"},
		"short weights":       {func(p *Problem, _ *Options) { p.Weights = p.Weights[1:] }, "weights, want"},
		"negative weight":     {func(p *Problem, _ *Options) { p.Weights[2] = -1 }, "weight -1 at"},
		"first PSF":           {func(p *Problem, _ *Options) { p.First = forward.PSF{Rows: 2, Cols: 1, Values: []float64{1, 1}} }, "odd sizes"},
		"second PSF":          {func(p *Problem, _ *Options) { p.Second = forward.PSF{Rows: 1, Cols: 1, Values: []float64{0}} }, "zero everywhere"},
		"another PSF":         {func(p *Problem, _ *Options) { p.Second = forward.PSF{} }, "every rank has to give the same"},
		"method":              {func(_ *Problem, o *Options) { o.Method = krylov.Mult }, "want ras-gmres"},
		"another method":      {func(_ *Problem, o *Options) { o.Method = krylov.CG }, "every rank has to give the same"},
		"regulariser":         {func(_ *Problem, o *Options) { o.Regulariser = "tv" }, "unknown regulariser"},
		"another regulariser": {func(_ *Problem, o *Options) { o.Regulariser = forward.Laplacian }, "every rank has to give the same"},
		"border":              {func(_ *Problem, o *Options) { o.Border = 9 }, "unknown border"},
		"coupling":            {func(_ *Problem, o *Options) { o.Coupling = -1 }, "coupling -1"},
		"lambda1":             {func(_ *Problem, o *Options) { o.Lambda1 = math.NaN() }, "lambda1 NaN"},
		"lambda2":             {func(_ *Problem, o *Options) { o.Lambda2 = math.Inf(1) }, "lambda2 +Inf"},
		"no overlap":          {func(_ *Problem, o *Options) { o.Overlap = -1 }, "every rank has to give the same"},
		"overlap":             {func(_ *Problem, o *Options) { o.Overlap = 100000 }, "overlap = 100000 pixels on a frame of"},
		"tile":                {func(_ *Problem, o *Options) { o.Tile = 65 }, "tiles of 65"},
		"tolerance":           {func(_ *Problem, o *Options) { o.Tolerance = -1 }, "tolerance -1"},
		"iterations":          {func(_ *Problem, o *Options) { o.MaxIterations = -1 }, "-1 iterations"},
	} {
		onerank.Each(t, name, c.want, func(ctx context.Context, comm ranks.Comm, bad bool) error {
			d, err := halo.Decompose([]int{12, 10}, comm.Size())
			if err != nil {
				return err
			}
			n := d.Owned(comm.Rank()).Size()
			p := &Problem{Channels: 1, Frame: d, Data: make([]float64, n), Weights: make([]float64, n), First: first, Second: second}
			for i := range n {
				p.Data[i], p.Weights[i] = float64(i%7), 1
			}
			o := Options{Overlap: 1, Tile: 4}
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
