package kernel

import (
	"context"
	"math"
	"testing"

	"tessera/krylov"
	"tessera/loadbalance"
	"tessera/ranks"
	"tessera/tikhonov/internal/onerank"
)

// goodObservations are four observations of each rank, and options that fit them.
func goodObservations(c ranks.Comm) (*Observations, Options) {
	obs := &Observations{Dim: 2, Sigma: []float64{1, 1, 2, 2}}
	for i := range 4 {
		at := float64(4*c.Rank() + i)
		obs.X, obs.Y = append(obs.X, at, math.Sin(at)), append(obs.Y, math.Cos(at))
	}
	return obs, Options{Kernel: Kernel{Family: WendlandC2, Width: 5}, Lambda: 0.1}
}

// Bad observations or options on one rank only are an error on every rank.
func TestBadInputOnOneRank(t *testing.T) {
	const differ = "every rank has to give the same"
	calls := map[string]func(ctx context.Context, c ranks.Comm, obs *Observations, o Options) error{
		"Solve": func(ctx context.Context, c ranks.Comm, obs *Observations, o Options) error {
			_, err := Solve(ctx, c, obs, o)
			return err
		},
		"Select": func(ctx context.Context, c ranks.Comm, obs *Observations, o Options) error {
			_, err := Select(ctx, c, obs, o, Search{Folds: 2, Widths: []float64{5}, Lambdas: []float64{0.1, 1}})
			return err
		},
	}
	for name, c := range map[string]struct {
		spoil func(obs *Observations, o *Options)
		want  string
	}{
		"no observations":    {nil, "no observations"},
		"dimension":          {func(obs *Observations, _ *Options) { obs.Dim = 7 }, "7 dimensions"},
		"another dimension":  {func(obs *Observations, _ *Options) { obs.Dim, obs.X = 1, obs.X[:4] }, differ},
		"short X":            {func(obs *Observations, _ *Options) { obs.X = obs.X[1:] }, "7 coordinates"},
		"short sigma":        {func(obs *Observations, _ *Options) { obs.Sigma = obs.Sigma[1:] }, "3 standard deviations"},
		"coordinate":         {func(obs *Observations, _ *Options) { obs.X[1] = math.NaN() }, "coordinate 1 is NaN"},
		"value":              {func(obs *Observations, _ *Options) { obs.Y[1] = math.Inf(1) }, "value +Inf"},
		"sigma":              {func(obs *Observations, _ *Options) { obs.Sigma[0] = 0 }, "sigma 0"},
		"family":             {func(_ *Observations, o *Options) { o.Kernel.Family = "cubic" }, "unknown family"},
		"another family":     {func(_ *Observations, o *Options) { o.Kernel.Family = Gaussian }, differ},
		"truncate":           {func(_ *Observations, o *Options) { o.Kernel.Truncate = -1 }, "truncate -1"},
		"method":             {func(_ *Observations, o *Options) { o.Method = krylov.Mult }, "want ras-gmres"},
		"another method":     {func(_ *Observations, o *Options) { o.Method = krylov.CG }, differ},
		"balance":            {func(_ *Observations, o *Options) { o.Balance = "luck" }, "unknown balance"},
		"another balance":    {func(_ *Observations, o *Options) { o.Balance = Never }, differ},
		"overlap":            {func(_ *Observations, o *Options) { o.OverlapRatio = 11 }, "overlap ratio 11"},
		"another overlap":    {func(_ *Observations, o *Options) { o.OverlapRatio = -1 }, differ},
		"block":              {func(_ *Observations, o *Options) { o.Block = -1 }, "blocks of -1"},
		"tolerance":          {func(_ *Observations, o *Options) { o.Tolerance = 1 }, "tolerance 1"},
		"iterations":         {func(_ *Observations, o *Options) { o.MaxIterations = -1 }, "-1 iterations"},
		"Krylov vectors":     {func(_ *Observations, o *Options) { o.Restart = -1 }, "-1 Krylov vectors"},
		"mean":               {func(_ *Observations, o *Options) { o.Mean = true }, differ},
		"linear":             {func(_ *Observations, o *Options) { o.Linear = true }, "Linear without Mean"},
		"width, Solve":       {func(_ *Observations, o *Options) { o.Kernel.Width = 0 }, "width 0"},
		"lambda, Solve":      {func(_ *Observations, o *Options) { o.Lambda = 0 }, "lambda 0"},
		"another lambda":     {func(_ *Observations, o *Options) { o.Lambda = 3 }, differ},
		"another iterations": {func(_ *Observations, o *Options) { o.MaxIterations = 1 }, differ},
	} {
		for call, f := range calls {
			want := c.want
			if call == "Select" && (name == "width, Solve" || name == "lambda, Solve") {
				want = differ // Select replaces both
			}
			onerank.Each(t, call+", "+name, want, func(ctx context.Context, comm ranks.Comm, bad bool) error {
				obs, o := goodObservations(comm)
				switch {
				case bad && c.spoil == nil:
					obs = nil
				case bad:
					c.spoil(obs, &o)
				}
				return f(ctx, comm, obs, o)
			})
		}
	}
	for name, c := range map[string]struct {
		spoil func(s *Search)
		want  string
	}{
		"rule":            {func(s *Search) { s.Rule = "aic" }, "unknown rule"},
		"another rule":    {func(s *Search) { s.Rule = GCV }, differ},
		"folds":           {func(s *Search) { s.Folds = 1 }, "1 folds"},
		"widths":          {func(s *Search) { s.Widths = []float64{2, 1} }, "ascending"},
		"another width":   {func(s *Search) { s.Widths = []float64{4} }, differ},
		"lambdas":         {func(s *Search) { s.Lambdas = []float64{0} }, "above 0"},
		"another lambdas": {func(s *Search) { s.Lambdas = []float64{1} }, differ},
		"groups":          {func(s *Search) { s.Groups = -1 }, "-1 groups"},
		"seed":            {func(s *Search) { s.Seed = 8 }, differ},
	} {
		onerank.Each(t, "Search, "+name, c.want, func(ctx context.Context, comm ranks.Comm, bad bool) error {
			obs, o := goodObservations(comm)
			search := Search{Folds: 2, Widths: []float64{5}, Lambdas: []float64{0.1, 2}}
			if bad {
				c.spoil(&search)
			}
			_, err := Select(ctx, comm, obs, o, search)
			return err
		})
	}
}

// The same for a system, its solves and its evaluations.
func TestBadSystemOnOneRank(t *testing.T) {
	const differ = "every rank has to give the same"
	build := func(ctx context.Context, comm ranks.Comm, spoil func(pts *loadbalance.Points, o *SystemOptions)) (*System, error) {
		pts := &loadbalance.Points{Dim: 1}
		o := SystemOptions{Kernel: Kernel{Family: WendlandC2, Width: 3}, Scales: 2}
		for i := range 5 {
			pts.ID = append(pts.ID, int64(5*comm.Rank()+i))
			pts.X = append(pts.X, float64(5*comm.Rank()+i))
			o.Diagonal, o.Scale = append(o.Diagonal, 0.5), append(o.Scale, 1, 2)
		}
		part, err := loadbalance.Strips([]float64{0}, []float64{float64(5*comm.Size() - 1)}, comm.Size())
		if err != nil {
			return nil, err
		}
		if spoil != nil {
			spoil(pts, &o)
		}
		if pts.Dim == 0 {
			pts = nil
		}
		return NewSystem(ctx, comm, part, pts, o)
	}
	for name, c := range map[string]struct {
		spoil func(pts *loadbalance.Points, o *SystemOptions)
		want  string
	}{
		"no points":         {func(pts *loadbalance.Points, _ *SystemOptions) { pts.Dim = 0 }, "no points"},
		"coordinates":       {func(pts *loadbalance.Points, _ *SystemOptions) { pts.X = pts.X[1:] }, "5 points with 4 coordinates"},
		"another dimension": {func(pts *loadbalance.Points, _ *SystemOptions) { pts.Dim, pts.X = 2, append(pts.X, pts.X...) }, differ},
		"short diagonal":    {func(_ *loadbalance.Points, o *SystemOptions) { o.Diagonal = o.Diagonal[1:] }, "a diagonal of 4"},
		"diagonal":          {func(_ *loadbalance.Points, o *SystemOptions) { o.Diagonal[2] = 0 }, "diagonal 0"},
		"short scale":       {func(_ *loadbalance.Points, o *SystemOptions) { o.Scale = o.Scale[1:] }, "9 numbers of scale"},
		"infinite scale":    {func(_ *loadbalance.Points, o *SystemOptions) { o.Scale[3] = math.Inf(1) }, "not finite"},
		"no scale":          {func(_ *loadbalance.Points, o *SystemOptions) { o.Scale = nil }, differ},
		"one scale":         {func(_ *loadbalance.Points, o *SystemOptions) { o.Scales, o.Scale = 1, o.Scale[:5] }, differ},
		"width":             {func(_ *loadbalance.Points, o *SystemOptions) { o.Kernel.Width = math.NaN() }, "width NaN"},
		"another width":     {func(_ *loadbalance.Points, o *SystemOptions) { o.Kernel.Width = 2 }, differ},
		"overlap":           {func(_ *loadbalance.Points, o *SystemOptions) { o.OverlapRatio = math.NaN() }, "overlap ratio NaN"},
		"block":             {func(_ *loadbalance.Points, o *SystemOptions) { o.Block = -1 }, "blocks of -1"},
		"another block":     {func(_ *loadbalance.Points, o *SystemOptions) { o.Block = 2 }, differ},
		"method":            {func(_ *loadbalance.Points, o *SystemOptions) { o.Method = krylov.TwoLevel }, "want ras-gmres"},
	} {
		onerank.Each(t, "NewSystem, "+name, c.want, func(ctx context.Context, comm ranks.Comm, bad bool) error {
			spoil := c.spoil
			if !bad {
				spoil = nil
			}
			_, err := build(ctx, comm, spoil)
			return err
		})
	}
	for name, c := range map[string]struct {
		call func(ctx context.Context, s *System, f *Fit, bad bool) error
		want string
	}{
		"Solve, short start": {func(ctx context.Context, s *System, _ *Fit, bad bool) error {
			_, err := s.Solve(ctx, make([]float64, cutIf(bad, 5)), make([]float64, 5), krylov.Control{})
			return err
		}, "a start of 4"},
		"Solve, tolerance": {func(ctx context.Context, s *System, _ *Fit, bad bool) error {
			c := krylov.Control{}
			if bad {
				c.Tolerance = -1
			}
			_, err := s.Solve(ctx, make([]float64, 5), make([]float64, 5), c)
			return err
		}, "tolerance -1"},
		"SolveResidual, short right side": {func(ctx context.Context, s *System, _ *Fit, bad bool) error {
			_, err := s.SolveResidual(ctx, make([]float64, 5), make([]float64, cutIf(bad, 5)), 1e-8)
			return err
		}, "a right side of 4"},
		"SolveResidual, residual": {func(ctx context.Context, s *System, _ *Fit, bad bool) error {
			_, err := s.SolveResidual(ctx, make([]float64, 5), make([]float64, 5), float64(cutIf(bad, 1))*1e-8)
			return err
		}, "a residual of 0"},
		"Evaluate, coefficients": {func(_ context.Context, s *System, _ *Fit, bad bool) error {
			_, _, err := s.Evaluate([]float64{1}, make([]float64, cutIf(bad, 5)), false)
			return err
		}, "4 coefficients for 5 points"},
		"Predict, coordinates": {func(_ context.Context, _ *System, f *Fit, bad bool) error {
			_, err := f.Predict(make([]float64, cutIf(bad, 4)))
			return err
		}, "3 coordinates of points in 2 dimensions"},
		"Predict, NaN": {func(_ context.Context, _ *System, f *Fit, bad bool) error {
			x := []float64{1, 2}
			if bad {
				x[1] = math.NaN()
			}
			_, err := f.Predict(x)
			return err
		}, "coordinate 1 is NaN"},
		"Variance, coordinates": {func(_ context.Context, _ *System, f *Fit, bad bool) error {
			_, err := f.Variance(make([]float64, cutIf(bad, 4)))
			return err
		}, "3 coordinates of points in 2 dimensions"},
	} {
		onerank.Each(t, name, c.want, func(ctx context.Context, comm ranks.Comm, bad bool) error {
			s, err := build(ctx, comm, nil)
			if err != nil {
				return err
			}
			obs, o := goodObservations(comm)
			f, err := Solve(ctx, comm, obs, o)
			if err != nil {
				return err
			}
			return c.call(ctx, s, f, bad)
		})
	}
}

// cutIf is one less than n on the rank with the bad input.
func cutIf(bad bool, n int) int {
	if bad {
		return n - 1
	}
	return n
}
