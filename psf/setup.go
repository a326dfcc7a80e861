package psf

import (
	"fmt"

	"tessera/internal/fourier"
	"tessera/internal/linalg"
	"tessera/internal/wavelet"
	"tessera/ranks"
)

// newSolver lays out the state. Collective.
func newSolver[T linalg.Float](comm ranks.Comm, stack *Stack, o Options) (*solver[T], error) {
	n, count := stack.Side*stack.Side, stack.Count()
	s := &solver[T]{comm: comm, o: o, side: stack.Side, n: n, first: stack.First, total: stack.Total, kernelSide: stack.KernelSide, rho: T(o.Rho)}
	if err := s.agreeOnParts(count); err != nil {
		return nil, err
	}
	if o.Border == Wrap {
		s.conv = fourier.NewSmallPeriodicConvolver[T](s.side)
	} else {
		s.conv = fourier.NewSmallZeroConvolver[T](s.side, stack.KernelSide)
	}
	weights := stack.Weights
	if o.Noise == FromWeights {
		weights = append([]float64(nil), weights...)
	}
	var err error
	if s.noise, err = noises(comm, stack, &o, weights); err != nil {
		return nil, err
	}
	if weights != nil {
		s.w = narrow[T](weights)
	}
	s.makeFilters(stack)
	s.stamps = make([]stamp, count)
	for i := range s.stamps {
		s.stamps[i].id, s.stamps[i].kernel = stack.First+i, stack.kernelOf(i)
	}
	s.loadData(stack)
	s.g, s.t, s.bar = make([]T, n), make([]T, n), make([]T, n)
	if err := s.chooseSteps(stack, weights); err != nil {
		return nil, err
	}
	s.start(stack)
	if o.Mode == LowRank {
		s.u = make([]T, count*n)
		if err := s.newLowRank(); err != nil {
			return nil, err
		}
	} else {
		s.wave = wavelet.NewStarlet[T](o.Family, s.side, o.Scales, o.Border == Wrap)
		s.d = make([]T, o.Scales*n)
		s.u = make([]T, count*o.Scales*n)
		if err := s.setLimits(stack); err != nil {
			return nil, err
		}
	}
	if o.Compatible {
		fill(s.u, 1)
	}
	return s, nil
}

// agreeOnParts checks that the ranks' parts make up the stack.
func (s *solver[T]) agreeOnParts(count int) error {
	p := s.comm.Size()
	one := make([]int, p)
	for r := range one {
		one[r] = 2
	}
	all := make([]float64, 2*p)
	if err := s.comm.Allgatherv(all, one, []float64{float64(s.first), float64(count)}); err != nil {
		return err
	}
	at := 0
	for r := range p {
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

// diagonal: H'WH is diagonal in the Fourier basis, which halves the transforms.
func (s *solver[T]) diagonal() bool { return s.o.Border == Wrap && s.w == nil }

func identity(h complex128) complex128 { return h }
func power(h complex128) complex128    { return complex(real(h)*real(h)+imag(h)*imag(h), 0) }

func (s *solver[T]) makeFilters(stack *Stack) {
	m := stack.KernelSide * stack.KernelSide
	for k := range len(stack.Kernels) / m {
		s.addKernel(stack.KernelSide, stack.Kernels[k*m:(k+1)*m])
	}
}

func (s *solver[T]) addKernel(side int, kernel []float64) {
	s.kernels = append(s.kernels, kernel)
	s.filters = append(s.filters, s.conv.Filter(side, kernel, identity))
	if s.diagonal() {
		s.normal = append(s.normal, s.conv.Filter(side, kernel, power))
	}
}

func (s *solver[T]) loadData(stack *Stack) {
	s.y = narrow[T](stack.Data)
	for i := range s.y {
		if s.w != nil && s.w[i] == 0 {
			s.y[i] = 0 // NaN perhaps
		}
	}
	if !s.diagonal() {
		return
	}
	for i := range s.stamps {
		y := s.y[i*s.n : (i+1)*s.n]
		for _, v := range y {
			s.stamps[i].half += float64(v) * float64(v) / 2
		}
		s.conv.ApplyTranspose(y, y, s.filters[s.stamps[i].kernel])
	}
}

// chooseSteps bounds the norms of the operators and takes the steps from them.
func (s *solver[T]) chooseSteps(stack *Stack, weights []float64) error {
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
		for _, k := range s.kernels {
			gain := s.conv.Gain(stack.KernelSide, k)
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
		}
		s.beta = most[0] * most[1]
	}
	tau, sigma, err := s.o.steps(s.beta)
	s.tau, s.sigma = T(tau), T(sigma)
	return err
}

// start sets the primal variable.
func (s *solver[T]) start(stack *Stack) {
	switch s.o.Start {
	case FromGiven:
		s.x = narrow[T](s.o.Given)
		return
	case FromOnes:
		s.x = make([]T, len(s.y))
		fill(s.x, 1)
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
			if s.w != nil && s.w[i*s.n+j] == 0 {
				v = 0
			}
			y[j] = T(v)
			signal += v * v
		}
		if signal == 0 {
			continue
		}
		// The noise's energy over the light's, a flat spectrum of both.
		noise := float64(s.n) * s.noise[i] * s.noise[i]
		mu := max(noise/max(signal-noise, 0.01*noise), 1e-6)
		part := s.x[i*s.n : (i+1)*s.n]
		s.conv.Apply(part, y, s.conv.Filter(stack.KernelSide, s.kernels[st.kernel], func(h complex128) complex128 {
			return complex(real(h), -imag(h)) / complex(real(power(h))+mu, 0)
		}))
		if !s.o.AnySign {
			for j, v := range part {
				part[j] = max(v, 0)
			}
		}
	}
}
