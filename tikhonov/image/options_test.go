package image

import (
	"context"
	"math"
	"strings"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/oracle"
)

// Every bad option gives one message that names it and its value.
func TestBadOptions(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		spoil func(o *Options)
		want  string
	}{
		{func(o *Options) { o.Method = "gauss" }, `image: unknown method "gauss"`},
		{func(o *Options) { o.Regulariser = "tv" }, `image: unknown regulariser "tv"`},
		{func(o *Options) { o.Rule = "s-curve" }, `image: unknown rule for lambda "s-curve"`},
		{func(o *Options) { o.Lambda = 0 }, "image: lambda = 0, want a number above 0"},
		{func(o *Options) { o.Lambda = -1; o.Rule = GCV }, "image: lambda = -1, want a number above 0"},
		{func(o *Options) { o.Lambda = -1 }, "image: lambda = -1, want a number above 0"},
		{func(o *Options) { o.Lambda = inf }, "image: lambda = +Inf, want a number above 0"},
		{func(o *Options) { o.Border = 3 }, "image: unknown border 3"},
		{func(o *Options) { o.Border = -1 }, "image: unknown border -1"},
		{func(o *Options) { o.Tile = -2 }, "image: tile = -2 pixels, want 1 or more"},
		{func(o *Options) { o.Overlap = 65 }, "image: overlap = 65 pixels on a frame of 4 x 4, want 64 or less"},
		{func(o *Options) { o.Tolerance = 1 }, "image: tolerance = 1, want a number between 0 and 1"},
		{func(o *Options) { o.Tolerance = -1e-8 }, "image: tolerance = -1e-08, want a number between 0 and 1"},
		{func(o *Options) { o.Tolerance = nan }, "image: tolerance = NaN, want a number between 0 and 1"},
		{func(o *Options) { o.MaxIterations = -1 }, "image: max_iterations = -1, want 1 or more"},
		{func(o *Options) { o.Restart = -1 }, "image: restart = -1, want 1 or more; 0 = the default"},
		{func(o *Options) { o.Noise = -0.5 }, "image: noise = -0.5, want 0 or more"},
		{func(o *Options) { o.Noise = nan }, "image: noise = NaN, want 0 or more"},
		{func(o *Options) { o.NoiseUnit = "adu" }, `image: unknown unit of the noise "adu"`},
		{func(o *Options) { o.Precision = "half" }, `image: unknown precision "half"`},
		{func(o *Options) { o.Weighting = "owner" }, `image: unknown weighting "owner"`},
	} {
		o := Options{Lambda: 1}
		c.spoil(&o)
		_, res, err := randomFrame(1, 4, 4, 1).run(t, 1, o)
		if err == nil || res != nil {
			t.Errorf("no error, want %q", c.want)
		} else if got := strings.TrimPrefix(err.Error(), "rank 0: "); got != c.want {
			t.Errorf("error %q, want %q", got, c.want)
		}
	}
	good := Options{Lambda: 1}
	if err := good.withDefaults().check(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
}

// All of them are told at once.
func TestAllBadOptions(t *testing.T) {
	o := Options{
		Method: "a", Regulariser: "b", Rule: "c", Lambda: math.NaN(), Border: 9, Tile: -1, Tolerance: 2,
		MaxIterations: -1, Restart: -1, Noise: -1, Precision: "d", Weighting: "e",
	}
	err := o.withDefaults().check()
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	for _, name := range []string{
		"method", "regulariser", "rule", "lambda =", "border", "tile", "tolerance", "max_iterations", "restart",
		"noise", "precision", "weighting",
	} {
		n := 0
		for _, l := range lines {
			if strings.Contains(l, name) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d messages about %q in\n%v", n, name, err)
		}
	}
}

// What is wrong with a problem is told with rank, place and value.
func TestBadProblems(t *testing.T) {
	const n = 2
	two, err := halo.Decompose([]int{6, 8}, n)
	if err != nil {
		t.Fatal(err)
	}
	three, err := halo.Decompose([]int{6, 8}, 3)
	if err != nil {
		t.Fatal(err)
	}
	line, err := halo.Decompose([]int{48}, n)
	if err != nil {
		t.Fatal(err)
	}
	empty, err := halo.FromBoxes([]int{6, 8}, []halo.Box{{Lo: []int{0, 0}, Hi: []int{6, 8}}, {Lo: []int{0, 0}, Hi: []int{0, 0}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		spoil func(p *Problem, rank int)
		want  string
	}{
		{func(p *Problem, _ int) { p.Frame = nil }, "image: the frame is not cut for 2 ranks"},
		{func(p *Problem, _ int) { p.Frame = three }, "image: the frame is not cut for 2 ranks"},
		{func(p *Problem, _ int) { p.Frame = line }, "image: frame of 1 dimensions, want 2"},
		{func(p *Problem, _ int) { p.Channels = 0 }, "image: 0 channels"},
		{func(p *Problem, _ int) { p.PSF = forward.PSF{Rows: 2, Cols: 3, Values: make([]float64, 6)} }, "image: PSF is 2 x 3 pixels, want odd sizes so that it has a centre"},
		{func(p *Problem, _ int) { p.PSF = forward.PSF{Rows: 3, Cols: 3, Values: make([]float64, 8)} }, "image: PSF has 8 values for 3 x 3 pixels"},
		{func(p *Problem, _ int) { p.PSF = forward.PSF{Rows: 1, Cols: 3, Values: make([]float64, 3)} }, "image: PSF is zero everywhere"},
		{func(p *Problem, _ int) { p.PSF = forward.PSF{Rows: 1, Cols: 3, Values: []float64{1, math.NaN(), 1}} }, "image: PSF value at row 0, column 1 is NaN, want a finite number"},
		{func(p *Problem, rank int) {
			p.Weights = nil
			if p.Frame = empty; rank == 0 {
				p.Data = make([]float64, 48)
			} else {
				p.Data = nil
			}
		}, "image: rank 1 owns no pixels"},
		{func(p *Problem, rank int) {
			if rank == 1 {
				p.Data = p.Data[1:]
			}
		}, "image: rank 1: 23 data values, want 1 x 24"},
		{func(p *Problem, rank int) {
			if rank == 1 {
				p.Weights = p.Weights[1:]
			}
		}, "image: rank 1: 23 weights, want 24"},
		{func(p *Problem, rank int) {
			if rank == 1 {
				p.Weights[5] = -2
			}
		}, "image: rank 1: weight -2 at row 1, column 5, want 0 or more"},
		{func(p *Problem, rank int) {
			if rank == 1 {
				p.Weights[5] = math.NaN()
			}
		}, "image: rank 1: weight NaN at row 1, column 5, want 0 or more"},
		{func(p *Problem, rank int) {
			if rank == 1 {
				p.Data[22] = math.Inf(-1)
			}
		}, "image: rank 1: data value -Inf at row 5, column 6, which the weights do not mark as missing"},
	} {
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(ctx context.Context, comm ranks.Comm) error {
			p := &Problem{Channels: 1, Frame: two, Data: make([]float64, 24), Weights: make([]float64, 24)}
			for i := range p.Weights {
				p.Weights[i] = 1
			}
			c.spoil(p, comm.Rank())
			_, err := Solve(ctx, comm, p, Options{Lambda: 1})
			return err
		})
		if err == nil || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

// The value at a missing pixel has no effect.
func TestMissingPixelsMayHoldAnything(t *testing.T) {
	for _, method := range allMethods {
		f := randomFrame(2, 20, 20, 2)
		f.PSF = oracle.Gaussian5(t)
		f.Mask(0.1, 2)
		o := Options{Method: method, Lambda: 0.1, Overlap: 4, Tile: 10, Border: halo.Reflect}
		want, _, err := f.run(t, 2, o)
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.Y {
			if f.Weight(i%400) == 0 {
				f.Y[i] = []float64{math.NaN(), math.Inf(1), 1e300}[i%3]
			}
		}
		got, res, err := f.run(t, 2, o)
		if err != nil {
			t.Fatal(err)
		}
		if d := oracle.Largest(got, want); !(d <= 1e-15) || math.IsNaN(res.Objective) {
			t.Errorf("%s: the solution changes by %.3g, J = %g", method, d, res.Objective)
		}
	}
}
