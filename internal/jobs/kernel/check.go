package kernel

import (
	"errors"
	"os"
	"slices"

	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/tables"
	"tessera/krylov"
	"tessera/tikhonov/kernel"
)

// huge bounds lengths and weights, so that their squares are finite.
const huge = 1e150

func (c *settings) check(f *config.File) {
	o, s, k := &c.Observations, &c.Simulate, &c.Kernel
	o.check(f)
	f.Want(s.Count >= 1 && s.Count <= 1<<31, "simulate.count", "1 to 2^31")
	f.Want(s.Dim >= 1 && s.Dim <= 3, "simulate.dim", "1 to 3")
	f.Want(s.Clusters >= 0 && s.Clusters <= 10000, "simulate.clusters", "0 to 10000")
	f.Want(s.Clustered >= 0 && s.Clustered <= 1, "simulate.clustered", "a fraction, 0 to 1")
	f.Want(s.Noise >= 0 && s.Noise <= huge, "simulate.noise", "0 or more")
	f.Want(c.Frame.Rows >= 0 && c.Frame.Rows <= 1<<20, "frame.rows", "0 to %d pixels", 1<<20)
	f.Want(c.Frame.Cols >= 0 && c.Frame.Cols <= 1<<20, "frame.cols", "0 to %d pixels", 1<<20)
	f.Want(c.Frame.Fraction > 0 && c.Frame.Fraction <= 1, "frame.fraction", "a fraction, more than 0")
	var families []string
	for _, name := range kernel.Families() {
		families = append(families, string(name))
	}
	f.OneOf("kernel.family", k.Family, families...)
	f.OneOf("kernel.choose", k.Choose, "none", string(kernel.LeaveOneOut), string(kernel.CrossValidation), string(kernel.GCV))
	f.Want(c.Search.Sample >= 4 && c.Search.Sample <= 5000, "search.sample", "4 to 5000 observations")
	f.OneOf("kernel.method", k.Method, string(krylov.RASGMRES), string(krylov.ASCG), string(krylov.RAS), string(krylov.CG))
	f.OneOf("kernel.balance", k.Balance, string(kernel.ByCount), string(kernel.ByWork), string(kernel.ByTime), string(kernel.Never))
	f.Want(k.Width >= 0 && k.Width <= huge, "kernel.width", "more than 0; 0 = chosen for about 60 neighbours")
	checkLengths(f, "kernel.axis_widths", k.AxisWidths, false)
	f.Want(len(k.AxisWidths) == 0 || k.Width == 0 && !k.Spread, "kernel.axis_widths", "a width along each coordinate, or kernel.width, or kernel.spread, not two of them")
	f.OneOf("kernel.trend", k.Trend, constant, linear)
	f.Want(k.Mean || k.Trend != linear, "kernel.trend", "%q with kernel.mean = false, which subtracts nothing", constant)
	sphere := o.Distance == greatCircle
	f.Want(!sphere || !k.Spread, "kernel.spread", `false with observations.distance = "great-circle": kernel.width is in degrees`)
	f.Want(!sphere || len(k.AxisWidths) < 2 || k.AxisWidths[0] == k.AxisWidths[1], "kernel.axis_widths", `the same width for the first two coordinates with observations.distance = "great-circle"`)
	f.Want(k.Lambda > 0 && k.Lambda <= huge, "kernel.lambda", "more than 0")
	f.Want(k.Truncate > 0 && k.Truncate < 1, "kernel.truncate", "more than 0 and less than 1")
	f.Want(k.Overlap >= 0 && k.Overlap <= 2, "kernel.overlap", "0 to 2 times the radius; 0 = chosen for the family of the kernel")
	f.Want(k.Block >= 0, "kernel.block", "0 or more observations")
	f.Want(k.Tolerance > 0 && k.Tolerance < 1, "kernel.tolerance", "more than 0 and less than 1")
	f.Want(k.MaxIterations >= 1, "kernel.max_iterations", "1 or more")
	f.Want(k.Restart >= 2, "kernel.restart", "2 Krylov vectors or more")
	f.Want(c.Search.Folds >= 2, "search.folds", "2 or more")
	ascending(f, "search.widths", c.Search.Widths)
	ascending(f, "search.lambdas", c.Search.Lambdas)
	if k.Choose == string(kernel.LeaveOneOut) {
		f.Want(len(c.Search.Widths) == 0, "search.widths", `[] with kernel.choose = %q, which begins at kernel.width`, k.Choose)
		f.Want(len(c.Search.Lambdas) == 0, "search.lambdas", `[] with kernel.choose = %q, which begins at kernel.lambda`, k.Choose)
	}
	shape, ok := c.Evaluate.Shape.Ints(1)
	f.Want(ok && len(shape) <= 3 && product(shape) <= 1e9, "evaluate.shape", "1 to 3 whole numbers, 1 or more, 1e9 points in all at most")
	if c.Frame.Pixels && len(shape) > 0 {
		f.Fail("evaluate.shape", "a frame is evaluated at its pixels: leave it out")
	}
	c.checkShape(f, shape)
	if c.Observations.Path == "" {
		dim, count := s.Dim, s.Count
		if c.Frame.Pixels {
			dim, count = 2, 0 // how many is not known before the frame is
		}
		if err := c.checkPeriodic(dim); err != nil {
			f.Fail("observations.periodic", "%v", err)
		}
		f.Want(len(o.Periodic) == 0, "observations.periodic", "observations.path set: simulated observations are not periodic")
		f.Want(c.Frame.Pixels || len(k.AxisWidths) == 0 && !k.Spread, "kernel.axis_widths", "observations.path or frame.pixels set: the coordinates of the simulated survey are alike")
		f.Want(c.Evaluate.Path != "" || len(shape) == 0 || len(shape) == dim, "evaluate.shape", "%d whole numbers, one for each coordinate of the observations", dim)
		if count > 0 {
			c.checkCount(f, "simulate.count", count, 1)
		}
	}
	c.Output.Check(f)
}

// check records what is wrong with the keys that all jobs with a table have.
func (o *observationsSection) check(f *config.File) {
	f.Want(o.Dim >= 0 && o.Dim <= 3, "observations.dim", "1 to 3; 0 = from the columns")
	o.Outliers.Check(f, "observations.outliers")
	f.OneOf("observations.missing", o.Missing, string(tables.Refuse), string(tables.Skip))
	checkLengths(f, "observations.periodic", o.Periodic, true)
	f.OneOf("observations.distance", o.Distance, straight, greatCircle)
	sphere := o.Distance == greatCircle
	f.Want(!sphere || o.Path != "", "observations.path", `a table of longitudes and latitudes with observations.distance = "great-circle"`)
	f.Want(!sphere || len(o.Periodic) < 1 || slices.Max(o.Periodic[:min(2, len(o.Periodic))]) == 0, "observations.periodic",
		`0 for the first two coordinates with observations.distance = "great-circle", which knows that 360 degrees are 0`)
}

// checkLengths records a problem unless a list has at most 3 lengths; zero tells whether one
// may be 0.
func checkLengths(f *config.File, key string, list config.Numbers, zero bool) {
	ok := len(list) <= 3
	for _, v := range list {
		ok = ok && (v > 0 || v == 0 && zero) && v <= huge
	}
	want := "a number above 0 for each coordinate"
	if zero {
		want = "a period for each coordinate, 0 = none"
	}
	f.Want(ok, key, "%s", want)
}

// checkShape records a problem if evaluate.shape has not one number for each coordinate of
// a table, where the config says how many these are: before the table is read.
func (c *settings) checkShape(f *config.File, shape []int) {
	o := &c.Observations
	dim := o.Dim
	if o.Path != "" && dim > 0 && c.Evaluate.Path == "" && len(shape) > 0 && len(shape) != dim {
		f.Fail("evaluate.shape", "has %d numbers, want %d, one for each coordinate", len(shape), dim)
	}
}

// checkCount records a problem if so many observations cannot be fitted. sigma is their
// smallest standard deviation.
func (c *settings) checkCount(f *config.File, key string, count int, sigma float64) {
	lambda := c.Kernel.Lambda
	if c.Kernel.Choose != "none" {
		lambda = 1 // of the default list
		if n := len(c.Search.Lambdas); n > 0 {
			lambda = c.Search.Lambdas[n-1]
		}
	}
	checkTruncation(f, "kernel.truncate", c.options(new(plainDoor(1)), 1).Kernel, count, lambda*sigma*sigma)
	if rule := c.Kernel.Choose; rule != "none" {
		if err := (kernel.Search{Rule: kernel.Rule(rule), Folds: c.Search.Folds, Seed: c.Seed}).CheckFolds(count); err != nil {
			f.Fail(key, "%v", err)
		}
	}
}

// checkTruncation records a problem if the entries that truncation leaves out of the
// matrix of count observations may add up to its diagonal.
func checkTruncation(f *config.File, key string, k kernel.Kernel, count int, diagonal float64) {
	switch k.Family {
	case kernel.WendlandC0, kernel.WendlandC2, kernel.WendlandC4:
		return
	}
	truncate := k.Truncate
	if truncate == 0 {
		truncate = 1e-12
	}
	if count > 1 && truncate*float64(count-1) >= diagonal {
		f.Fail(key, "%.3g may leave %d observations a matrix that is not positive definite: want less than lambda sigma^2 / (observations - 1) = %.3g, with the smallest sigma in units of the spread of the values",
			truncate, count, diagonal/float64(count-1))
	}
}

// checkFiles reads the tables as a run does, and the header of the frame.
func (c *settings) checkFiles(f *config.File) error {
	dim := c.Simulate.Dim
	if c.Frame.Pixels {
		dim = 2
	}
	var columns *tables.Columns
	if c.Observations.Path != "" {
		dim, columns = c.checkObservations(f, func(count int, sigma float64) { c.checkCount(f, "observations.path", count, sigma) })
	}
	var truth *imageio.Frame
	if c.Observations.Path == "" || !c.Frame.Pixels { // else read with the observations
		truth = frames.CheckFrame(f, "frame.truth", c.Frame.Truth)
	}
	if c.Frame.Pixels && c.Observations.Path == "" {
		pixels := 0.0
		switch {
		case truth != nil:
			pixels = float64(truth.Rows) * float64(truth.Cols)
		case c.Frame.Truth == "":
			rows, cols := c.Frame.shape()
			pixels = float64(rows) * float64(cols)
		}
		if pixels > 0 && pixels*c.Frame.Fraction < 1 {
			f.Fail("frame.fraction", "leaves no pixel of %.0f: want 1/%.0f or more", pixels, pixels)
		}
	}
	if path := c.Evaluate.Path; path != "" {
		if t, err := imageio.ReadTable(path); err != nil {
			f.Fail("evaluate.path", "%v", trimPath(err))
		} else if dim > 0 {
			if _, _, err := c.placesOf(t, columns, dim); err != nil {
				key := "evaluate.path"
				if errors.As(err, new(*tables.Error)) {
					key = "evaluate.columns"
				}
				f.Fail(key, "%v", err)
			}
		}
	}
	return f.Err()
}

// checkObservations reads the observations and returns how many coordinates they have, 0
// where that is not known, and their columns. more is told their number and the smallest
// sigma, in units of the amplitude of the values.
func (c *settings) checkObservations(f *config.File, more func(count int, sigma float64)) (int, *tables.Columns) {
	s := &scattered{source: c.Observations.Path}
	if err := c.readObservations(s); err != nil {
		key := "observations.path"
		if errors.As(err, new(*tables.Error)) {
			key = "observations.columns"
		}
		f.Fail(key, "%v", trimPath(err))
		return 0, nil
	}
	d := s.raw.Dim
	if c.Frame.Pixels {
		rows, cols := 0, 0
		if truth := frames.CheckFrame(f, "frame.truth", c.Frame.Truth); truth != nil {
			rows, cols = truth.Rows, truth.Cols
		}
		if rows > 0 || c.Frame.Truth == "" {
			if err := c.placePixels(s, rows, cols); err != nil {
				f.Fail("observations.path", "%v", err)
			}
		}
	}
	if shape, _ := c.Evaluate.Shape.Ints(1); c.Evaluate.Path == "" && len(shape) > 0 && len(shape) != d {
		f.Fail("evaluate.shape", "has %d numbers, want %d, one for each coordinate of %s", len(shape), d, c.Observations.Path)
	}
	sigma := 1.0
	if len(s.raw.Sigma) > 0 {
		sigma = slices.Min(s.raw.Sigma) / amplitudeOf(s.raw.Y, c.Kernel.Mean)
	}
	more(len(s.raw.Y), sigma)
	return d, s.columns
}

// trimPath leaves out the path of a file that could not be opened: the message has it
// already.
func trimPath(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
