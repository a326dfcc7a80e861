package kernel

import (
	"errors"
	"math"
	"slices"

	"tessera/internal/imageio"
	"tessera/internal/simulate"
	"tessera/tikhonov/kernel"
)

// excerptMost is how many observations a plan looks at, at most.
const excerptMost = 4000

// pieceSide is the side of the piece of a frame that a plan samples.
const pieceSide = 256

// excerpt is a sample of the observations, from which a plan concludes what all of them
// cost.
type excerpt struct {
	data   kernel.Observations
	door   door         // between the file and data
	count  float64      // observations in all
	held   float64      // observations in the region that the sample comes from: count, or those of a piece of the frame
	lo, hi []float64    // box of all, as the solver sees it
	box    [2][]float64 // the same in the units of the file: lo, hi
	region []float64    // sides of the region
	rows   int          // of the frame; 0 = none
	cols   int
	truth  bool   // the frame is known
	file   string // where the observations come from; "" = the program makes them
}

// excerpt reads or makes a sample. It reads headers and some rows or pixels only; a CSV
// file is gone through once.
func (c *settings) excerpt() (*excerpt, error) {
	e := &excerpt{file: c.Observations.Path, truth: c.Frame.Pixels}
	var err error
	switch {
	case c.Observations.Path != "":
		err = e.fromTable(c)
	case c.Frame.Pixels:
		err = e.fromFrame(c)
	default:
		sim := &c.Simulate
		s := &simulate.Survey{Seed: c.Seed, Dim: sim.Dim, Clusters: sim.Clusters, Clustered: sim.Clustered, Noise: sim.Noise}
		e.fill(sim.Dim, sim.Count, s.Observation)
	}
	if err != nil {
		return nil, err
	}
	e.bounds()
	return e, nil
}

// fill makes the first observations of a survey: they are drawn independently, so that
// the first are a fair sample.
func (e *excerpt) fill(dim, count int, observe func(i int, x []float64) float64) {
	n := min(count, excerptMost)
	e.data = kernel.Observations{Dim: dim, X: make([]float64, n*dim), Y: make([]float64, n)}
	for i := range n {
		e.data.Y[i] = observe(i, e.data.X[i*dim:(i+1)*dim])
	}
	e.count, e.held = float64(count), float64(count)
	e.door = plainDoor(dim)
}

func (e *excerpt) fromTable(c *settings) error {
	t, rows, err := imageio.SampleTable(c.Observations.Path, excerptMost)
	if err != nil {
		return err
	}
	s := &scattered{source: c.Observations.Path}
	if err := c.take(s, t); err != nil {
		return err
	}
	e.enter(c, s)
	kept := float64(len(s.raw.Y)) / float64(t.Rows) // but for those that are left out
	e.count, e.held = float64(rows)*kept, float64(rows)*kept
	if !c.Frame.Pixels {
		return nil
	}
	if e.truth = c.Frame.Truth != ""; e.truth {
		f, err := imageio.Stat(c.Frame.Truth)
		if err != nil {
			return err
		}
		e.rows, e.cols = f.Rows, f.Cols
	}
	if err := c.placePixels(s, e.rows, e.cols); err != nil {
		return err
	}
	e.rows, e.cols = s.rows, s.cols
	return nil
}

// fromFrame samples the pixels of the middle of the frame, or of a small sky.
func (e *excerpt) fromFrame(c *settings) error {
	s := &scattered{}
	if c.Frame.Truth != "" {
		f, err := imageio.Stat(c.Frame.Truth)
		if err != nil {
			return err
		}
		e.rows, e.cols = f.Rows, f.Cols
		rows, cols := min(f.Rows, pieceSide), min(f.Cols, pieceSide)
		r0, c0 := (f.Rows-rows)/2, (f.Cols-cols)/2
		if f, err = imageio.ReadBox(c.Frame.Truth, imageio.Box{R0: r0, R1: r0 + rows, C0: c0, C1: c0 + cols}); err != nil {
			return err
		}
		s.frame = luminance(f)
	} else {
		e.rows, e.cols = c.Frame.shape()
		rows, cols := min(e.rows, pieceSide), min(e.cols, pieceSide)
		sky := simulate.Sky(simulate.SkyOptions{Seed: c.Seed, Rows: rows, Cols: cols})
		s.frame = &imageio.Frame{Channels: 1, Rows: rows, Cols: cols, Data: sky.Render(simulate.Box{R1: rows, C1: cols})}
	}
	s.rows, s.cols = s.frame.Rows, s.frame.Cols
	s.pick(c.Seed, c.Frame.Fraction)
	if len(s.raw.Y) == 0 {
		return errors.New("no observations to make a plan from: the sample of them is empty")
	}
	e.enter(c, s)
	e.held = float64(len(s.raw.Y))
	e.count = e.held * float64(e.rows) / float64(s.rows) * float64(e.cols) / float64(s.cols)
	e.region = e.door.places([]float64{float64(s.rows), float64(s.cols)})
	e.data = every(&e.data, excerptMost)
	return nil
}

// enter brings observations into the numbers of the solver.
func (e *excerpt) enter(c *settings, s *scattered) {
	e.door = c.newDoor(&s.raw)
	e.data = e.door.observations(&s.raw)
	d := s.raw.Dim
	e.box[0], e.box[1] = slices.Clone(s.raw.X[:d]), slices.Clone(s.raw.X[:d])
	for i, x := range s.raw.X {
		e.box[0][i%d], e.box[1][i%d] = min(e.box[0][i%d], x), max(e.box[1][i%d], x)
	}
}

// every is an even sample of at most so many observations.
func every(o *kernel.Observations, most int) kernel.Observations {
	n, d := len(o.Y), o.Dim
	if n <= most {
		return *o
	}
	p := kernel.Observations{Dim: d}
	for k := range most {
		i := int(float64(k) * float64(n) / float64(most))
		p.X = append(p.X, o.X[i*d:(i+1)*d]...)
		p.Y = append(p.Y, o.Y[i])
		if o.Sigma != nil {
			p.Sigma = append(p.Sigma, o.Sigma[i])
		}
	}
	return p
}

// bounds finds the box of all observations: that of the frame, or of the sample.
func (e *excerpt) bounds() {
	d := e.data.Dim
	e.lo, e.hi = slices.Repeat([]float64{math.Inf(1)}, d), slices.Repeat([]float64{math.Inf(-1)}, d)
	for i, x := range e.data.X {
		e.lo[i%d], e.hi[i%d] = min(e.lo[i%d], x), max(e.hi[i%d], x)
	}
	if e.rows > 0 {
		e.box = [2][]float64{{0, 0}, {float64(e.rows - 1), float64(e.cols - 1)}}
		e.lo, e.hi = e.door.places(e.box[0]), e.door.places(e.box[1])
	}
	if e.box[0] == nil {
		e.box = [2][]float64{e.lo, e.hi}
	}
	if e.rows > 0 || e.file == "" {
		e.door.volume = 1
		for k := range e.lo {
			if side := e.hi[k] - e.lo[k]; side > 0 {
				e.door.volume *= side
			}
		}
	}
	if e.region == nil {
		for k := range d {
			e.region = append(e.region, e.hi[k]-e.lo[k])
		}
	}
}

// thinning is how many times farther apart the observations of a sample of n are than
// all observations of the region.
func (e *excerpt) thinning(n int) float64 {
	return max(1, math.Pow(e.held/float64(n), 1/float64(e.data.Dim)))
}
