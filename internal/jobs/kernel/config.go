package kernel

import (
	"context"
	"math"

	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/kernel"
)

// settings is everything a kernel config may say.
type settings struct {
	Job          string               `toml:"job"`
	Seed         uint64               `toml:"seed"`
	Observations observationsSection  `toml:"observations"`
	Simulate     surveySection        `toml:"simulate"`
	Frame        frameSection         `toml:"frame"`
	Kernel       kernelSection        `toml:"kernel"`
	Search       searchSection        `toml:"search"`
	Evaluate     evaluateSection      `toml:"evaluate"`
	Output       frames.OutputSection `toml:"output"`
}

// observationsSection names a table of observations.
type observationsSection struct {
	Path    string       `toml:"path"`
	Columns config.Words `toml:"columns"` // coordinates, value and, if there is one, sigma; empty = recognised
	Dim     int          `toml:"dim"`     // coordinates; 0 = from the columns
}

// surveySection describes a simulated survey.
type surveySection struct {
	Count     int     `toml:"count"`
	Dim       int     `toml:"dim"`
	Clusters  int     `toml:"clusters"`
	Clustered float64 `toml:"clustered"`
	Noise     float64 `toml:"noise"`
}

// frameSection says that the observations are pixels of a frame, at (row, column).
type frameSection struct {
	Pixels   bool    `toml:"pixels"`
	Rows     int     `toml:"rows"` // 0 = those of truth, or as far as the observations go
	Cols     int     `toml:"cols"`
	Truth    string  `toml:"truth"`    // the whole frame, to compare with and, without observations.path, to sample
	Fraction float64 `toml:"fraction"` // of the pixels, sampled more densely where the frame is bright
}

// kernelSection fills kernel.Options.
type kernelSection struct {
	Family        string  `toml:"family"`
	Width         float64 `toml:"width"`  // 0 = for about 60 neighbours, if they were spread evenly
	Lambda        float64 `toml:"lambda"` // times sigma^2
	Choose        string  `toml:"choose"`
	Truncate      float64 `toml:"truncate"`
	Mean          bool    `toml:"mean"`
	Method        string  `toml:"method"`
	Balance       string  `toml:"balance"`
	Overlap       float64 `toml:"overlap"` // of the radius
	Block         int     `toml:"block"`
	Tolerance     float64 `toml:"tolerance"`
	MaxIterations int     `toml:"max_iterations"`
	Restart       int     `toml:"restart"`
}

// searchSection fills kernel.Search.
type searchSection struct {
	Folds   int            `toml:"folds"`
	Widths  config.Numbers `toml:"widths"`
	Lambdas config.Numbers `toml:"lambdas"`
}

// evaluateSection says where the fit is wanted.
type evaluateSection struct {
	Shape    config.Numbers `toml:"shape"` // of a grid over the box of the observations; the frame's pixels for one
	Path     string         `toml:"path"`  // or a table of places
	Variance bool           `toml:"variance"`
}

func defaults() settings {
	return settings{
		Seed:     1,
		Simulate: surveySection{Count: 10000, Dim: 2, Clusters: 6, Clustered: 0.8, Noise: 0.1},
		Frame:    frameSection{Fraction: 0.1},
		Kernel: kernelSection{
			Family: string(kernel.WendlandC2), Lambda: 0.01, Choose: "none", Truncate: 1e-12, Mean: true,
			Method: string(krylov.RASGMRES), Balance: string(kernel.ByCount), Tolerance: 1e-8, MaxIterations: 200, Restart: 30,
		},
		Search: searchSection{Folds: 5},
		Output: frames.OutputSection{Dir: "out/kernel", Stretch: "auto"},
	}
}

func (c *settings) check(f *config.File) {
	o, s, k := &c.Observations, &c.Simulate, &c.Kernel
	f.Want(o.Dim >= 0 && o.Dim <= 3, "observations.dim", "1 to 3; 0 = from the columns")
	f.Want(s.Count >= 1 && s.Count <= 1<<31, "simulate.count", "1 to 2^31")
	f.Want(s.Dim >= 1 && s.Dim <= 3, "simulate.dim", "1 to 3")
	f.Want(s.Clusters >= 0 && s.Clusters <= 10000, "simulate.clusters", "0 to 10000")
	f.Want(s.Clustered >= 0 && s.Clustered <= 1, "simulate.clustered", "a fraction, 0 to 1")
	f.Want(s.Noise >= 0, "simulate.noise", "0 or more")
	f.Want(c.Frame.Rows >= 0 && c.Frame.Rows <= 1<<20, "frame.rows", "0 to %d pixels", 1<<20)
	f.Want(c.Frame.Cols >= 0 && c.Frame.Cols <= 1<<20, "frame.cols", "0 to %d pixels", 1<<20)
	f.Want(c.Frame.Fraction > 0 && c.Frame.Fraction <= 1, "frame.fraction", "a fraction, more than 0")
	var families []string
	for _, name := range kernel.Families() {
		families = append(families, string(name))
	}
	f.OneOf("kernel.family", k.Family, families...)
	f.OneOf("kernel.choose", k.Choose, "none", string(kernel.CrossValidation), string(kernel.GCV))
	f.OneOf("kernel.method", k.Method, string(krylov.RASGMRES), string(krylov.ASCG), string(krylov.RAS), string(krylov.CG))
	f.OneOf("kernel.balance", k.Balance, string(kernel.ByCount), string(kernel.ByWork), string(kernel.ByTime), string(kernel.Never))
	f.Want(k.Width >= 0, "kernel.width", "more than 0; 0 = chosen for about 60 neighbours")
	f.Want(k.Lambda > 0, "kernel.lambda", "more than 0")
	f.Want(k.Truncate > 0 && k.Truncate < 1, "kernel.truncate", "more than 0 and less than 1")
	f.Want(k.Overlap >= 0 && k.Overlap <= 2, "kernel.overlap", "0 to 2 times the radius; 0 = as the kernel likes it")
	f.Want(k.Block >= 0, "kernel.block", "0 or more observations")
	f.Want(k.Tolerance > 0 && k.Tolerance < 1, "kernel.tolerance", "more than 0 and less than 1")
	f.Want(k.MaxIterations >= 1, "kernel.max_iterations", "1 or more")
	f.Want(k.Restart >= 2, "kernel.restart", "2 Krylov vectors or more")
	f.Want(c.Search.Folds >= 2, "search.folds", "2 or more")
	ascending(f, "search.widths", c.Search.Widths)
	ascending(f, "search.lambdas", c.Search.Lambdas)
	shape, ok := c.Evaluate.Shape.Ints(1)
	size := 1.0
	for _, n := range shape {
		size *= float64(n)
	}
	f.Want(ok && len(shape) <= 3 && size <= 1e9, "evaluate.shape", "1 to 3 whole numbers, 1 or more, 1e9 points in all at most")
	if c.Frame.Pixels && len(shape) > 0 {
		f.Fail("evaluate.shape", "a frame is evaluated at its pixels: leave it out")
	}
	c.Output.Check(f)
}

func Load(f *config.File) *lifecycle.Job {
	c := defaults()
	f.Decode(&c)
	c.check(f)
	return &lifecycle.Job{
		Dir:        c.Output.Dir,
		Answer:     "fit.npy",
		CheckFiles: func() error { return c.checkFiles(f) },
		Run: lifecycle.Start(f, c.Output.Dir, c.Seed, func(ctx context.Context, base *lifecycle.Run) error {
			return (&run{Run: base, c: &c, m: &metrics{Record: base.Record()}}).run(ctx)
		}),
		Plan: c.plan,
	}
}

// checkFiles reads the tables and looks at the frame.
func (c *settings) checkFiles(f *config.File) error {
	if c.Observations.Path != "" {
		if t, err := imageio.ReadTable(c.Observations.Path); err != nil {
			f.Fail("observations.path", "%v", err)
		} else if _, _, err := c.columns(t); err != nil {
			f.Fail("observations.columns", "%v", err)
		}
	}
	if c.Evaluate.Path != "" {
		if _, err := imageio.ReadTable(c.Evaluate.Path); err != nil {
			f.Fail("evaluate.path", "%v", err)
		}
	}
	frames.CheckFrame(f, "frame.truth", c.Frame.Truth)
	return f.Err()
}

// options are those of a fit of n observations in a box of the given volume.
func (c *settings) options(dim, n int, volume float64) kernel.Options {
	k := &c.Kernel
	width := k.Width
	if width == 0 {
		width = widthFor(60, dim, float64(n)/volume)
	}
	return kernel.Options{
		Kernel: kernel.Kernel{Family: kernel.Family(k.Family), Width: width, Truncate: k.Truncate},
		Lambda: k.Lambda, Mean: k.Mean, Method: krylov.Method(k.Method), Balance: kernel.Balance(k.Balance),
		OverlapRatio: k.Overlap, Block: k.Block, Tolerance: k.Tolerance, MaxIterations: k.MaxIterations, Restart: k.Restart,
	}
}

// widthFor is the radius of the ball that holds so many points of a density.
func widthFor(neighbours float64, dim int, density float64) float64 {
	unit := []float64{2, math.Pi, 4 * math.Pi / 3}[dim-1] // volume of the unit ball
	w := math.Pow(neighbours/(density*unit), 1/float64(dim))
	if !(w > 0) || math.IsInf(w, 0) {
		return 1 // all in one place
	}
	return w
}

// plan says what the fit would take, from numbers alone: a survey spread evenly is
// the least there can be, clusters cost more.
func (c *settings) plan(_ context.Context, comm ranks.Comm, n int, _ lifecycle.Link) (*lifecycle.Plan, error) {
	obs, err := c.observe(comm)
	if err != nil {
		return nil, err
	}
	count := len(obs.data.Y)
	o := c.options(obs.data.Dim, count, obs.volume())
	radius := o.Kernel.Radius()
	perRank := float64(count) / float64(n)
	neighbours := math.Min(float64(count), float64(count)/obs.volume()*ball(obs.data.Dim, radius))
	p := &lifecycle.Plan{Ranks: n, MemoryBytes: 12 * perRank * neighbours}
	p.Row("observations", "%d in %d dimensions, %.0f a rank on %d ranks", count, obs.data.Dim, perRank, n)
	p.Row("kernel", "%s, width %.4g, radius %.4g: about %.0f neighbours each if spread evenly", o.Kernel.Family, o.Kernel.Width, radius, neighbours)
	return p, nil
}

func ball(dim int, r float64) float64 {
	return []float64{2 * r, math.Pi * r * r, 4 * math.Pi / 3 * r * r * r}[dim-1]
}
