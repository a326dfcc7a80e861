package image

import (
	"errors"
	"fmt"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/tiles"
)

// checkVarying finds what is wrong with a PSF that varies, and which options need one PSF.
func (p *Problem) checkVarying(o *Options) error {
	if p == nil || p.Varying == nil || p.Frame == nil {
		return nil
	}
	shape := p.Frame.Domain().Shape()
	if len(shape) != 2 {
		return nil // an error already
	}
	if err := p.Varying.Check(shape[0], shape[1]); err != nil {
		return fmt.Errorf("image: %w", err)
	}
	var bad []error
	switch o.Method {
	case krylov.Auto, krylov.RASGMRES, krylov.RAS, krylov.CG:
	default:
		bad = append(bad, fmt.Errorf(`image: method %q needs one PSF for the whole frame, and here it varies: use "auto", "ras-gmres", "ras" or "cg"`, o.Method))
	}
	if o.Local == LocalTile || o.tileGiven {
		bad = append(bad, errors.New(`image: local solves by tiles need one PSF for the whole frame, and here it varies: use "auto" or "box"`))
	}
	if o.Rule == MarginalLikelihood {
		bad = append(bad, fmt.Errorf("image: lambda by %s needs one PSF for the whole frame, and here it varies: use %s, %s or %s", o.Rule, Discrepancy, GCV, LCurve))
	}
	return errors.Join(bad...)
}

// withMiddle is the problem with the PSF of the middle of the frame as its PSF, where it varies: what is
// estimated of M before a solve is estimated with that one.
func (p *Problem) withMiddle() *Problem {
	if p.Varying == nil {
		return p
	}
	q := *p
	shape := p.Frame.Domain().Shape()
	q.PSF = p.Varying.At(shape[0]/2, shape[1]/2)
	return &q
}

// piece is a part of this rank's box that is solved with one PSF.
type piece struct {
	lo, hi [2]int // rows and columns of the owned box
	psf    forward.PSF
}

// Cutting of boxes where the PSF varies.
const (
	mostChange    = 0.1 // of the PSF from the middle of a piece to its edge, by the 2-norm
	leastPiece    = 48  // pixels along an axis, and four times the overlap
	changeSamples = 8   // places along an axis at which the change is looked at
)

// pieces cuts what the margins leave of this rank's box so that the PSF hardly changes within one of them; one piece
// where it does not vary.
func (m *operator) pieces(overlap int, deep [2][2]int) []piece {
	if m.local == nil {
		return []piece{{hi: [2]int{m.rows, m.cols}, psf: m.p.PSF}}
	}
	v, box := m.local, m.frame.Owned(m.comm.Rank())
	rate := changes(v, m.frame.Domain().Shape())
	var list []piece
	for _, r := range cutAlong(deep[0][0], m.rows-deep[0][1], rate[0], overlap) {
		for _, c := range cutAlong(deep[1][0], m.cols-deep[1][1], rate[1], overlap) {
			list = append(list, piece{
				lo: [2]int{r.Lo, c.Lo}, hi: [2]int{r.Hi, c.Hi},
				psf: v.At(box.Lo[0]+(r.Lo+r.Hi-1)/2, box.Lo[1]+(c.Lo+c.Hi-1)/2),
			})
		}
	}
	return list
}

// cutAlong cuts the pixels from lo to hi of an axis so that the PSF hardly changes within a part; rate is its change
// from one pixel to the next. With parts of less than four overlaps most of the work would be in their margins.
func cutAlong(lo, hi int, rate float64, overlap int) []tiles.Span {
	if lo >= hi {
		return nil
	}
	side := float64(hi - lo)
	if rate > 0 {
		side = max(leastPiece, 4*float64(overlap), 2*mostChange/rate)
	}
	count := max(1, int(math.Round(float64(hi-lo)/side)))
	list := make([]tiles.Span, count)
	for i := range list {
		a, b := halo.Split(hi-lo, count, i)
		list[i] = tiles.Span{Lo: lo + a, Hi: lo + b}
	}
	return list
}

// boxes is the number of boxes of all ranks; 0 with other local solves. Collective.
func (s *solver) boxes() (int, error) {
	count := []float64{0}
	if b, ok := s.local.(interface{ pieceCount() int }); ok {
		count[0] = float64(b.pieceCount())
	}
	err := s.comm.Allreduce(count, count, ranks.Sum)
	return int(count[0]), err
}

// changes are how much the PSF changes at most from one pixel to the next along rows and along columns, by the
// 2-norm, relative to its own.
func changes(v *forward.VaryingPSF, shape []int) (rate [2]float64) {
	at := func(k, n int) int { return k * (n - 1) / changeSamples }
	for i := range changeSamples + 1 {
		for j := range changeSamples + 1 {
			r, c := at(i, shape[0]), at(j, shape[1])
			p := v.At(r, c)
			for axis := range 2 {
				next := [2]int{r, c}
				if k := [2]int{i, j}[axis]; k == changeSamples {
					continue
				} else {
					next[axis] = at(k+1, shape[axis])
				}
				far := next[axis] - [2]int{r, c}[axis]
				if far == 0 {
					continue
				}
				rate[axis] = max(rate[axis], change(p, v.At(next[0], next[1]))/float64(far))
			}
		}
	}
	return rate
}

// widest is the PSF with the smallest sum of squares among those at some places of a frame.
func widest(v *forward.VaryingPSF, shape []int) forward.PSF {
	var found forward.PSF
	least := math.Inf(1)
	for i := range changeSamples + 1 {
		for j := range changeSamples + 1 {
			p, sum := v.At(i*(shape[0]-1)/changeSamples, j*(shape[1]-1)/changeSamples), 0.0
			for _, x := range p.Values {
				sum += x * x
			}
			if sum < least {
				found, least = p, sum
			}
		}
	}
	return found
}
