package frames

import (
	"fmt"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/imageio"
	"tessera/internal/simulate"
	"tessera/ranks"
)

// simulateObservation makes a truth and what a camera would have seen of it:
// blurred, with noise and dead pixels that depend on the seed and the pixel, not
// on the number of ranks. A plan takes a box of the picture or mask files.
func simulateObservation(comm ranks.Comm, s *Source, psf forward.PSF, part *imageio.Box) (*Observation, error) {
	o, err := truth(comm, s, part)
	if err != nil {
		return nil, err
	}
	_, cols := o.Shape()
	b := o.Frame.Owned(comm.Rank())
	box := simulate.Box{R0: b.Lo[0], R1: b.Hi[0], C0: b.Lo[1], C1: b.Hi[1]}

	peak := []float64{math.Inf(-1)}
	for _, v := range o.Truth {
		peak[0] = max(peak[0], v)
	}
	if err := comm.Allreduce(peak, peak, ranks.Max); err != nil {
		return nil, err
	}
	blur, err := forward.NewBlur(comm, o.Frame, o.Channels, psf, s.Border)
	if err != nil {
		return nil, err
	}
	o.Data = make([]float64, len(o.Truth))
	if err := blur.Apply(o.Data, o.Truth); err != nil {
		return nil, err
	}
	o.Noise = s.Simulate.Noise * peak[0]
	simulate.AddNoise(o.Data, o.Channels, box, cols, s.Seed, o.Noise)
	if err := o.readMask(comm, s.Image, part); err != nil {
		return nil, err
	}
	if s.Simulate.Missing > 0 {
		alive := simulate.Dead{Seed: s.Seed, Fraction: s.Simulate.Missing}.Weights(box, cols)
		for i, w := range o.Weights {
			alive[i] *= w
		}
		o.Weights = alive
	}
	return o, nil
}

// truth is the picture that simulate.from names, or a made-up sky of which every
// rank renders its own box.
func truth(comm ranks.Comm, src *Source, part *imageio.Box) (*Observation, error) {
	s := src.Simulate
	if s.From != "" {
		var f *imageio.Frame
		err := ranks.OnRoot(comm, func() (err error) {
			if f, err = readFrame(s.From, part); err != nil {
				return err
			}
			for i, v := range f.Data {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return fmt.Errorf("%s: no value at row %d, column %d: a truth has no missing pixels", s.From, i/f.Cols%f.Rows, i%f.Cols)
				}
			}
			return nil
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

// readMask lays the mask and weight files over a simulated frame.
func (o *Observation) readMask(comm ranks.Comm, s *ImageSection, part *imageio.Box) error {
	if s.Mask == "" && s.Weights == "" {
		return nil
	}
	var plane []float64
	err := ranks.OnRoot(comm, func() (err error) {
		rows, cols := o.Shape()
		plane, err = readWeights(s, &imageio.Frame{Channels: o.Channels, Rows: rows, Cols: cols}, part)
		return err
	})
	if err != nil {
		return err
	}
	return o.scatterWeights(comm, plane)
}

// BlurPSF is H as the config describes it. A file is read on rank 0 and sent
// to the others.
func BlurPSF(comm ranks.Comm, b *BlurSection) (forward.PSF, error) {
	switch b.Kind {
	case "gaussian":
		return forward.Gaussian(b.side(), b.Sigma)
	case "moffat":
		return forward.Moffat(b.side(), b.FWHM, b.Beta)
	case "box":
		return forward.Box(b.side())
	case "none":
		return forward.PSF{}, nil
	}
	var k forward.PSF
	err := ranks.OnRoot(comm, func() error {
		f, err := imageio.ReadPlane(b.Path)
		if err != nil {
			return err
		}
		if k, err = forward.NewPSF(f.Rows, f.Cols, f.Data); err != nil {
			return fmt.Errorf("%s: %w", b.Path, err)
		}
		return nil
	})
	if err != nil {
		return forward.PSF{}, err
	}
	if err := ranks.Share(comm, &k.Rows, &k.Cols); err != nil {
		return forward.PSF{}, err
	}
	if comm.Rank() != 0 {
		k.Values = make([]float64, k.Rows*k.Cols)
	}
	return k, comm.Bcast(k.Values, 0)
}

// side is the kernel's size in pixels: what the config says, or three standard
// deviations of a Gaussian and two FWHM of a Moffat on each side of the centre,
// outside of which lie 0.5 % and, for beta = 3, 4 % of the light.
func (b *BlurSection) side() int {
	switch {
	case b.Size > 0:
		return b.Size
	case b.Kind == "gaussian":
		return 2*int(math.Ceil(3*b.Sigma)) + 1
	}
	return 2*int(math.Ceil(2*b.FWHM)) + 1
}
