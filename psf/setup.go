package psf

import (
	"fmt"
	"math"

	"tessera/internal/fourier"
	"tessera/internal/linalg"
	"tessera/internal/wavelet"
	"tessera/ranks"
)

// newSolver makes the state before the first iteration. Collective.
func newSolver[T linalg.Float](comm ranks.Comm, in *entered, o Options) (*solver[T], error) {
	stack := &in.Stack
	n, count := stack.Side*stack.Side, stack.Count()
	s := &solver[T]{comm: comm, in: in, o: o, side: stack.Side, n: n, first: stack.First, total: stack.Total, psfSide: stack.PSFSide, rho: T(o.Rho)}
	if err := s.agreeOnParts(count); err != nil {
		return nil, err
	}
	if o.Border == Wrap {
		s.conv = fourier.NewSmallPeriodicConvolver[T](s.side)
	} else {
		s.conv = fourier.NewSmallZeroConvolver[T](s.side, stack.PSFSide)
	}
	var err error
	if s.noise, err = noises(comm, in, &o); err != nil {
		return nil, err
	}
	if stack.Weights != nil {
		s.w = narrow[T](stack.Weights)
	}
	s.makeFilters(stack)
	s.stamps = make([]stamp, count)
	for i := range s.stamps {
		s.stamps[i].id, s.stamps[i].psf = stack.First+i, stack.psfOf(i)
	}
	s.loadData(stack)
	s.g, s.t, s.bar = make([]T, n), make([]T, n), make([]T, n)
	if err := s.chooseSteps(stack); err != nil {
		return nil, err
	}
	s.start(stack)
	if o.Mode == LowRank {
		s.u = make([]T, count*n)
		if err := s.newLowRank(); err != nil {
			return nil, err
		}
	} else {
		s.wave = wavelet.NewStarlet[T](o.Wavelet.family(), s.side, o.Scales, o.Border == Wrap)
		s.d = make([]T, o.Scales*n)
		s.u = make([]T, count*o.Scales*n)
		if err := s.setLimits(stack); err != nil {
			return nil, err
		}
	}
	if o.Compatible {
		fill(s.u, T(math.Ldexp(1, -in.exponent)))
	}
	return s, nil
}

// agreeOnParts checks that the ranks' parts, in the order of the ranks, make up the
// stack. Collective; the error is the same on all ranks.
func (s *solver[T]) agreeOnParts(count int) error {
	all, err := ranks.Numbers(s.comm, float64(s.first), float64(count))
	if err != nil {
		return err
	}
	at := 0
	for r := range s.comm.Size() {
		first, count := int(all[2*r]), int(all[2*r+1])
		if first != at && count > 0 {
			return fmt.Errorf("psf: rank %d begins with stamp %d, want %d", r, first, at)
		}
		s.homes = append(s.homes, at)
		at += count
	}
	if at != s.total {
		return fmt.Errorf("psf: the ranks hold %d stamps of a stack of %d", at, s.total)
	}
	s.homes = append(s.homes, at)
	return nil
}

// diagonal tells whether H'WH is diagonal in the Fourier basis. Then the gradient needs
// two transforms a stamp instead of four.
func (s *solver[T]) diagonal() bool { return s.o.Border == Wrap && s.w == nil }

func identity(h complex128) complex128 { return h }
func power(h complex128) complex128    { return complex(real(h)*real(h)+imag(h)*imag(h), 0) }

// makeFilters sets the filters of this rank's PSFs.
func (s *solver[T]) makeFilters(stack *Stack) {
	m := stack.PSFSide * stack.PSFSide
	for k := range len(stack.PSFs) / m {
		s.addPSF(stack.PSFSide, stack.PSFs[k*m:(k+1)*m])
	}
}

// addPSF appends a PSF and its filters.
func (s *solver[T]) addPSF(side int, psf []float64) {
	s.psfs = append(s.psfs, psf)
	s.filters = append(s.filters, s.conv.Filter(side, psf, identity))
	if s.diagonal() {
		s.normal = append(s.normal, s.conv.Filter(side, psf, power))
	}
}

// loadData sets y, and with diagonal replaces it by H'y.
func (s *solver[T]) loadData(stack *Stack) {
	s.y = narrow[T](stack.Data)
	if !s.diagonal() {
		return
	}
	for i := range s.stamps {
		y := s.y[i*s.n : (i+1)*s.n]
		for _, v := range y {
			s.stamps[i].half += float64(v) * float64(v) / 2
		}
		s.conv.ApplyTranspose(y, y, s.filters[s.stamps[i].psf])
	}
}

// chooseSteps sets beta and the steps that follow from it. Collective.
func (s *solver[T]) chooseSteps(stack *Stack) error {
	weights := stack.Weights
	var err error
	if s.o.Compatible {
		if s.beta, err = powerNorm(s); err != nil {
			return err
		}
	} else {
		most := []float64{0, 0, 0} // |H|^2, W, and whether some rank has weights
		if weights != nil {
			most[2] = 1
		}
		for _, k := range s.psfs {
			gain := s.conv.Gain(stack.PSFSide, k)
			most[0] = max(most[0], gain*gain)
		}
		for _, w := range weights {
			most[1] = max(most[1], w)
		}
		if err := s.comm.Allreduce(most, most, ranks.Max); err != nil {
			return err
		}
		if most[2] == 0 {
			most[1] = 1
		} else if err := checkWeights(most[1]); err != nil {
			return err
		}
		s.beta = most[0] * most[1]
	}
	tau, sigma, err := s.o.steps(s.beta)
	s.tau, s.sigma = T(tau), T(sigma)
	return err
}

// start sets the first iterate.
func (s *solver[T]) start(stack *Stack) {
	switch s.o.Start {
	case FromGiven:
		s.x = narrow[T](s.o.Given)
		return
	case FromOnes:
		s.x = make([]T, len(s.y))
		fill(s.x, T(math.Ldexp(1, -s.in.exponent)))
		return
	}
	s.x = make([]T, len(s.y))
	if s.o.Start != FromWiener {
		return
	}
	for i, st := range s.stamps {
		y := make([]T, s.n)
		signal := 0.0
		for j := range y {
			v := stack.Data[i*s.n+j]
			y[j] = T(v)
			signal += v * v
		}
		if signal == 0 {
			continue
		}
		// The energy of the noise over that of the signal, both with flat spectra.
		noise := float64(s.n) * s.noise[i] * s.noise[i]
		mu := max(noise/max(signal-noise, 0.01*noise), 1e-6)
		part := s.x[i*s.n : (i+1)*s.n]
		s.conv.Apply(part, y, s.conv.Filter(stack.PSFSide, s.psfs[st.psf], func(h complex128) complex128 {
			return complex(real(h), -imag(h)) / complex(real(power(h))+mu, 0)
		}))
		if !s.o.AnySign {
			for j, v := range part {
				part[j] = max(v, 0)
			}
		}
	}
}
