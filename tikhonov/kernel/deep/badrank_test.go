package deep

import (
	"context"
	"math"
	"testing"

	"tessera/ranks"
	"tessera/tikhonov/internal/onerank"
	"tessera/tikhonov/kernel"
)

// Bad input on one rank only is an error on every rank.
func TestBadInputOnOneRank(t *testing.T) {
	const differ = "every rank has to give the same"
	fit := func(ctx context.Context, c ranks.Comm, spoil func(obs *kernel.Observations, o *Options)) (*Model, error) {
		obs, o := share(ridgeTruth(16, 30), c.Rank(), c.Size()), Options{Steps: 1, Starts: 1}
		if spoil != nil {
			spoil(obs, &o)
		}
		if obs.Dim == 0 {
			obs = nil
		}
		return Train(ctx, c, obs, o)
	}
	for name, c := range map[string]struct {
		spoil func(obs *kernel.Observations, o *Options)
		want  string
	}{
		"no observations":   {func(obs *kernel.Observations, _ *Options) { obs.Dim = 0 }, "no observations"},
		"short Y":           {func(obs *kernel.Observations, _ *Options) { obs.Y = obs.Y[1:] }, "values at"},
		"coordinate":        {func(obs *kernel.Observations, _ *Options) { obs.X[0] = math.NaN() }, "coordinate 0 is NaN"},
		"value":             {func(obs *kernel.Observations, _ *Options) { obs.Y[0] = math.Inf(1) }, "value +Inf"},
		"dimension":         {func(obs *kernel.Observations, _ *Options) { obs.Dim, obs.X = 1, obs.X[:len(obs.Y)] }, differ},
		"inner family":      {func(_ *kernel.Observations, o *Options) { o.Inner = kernel.Kernel{Family: "cubic", Width: 1} }, differ},
		"outer width":       {func(_ *kernel.Observations, o *Options) { o.Outer = kernel.Kernel{Family: kernel.Gaussian} }, differ},
		"inner lambda":      {func(_ *kernel.Observations, o *Options) { o.InnerLambda = -1 }, "inner lambda -1"},
		"outer lambda":      {func(_ *kernel.Observations, o *Options) { o.OuterLambda = math.NaN() }, "outer lambda NaN"},
		"another lambda":    {func(_ *kernel.Observations, o *Options) { o.OuterLambda = 3 }, differ},
		"features":          {func(_ *kernel.Observations, o *Options) { o.Features = 4 }, "4 features"},
		"another features":  {func(_ *kernel.Observations, o *Options) { o.Features = 2 }, differ},
		"mean":              {func(_ *kernel.Observations, o *Options) { o.Mean = true }, differ},
		"starts":            {func(_ *kernel.Observations, o *Options) { o.Starts = -1 }, "-1 starts"},
		"another starts":    {func(_ *kernel.Observations, o *Options) { o.Starts = 2 }, differ},
		"steps":             {func(_ *kernel.Observations, o *Options) { o.Steps = -1 }, "-1 steps"},
		"another steps":     {func(_ *kernel.Observations, o *Options) { o.Steps = 2 }, differ},
		"drop":              {func(_ *kernel.Observations, o *Options) { o.Drop = 1 }, "drop 1"},
		"damping":           {func(_ *kernel.Observations, o *Options) { o.Damping = math.Inf(1) }, "damping +Inf"},
		"another damping":   {func(_ *kernel.Observations, o *Options) { o.Damping = 7 }, differ},
		"another Drop rule": {func(_ *kernel.Observations, o *Options) { o.Drop = 0.5 }, differ},
	} {
		onerank.Each(t, name, c.want, func(ctx context.Context, comm ranks.Comm, bad bool) error {
			spoil := c.spoil
			if !bad {
				spoil = nil
			}
			_, err := fit(ctx, comm, spoil)
			return err
		})
	}
	for name, call := range map[string]func(m *Model, x []float64) ([]float64, error){"Predict": (*Model).Predict, "Features": (*Model).Features} {
		for what, c := range map[string]struct {
			x    []float64
			want string
		}{
			"odd coordinates": {[]float64{1, 2, 3}, "3 coordinates of points in 2 dimensions"},
			"infinity":        {[]float64{1, math.Inf(1)}, "coordinate 1 is +Inf"},
		} {
			onerank.Each(t, name+", "+what, c.want, func(ctx context.Context, comm ranks.Comm, bad bool) error {
				m, err := fit(ctx, comm, nil)
				if err != nil {
					return err
				}
				x := []float64{1, 2}
				if bad {
					x = c.x
				}
				_, err = call(m, x)
				return err
			})
		}
	}
}
