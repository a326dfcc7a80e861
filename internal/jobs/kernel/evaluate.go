package kernel

import (
	"context"
	"fmt"
	"math"
	"slices"

	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/tables"
	"tessera/ranks"
)

// evaluate fills the grid, or the table of places, and compares with the truth.
// Collective.
func (r *run) evaluate(ctx context.Context) error {
	start := r.Comm.Wtime()
	r.Progress.Phase("evaluating")
	if r.c.Evaluate.Path != "" {
		err := r.evaluateTable(ctx)
		r.m.Seconds.Evaluate = r.Comm.Wtime() - start
		return err
	}
	shape, _ := r.c.Evaluate.Shape.Ints(1)
	var err error
	if r.grid, err = newGrid(r.obs, shape); err != nil {
		return err
	}
	var values, spread, truth []float64
	err = r.grid.parts(ctx, r.Comm, func(places []float64) error {
		v, w, err := r.predict(places)
		if err != nil {
			return err
		}
		values, spread = append(values, v...), append(spread, w...)
		if s, d := r.obs.survey, r.obs.door.dim; s != nil {
			for ; len(places) > 0; places = places[d:] {
				truth = append(truth, s.Truth(places[:d]))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	total := r.grid.total()
	if r.values, err = collect(r.Comm, values, total); err != nil {
		return err
	}
	if r.c.Evaluate.Variance {
		if r.spread, err = collect(r.Comm, spread, total); err != nil {
			return err
		}
	}
	if r.obs.survey != nil {
		if r.truth, err = collect(r.Comm, truth, total); err != nil {
			return err
		}
	}
	r.m.Seconds.Evaluate = r.Comm.Wtime() - start
	if r.obs.frame != nil {
		r.truth = r.obs.frame.Data
	}
	if r.obs.rows > 0 {
		start = r.Comm.Wtime()
		if err := r.compare(ctx); err != nil {
			return err
		}
		r.m.Seconds.Compare = r.Comm.Wtime() - start
	}
	r.quality()
	return nil
}

// quality compares the fit, and what fills a frame beside it, with the truth where that is
// known, over the same places. Rank 0 has the truth.
func (r *run) quality() {
	if r.truth == nil {
		return
	}
	peak := math.Inf(-1)
	for _, v := range r.truth {
		if !math.IsNaN(v) {
			peak = max(peak, v)
		}
	}
	for _, c := range []struct {
		name   string
		values []float64
	}{{lifecycle.AnswerColumn, r.values}, {"nearest", r.nearest}, {"tikhonov", r.inpainted}} {
		if c.values != nil {
			e := rmse(c.values, r.truth)
			r.m.Measured(c.name, &lifecycle.Quality{RMSE: lifecycle.Some(e), PSNR: lifecycle.Some(20 * math.Log10(peak/e))})
		}
	}
}

// judge notes how the fit agrees with the observations. Collective.
func (r *run) judge() error {
	var y []float64 // of this rank, in the unit of the file
	for i := range r.fit.Points.Len() {
		y = append(y, r.fit.Points.Attr[2*i]*r.obs.door.amplitude)
	}
	given := len(r.obs.data.Sigma) > 0
	unit := r.obs.door.amplitude
	switch {
	case given:
		r.m.Known(1, "by the sigma of the observations")
		unit = 1
	case r.obs.survey != nil:
		r.m.Known(r.c.Simulate.Noise, frames.NoiseSimulated)
	}
	rms := unit * math.Sqrt(r.fit.Misfit/float64(max(1, r.fit.Observations)))
	if given && r.m.Search != nil {
		if text := r.obs.doubt(r.c.Observations.Path, rms, r.m.Search.RMS); text != "" {
			r.Warning(text)
		}
	}
	return r.obs.judge(r.Run, &r.m.Record, y, r.values, rms)
}

// Limits beyond which the standard deviations of a table are called wrong: of the residual of a fit whose lambda was chosen, by
// sigma, and of the error where observations are left out, which is at least the noise, by the median of sigma.
const (
	mostBySigma  = 3.0
	leastLeftOut = 0.5
)

// doubt says that the standard deviations of a table are on another scale than its noise; "" if they agree. residual is the rms of
// the residual by sigma, leftOut that of the errors where observations are left out, in the unit of the values. On rank 0.
func (s *scattered) doubt(path string, residual, leftOut float64) string {
	sigma := slices.Sorted(slices.Values(s.raw.Sigma))
	if len(sigma) == 0 || s.columns != nil && s.columns.Kind == tables.Weight { // relative weights are on no scale
		return ""
	}
	const mend = "\n  multiply the standard deviations by %.3g if they are on another scale"
	middle := sigma[len(sigma)/2]
	switch {
	case residual > mostBySigma:
		return fmt.Sprintf("observations.path = %q: the residual of the fit is %.3g times what the column sigma says"+mend+"; values that change between neighbouring places leave a residual, too", path, residual, residual)
	case leftOut > 0 && leftOut < leastLeftOut*middle:
		return fmt.Sprintf("observations.path = %q: the errors where observations are left out have an rms of %.3g, and the column sigma says %.3g"+mend, path, leftOut, middle, leftOut/middle)
	}
	return ""
}

// judge notes how values, which rank 0 has, agree with the observations of all ranks. rms is
// the root mean square of their residual by sigma, or without sigma in the unit of the values.
// Collective.
func (s *scattered) judge(r *lifecycle.Run, m *lifecycle.Record, y, values []float64, rms float64) error {
	ends := []float64{math.Inf(-1), math.Inf(-1)} // the largest value, and the least with the sign changed
	for _, v := range y {
		ends[0], ends[1] = max(ends[0], v), max(ends[1], -v)
	}
	if err := r.Comm.Allreduce(ends, ends, ranks.Max); err != nil || len(values) == 0 {
		return err
	}
	below, above := 0, 0
	for _, v := range values {
		switch {
		case v < -ends[1]:
			below++
		case v > ends[0]:
			above++
		}
	}
	if text := outOfRange(values, -ends[1], ends[0]); text != "" {
		r.Warning(text)
	}
	share := func(n int) *lifecycle.Number { return lifecycle.Some(float64(n) / float64(len(values))) }
	m.Fit = &lifecycle.Fit{ResidualRMS: lifecycle.Number(rms), Below: share(below), Above: share(above)}
	return nil
}

// Limits beyond which the values of a fit are called outside of the data: the share that is beyond by half of the range of
// the data, and how many ranges the farthest one is beyond.
const (
	mostOutside    = 0.03
	farthestBeyond = 1.0
)

// outOfRange says that values of a fit, in the unit of the data, are far outside of the range of the data; "" if they are not.
func outOfRange(values []float64, low, high float64) string {
	wide := high - low
	if !(wide > 0) {
		return ""
	}
	far, lo, hi := 0, math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if lo, hi = min(lo, v), max(hi, v); v < low-wide/2 || v > high+wide/2 {
			far++
		}
	}
	if share := float64(far) / float64(len(values)); share > mostOutside || max(low-lo, hi-high) > farthestBeyond*wide {
		return fmt.Sprintf("the fit on the grid is from %.4g to %.4g, and the data from %.4g to %.4g: %.3g %% of the grid is beyond the data by more than half of their range; between observations far from each other the fit is no estimate",
			lo, hi, low, high, 100*share)
	}
	return ""
}

// predict is the fit at places, n x coordinates in the units of the file, and with
// evaluate.variance its variance. Collective.
func (r *run) predict(places []float64) (values, spread []float64, err error) {
	x := r.obs.door.places(places)
	if values, err = r.fit.Predict(x); err != nil {
		return nil, nil, err
	}
	if r.c.Evaluate.Variance {
		if spread, err = r.fit.Variance(x); err != nil {
			return nil, nil, err
		}
		r.obs.door.values(r.obs.door.values(spread))
	}
	return r.obs.door.values(values), spread, nil
}

// rmse is the root mean square of a - b where b is known.
func rmse(a, b []float64) float64 {
	s, n := 0.0, 0
	for i, v := range a {
		if !math.IsNaN(b[i]) {
			s += (v - b[i]) * (v - b[i])
			n++
		}
	}
	return math.Sqrt(s / float64(max(1, n)))
}

// evaluateTable predicts at the places of a table, which rank 0 reads. Collective.
func (r *run) evaluateTable(ctx context.Context) error {
	var places []float64
	var t *imageio.Table
	d := r.obs.door.dim
	err := ranks.OnRoot(r.Comm, func() (err error) {
		if t, err = imageio.ReadTable(r.c.Evaluate.Path); err != nil {
			return err
		}
		var in lifecycle.Input
		if places, in, err = r.c.placesOf(t, r.obs.columns, d); err == nil {
			r.Took(in)
		}
		return err
	})
	if err != nil {
		return err
	}
	mine := len(places) / d
	most := mine
	if err := ranks.Share(r.Comm, &most); err != nil {
		return err
	}
	var values, spread []float64
	err = inParts(ctx, r.Comm, 0, mine, most, func(lo, hi int) error {
		v, w, err := r.predict(places[lo*d : hi*d])
		values, spread = append(values, v...), append(spread, w...)
		return err
	})
	if err != nil || r.Comm.Rank() != 0 {
		return err
	}
	r.values = values
	out := &imageio.Table{Rows: len(values), Format: t.Format}
	out.Names = append(r.obs.coordinateNames(), "value")
	if r.c.Evaluate.Variance {
		out.Names = append(out.Names, "variance")
	}
	out.Cols = len(out.Names)
	for i, v := range values {
		out.Data = append(append(out.Data, places[i*d:(i+1)*d]...), v)
		if r.c.Evaluate.Variance {
			out.Data = append(out.Data, spread[i])
		}
	}
	r.predictions = out
	return nil
}

// placesOf takes the d coordinates of the observations, whose columns are of (nil: they
// come from no table), from a table of places.
func (c *settings) placesOf(t *imageio.Table, of *tables.Columns, d int) ([]float64, lifecycle.Input, error) {
	path := c.Evaluate.Path
	if of == nil {
		of = tables.Plain(d)
	}
	columns, err := tables.Places(t, of, tables.Want{Key: "evaluate.columns", Columns: c.Evaluate.Columns, Pixels: c.Frame.Pixels})
	if err != nil {
		return nil, lifecycle.Input{}, inFile(path, err)
	}
	rows, err := tables.Take(t, columns, tables.Refuse, "", nil)
	if err != nil {
		return nil, lifecycle.Input{}, fmt.Errorf("%s: %w", path, err)
	}
	if len(rows.X) == 0 {
		return nil, lifecycle.Input{}, fmt.Errorf("%s: no places in it", path)
	}
	said, err := columns.Convert(t, rows.X, c.angleUnits(of.In))
	if err != nil {
		return nil, lifecycle.Input{}, fmt.Errorf("%s: %w", path, err)
	}
	if c.Observations.Distance == greatCircle {
		if i, err := checkAngles(rows.X, d); err != nil {
			return nil, lifecycle.Input{}, fmt.Errorf("%s: %s: %w", path, t.Where(rows.At[i]), err)
		}
	}
	return rows.X, lifecycle.Input{
		File: path, Part: t.Part, Axes: columns.Text(t), Missing: rows.Text(), Units: columns.Units(t), Note: joined(columns.Note(t, c.Frame.Pixels), said),
	}, nil
}

// coordinateNames are those of the table of observations, in lower case for those that
// have none there.
func (s *scattered) coordinateNames() []string {
	if s.columns != nil && s.columns.Names != nil {
		return slices.Clone(s.columns.Names)
	}
	if s.rows > 0 {
		return []string{"row", "col"}
	}
	return coordinateNames(s.door.dim)
}

func coordinateNames(dim int) []string { return []string{"x", "y", "z"}[:dim:dim] }
