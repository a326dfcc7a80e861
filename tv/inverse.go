package tv

import (
	"context"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/fourier"
	"tessera/ranks"
)

// inverse solves (M + rho D'D + slack I) z = g in the basis of the frame's border, for M that is diagonal in it and at
// least A'W A. Where M is A'W A itself, exact is true. Otherwise M is the bound L, or made of PSFs:
//
//	blur that is diagonal, too, weights below the largest one w    M = w H'H
//	other blurs: a PSF that varies or is not its own mirror image
//	in a reflecting border, zeros beyond the border                M = c (max |h|^2 + floor), see envelope
//	any other operator                                             M = L
type inverse struct {
	transform *forward.Transform
	power     []float64 // spectrum of M in the layout of the transform
	constant  []float64 // 1 for the constant mode
	symbol    []float64 // square root of the spectrum of M + slack I
	slack     float64   // of symbol
	channels  int
	cells     int
	exact     bool
	solved    int // frames of one channel, there and back
}

// largestAutocorrelation is the cost, in multiplications, from which on a blur that is not diagonal is taken for any operator.
const largestAutocorrelation = 1e8

// newInverse prepares the transform. Collective.
func newInverse(ctx context.Context, comm ranks.Comm, p *Problem, fid *fidelity) (*inverse, error) {
	border := halo.Reflect
	if p.Periodic {
		border = halo.Periodic
	}
	transform, err := forward.NewTransform(comm, p.Frame, border)
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, err
	}
	slab := transform.Slab()
	s := &inverse{transform: transform, constant: slab.Constant(), channels: p.Channels, cells: p.Frame.Owned(comm.Rank()).Size()}
	uniform := fid.weakest == fid.strongest
	squared := func(psf forward.PSF, factor float64) { // the spectrum of psf, squared
		s.power = slab.Spectrum(psf.Rows, psf.Cols, psf.Values)
		for i, h := range s.power {
			s.power[i] = factor * h * h
		}
		if p.Periodic { // real and imaginary parts in turn
			for i := 0; i < len(s.power); i += 2 {
				s.power[i], s.power[i+1] = s.power[i]+s.power[i+1], 0
			}
		}
	}
	one := forward.PSF{Rows: 1, Cols: 1, Values: []float64{1}}
	blur, isBlur := p.Operator.(*forward.Blur)
	psf, outside := one, border
	if isBlur {
		psf, outside = blur.PSF()
	}
	light := 0.0
	for _, v := range psf.Values {
		light += v
	}
	shape := p.Frame.Domain().Shape()
	varying, isVarying := p.Operator.(*forward.VaryingBlur)
	switch dark := light*light*fid.strongest < 1e-6*fid.bound; {
	case p.Operator == nil:
		squared(one, fid.strongest)
		s.exact = uniform
	case isVarying && small(varying.PSF().Size()):
		err = s.envelope(ctx, comm, p, fid, sites(varying.PSF(), shape[0], shape[1]))
	case isBlur && outside == border && dark:
		squared(one, fid.bound) // the constant image has no A'W A to speak of
	case isBlur && outside == border && blur.Diagonal():
		squared(psf, fid.strongest)
		s.exact = uniform
	case isBlur && small(psf.Rows, psf.Cols):
		err = s.envelope(ctx, comm, p, fid, []forward.PSF{psf})
	default:
		squared(one, fid.bound)
	}
	return s, err
}

// small tells whether the autocorrelation of a PSF costs little beside a solve.
func small(rows, cols int) bool {
	n := float64(rows) * float64(cols)
	return n*n < largestAutocorrelation
}

// autocorrelation is sum over b of h(b) h(b + a), whose spectrum is |h|^2.
func autocorrelation(h forward.PSF) forward.PSF {
	a := forward.PSF{Rows: 2*h.Rows - 1, Cols: 2*h.Cols - 1}
	a.Values = make([]float64, a.Rows*a.Cols)
	for i, u := range h.Values {
		for j, v := range h.Values {
			row, col := j/h.Cols-i/h.Cols+h.Rows-1, j%h.Cols-i%h.Cols+h.Cols-1
			a.Values[row*a.Cols+col] += u * v
		}
	}
	return a
}

// mirrored is the mean of the four mirror images.
func mirrored(h forward.PSF) forward.PSF {
	m := forward.PSF{Rows: h.Rows, Cols: h.Cols, Values: make([]float64, len(h.Values))}
	for i := range h.Rows {
		for j := range h.Cols {
			k, l := h.Rows-1-i, h.Cols-1-j
			m.Values[i*h.Cols+j] = (h.Values[i*h.Cols+j] + h.Values[k*h.Cols+j] + h.Values[i*h.Cols+l] + h.Values[k*h.Cols+l]) / 4
		}
	}
	return m
}

// solve replaces g, channels x owned box, by z. Collective.
func (s *inverse) solve(g []float64, rho, slack float64) error {
	if s.symbol == nil || s.slack != slack {
		s.symbol, s.slack = make([]float64, len(s.power)), slack
		for i, m := range s.power {
			s.symbol[i] = math.Sqrt(m + slack)
		}
	}
	return s.filter(g, s.symbol, rho)
}

// poisson replaces g, whose sum is zero in every channel, by a solution of D'D z = g. Collective.
func (s *inverse) poisson(g []float64) error { return s.filter(g, s.constant, 1) }

func (s *inverse) filter(g, symbol []float64, rho float64) error {
	for c := range s.channels {
		if err := s.filterChannel(g[c*s.cells:(c+1)*s.cells], symbol, rho); err != nil {
			return err
		}
	}
	return nil
}

func (s *inverse) filterChannel(g, symbol []float64, rho float64) error {
	rows, err := s.transform.ToSlab(g)
	if err != nil {
		return err
	}
	if _, err := s.transform.Filter(rows, nil, rows, nil, fourier.Symbol{H: symbol, Weight: 1, Lambda: rho, Order: 1, Action: fourier.Inverse}); err != nil {
		return err
	}
	back, err := s.transform.FromSlab(rows)
	if err != nil {
		return err
	}
	copy(g, back)
	s.solved++
	return nil
}

// TransformTraffic is how many values of a channel all ranks send for one of Result.Transforms, and in how many messages:
// from boxes to whole rows, to columns, and back.
func TransformTraffic(frame *halo.Decomposition) (values float64, messages int) {
	n := frame.Ranks()
	shape := frame.Domain().Shape()
	if n < 2 || len(shape) != 2 {
		return 0, 0
	}
	cells := float64(shape[0]) * float64(shape[1])
	values, messages = 2*cells*(1-1/float64(n)), 2*n*(n-1)
	rowOf := fourier.EvenRows(shape[0], n)
	moved, same := 0.0, true
	for r := range n {
		box := frame.Owned(r)
		own := halo.Box{Lo: []int{rowOf[r], 0}, Hi: []int{rowOf[r+1], shape[1]}}
		moved += float64(box.Size() - box.Intersect(own).Size())
		same = same && box.Lo[1] == 0 && box.Hi[1] == shape[1]
	}
	if !same {
		values, messages = values+2*moved, messages+2*n*(n-1)
	}
	return values, messages
}
