package mlpatch

import (
	"fmt"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/config"
	"tessera/internal/frames"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/random"
	"tessera/ranks"
)

// tomographySection is the section [tomography]: parallel projections in the place of a blur.
type tomographySection struct {
	Angles int `toml:"angles"` // from 0 to 180 degrees; 0 = no tomography
	Rows   int `toml:"rows"`   // of the frame, where image.path names projections
	Cols   int `toml:"cols"`
}

func (s *tomographySection) check(f *config.File, image *frames.ImageSection, blur *frames.BlurSection, sigma float64) {
	const most = 1 << 14
	f.Want(s.Angles >= 0 && s.Angles <= most, "tomography.angles", "0 to %d; 0 = no tomography", most)
	if s.Angles == 0 {
		return
	}
	f.Want(blur.Kind == "none" || !f.Has("blur.kind"), "blur.kind", `"none" with tomography.angles`)
	f.Want(image.Path == "" || s.Rows >= 1 && s.Rows <= most && s.Cols >= 1 && s.Cols <= most, "tomography.rows", "tomography.rows and tomography.cols, 1 to %d pixels: the frame that the projections of image.path show", most)
	f.Want(image.Path == "" || sigma > 0, "noise.sigma", "the standard deviation of the projections")
	blur.Kind = "none"
}

// forTomography is the purpose of the noise of projections.
const forTomography = 42

// scan are parallel projections of a frame.
type scan struct {
	op      *forward.Projector
	data    []float64 // angles of this rank x bins
	weights forward.Weights
	noise   float64 // standard deviation of a number of weight 1
}

// project makes the projections of a simulated frame, with noise, or takes them from an observation of angles x bins. It returns the
// observation of the frame, whose data are the filtered back-projection. share is the noise in units of the largest projection.
// Collective.
func (s *tomographySection) project(comm ranks.Comm, o *frames.Observation, seed uint64, share, sigma float64) (*scan, *frames.Observation, error) {
	if o.Channels != 1 {
		return nil, nil, fmt.Errorf("tomography of %d channels, want one", o.Channels)
	}
	out, c := *o, &scan{noise: sigma}
	var err error
	if !o.Made {
		rows, bins := o.Shape()
		if rows != s.Angles {
			return nil, nil, fmt.Errorf("the projections have %d rows and tomography.angles is %d: want a row for each angle", rows, s.Angles)
		}
		if out.Frame, err = halo.Decompose([]int{s.Rows, s.Cols}, comm.Size()); err != nil {
			return nil, nil, err
		}
		if c.op, err = forward.NewProjector(comm, out.Frame, s.Angles, bins); err != nil {
			return nil, nil, err
		}
		if c.data, err = c.cut(comm, o, o.Data); err != nil {
			return nil, nil, err
		}
		if o.Weights != nil {
			w, err := c.cut(comm, o, o.Weights)
			if err != nil {
				return nil, nil, err
			}
			c.weights = w
		}
	} else if err = c.simulate(comm, o, s.Angles, seed, share); err != nil {
		return nil, nil, err
	}
	out.Weights, out.Source = nil, nil
	if o.Made {
		out.Source = o.Source
	}
	clean := append([]float64(nil), c.data...)
	for i, v := range clean {
		if math.IsNaN(v) || c.weights.Missing(i) {
			clean[i] = 0
		}
	}
	_, n := c.op.Dims()
	out.Data = make([]float64, n)
	out.Noise = c.noise
	return c, &out, c.op.FilteredBackProjection(out.Data, clean)
}

// cut gives every rank its angles of an array of angles x bins. Collective.
func (c *scan) cut(comm ranks.Comm, o *frames.Observation, own []float64) ([]float64, error) {
	whole, err := o.Frame.GatherTo(comm, 0, own, 1)
	if err != nil {
		return nil, err
	}
	angles, bins := o.Shape()
	var boxes []halo.Box
	for r := range comm.Size() {
		lo, hi := halo.Split(angles, comm.Size(), r)
		boxes = append(boxes, halo.Box{Lo: []int{lo, 0}, Hi: []int{hi, bins}})
	}
	rows, err := halo.FromBoxes([]int{angles, bins}, boxes)
	if err != nil {
		return nil, err
	}
	return rows.ScatterFrom(comm, 0, whole, 1)
}

// simulate projects the truth. Collective.
func (c *scan) simulate(comm ranks.Comm, o *frames.Observation, angles int, seed uint64, share float64) (err error) {
	if c.op, err = forward.NewProjector(comm, o.Frame, angles, 0); err != nil {
		return err
	}
	m, _ := c.op.Dims()
	c.data = make([]float64, m)
	x := append([]float64(nil), o.Truth...)
	for i, v := range x {
		if math.IsNaN(v) {
			x[i] = 0
		}
	}
	if err := c.op.Apply(c.data, x); err != nil {
		return err
	}
	top := []float64{0}
	for _, v := range c.data {
		top[0] = max(top[0], math.Abs(v))
	}
	if err := comm.Allreduce(top, top, ranks.Max); err != nil {
		return err
	}
	if c.noise == 0 {
		c.noise = share * top[0]
	}
	lo, _ := halo.Split(angles, comm.Size(), comm.Rank())
	draw := random.New(seed, forTomography)
	for i := range c.data {
		c.data[i] += share * top[0] * draw.Normal(uint64(lo*c.op.Bins()+i))
	}
	return nil
}

// shape is that of the frame that is restored.
func (w *work) shape() (*imageio.Frame, error) {
	if s := w.tomography; s != nil && s.Angles > 0 && w.image.Path != "" {
		return &imageio.Frame{Channels: 1, Rows: s.Rows, Cols: s.Cols}, nil
	}
	return w.source().Shape()
}

// fit says how a frame agrees with the projections: their residual alone, as the projections are in another unit.
// Collective; the error is the same on all ranks.
func (c *scan) fit(comm ranks.Comm, x []float64) (*lifecycle.Fit, error) {
	model := make([]float64, len(c.data))
	if err := c.op.Apply(model, x); err != nil {
		return nil, err
	}
	sums := make([]float64, 2)
	for i, v := range c.data {
		if math.IsNaN(v) || c.weights.Missing(i) {
			continue
		}
		sums[0] += c.weights.At(i) * (v - model[i]) * (v - model[i])
		sums[1]++
	}
	if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return nil, err
	}
	return &lifecycle.Fit{ResidualRMS: lifecycle.Number(math.Sqrt(sums[0] / sums[1]))}, nil
}

// scanned tells whether the data are projections.
func (w *work) scanned() bool { return w.tomography != nil && w.tomography.Angles > 0 }

// scan replaces an observation by its projections, where the config asks for them. Collective.
func (w *work) scan(comm ranks.Comm, o *frames.Observation) (*scan, *frames.Observation, error) {
	if !w.scanned() {
		return nil, o, nil
	}
	shape := w.tomography
	pixels := float64(len(o.Data))
	if err := lifecycle.CheckRoom(comm, 8*(10*pixels+4*float64(shape.Angles)*1.5*math.Sqrt(pixels*float64(comm.Size()))), "the size of the frame, or tomography.angles"); err != nil {
		return nil, nil, err
	}
	s, out, err := shape.project(comm, o, w.seed, w.simulate.Noise, w.sigma)
	return s, out, ranks.AgreeError(comm, err)
}
