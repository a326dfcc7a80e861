package kernel

import (
	"context"
	"math"

	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/internal/tables"
	"tessera/krylov"
	"tessera/tikhonov/kernel"
)

// settings holds every key of a config of the job "kernel".
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
	Missing string       `toml:"missing"` // "refuse" or "skip"

	Outliers frames.Outliers `toml:"outliers"` // what happens to numbers that mark missing ones, and to values far from all others

	Periodic config.Numbers `toml:"periodic"` // period of each coordinate, 0 = none; empty = none
	Distance string         `toml:"distance"` // "straight" or "great-circle"
}

// surveySection describes a simulated survey.
type surveySection struct {
	Count     int     `toml:"count"`     // observations
	Dim       int     `toml:"dim"`       // coordinates of the unit cube, 1 to 3
	Clusters  int     `toml:"clusters"`  // 0 = the places are uniform
	Clustered float64 `toml:"clustered"` // fraction of the observations in clusters
	Noise     float64 `toml:"noise"`     // standard deviation
}

// frameSection says that the observations are pixels of a frame, at (row, column).
type frameSection struct {
	Pixels   bool    `toml:"pixels"`
	Rows     int     `toml:"rows"`     // pixels; 0 = those of truth, or up to the last observation
	Cols     int     `toml:"cols"`     // likewise
	Truth    string  `toml:"truth"`    // the complete frame, which is compared with the fit and, without observations.path, sampled
	Fraction float64 `toml:"fraction"` // of the pixels that are sampled, more of them where the frame is bright
}

// shape is that of the simulated sky that is sampled, in pixels.
func (s *frameSection) shape() (rows, cols int) {
	rows, cols = s.Rows, s.Cols
	if rows == 0 {
		rows = 256
	}
	if cols == 0 {
		cols = 256
	}
	return rows, cols
}

// kernelSection fills kernel.Options.
type kernelSection struct {
	Family string  `toml:"family"`
	Width  float64 `toml:"width"`  // in the unit of the coordinates; 0 = for about 60 neighbours, if the observations were spread evenly
	Lambda float64 `toml:"lambda"` // weight of the norm of the fit, of values in units of their spread
	Choose string  `toml:"choose"`

	AxisWidths    config.Numbers `toml:"axis_widths"` // along each coordinate, instead of width; empty = the same along all
	Spread        bool           `toml:"spread"`      // coordinates in units of the spread of the observations along them
	Truncate      float64        `toml:"truncate"`
	Mean          bool           `toml:"mean"`
	Trend         string         `toml:"trend"` // what mean subtracts: "constant" or "linear"
	Method        string         `toml:"method"`
	Balance       string         `toml:"balance"`
	Overlap       float64        `toml:"overlap"` // in units of the radius; 0 = chosen for the family
	Block         int            `toml:"block"`
	Tolerance     float64        `toml:"tolerance"`
	MaxIterations int            `toml:"max_iterations"`
	Restart       int            `toml:"restart"`
}

// searchSection fills kernel.Search.
type searchSection struct {
	Sample  int            `toml:"sample"` // observations that leave-one-out looks at
	Folds   int            `toml:"folds"`
	Widths  config.Numbers `toml:"widths"`
	Lambdas config.Numbers `toml:"lambdas"`
}

// evaluateSection says where the fit is evaluated.
type evaluateSection struct {
	Shape    config.Numbers `toml:"shape"`   // of a grid over the box of the observations; empty = a default, or the pixels of the frame
	Path     string         `toml:"path"`    // a table of places, instead of the grid
	Columns  config.Words   `toml:"columns"` // its coordinates; empty = recognised
	Variance bool           `toml:"variance"`
}

// Values of kernel.trend.
const (
	constant = "constant" // the weighted mean
	linear   = "linear"   // the weighted plane
)

func defaults() settings {
	return settings{
		Seed:         1,
		Observations: observationsSection{Missing: string(tables.Refuse), Outliers: frames.OutliersReport, Distance: straight},
		Simulate:     surveySection{Count: 10000, Dim: 2, Clusters: 6, Clustered: 0.8, Noise: 0.1},
		Frame:        frameSection{Fraction: 0.1},
		Kernel: kernelSection{
			Family: string(kernel.WendlandC2), Lambda: 0.01, Choose: "none", Truncate: 1e-12, Mean: true, Trend: constant,
			Method: string(krylov.RASGMRES), Balance: string(kernel.ByCount), Tolerance: 1e-8, MaxIterations: 200, Restart: 30,
		},
		Search: searchSection{Folds: 5, Sample: 800},
		Output: frames.OutputSection{Dir: "out/kernel", Formats: report.Usual(), Stretch: "auto", Origin: frames.OriginAuto},
	}
}

// Load reads a config of the job "kernel".
func Load(f *config.File) *lifecycle.Job {
	c := defaults()
	f.Decode(&c)
	c.check(f)
	return &lifecycle.Job{
		Dir:        c.Output.Dir,
		Answer:     "solution.npy",
		Files:      resultFiles(),
		Metrics:    &metrics{},
		CheckFiles: func() error { return c.checkFiles(f) },
		Run: lifecycle.Start(f, c.Output.Dir, c.Seed, resultFiles(), func(ctx context.Context, base *lifecycle.Run) error {
			return (&run{Run: base, c: &c, m: &metrics{Record: base.Record()}}).run(ctx)
		}),
		Plan: c.plan,
	}
}

// options are those of a fit of n observations, in the units of the solver.
func (c *settings) options(d *door, n int) kernel.Options {
	k := &c.Kernel
	width := k.Width / d.length
	switch {
	case len(k.AxisWidths) > 0:
		width = 1
	case width == 0:
		width = widthFor(60, d.dim, float64(n)/d.volume)
	}
	return kernel.Options{
		Kernel: kernel.Kernel{Family: kernel.Family(k.Family), Width: width, Truncate: k.Truncate},
		Lambda: k.Lambda, Mean: k.Mean, Linear: k.Mean && k.Trend == linear, Method: krylov.Method(k.Method), Balance: kernel.Balance(k.Balance),
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
