package image

import (
	"context"
	"errors"
	"fmt"
	"math"

	"tessera/halo"
	"tessera/ranks"
)

// spectrumLimit is the most pixels of a frame whose channels rank 0 takes, one after the
// other, for the marginal likelihood: 8192 x 8192. It then holds 5 numbers a pixel.
const spectrumLimit = 1 << 26

// marginalLikelihood finds the most likely lambda for y = H w + noise, where the noise is
// white with variance s^2, and w Gaussian with the inverse covariance lambda/s^2 Q'Q. In
// the basis of the spectrum, with |h|^2 and q the eigenvalues of H'H and Q'Q, a value y_k
// has the variance s^2 v_k, v_k = 1 + |h_k|^2/(lambda q_k), and minus twice the logarithm
// of the likelihood is
//
//	L = sum_k |y_k|^2/(s^2 v_k) + sum_k log v_k + n log s^2,
//
// over the n values with q_k > 0 (no more is known of the mean that Q does not hold). s^2 is
// Options.Noise^2, or the most likely value, sum |y_k|^2/v_k / n. Rank 0 transforms the
// frame. Collective.
func (s *searcher) marginalLikelihood(ctx context.Context) (float64, error) {
	if err := s.refuseSpectrum(); err != nil {
		return 0, err
	}
	known, err := s.givenNoise()
	if err != nil {
		return 0, err
	}
	var modes *spectrum
	if s.comm.Rank() == 0 {
		shape := s.p.Frame.Domain().Shape()
		modes = newSpectrum(shape[0], shape[1], s.p.PSF, s.o.Border, s.o.Regulariser)
	}
	plane := len(s.p.Data) / s.p.Channels
	for c := range s.p.Channels {
		if err := ranks.AgreeError(s.comm, ctx.Err()); err != nil {
			return 0, err
		}
		y, err := s.p.Frame.GatherTo(s.comm, 0, s.p.Data[c*plane:(c+1)*plane], 1)
		if err != nil {
			return 0, err
		}
		if s.comm.Rank() == 0 {
			modes.add(y)
		}
	}
	var numbers []float64 // lambda, noise, then 4 for each trial
	err = ranks.OnRoot(s.comm, func() error {
		lambda, trials, err := s.mostLikely(ctx, modes, known)
		if err != nil {
			return err
		}
		noise := known
		if noise == 0 {
			noise = math.Sqrt(modes.at(lambda, 0).energy / modes.count)
		}
		numbers = append(numbers, lambda, noise)
		for _, t := range trials {
			numbers = append(numbers, t.Lambda, t.Criterion, t.Misfit, t.Penalty)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	n := len(numbers)
	if err := ranks.Share(s.comm, &n); err != nil {
		return 0, err
	}
	if numbers == nil {
		numbers = make([]float64, n)
	}
	if err := s.comm.Bcast(numbers, 0); err != nil {
		return 0, err
	}
	s.found.Noise, s.found.Inferred = numbers[1]*s.units.noise(), known == 0
	for t := numbers[2:]; len(t) > 0; t = t[4:] {
		s.found.Trials = append(s.found.Trials, Trial{
			Lambda: t[0] * s.units.weight, Criterion: t[1], Misfit: t[2] * s.units.misfit(), Penalty: t[3] * s.units.data * s.units.data,
		})
	}
	return numbers[0], nil
}

// refuseSpectrum says why a problem is not diagonal in the basis of its spectrum.
// Collective.
func (s *searcher) refuseSpectrum() error {
	const name = `image: lambda = "marginal-likelihood" `
	const other = `: use "gcv" or "discrepancy"`
	if s.o.Border == halo.Zero {
		return errors.New(name + "needs a reflecting or periodic border" + other)
	}
	if s.o.Border == halo.Reflect && !mirrored(s.p.PSF) {
		return errors.New(name + "needs a periodic border, as the PSF is not its own mirror image along both axes" + other)
	}
	if n := s.p.Frame.Domain().Size(); n > spectrumLimit {
		return fmt.Errorf(name+"takes the frame to one rank, at most %d pixels, and this one has %d"+other, spectrumLimit, n)
	}
	odd := []float64{0, 0} // missing pixels, pixels of another weight
	for _, w := range s.p.Weights {
		switch w {
		case 0:
			odd[0]++
		case 1:
		default:
			odd[1]++
		}
	}
	if err := s.comm.Allreduce(odd, odd, ranks.Sum); err != nil {
		return err
	}
	switch {
	case odd[0] > 0:
		return fmt.Errorf(name+"needs a whole frame, and %.0f pixels are missing"+other, odd[0])
	case odd[1] > 0:
		return errors.New(name + "needs the same weight for every pixel" + other)
	}
	return nil
}

// mostLikely finds the least L over lambda. The criterion of its trials is L minus the
// least one. Rank 0 alone.
func (s *searcher) mostLikely(ctx context.Context, modes *spectrum, noise float64) (float64, []Trial, error) {
	if modes.count == 0 || modes.power == 0 {
		return 0, nil, errors.New("image: lambda by marginal-likelihood: the data are constant")
	}
	var trials []Trial
	value := func(l float64) (float64, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		t := modes.at(math.Exp(l), noise)
		trials = append(trials, Trial{Lambda: math.Exp(l), Criterion: t.likelihood, Misfit: t.misfit, Penalty: t.penalty})
		return t.likelihood, nil
	}
	lowest, start, highest := s.bounds()
	step := math.Log(10)
	first := start - step*math.Floor((start-lowest)/step+1e-9)
	var values []float64
	best := 0
	for l := first; l < highest+1e-9; l = first + step*float64(len(values)) {
		f, err := value(l)
		if err != nil {
			return 0, nil, err
		}
		if values = append(values, f); f < values[best] {
			best = len(values) - 1
		}
	}
	mid := first + step*float64(best)
	if best == 0 || best == len(values)-1 {
		end, asks := "lower", "no regularisation (are they free of noise, or is the noise correlated between pixels?)"
		if best > 0 {
			end, asks = "upper", "the smoothest image (is there anything but noise?)"
		}
		return 0, nil, fmt.Errorf("image: the marginal likelihood still rises at lambda = %.3g, the %s end of the search: the data ask for %s", s.lambda(mid), end, asks)
	}
	lambda, err := minimum{mid - step, mid, mid + step, values[best-1], values[best], values[best+1]}.narrow(value)
	if err != nil {
		return 0, nil, err
	}
	least, err := value(math.Log(lambda))
	for i := range trials {
		trials[i].Criterion -= least
	}
	return lambda, trials, err
}
