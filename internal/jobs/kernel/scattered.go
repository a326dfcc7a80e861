package kernel

import (
	"fmt"
	"math"
	"strings"

	"tessera/halo"
	"tessera/internal/imageio"
	"tessera/internal/simulate"
	"tessera/ranks"
	"tessera/tikhonov/kernel"
)

// scattered is this rank's share of the observations of a kernel job, and what is
// known of the truth.
type scattered struct {
	data   kernel.Observations
	source string
	lo, hi []float64 // the box of all of them
	survey *simulate.Survey
	frame  *imageio.Frame // rank 0: the whole frame that pixels come from; nil where unknown
	rows   int            // of the frame; 0 = none
	cols   int
}

// volume of the box, sides of no length counting as 1.
func (s *scattered) volume() float64 {
	v := 1.0
	for k := range s.lo {
		if side := s.hi[k] - s.lo[k]; side > 0 {
			v *= side
		}
	}
	return v
}

// observe reads or makes the observations. Files are read by rank 0, which hands
// its observations to the solver to spread; a survey is made by all ranks, each a
// run of its numbers.
func (c *settings) observe(comm ranks.Comm) (*scattered, error) {
	s := &scattered{}
	err := c.fill(comm, s)
	if err == nil {
		if err = ranks.Share(comm, &s.data.Dim, &s.rows, &s.cols); err == nil {
			err = s.bounds(comm)
		}
	}
	return s, err
}

func (c *settings) fill(comm ranks.Comm, s *scattered) error {
	switch {
	case c.Observations.Path != "":
		s.source = c.Observations.Path
		return ranks.OnRoot(comm, func() error {
			if err := c.readObservations(s); err != nil {
				return err
			}
			return c.readTruth(s)
		})
	case c.Frame.Pixels:
		s.source = "a sample of " + c.Frame.Truth
		if c.Frame.Truth == "" {
			s.source = "a sample of a simulated deep-sky frame"
		}
		return ranks.OnRoot(comm, func() error { return c.sample(s) })
	}
	sim := &c.Simulate
	s.source = "simulated survey"
	s.survey = &simulate.Survey{Seed: c.Seed, Dim: sim.Dim, Clusters: sim.Clusters, Clustered: sim.Clustered, Noise: sim.Noise}
	lo, hi := halo.Split(sim.Count, comm.Size(), comm.Rank())
	s.data = kernel.Observations{Dim: sim.Dim, X: make([]float64, (hi-lo)*sim.Dim), Y: make([]float64, hi-lo)}
	for i := lo; i < hi; i++ {
		s.data.Y[i-lo] = s.survey.Observation(i, s.data.X[(i-lo)*sim.Dim:(i-lo+1)*sim.Dim])
	}
	return nil
}

// columns finds the coordinates, the value and the standard deviation (-1: none).
func (c *settings) columns(t *imageio.Table) (coordinates []int, rest [2]int, err error) {
	names := c.Observations.Columns
	dim := c.Observations.Dim
	if len(names) == 0 {
		return recognise(t, dim)
	}
	var at []int
	for _, name := range names {
		i := t.Column(name)
		if i < 0 {
			return nil, rest, fmt.Errorf("no column %q in %s", name, describeColumns(t))
		}
		at = append(at, i)
	}
	if dim == 0 {
		dim = len(at) - 1
	}
	if dim < 1 || dim > 3 || len(at) < dim+1 || len(at) > dim+2 {
		return nil, rest, fmt.Errorf("%d columns: want 1 to 3 coordinates, the value and, with observations.dim set, sigma", len(at))
	}
	rest = [2]int{at[dim], -1}
	if len(at) == dim+2 {
		rest[1] = at[dim+1]
	}
	return at[:dim], rest, nil
}

func describeColumns(t *imageio.Table) string {
	if t.Names == nil {
		return fmt.Sprintf("%d columns without names", t.Cols)
	}
	return strings.Join(t.Names, ", ")
}

// recognise guesses the columns: by well-known names where there are names,
// otherwise the coordinates first, then the value, then sigma.
func recognise(t *imageio.Table, dim int) (coordinates []int, rest [2]int, err error) {
	rest = [2]int{-1, -1}
	first := func(names ...string) int {
		for _, name := range names {
			if i := t.Column(name); i >= 0 && t.Names != nil {
				return i
			}
		}
		return -1
	}
	for _, set := range [][]string{{"row", "col"}, {"ra", "dec"}, {"x", "y", "z"}, {"x1", "x2", "x3"}} {
		var found []int
		for _, name := range set {
			if i := first(name); i >= 0 {
				found = append(found, i)
			}
		}
		if len(found) > len(coordinates) {
			coordinates = found
		}
	}
	rest[0], rest[1] = first("value", "data", "flux", "v"), first("sigma", "error", "std")
	if len(coordinates) > 0 && rest[0] >= 0 && (dim == 0 || dim == len(coordinates)) {
		return coordinates, rest, nil
	}
	if dim == 0 {
		dim = t.Cols - 1
	}
	if dim < 1 || dim > 3 || t.Cols < dim+1 || t.Cols > dim+2 {
		return nil, rest, fmt.Errorf("%s: which are coordinates, value and sigma? Name them, or set observations.dim", describeColumns(t))
	}
	coordinates = nil
	for k := range dim {
		coordinates = append(coordinates, k)
	}
	rest = [2]int{dim, -1}
	if t.Cols == dim+2 {
		rest[1] = dim + 1
	}
	return coordinates, rest, nil
}

// readObservations takes the columns of the table; a row without a finite place,
// value or standard deviation is an error that names it.
func (c *settings) readObservations(s *scattered) error {
	path := c.Observations.Path
	t, err := imageio.ReadTable(path)
	if err != nil {
		return err
	}
	coordinates, rest, err := c.columns(t)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if t.Rows == 0 {
		return fmt.Errorf("%s: no observations in it", path)
	}
	d := kernel.Observations{Dim: len(coordinates)}
	for i := range t.Rows {
		row := t.Data[i*t.Cols : (i+1)*t.Cols]
		for _, k := range append(append([]int(nil), coordinates...), rest[0]) {
			if math.IsNaN(row[k]) || math.IsInf(row[k], 0) {
				return fmt.Errorf("%s: %s, column %d: %v", path, t.Where(i), k+1, row[k])
			}
		}
		for _, k := range coordinates {
			d.X = append(d.X, row[k])
		}
		d.Y = append(d.Y, row[rest[0]])
		if k := rest[1]; k >= 0 {
			if !(row[k] > 0) || math.IsInf(row[k], 0) {
				return fmt.Errorf("%s: %s, column %d: sigma %v, want more than 0", path, t.Where(i), k+1, row[k])
			}
			d.Sigma = append(d.Sigma, row[k])
		}
	}
	s.data = d
	return nil
}

// readTruth looks up how large the frame is, and what it is where that is known.
func (c *settings) readTruth(s *scattered) error {
	if !c.Frame.Pixels {
		return nil
	}
	if s.data.Dim != 2 {
		return fmt.Errorf("%s: pixels have a row and a column, these observations %d coordinates", s.source, s.data.Dim)
	}
	s.rows, s.cols = c.Frame.Rows, c.Frame.Cols
	if c.Frame.Truth != "" {
		f, err := imageio.ReadFrame(c.Frame.Truth)
		if err != nil {
			return err
		}
		s.frame = luminance(f)
		s.rows, s.cols = f.Rows, f.Cols
	}
	for i := 0; i < len(s.data.X); i += 2 {
		r, q := s.data.X[i], s.data.X[i+1]
		if r < 0 || q < 0 || r > 1<<20 || q > 1<<20 {
			return fmt.Errorf("%s: observation %d at row %v, column %v is outside of any frame", s.source, i/2, r, q)
		}
		if c.Frame.Truth == "" && c.Frame.Rows == 0 {
			s.rows = max(s.rows, int(math.Ceil(r))+1)
		}
		if c.Frame.Truth == "" && c.Frame.Cols == 0 {
			s.cols = max(s.cols, int(math.Ceil(q))+1)
		}
	}
	return nil
}

// luminance is the mean of the channels, 0 where it is missing.
func luminance(f *imageio.Frame) *imageio.Frame {
	n := f.Rows * f.Cols
	g := &imageio.Frame{Channels: 1, Rows: f.Rows, Cols: f.Cols, Data: make([]float64, n), Format: f.Format}
	for i, v := range f.Data {
		g.Data[i%n] += v / float64(f.Channels)
	}
	for i, v := range g.Data {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			g.Data[i] = 0
		}
	}
	return g
}

// sample observes some pixels of a frame, more of them where it is bright.
func (c *settings) sample(s *scattered) error {
	if c.Frame.Truth != "" {
		f, err := imageio.ReadFrame(c.Frame.Truth)
		if err != nil {
			return err
		}
		s.frame = luminance(f)
	} else {
		rows, cols := c.Frame.Rows, c.Frame.Cols
		if rows == 0 {
			rows = 256
		}
		if cols == 0 {
			cols = 256
		}
		sky := simulate.Sky(simulate.SkyOptions{Seed: c.Seed, Rows: rows, Cols: cols})
		s.frame = &imageio.Frame{Channels: 1, Rows: rows, Cols: cols, Data: sky.Render(simulate.Box{R1: rows, C1: cols})}
	}
	s.rows, s.cols = s.frame.Rows, s.frame.Cols
	mean := 0.0
	for _, v := range s.frame.Data {
		mean += max(v, 0) / float64(len(s.frame.Data))
	}
	s.data = kernel.Observations{Dim: 2}
	for i, v := range s.frame.Data {
		if simulate.Sampled(c.Seed, i, c.Frame.Fraction, max(v, 0), mean) {
			s.data.X = append(s.data.X, float64(i/s.cols), float64(i%s.cols))
			s.data.Y = append(s.data.Y, v)
		}
	}
	return nil
}

// bounds is the box of the observations, or of the frame they are pixels of.
func (s *scattered) bounds(comm ranks.Comm) error {
	d := s.data.Dim
	box := make([]float64, 2*d)
	for k := range box {
		box[k] = math.Inf(1)
	}
	for i, x := range s.data.X {
		k := i % d
		box[k], box[d+k] = min(box[k], x), min(box[d+k], -x)
	}
	if s.rows > 0 && d == 2 {
		copy(box, []float64{0, 0, -float64(s.rows - 1), -float64(s.cols - 1)})
	}
	if err := comm.Allreduce(box, box, ranks.Min); err != nil {
		return err
	}
	s.lo, s.hi = box[:d], box[d:]
	for k := range s.hi {
		s.hi[k] = -s.hi[k]
	}
	return nil
}
