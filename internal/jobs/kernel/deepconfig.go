package kernel

import (
	"context"

	"tessera/halo"
	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/internal/simulate"
	"tessera/internal/tables"
	"tessera/ranks"
	"tessera/tikhonov/kernel"
	"tessera/tikhonov/kernel/deep"
)

// deepConfig holds every key of a config of the job "deep-kernel".
type deepConfig struct {
	Job          string               `toml:"job"`
	Seed         uint64               `toml:"seed"`
	Observations observationsSection  `toml:"observations"`
	Simulate     creaseSection        `toml:"simulate"`
	Deep         deepSection          `toml:"deep"`
	Single       singleSection        `toml:"single"`
	Evaluate     gridSection          `toml:"evaluate"`
	Output       frames.OutputSection `toml:"output"`
}

// creaseSection describes observations of 1/(0.1 + |x1 - x2|) in the unit square.
type creaseSection struct {
	Count int     `toml:"count"`
	Test  int     `toml:"test"` // points that are not fitted, to compare with
	Noise float64 `toml:"noise"`
}

// deepSection fills deep.Options.
type deepSection struct {
	Inner       string  `toml:"inner"`
	InnerWidth  float64 `toml:"inner_width"` // 0 = half the longest side of the box
	InnerLambda float64 `toml:"inner_lambda"`
	Outer       string  `toml:"outer"`
	OuterWidth  float64 `toml:"outer_width"`
	OuterLambda float64 `toml:"outer_lambda"`
	Features    int     `toml:"features"`
	Starts      int     `toml:"starts"`
	Steps       int     `toml:"steps"`
	Drop        float64 `toml:"drop"`
	Mean        bool    `toml:"mean"`
}

// singleSection lists the widths and lambdas from which cross-validation chooses the
// single Gaussian layer that the deep kernel is compared with.
type singleSection struct {
	Widths  config.Numbers `toml:"widths"`  // empty = 0.02 to 0.24 times the longest side of the box
	Lambdas config.Numbers `toml:"lambdas"` // empty = 1e-6, 1e-5, ... 0.1
}

// singleSide is the side that the widths of the single layer are multiples of, that of the
// observations' box; simulated observations lie in the unit square.
func (c *deepConfig) singleSide(longest float64) float64 {
	if c.Observations.Path == "" {
		return 1
	}
	return longest
}

// lists are the widths, in the unit of the solver, and the lambdas; side is the longest of
// the box in that unit.
func (s *singleSection) lists(d *door, side float64) (widths, lambdas []float64) {
	if widths = d.lengths(s.Widths); widths == nil {
		for _, w := range []float64{0.02, 0.04, 0.06, 0.08, 0.12, 0.16, 0.24} {
			widths = append(widths, w*side)
		}
	}
	if lambdas = listed(s.Lambdas); lambdas == nil {
		lambdas = []float64{1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1}
	}
	return widths, lambdas
}

// gridSection says on which grid the fits are evaluated.
type gridSection struct {
	Shape config.Numbers `toml:"shape"`
}

func defaultDeep() deepConfig {
	return deepConfig{
		Seed:     1,
		Simulate: creaseSection{Count: 300, Test: 2000},
		Deep: deepSection{
			Inner: string(kernel.Gaussian), Outer: string(kernel.Gaussian), Starts: 8, Steps: 40,
		},
		Observations: observationsSection{Missing: string(tables.Refuse), Outliers: frames.OutliersReport, Distance: straight},
		Output:       frames.OutputSection{Dir: "out/deep-kernel", Formats: report.Usual(), Stretch: "auto", Origin: frames.OriginAuto},
	}
}

func (c *deepConfig) check(f *config.File) {
	s, d := &c.Simulate, &c.Deep
	c.Observations.check(f)
	f.Want(s.Count >= 1 && s.Count <= 1e6, "simulate.count", "1 to 1e6")
	f.Want(s.Test >= 1 && s.Test <= 1e7, "simulate.test", "1 to 1e7")
	f.Want(s.Noise >= 0 && s.Noise <= huge, "simulate.noise", "0 or more")
	var families []string
	for _, name := range kernel.Families() {
		families = append(families, string(name))
	}
	f.OneOf("deep.inner", d.Inner, families...)
	f.OneOf("deep.outer", d.Outer, families...)
	f.Want(d.InnerWidth >= 0 && d.InnerWidth <= huge, "deep.inner_width", "more than 0; 0 = half the longest side of the box")
	f.Want(d.OuterWidth >= 0 && d.OuterWidth <= huge, "deep.outer_width", "more than 0, in the unit of the features, which start with a range of about 1; 0 = chosen")
	f.Want(d.InnerLambda >= 0 && d.InnerLambda <= huge, "deep.inner_lambda", "more than 0; 0 = chosen")
	f.Want(d.OuterLambda >= 0 && d.OuterLambda <= huge, "deep.outer_lambda", "more than 0; 0 = chosen")
	f.Want(d.Features >= 0 && d.Features <= 3, "deep.features", "1 to 3; 0 = chosen")
	f.Want(d.Starts >= 1, "deep.starts", "1 or more")
	f.Want(d.Steps >= 1, "deep.steps", "1 or more")
	f.Want(d.Drop >= 0 && d.Drop < 1, "deep.drop", "a fraction of the objective; 0 = never stop early")
	ascending(f, "single.widths", c.Single.Widths)
	ascending(f, "single.lambdas", c.Single.Lambdas)
	shape, ok := c.Evaluate.Shape.Ints(1)
	f.Want(ok && len(shape) <= 3 && product(shape) <= 1e9, "evaluate.shape", "1 to 3 whole numbers, 1 or more, 1e9 points in all at most")
	k := c.kernel()
	k.Evaluate.Shape = c.Evaluate.Shape
	k.checkShape(f, shape)
	if c.Observations.Path == "" {
		f.Want(len(c.Observations.Periodic) == 0, "observations.periodic", "observations.path set: simulated observations are not periodic")
		f.Want(len(shape) == 0 || len(shape) == 2, "evaluate.shape", "2 whole numbers: the points lie in a square")
		c.checkCount(f, "simulate.count", s.Count, 1)
	}
	c.Output.Check(f)
}

// checkCount records a problem if so many observations cannot be fitted. sigma is their
// smallest standard deviation.
func (c *deepConfig) checkCount(f *config.File, key string, count int, sigma float64) {
	o := c.options(new(plainDoor(1)))
	o.Inner.Family = kernel.Family(c.Deep.Inner)
	checkTruncation(f, "deep.inner_lambda", o.Inner, count, o.InnerLambda)
	checkTruncation(f, "deep.outer_lambda", o.Outer, count, o.OuterLambda*sigma*sigma)
	if err := (kernel.Search{Seed: c.Seed}).CheckFolds(count); err != nil {
		f.Fail(key, "cross-validation of the single layer: %v", err)
	}
}

// checkFiles reads the table as a run does.
func (c *deepConfig) checkFiles(f *config.File) error {
	if c.Observations.Path == "" {
		return f.Err()
	}
	k := c.kernel()
	k.Evaluate.Shape = c.Evaluate.Shape
	k.checkObservations(f, func(count int, sigma float64) { c.checkCount(f, "observations.path", count, sigma) })
	return f.Err()
}

func product(list []int) float64 {
	p := 1.0
	for _, n := range list {
		p *= float64(n)
	}
	return p
}

// ascending records a problem unless the list is of rising numbers above 0.
func ascending(f *config.File, key string, list config.Numbers) {
	ok := true
	for i, x := range list {
		ok = ok && x > 0 && x <= huge && (i == 0 || x > list[i-1])
	}
	f.Want(ok, key, "numbers above 0, ascending")
}

// LoadDeep reads a config of the job "deep-kernel".
func LoadDeep(f *config.File) *lifecycle.Job {
	c := defaultDeep()
	f.Decode(&c)
	c.check(f)
	return &lifecycle.Job{
		Dir:        c.Output.Dir,
		Answer:     "solution.npy",
		Files:      deepFiles(),
		Metrics:    &deepMetrics{},
		CheckFiles: func() error { return c.checkFiles(f) },
		Run: lifecycle.Start(f, c.Output.Dir, c.Seed, deepFiles(), func(ctx context.Context, base *lifecycle.Run) error {
			return (&deepRun{Run: base, c: &c, m: &deepMetrics{Record: base.Record()}}).run(ctx)
		}),
		Plan: c.plan,
	}
}

// deepJob is the value of the key job.
const deepJob = "deep-kernel"

// kernel is a kernel job with the same table of observations.
func (c *deepConfig) kernel() *settings {
	k := defaults()
	k.Job = deepJob
	k.Observations = c.Observations
	k.Kernel.Mean, k.Kernel.Family = c.Deep.Mean, c.Deep.Inner
	return &k
}

// options are those of a fit, in the units of the solver.
func (c *deepConfig) options(door *door) deep.Options {
	d := &c.Deep
	o := deep.Options{Outer: kernel.Kernel{Family: kernel.Family(d.Outer)}, Mean: d.Mean, Starts: d.Starts, Steps: d.Steps, Drop: d.Drop}
	c.stated(firstLayers).fill(&o)
	if d.InnerWidth > 0 {
		o.Inner = kernel.Kernel{Family: kernel.Family(d.Inner), Width: d.InnerWidth / door.length}
	}
	return o
}

// observe reads or makes the observations. Collective.
func (c *deepConfig) observe(ctx context.Context, comm ranks.Comm) (*scattered, error) {
	k := c.kernel()
	k.Evaluate.Shape, k.Simulate.Count, k.Simulate.Dim = c.Evaluate.Shape, c.Simulate.Count, 2
	if c.Observations.Path != "" {
		return k.observe(ctx, comm)
	}
	if err := k.checkRoom(comm); err != nil {
		return nil, err
	}
	s := &scattered{source: "simulated 1/(0.1 + |x1 - x2|)", door: plainDoor(2)}
	lo, hi := halo.Split(c.Simulate.Count, comm.Size(), comm.Rank())
	s.data = kernel.Observations{Dim: 2, X: make([]float64, 2*(hi-lo)), Y: make([]float64, hi-lo)}
	for i := range s.data.Y {
		s.data.Y[i] = c.observation(lo+i, s.data.X[2*i:2*i+2])
	}
	s.raw = s.data
	return s, s.bounds(comm)
}

// observation writes the place of simulated observation i to x and returns its value.
func (c *deepConfig) observation(i int, x []float64) float64 {
	noise := simulate.Uniform(c.Seed, i, x)
	return simulate.Crease(x) + c.Simulate.Noise*noise
}
