package tv

import (
	"context"
	"errors"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/ranks"
)

const (
	envelopeSites  = 4    // places along an axis at which a varying PSF is looked at
	envelopeFloor  = 1e-3 // of the largest value: what A'W A may have where no PSF has anything. 1e-4 and 1e-2 take more iterations
	envelopeMargin = 1.05 // by which M is above the estimate
	envelopeClose  = 1e-3 // relative change of the estimate in an iteration at which it is taken
	envelopeMost   = 60   // iterations of it
)

// sites are PSFs of a blur at places all over the frame of rows x cols pixels.
func sites(psf *forward.VaryingPSF, rows, cols int) []forward.PSF {
	var list []forward.PSF
	for i := range envelopeSites {
		for j := range envelopeSites {
			list = append(list, psf.At(i*(rows-1)/(envelopeSites-1), j*(cols-1)/(envelopeSites-1)))
		}
	}
	return list
}

// envelope sets M for a blur that the transform does not make diagonal: c (max |h|^2 + floor). The maximum is over PSFs
// of the blur, |h|^2 the spectrum of the autocorrelation, for the cosine transform averaged over the mirror images.
// c is an estimate of the largest eigenvalue of (max |h|^2 + floor)^-1 A'W A with a margin, so that M is at least A'W A. Collective.
func (s *inverse) envelope(ctx context.Context, comm ranks.Comm, p *Problem, fid *fidelity, psfs []forward.PSF) error {
	slab := s.transform.Slab()
	most := []float64{0}
	for _, psf := range psfs {
		a := autocorrelation(psf)
		if !p.Periodic {
			a = mirrored(a)
		}
		spectrum := slab.Spectrum(a.Rows, a.Cols, a.Values)
		if s.power == nil {
			s.power = make([]float64, len(spectrum))
		}
		for i, m := range spectrum {
			s.power[i] = max(s.power[i], m)
			most[0] = max(most[0], m)
		}
	}
	if err := comm.Allreduce(most, most, ranks.Max); err != nil {
		return err
	}
	floor := envelopeFloor * most[0]
	white := &whitened{s, p, fid, make([]float64, len(s.power))}
	for i := range s.power {
		if p.Periodic && i%2 == 1 { // an imaginary part
			s.power[i] = 0
			continue
		}
		s.power[i] += floor
		white.root[i] = math.Sqrt(math.Sqrt(s.power[i]))
	}
	norm, err := forward.Norm(ctx, comm, white, forward.NormOptions{Tolerance: envelopeClose, MaxIterations: envelopeMost})
	if unsettled := (*forward.NormError)(nil); err != nil && !errors.As(err, &unsettled) {
		return err
	}
	for i := range s.power {
		s.power[i] *= envelopeMargin * norm * norm
	}
	return nil
}

// whitened is the operator W^(1/2) A N^(-1/2), whose norm squared is the largest eigenvalue of N^-1 A'W A. N is diagonal in the
// basis of the transform.
type whitened struct {
	*inverse
	p    *Problem
	fid  *fidelity
	root []float64 // N^(1/4)
}

func (b *whitened) Frame() (frame *halo.Decomposition, channels int) { return b.p.Frame, b.p.Channels }

func (b *whitened) Dims() (m, n int) { return len(b.p.Data), b.channels * b.cells }

func (b *whitened) Apply(dst, src []float64) error {
	x := append([]float64(nil), src...)
	if err := b.filter(x, b.root, 0); err != nil {
		return err
	}
	if err := b.fid.apply(dst, x); err != nil {
		return err
	}
	b.weigh(dst, dst)
	return nil
}

func (b *whitened) Adjoint(dst, src []float64) error {
	y := make([]float64, len(src))
	b.weigh(y, src)
	if err := b.fid.adjoint(dst, y); err != nil {
		return err
	}
	return b.filter(dst, b.root, 0)
}

// weigh multiplies data by the roots of their weights.
func (b *whitened) weigh(dst, src []float64) {
	for i, v := range src {
		dst[i] = 0
		if w := b.fid.w.At(i); w != 0 {
			dst[i] = math.Sqrt(w) * v
		}
	}
}
