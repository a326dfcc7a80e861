package kernel

import (
	"context"
	"fmt"
	"math"

	"tessera/halo"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/simulate"
	"tessera/internal/tables"
	"tessera/ranks"
	"tessera/tikhonov/kernel"
)

// scattered is this rank's share of the observations, and what is known of the truth.
type scattered struct {
	data   kernel.Observations // as the solver sees them
	door   door
	source string
	lo, hi []float64 // the box of all of them, in the unit of the file
	survey *simulate.Survey
	frame  *imageio.Frame // rank 0: the whole frame that pixels come from; nil where unknown
	rows   int            // of the frame; 0 = none
	cols   int

	// Rank 0.
	raw     kernel.Observations // in the units of the file; of a simulated survey none
	columns *tables.Columns     // of the table; nil without one
	units   []string            // of its coordinates, "" = not said
	value   string              // name of its values
	unit    string              // and their unit
	where   func(i int) string  // line or row of an observation; nil without a table
	inputs  []lifecycle.Input

	outliers []columnOutliers // of the table
}

// observe reads or makes the observations. Rank 0 reads files and then holds all
// observations, until the solver distributes them; of a simulated survey every rank makes
// its share. Collective; the error is the same on all ranks.
func (c *settings) observe(ctx context.Context, comm ranks.Comm) (*scattered, error) {
	if err := c.checkRoom(comm); err != nil {
		return nil, err
	}
	s := &scattered{}
	if err := c.fill(ctx, comm, s); err != nil {
		return nil, err
	}
	return s, c.enter(comm, s)
}

// enter brings the observations that rank 0 has read into the numbers of the solver, and
// finds their box. Collective.
func (c *settings) enter(comm ranks.Comm, s *scattered) error {
	if s.survey == nil {
		if comm.Rank() == 0 {
			s.door = c.newDoor(&s.raw)
			s.data = s.door.observations(&s.raw)
			s.where = nil // it holds the table
		}
		if err := ranks.Share(comm, &s.door.dim, &s.data.Dim, &s.rows, &s.cols); err != nil {
			return err
		}
		if err := s.door.share(comm); err != nil {
			return err
		}
	} else {
		s.door = plainDoor(s.data.Dim)
	}
	if err := s.bounds(comm); err != nil {
		return err
	}
	if s.survey != nil || s.rows > 0 {
		s.door.volume = 1
		for k := range s.lo {
			if side := (s.hi[k] - s.lo[k]) / s.door.unit[k]; side > 0 {
				s.door.volume *= side
			}
		}
	}
	return nil
}

func (c *settings) fill(ctx context.Context, comm ranks.Comm, s *scattered) error {
	switch {
	case c.Observations.Path != "":
		s.source = c.Observations.Path
		return ranks.OnRoot(comm, func() error {
			if err := c.readObservations(s); err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			return c.readTruth(s)
		})
	case c.Frame.Pixels:
		s.source = "a sample of " + c.Frame.Truth
		if c.Frame.Truth == "" {
			s.source = "a sample of a simulated deep-sky frame"
		}
		return ranks.OnRoot(comm, func() error { return c.sample(ctx, s) })
	}
	sim := &c.Simulate
	s.source = "simulated survey"
	s.survey = &simulate.Survey{Seed: c.Seed, Dim: sim.Dim, Clusters: sim.Clusters, Clustered: sim.Clustered, Noise: sim.Noise}
	lo, hi := halo.Split(sim.Count, comm.Size(), comm.Rank())
	s.data = kernel.Observations{Dim: sim.Dim, X: make([]float64, (hi-lo)*sim.Dim), Y: make([]float64, hi-lo)}
	for i := lo; i < hi; i++ {
		if i%4096 == 0 && ctx.Err() != nil {
			break
		}
		s.data.Y[i-lo] = s.survey.Observation(i, s.data.X[(i-lo)*sim.Dim:(i-lo+1)*sim.Dim])
	}
	return ranks.AgreeError(comm, ctx.Err())
}

// luminance is the mean of the channels, NaN where one of them is missing.
func luminance(f *imageio.Frame) *imageio.Frame {
	n := f.Rows * f.Cols
	g := &imageio.Frame{Channels: 1, Rows: f.Rows, Cols: f.Cols, Data: make([]float64, n), Format: f.Format}
	for i, v := range f.Data {
		g.Data[i%n] += v / float64(f.Channels)
	}
	for i, v := range g.Data {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			g.Data[i] = math.NaN()
		}
	}
	return g
}

// sample observes some pixels of a frame, more of them where it is bright.
func (c *settings) sample(ctx context.Context, s *scattered) error {
	if c.Frame.Truth != "" {
		var err error
		if s.frame, err = c.readFrame(s); err != nil {
			return err
		}
	} else {
		rows, cols := c.Frame.shape()
		sky := simulate.Sky(simulate.SkyOptions{Seed: c.Seed, Rows: rows, Cols: cols})
		s.frame = &imageio.Frame{Channels: 1, Rows: rows, Cols: cols, Data: make([]float64, 0, rows*cols)}
		for r := 0; r < rows; r += 256 {
			if err := ctx.Err(); err != nil {
				return err
			}
			s.frame.Data = append(s.frame.Data, sky.Render(simulate.Box{R0: r, R1: min(rows, r+256), C1: cols})...)
		}
	}
	s.rows, s.cols = s.frame.Rows, s.frame.Cols
	s.pick(c.Seed, c.Frame.Fraction)
	if len(s.raw.Y) == 0 {
		return fmt.Errorf("no pixel of %s is observed: frame.fraction = %g of those that are not missing", s.source, c.Frame.Fraction)
	}
	return nil
}

// readFrame reads frame.truth.
func (c *settings) readFrame(s *scattered) (*imageio.Frame, error) {
	f, err := imageio.ReadFrame(c.Frame.Truth)
	if err != nil {
		return nil, err
	}
	note, err := c.leaveMarks(s, f)
	if err != nil {
		return nil, err
	}
	g := luminance(f)
	missing := 0
	for _, v := range g.Data {
		if math.IsNaN(v) {
			missing++
		}
	}
	in := lifecycle.Input{File: c.Frame.Truth, Part: f.Format, Axes: fmt.Sprintf("%d rows x %d columns x %d channels", f.Rows, f.Cols, f.Channels), Missing: "none missing"}
	if missing > 0 {
		in.Missing = fmt.Sprintf("%d pixels missing (NaN or infinite)", missing)
		if note != "" {
			in.Missing = fmt.Sprintf("%d pixels missing (NaN, infinite or a mark)", missing)
		}
	}
	if f.Channels > 1 {
		in.Note = "channels averaged"
	}
	frames.DescribeOutliers(&in, note)
	s.inputs = append(s.inputs, in)
	return g, nil
}

// pick observes some pixels of the frame.
func (s *scattered) pick(seed uint64, fraction float64) {
	mean, known := 0.0, 0
	for _, v := range s.frame.Data {
		if !math.IsNaN(v) {
			mean += max(v, 0)
			known++
		}
	}
	mean /= float64(max(1, known))
	s.raw = kernel.Observations{Dim: 2}
	for i, v := range s.frame.Data {
		if !math.IsNaN(v) && simulate.Sampled(seed, i, fraction, max(v, 0), mean) {
			s.raw.X = append(s.raw.X, float64(i/s.cols), float64(i%s.cols))
			s.raw.Y = append(s.raw.Y, v)
		}
	}
}

// bounds is the box of the observations, or of the frame they are pixels of.
func (s *scattered) bounds(comm ranks.Comm) error {
	d := s.door.dim
	box := make([]float64, 2*d)
	for k := range box {
		box[k] = math.Inf(1)
	}
	x := s.raw.X
	if s.survey != nil {
		x = s.data.X
	}
	for i, x := range x {
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
