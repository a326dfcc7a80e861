package frames

import (
	"fmt"
	"math"
	"strings"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/loadbalance"
	"tessera/psfmodel"
	"tessera/ranks"
	"tessera/tikhonov/image"
)

// Observation is this rank's part of a frame to be restored, and of the true frame where
// that is known.
type Observation struct {
	Channels int
	Frame    *halo.Decomposition // of (rows, cols)
	Data     []float64           // channels x owned rows x owned cols
	Weights  forward.Weights     // owned rows x owned cols, or as Data where channels differ; 1 or 1/variance, 0 = missing; nil = all ones
	Truth    []float64           // as Data; nil = unknown
	Noise    float64             // standard deviation of the simulated noise of a pixel of weight 1: in the unit of Data x sqrt(weight); 0 = unknown
	Source   *imageio.Frame      // rank 0: header and shape of the file that was read, Data is nil; nil if no file was read
	FITS     bool                // the file that was read is a FITS file; the same on all ranks
	Made     bool                // the program has made the observation from the truth; the same on all ranks
	Holes    bool                // values of the truth are missing (NaN); the same on all ranks
	Outliers *lifecycle.Outliers // what was found far from all other values; nil = nothing; the same on all ranks
	Inputs   []lifecycle.Input   // rank 0: what was taken from the files
	marks    []marked            // rank 0: what was found in the planes beside the frame
	Varying  *forward.VaryingPSF // the PSF where it changes over the frame; nil = it does not
	Model    *psfmodel.Model     // that it is from
}

// Shape is the number of rows and columns of the whole frame.
func (o *Observation) Shape() (rows, cols int) {
	hi := o.Frame.Domain().Hi
	return hi[0], hi[1]
}

// Problem is the observation in the form that image.Solve takes, with this PSF unless it varies.
func (o *Observation) Problem(psf forward.PSF) *image.Problem {
	return &image.Problem{Channels: o.Channels, Frame: o.Frame, Data: o.Data, Weights: o.Weights, PSF: psf, Varying: o.Varying}
}

// ApartChannels tells whether the channels have different weights. It is the same on all ranks.
func (o *Observation) ApartChannels() bool {
	return o.Weights != nil && len(o.Weights) == len(o.Data) && o.Channels > 1
}

// Observed is the number of observed pixels of each channel, on all ranks. Collective.
func (o *Observation) Observed(comm ranks.Comm) ([]float64, error) {
	counts, pixels := make([]float64, o.Channels), len(o.Data)/o.Channels
	for i := range o.Data {
		if !o.Weights.Missing(i) {
			counts[i/pixels]++
		}
	}
	err := comm.Allreduce(counts, counts, ranks.Sum)
	return counts, err
}

// MarkUnseen makes the channels of arrays NaN of which no pixel was observed. Collective.
func (o *Observation) MarkUnseen(comm ranks.Comm, arrays ...[]float64) error {
	counts, err := o.Observed(comm)
	if err != nil {
		return err
	}
	pixels := len(o.Data) / o.Channels
	for _, a := range arrays {
		for i := range a {
			if counts[i/pixels] == 0 {
				a[i] = math.NaN()
			}
		}
	}
	return nil
}

// equalBoxes cuts a frame into boxes of equal size.
func equalBoxes(comm ranks.Comm, rows, cols int) (*halo.Decomposition, error) {
	return halo.Decompose([]int{rows, cols}, comm.Size())
}

// observedBoxes cuts a frame into boxes of different sizes with as many observed pixels
// each. weights are on rank 0, rows x cols; nil = all pixels were observed.
func observedBoxes(weights []float64) func(ranks.Comm, int, int) (*halo.Decomposition, error) {
	return func(comm ranks.Comm, rows, cols int) (*halo.Decomposition, error) {
		shape := []int{rows, cols}
		corners := make([]float64, 4*comm.Size())
		err := ranks.OnRoot(comm, func() error {
			observed := make([]float64, rows*cols)
			for i := range max(len(weights), len(observed)) {
				if weights == nil || weights[i] > 0 {
					observed[i%len(observed)] = 1
				}
			}
			boxes, err := loadbalance.FrameBoxes(shape, observed, comm.Size(), nil)
			for r, b := range boxes {
				for k := range 2 {
					corners[4*r+k], corners[4*r+2+k] = float64(b.Lo[k]), float64(b.Hi[k])
				}
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if err := comm.Bcast(corners, 0); err != nil {
			return nil, err
		}
		var boxes []halo.Box
		for c := corners; len(c) > 0; c = c[4:] {
			boxes = append(boxes, halo.Box{Lo: []int{int(c[0]), int(c[1])}, Hi: []int{int(c[2]), int(c[3])}})
		}
		return halo.FromBoxes(shape, boxes)
	}
}

// scatterFrame sends every rank its box of a frame that rank 0 holds, and lets go of the
// whole on rank 0. Collective.
func scatterFrame(comm ranks.Comm, f *imageio.Frame, boxes func(ranks.Comm, int, int) (*halo.Decomposition, error)) (*Observation, error) {
	o := &Observation{}
	var whole []float64
	if comm.Rank() == 0 {
		whole, f.Data = f.Data, nil
		o.Source = f
	}
	err := o.cut(comm, boxes)
	if err != nil {
		return nil, err
	}
	o.Data, err = o.Frame.ScatterFrom(comm, 0, whole, o.Channels)
	return o, err
}

// cut divides a frame with the shape of o.Source, which rank 0 knows, into boxes.
// Collective.
func (o *Observation) cut(comm ranks.Comm, boxes func(ranks.Comm, int, int) (*halo.Decomposition, error)) error {
	var rows, cols, fits int
	if f := o.Source; f != nil {
		o.Channels, rows, cols = f.Channels, f.Rows, f.Cols
		if f.Format == "fits" {
			fits = 1
		}
	}
	if err := ranks.Share(comm, &o.Channels, &rows, &cols, &fits); err != nil {
		return err
	}
	o.FITS = fits == 1
	var err error
	o.Frame, err = boxes(comm, rows, cols)
	return err
}

// ReadObservation reads the frame, mask and weights of the section [image]: the box of
// them, nil = all. Rank 0 reads and sends every rank its part. Collective; the error is
// the same on all ranks.
func ReadObservation(comm ranks.Comm, s *ImageSection, box *imageio.Box) (*Observation, error) {
	var f *imageio.Frame
	var weights []float64
	var inputs []lifecycle.Input
	var marks []marked
	err := ranks.OnRoot(comm, func() (err error) {
		if f, err = readFrame(s.Path, box); err != nil {
			return err
		}
		weights, inputs, marks, err = readWeights(s, f, box)
		return err
	})
	if err != nil {
		return nil, err
	}
	boxes := equalBoxes
	if s.Balance == ByObserved {
		boxes = observedBoxes(weights)
	}
	o, err := scatterFrame(comm, f, boxes)
	if err != nil {
		return nil, err
	}
	o.Inputs, o.marks = inputs, marks
	return o, o.scatterWeights(comm, weights)
}

func readFrame(path string, box *imageio.Box) (*imageio.Frame, error) {
	if box == nil {
		return imageio.ReadFrame(path)
	}
	return imageio.ReadBox(path, *box)
}

// readWeights joins the planes of the frame and its values that are not finite to weights of
// rows x cols, or channels x rows x cols where channels differ; nil if all are one. f.Data is
// nil for a frame that is yet to be simulated. A box of a file may have no observed pixel.
func readWeights(s *ImageSection, f *imageio.Frame, box *imageio.Box) (weights []float64, inputs []lifecycle.Input, marks []marked, err error) {
	list, said, err := s.planes()
	if err != nil {
		return nil, nil, nil, err
	}
	j := joined{box: imageio.Box{R1: f.Rows, C1: f.Cols}, channels: f.Channels}
	headers := make([]*imageio.Frame, len(list))
	marks = make([]marked, len(list))
	for i := range list {
		p, err := readMap(list[i].path, f, box)
		if err != nil {
			return nil, nil, nil, &planeError{list[i].key, err}
		}
		if err := refuseLossy(&list[i], p); err != nil {
			return nil, nil, nil, err
		}
		if marks[i], err = list[i].leaveMarks(nil, nil, s.Outliers, p.Data, f.Rows, f.Cols, j.box); err != nil {
			return nil, nil, nil, err
		}
		if marks[i].whole != "" && box == nil {
			return nil, nil, nil, &keyError{list[i].key, list[i].path, marks[i].whole}
		}
		if err := j.take(&list[i], p.Data, p.Type); err != nil {
			return nil, nil, nil, &planeError{list[i].key, err}
		}
		p.Data, headers[i] = nil, p
	}
	j.finite(f.Data)
	if !s.PerChannel || box != nil {
		j.narrow()
	}
	if box != nil {
		return j.w, nil, nil, nil
	}
	if err := sensible(s, list, j.counts, j.observed()); err != nil {
		return nil, nil, nil, err
	}
	inputs = inputsOf(s, f, list, headers, j.counts, said)
	describeMarks(inputs, marks)
	return j.w, inputs, marks, nil
}

// inputsOf describes the files of a frame.
func inputsOf(s *ImageSection, f *imageio.Frame, list []plane, headers []*imageio.Frame, counts []count, said string) (inputs []lifecycle.Input) {
	if s.Path != "" {
		c := counts[len(list)]
		in := DescribeFrame(s.Path, f, c.missing, c.values)
		if said != "" {
			in.Note = strings.TrimPrefix(in.Note+"; "+said, "; ")
		}
		inputs = append(inputs, in)
	}
	for i := range list {
		inputs = append(inputs, describePlane(&list[i], headers[i], counts[i]))
	}
	return inputs
}

const lossy = "a JPEG file changes the values of a mask when it is written: save it as PNG, npy or FITS"

// refuseLossy refuses a mask that was compressed as a photograph: its edges are no longer 0.
func refuseLossy(p *plane, f *imageio.Frame) error {
	if f.Format == "jpeg" {
		return &keyError{p.key, p.path, lossy}
	}
	return nil
}

// readMap reads a plane of f's rows and columns: the box of it, nil = all. It has one channel,
// or those of the frame where they differ.
func readMap(path string, f *imageio.Frame, box *imageio.Box) (*imageio.Frame, error) {
	p, err := readFrame(path, box)
	if err != nil {
		return nil, err
	}
	if p.Rows != f.Rows || p.Cols != f.Cols {
		return nil, wrongShape(path, p, f.Rows, f.Cols)
	}
	return p, onePlane(path, p, f.Channels)
}

// onePlane reduces a plane to one channel if its channels are equal. Else it must have the
// channels of the frame.
func onePlane(path string, p *imageio.Frame, channels int) error {
	n := p.Rows * p.Cols
	for i := n; i < len(p.Data); i++ {
		v, w := p.Data[i], p.Data[i%n]
		if v == w || math.IsNaN(v) && math.IsNaN(w) {
			continue
		}
		if p.Channels != channels {
			return fmt.Errorf("%s: %d different channels of %dx%d, want one plane, or the %d channels of the frame", path, p.Channels, p.Rows, p.Cols, channels)
		}
		return nil
	}
	p.Channels, p.Data = 1, p.Data[:n:n]
	return nil
}

// scatterWeights sends every rank its box of the weights that rank 0 holds. Where
// that is nil the weights are nil on all ranks. Collective.
func (o *Observation) scatterWeights(comm ranks.Comm, plane []float64) error {
	rows, cols := o.Shape()
	channels := len(plane) / (rows * cols)
	if err := ranks.Share(comm, &channels); err != nil || channels == 0 {
		return err
	}
	var err error
	o.Weights, err = o.Frame.ScatterFrom(comm, 0, plane, channels)
	return err
}
