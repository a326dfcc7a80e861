package frames

import (
	"context"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/simulate"
	"tessera/ranks"
)

// simulateObservation makes a true frame x and the observation H x + noise of it, with
// dead pixels. The noise and the dead pixels depend on the seed and the pixel, not on the
// number of ranks. Of files only the box part is used; nil = all of them. Collective.
func simulateObservation(ctx context.Context, comm ranks.Comm, s *Source, psf forward.PSF, part *imageio.Box) (*Observation, error) {
	o, err := truth(ctx, comm, s, part)
	if err != nil {
		return nil, err
	}
	if err := ranks.AgreeError(comm, ctx.Err()); err != nil {
		return nil, err
	}
	o.Made = true
	_, cols := o.Shape()
	b := o.Frame.Owned(comm.Rank())
	box := simulate.Box{R0: b.Lo[0], R1: b.Hi[0], C0: b.Lo[1], C1: b.Hi[1]}

	peak := []float64{math.Inf(-1)}
	filled, err := o.fillHoles(comm, s.Simulate.From, s.Image)
	if err != nil {
		return nil, err
	}
	for _, v := range filled {
		peak[0] = max(peak[0], v)
	}
	if err := comm.Allreduce(peak, peak, ranks.Max); err != nil {
		return nil, err
	}
	if err := s.varying(comm, o, part); err != nil {
		return nil, err
	}
	blur, err := o.Blur(comm, psf, s.Border)
	if err != nil {
		return nil, err
	}
	o.Data = make([]float64, len(o.Truth))
	if err := blur.Apply(o.Data, filled); err != nil {
		return nil, err
	}
	if err := ranks.AgreeError(comm, ctx.Err()); err != nil {
		return nil, err
	}
	o.Noise = s.Simulate.Noise * peak[0]
	simulate.AddNoise(o.Data, o.Channels, box, cols, s.Seed, o.Noise)
	if s.Apart && part == nil {
		o.Weights, err = o.readOwnMask(ctx, comm, s.Image)
	} else {
		err = o.readMask(comm, s.Image, part)
	}
	if err != nil {
		return nil, err
	}
	if s.Simulate.Missing > 0 {
		alive := simulate.Dead{Seed: s.Seed, Fraction: s.Simulate.Missing}.Weights(box, cols)
		if o.Weights == nil {
			o.Weights = alive
		} else {
			for i := range o.Weights {
				o.Weights[i] *= alive[i%len(alive)]
			}
		}
	}
	if err := o.takeOut(comm, s.Image.PerChannel && part == nil); err != nil {
		return nil, err
	}
	return o, o.ofWeightOne(comm)
}

// ofWeightOne turns the noise, which is the same at every pixel, into that of a pixel of
// weight 1: the number with which the weighted noise has the energy that it really has,
// noise^2 x mean positive weight for each value. Collective.
func (o *Observation) ofWeightOne(comm ranks.Comm) error {
	pixels := len(o.Truth) / o.Channels
	sums := []float64{float64(pixels), float64(pixels)} // weight, pixels
	if o.Weights != nil {
		sums = []float64{0, float64(o.Weights.Observed(len(o.Weights)))}
		for _, w := range o.Weights {
			sums[0] += w
		}
	}
	if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	if sums[1] > 0 {
		o.Noise *= math.Sqrt(sums[0] / sums[1])
	}
	return nil
}

// truth is the frame in the file that simulate.from names, or a made-up sky of which every
// rank renders its own box. Collective.
func truth(ctx context.Context, comm ranks.Comm, src *Source, part *imageio.Box) (*Observation, error) {
	s := src.Simulate
	if s.From != "" && src.Apart && part == nil {
		o, err := openApart(comm, s.From)
		if err != nil {
			return nil, err
		}
		o.Truth, err = o.readOwn(ctx, comm, s.From, o.Channels)
		return o, err
	}
	if s.From != "" {
		var f *imageio.Frame
		err := ranks.OnRoot(comm, func() (err error) {
			f, err = readFrame(s.From, part)
			return err
		})
		if err != nil {
			return nil, err
		}
		o, err := scatterFrame(comm, f, equalBoxes)
		if err == nil {
			o.Truth, o.Data = o.Data, nil
		}
		return o, err
	}
	frame, err := halo.Decompose([]int{s.Rows, s.Cols}, comm.Size())
	if err != nil {
		return nil, err
	}
	scene := simulate.Sky(simulate.SkyOptions{
		Seed: src.Seed, Rows: s.Rows, Cols: s.Cols, Channels: s.Channels, Galaxies: s.Galaxies,
	})
	b := frame.Owned(comm.Rank())
	box := simulate.Box{R0: b.Lo[0], R1: b.Hi[0], C0: b.Lo[1], C1: b.Hi[1]}
	return &Observation{Channels: s.Channels, Frame: frame, Truth: scene.Render(box)}, nil
}

// readMask gives a simulated frame the mask and weight files of [image]. Collective.
func (o *Observation) readMask(comm ranks.Comm, s *ImageSection, part *imageio.Box) error {
	if !s.named() {
		return nil
	}
	var plane []float64
	err := ranks.OnRoot(comm, func() (err error) {
		rows, cols := o.Shape()
		var inputs []lifecycle.Input
		plane, inputs, o.marks, err = readWeights(s, &imageio.Frame{Channels: o.Channels, Rows: rows, Cols: cols}, part)
		o.Inputs = append(o.Inputs, inputs...)
		return err
	})
	if err != nil {
		return err
	}
	return o.scatterWeights(comm, plane)
}

// readOwnMask is readMask with every rank reading its own part. Collective.
func (o *Observation) readOwnMask(ctx context.Context, comm ranks.Comm, s *ImageSection) (forward.Weights, error) {
	if !s.named() {
		return nil, nil
	}
	inputs := o.Inputs
	w, err := o.readOwnWeights(ctx, comm, s)
	o.Inputs = append(inputs, o.Inputs...)
	return w, err
}
