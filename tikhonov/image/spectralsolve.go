package image

import (
	"context"
	"math"
	"slices"

	"tessera/forward"
	"tessera/internal/fourier"
	"tessera/internal/linalg"
	"tessera/krylov"
	"tessera/ranks"
)

// spectralSolve solves M x = b through the spectrum of the whole frame. With one weight w for
// every pixel M would be
//
//	A = w H'H + lambda Q'Q,
//
// which the frame's transform makes diagonal: under a periodic border, a reflecting one if
// the PSF is its own mirror image, a zero one where there is no PSF. M = A - H'DH with
// D = w - W differs from it at the pixels of another weight only, and krylov.RestrictedCG
// works on these pixels. An iteration costs one transform of the frame there and back.
//
// Memory in slabs of the frame: up to two for the transform, one for the spectrum of H and one for
// results; six vectors on the pixels where D is not 0.
type spectralSolve struct {
	m         *operator
	transform *forward.Transform
	h         []float64 // spectrum of H
	weight    float64   // w
	moments   moments   // of the weights
	at        *fourier.Pixels
	place     []int32   // of these pixels in the slab
	d         []float64 // D there, for every channel
	symbol    fourier.Symbol
	ends      spectralEnds
	slab      []float64 // work

	y      [][]float64 // data of the slab by channel; nil if b is another right-hand side
	misfit float64     // this rank's part of ||W^(1/2) (H x - y)||^2 of the last Image
	x0, x  [][]float64 // without y: A^-1 b of the slab by channel, and x of the last Image
	hx0    []float64   // and H A^-1 b on the pixels, for every channel
	ahead  []float64   // Image at u = 0, made before it was asked for; nil = none
	xx     float64     // what it returns
}

// spectralEnds are numbers of A.
type spectralEnds struct {
	smallest, largest float64
	hole              float64 // about the smallest eigenvalue of M where one pixel is missing
	smooth            float64 // w |h|^2 of a constant image
	blur, adjoint     float64 // largest |h| and |h|/a
	inverse           float64 // root mean square of 1/a
	seen              float64 // mean of w|h|^2/a: the part of the solution that the data decide
	adjointMean       float64 // root mean square of |h|/a
}

// newSpectralSolve prepares what does not depend on lambda. Collective.
func newSpectralSolve(m *operator) (*spectralSolve, error) {
	if err := m.refuseSpectral(); err != nil {
		return nil, err
	}
	s := &spectralSolve{m: m}
	var err error
	if s.transform, err = forward.NewTransform(m.comm, m.frame, m.border); err != nil {
		return nil, err
	}
	if s.moments, err = m.weightMoments(); err != nil {
		return nil, err
	}
	s.weight = s.moments.common()
	weights, err := s.spread(m.owned)
	if err != nil {
		return nil, err
	}
	slab := s.transform.Slab()
	var d []float64
	s.at = slab.Pixels(func(i int) bool {
		if weights == nil || weights[i] == s.weight {
			return false
		}
		s.place = append(s.place, int32(i))
		d = append(d, s.weight-weights[i])
		return true
	})
	for range m.channels {
		s.d = append(s.d, d...)
	}
	k := m.kernel
	s.h = slab.Spectrum(2*k.RowRadius+1, 2*k.ColRadius+1, k.Dense)
	s.slab = make([]float64, slab.Values())
	return s, nil
}

// spread brings the weights to the slabs; nil where they are all 1. Collective.
func (s *spectralSolve) spread(owned []float64) ([]float64, error) {
	any := []float64{0}
	if owned != nil {
		any[0] = 1
	}
	if err := s.m.comm.Allreduce(any, any, ranks.Max); err != nil || any[0] == 0 {
		return nil, err
	}
	if owned == nil {
		owned = make([]float64, s.m.rows*s.m.cols)
		for i := range owned {
			owned[i] = 1
		}
	}
	return s.transform.ToSlab(owned)
}

// setLambda prepares A for a lambda. Collective.
func (s *spectralSolve) setLambda(lambda float64) error {
	if s.symbol.Lambda == lambda && s.symbol.H != nil {
		return nil
	}
	s.symbol = fourier.Symbol{H: s.h, Weight: s.weight, Lambda: lambda, Order: s.m.q.Reach()}
	e := s.transform.Slab().Ends(s.symbol)
	extremes, sums := []float64{-e.Smallest, e.Largest, e.Blur, e.Adjoint}, []float64{e.Data, e.Penalty, e.Inverse}
	if err := s.m.comm.Allreduce(extremes, extremes, ranks.Max); err != nil {
		return err
	}
	if err := s.m.comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return err
	}
	s.ends = spectralEnds{
		smallest: -extremes[0], largest: extremes[1], blur: extremes[2], adjoint: extremes[3],
		hole: sums[1] / sums[0], inverse: math.Sqrt(sums[2]), seen: 1 - sums[1],
	}
	if s.weight > 0 {
		s.ends.adjointMean = math.Sqrt(sums[0] / s.weight)
	}
	total := 0.0
	for _, v := range s.m.kernel.Dense {
		total += v
	}
	s.ends.smooth = s.moments.mean * total * total
	return nil
}

// values is the number of pixels of a channel in the restricted vectors.
func (s *spectralSolve) values() int { return s.at.Len() }

// Len is the number of elements of D on this rank that are not 0.
func (s *spectralSolve) Len() int { return len(s.d) }

// Gram is that of krylov.Restricted. Collective.
func (s *spectralSolve) Gram(dst, src []float64) (rr, zz float64, err error) {
	n := s.values()
	for c := range s.m.channels {
		sums, err := s.transform.Filter(dst[c*n:][:n], s.at, src[c*n:][:n], s.at, s.acting(fourier.Gram))
		if err != nil {
			return 0, 0, err
		}
		rr += sums.RightSide
		zz += sums.Solution
	}
	return rr, zz, nil
}

// Norms are those of krylov.Restricted.
func (s *spectralSolve) Norms() (h, z float64) { return s.ends.blur, s.ends.adjoint }

// Image is that of krylov.Restricted. Collective.
func (s *spectralSolve) Image(dst, u []float64) (xx float64, err error) {
	if s.ahead != nil {
		copy(dst, s.ahead)
		s.ahead = nil
		return s.xx, nil
	}
	if s.y != nil {
		xx, _, err = s.dataImage(dst, u)
		return xx, err
	}
	if _, _, err := s.Gram(dst, u); err != nil {
		return 0, err
	}
	linalg.Axpy(1, s.hx0, dst)
	s.x = nil
	n := s.values()
	for c := range s.m.channels {
		x := make([]float64, len(s.slab))
		if _, err := s.transform.Filter(x, nil, u[c*n:][:n], s.at, s.acting(fourier.Adjoint)); err != nil {
			return 0, err
		}
		linalg.Axpy(1, s.x0[c], x)
		s.x = append(s.x, x)
		xx += linalg.Dot(x, x)
	}
	return xx, nil
}

// dataImage is Image where b is H'W y, and this rank's part of ||b + H'u||^2. It finds the
// misfit on the way. Collective.
func (s *spectralSolve) dataImage(dst, u []float64) (xx, bb float64, err error) {
	s.misfit = 0
	n := s.values()
	for c, y := range s.y {
		s.source(c, u)
		sums, err := s.transform.Filter(s.slab, nil, s.slab, nil, s.acting(fourier.Gram))
		if err != nil {
			return 0, 0, err
		}
		xx += sums.Solution
		bb += sums.RightSide
		for e, i := range s.place { // what is left is the misfit of pixels of the common weight
			v := s.slab[i]
			dst[c*n+e] = v
			if w := s.weight - s.d[e]; w > 0 {
				s.misfit += w * (v - y[i]) * (v - y[i])
			}
			s.slab[i] = math.NaN()
		}
		common := 0.0
		for i, v := range s.slab {
			if d := v - y[i]; !math.IsNaN(v) {
				common += d * d
			}
		}
		s.misfit += s.weight * common
	}
	return xx, bb, nil
}

// acting is the symbol with an action.
func (s *spectralSolve) acting(a fourier.Action) fourier.Symbol {
	f := s.symbol
	f.Action = a
	return f
}

// source sets the slab to W y + u, so that b + H'u is H' of it.
func (s *spectralSolve) source(c int, u []float64) {
	y := s.y[c]
	for i, v := range y {
		s.slab[i] = s.weight * v
	}
	n := s.values()
	for e, v := range u[c*n:][:n] {
		i := s.place[e]
		if s.slab[i] = v; s.weight != s.d[e] { // else the weight is 0, whatever stands there
			s.slab[i] += (s.weight - s.d[e]) * y[i]
		}
	}
}

// part sets the slab to channel c of x for the u of the last Image and, where b is H'W y,
// returns this rank's part of ||Q x||^2. Collective.
func (s *spectralSolve) part(c int, u []float64) (penalty float64, err error) {
	if s.y == nil {
		copy(s.slab, s.x[c])
		return 0, nil
	}
	s.source(c, u)
	sums, err := s.transform.Filter(s.slab, nil, s.slab, nil, s.acting(fourier.Adjoint))
	return sums.Penalty, err
}

// slabs are the channels of an array of this rank's box. Collective.
func (s *spectralSolve) slabs(x []float64) ([][]float64, error) {
	n := s.m.rows * s.m.cols
	var all [][]float64
	for c := range s.m.channels {
		slab, err := s.transform.ToSlab(x[c*n:][:n])
		if err != nil {
			return nil, err
		}
		all = append(all, slab)
	}
	return all, nil
}

// rightSide takes a right-hand side, or H'W data if b is nil, and returns ||b||. Collective.
func (s *spectralSolve) rightSide(b, data []float64) (bnorm float64, err error) {
	s.y, s.x0, s.hx0, s.ahead, s.misfit = nil, nil, nil, nil, 0
	norm := []float64{0}
	if b == nil {
		if s.moments.mean == 0 {
			data = make([]float64, len(data)) // whatever stands there
		}
		if s.y, err = s.slabs(data); err != nil {
			return 0, err
		}
		s.ahead = make([]float64, s.Len())
		if s.xx, norm[0], err = s.dataImage(s.ahead, make([]float64, s.Len())); err != nil {
			return 0, err
		}
	} else {
		slabs, err := s.slabs(b)
		if err != nil {
			return 0, err
		}
		n := s.values()
		s.hx0, s.xx = make([]float64, s.Len()), 0
		for c, r := range slabs {
			sums, err := s.transform.Filter(s.hx0[c*n:][:n], s.at, r, nil, s.acting(fourier.Direct))
			if err != nil {
				return 0, err
			}
			norm[0] += sums.RightSide
			s.xx += sums.Solution
			x0 := make([]float64, len(r))
			if _, err := s.transform.Filter(x0, nil, r, nil, s.acting(fourier.Inverse)); err != nil {
				return 0, err
			}
			s.x0 = append(s.x0, x0)
		}
		s.x, s.ahead = s.x0, slices.Clone(s.hx0)
	}
	err = s.m.comm.Allreduce(norm, norm, ranks.Sum)
	return math.Sqrt(norm[0]), err
}

// dataNorm is ||W y|| for equal weights. Collective.
func (s *spectralSolve) dataNorm() (float64, error) {
	sum := []float64{0}
	for _, y := range s.y {
		sum[0] += linalg.Dot(y, y)
	}
	err := s.m.comm.Allreduce(sum, sum, ranks.Sum)
	return s.weight * math.Sqrt(sum[0]), err
}

// start sets u to that of an iterate x, D H x. Collective.
func (s *spectralSolve) start(u, x []float64) error {
	slabs, err := s.slabs(x)
	if err != nil {
		return err
	}
	n := s.values()
	for c, slab := range slabs {
		if _, err := s.transform.Filter(u[c*n:][:n], s.at, slab, nil, s.acting(fourier.Convolve)); err != nil {
			return err
		}
	}
	for e, d := range s.d {
		u[e] *= d
	}
	s.ahead = nil
	return nil
}

// run is krylov.Spectral for the right-hand side b, H'W data if it is nil: x is the start,
// nil for none. It returns the solution and, for data, the two terms of J, over all ranks.
// Collective.
func (s *spectralSolve) run(ctx context.Context, b, data, start []float64, c krylov.Control) (x []float64, terms []float64, report *krylov.Report, err error) {
	bnorm, err := s.rightSide(b, data)
	if err != nil {
		return nil, nil, nil, err
	}
	if b == nil && s.moments.spread == 0 && bnorm > 0 {
		// All there is is the rounding of the spectrum of W y, and what A^-1 H' makes of it.
		norm, err := s.dataNorm()
		if err != nil {
			return nil, nil, nil, err
		}
		c.Inverse = s.ends.adjointMean * norm / bnorm
	}
	u := make([]float64, s.Len())
	if start != nil {
		if err := s.start(u, start); err != nil {
			return nil, nil, nil, err
		}
	}
	report, err = krylov.RestrictedCG(ctx, s.m.comm, s, s.d, u, bnorm, c)
	if report == nil || report.Status == krylov.Cancelled {
		return nil, nil, report, err
	}
	terms = []float64{s.misfit, 0}
	for c := range s.m.channels {
		penalty, e := s.part(c, u)
		if e != nil {
			return nil, nil, nil, e
		}
		terms[1] += s.symbol.Lambda * penalty
		own, e := s.transform.FromSlab(s.slab)
		if e != nil {
			return nil, nil, nil, e
		}
		x = append(x, own...)
	}
	if e := s.m.comm.Allreduce(terms, terms, ranks.Sum); e != nil {
		return nil, nil, nil, e
	}
	return x, terms, report, err
}
