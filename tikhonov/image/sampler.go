package image

import (
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/random"
)

// signs are random numbers 1 and -1. Each has the mean 0 and the variance 1, and they do
// not depend on each other. One number of the stream gives 64 of them.
type signs random.Stream

func (s signs) at(k uint64) float64 {
	return 1 - 2*float64(random.Stream(s).Bits(k/64)>>(k%64)&1)
}

// Parts of a sample, for streams of their own.
const (
	ofData    = 0x64617461 // e1
	ofPenalty = 0x70726f72 // e2
)

// sampler makes the right-hand sides of an error map.
type sampler struct {
	s      *solver
	kind   ErrorKind
	seed   uint64
	lambda float64
	rhs    []float64 // channels x owned box; channel c holds sample first + c
	t      []float64 // W^(1/2) e1, as rhs
}

// fill draws the samples from first on, one in each channel: H'W^(1/2) e1, and for
// PosteriorErrors sqrt(lambda) Q'e2 added. Collective.
func (d *sampler) fill(first int) error {
	m := d.s.m
	if d.t == nil {
		d.t = make([]float64, len(d.rhs))
	}
	box, cols := d.s.p.Frame.Owned(d.s.comm.Rank()), d.s.p.Frame.Domain().Shape()[1]
	i := 0
	for c := range m.channels {
		e := signs(random.New(d.seed, ofData, uint64(first+c)))
		for row := box.Lo[0]; row < box.Hi[0]; row++ {
			for col := box.Lo[1]; col < box.Hi[1]; col++ {
				d.t[i] = e.at(uint64(row*cols+col)) * math.Sqrt(m.owned.At(i))
				i++
			}
		}
	}
	if err := m.Blur().Adjoint(d.rhs, d.t); err != nil {
		return err
	}
	if d.kind != PosteriorErrors {
		return nil
	}
	plane := len(d.rhs) / m.channels
	for c := range m.channels {
		e := signs(random.New(d.seed, ofPenalty, uint64(first+c)))
		d.addPenalty(d.rhs[c*plane:(c+1)*plane], math.Sqrt(d.lambda), e)
	}
	return nil
}

// addPenalty adds factor Q'e to a plane. The signs of rows of Q that lie on other ranks are
// drawn again here, so that nothing is sent.
func (d *sampler) addPenalty(dst []float64, factor float64, e signs) {
	shape := d.s.p.Frame.Domain().Shape()
	rows, cols := shape[0], shape[1]
	border := d.s.o.Border
	at := func(row, col int) float64 { return e.at(uint64(row*cols + col)) }
	value := at // of Q'e at a pixel, for the identity
	switch d.s.o.Regulariser {
	case forward.Gradient:
		// A row of Q is the difference across the edge between two neighbours. Edge k of an
		// axis lies before pixel k; edge 0 and the last one lead to the border: to the zeros
		// beyond it, to the pixel itself, where the difference is 0, or around the frame.
		edge := func(row, col, axis int) float64 {
			k, n := row, rows
			if axis == 1 {
				k, n = col, cols
			}
			if k == 0 || k == n {
				switch {
				case border == halo.Reflect:
					return 0
				case border == halo.Periodic && axis == 0:
					row = 0
				case border == halo.Periodic:
					col = 0
				}
			}
			return e.at(uint64(2*(row*(cols+1)+col) + axis))
		}
		value = func(row, col int) float64 {
			return edge(row+1, col, 0) - edge(row, col, 0) + edge(row, col+1, 1) - edge(row, col, 1)
		}
	case forward.Laplacian: // symmetric for every border
		around := func(row, col int) float64 {
			row, col = border.Source(row, rows), border.Source(col, cols)
			if row < 0 || col < 0 {
				return 0
			}
			return at(row, col)
		}
		value = func(row, col int) float64 {
			return 4*at(row, col) - around(row-1, col) - around(row+1, col) - around(row, col-1) - around(row, col+1)
		}
	}
	box := d.s.p.Frame.Owned(d.s.comm.Rank())
	i := 0
	for row := box.Lo[0]; row < box.Hi[0]; row++ {
		for col := box.Lo[1]; col < box.Hi[1]; col++ {
			dst[i] += factor * value(row, col)
			i++
		}
	}
}
