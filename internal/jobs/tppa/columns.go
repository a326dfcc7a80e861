package tppa

import (
	"context"
	"errors"
	"fmt"
	"math"

	"tessera/forward"
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/krylov"
	"tessera/ranks"
	"tessera/tikhonov/image"
	"tessera/tppa"
)

// smoothed is what the Tikhonov restoration found.
type smoothed struct {
	x          []float64          // nil where no lambda was found
	lambdas    []lifecycle.Number // of all channels together, or one each where they have weights of their own
	failed     string             // why there is no restoration; "" = there is one
	transforms int                // of the frame, there and back, about
	steps      int                // of methods that exchange halos, about
}

// tikhonov restores the data y, an observation in the unit of the model, with the penalty
// lambda ||gradient||^2, lambda by the discrepancy principle. Collective.
func (c *settings) tikhonov(ctx context.Context, comm ranks.Comm, o *frames.Observation, psf forward.PSF, y []float64, noise float64) (*smoothed, error) {
	const more = 4 // transforms of a solve beyond one an iteration
	s := &smoothed{}
	groups := 1
	if o.ApartChannels() {
		groups = o.Channels
	}
	n := len(y) / groups
	for g := range groups {
		p := &image.Problem{Channels: o.Channels / groups, Frame: o.Frame, Data: y[g*n : (g+1)*n], PSF: psf, Varying: o.Varying}
		if o.Weights != nil {
			p.Weights = o.Weights[g*len(o.Weights)/groups : (g+1)*len(o.Weights)/groups]
		}
		// A channel without any observed value has no restoration; the others do.
		seen := []float64{0}
		for i := range p.Data {
			if !p.Weights.Missing(i) {
				seen[0] = 1
			}
		}
		if err := comm.Allreduce(seen, seen, ranks.Max); err != nil {
			return nil, err
		}
		if seen[0] == 0 {
			s.x, s.lambdas = append(s.x, make([]float64, n)...), append(s.lambdas, 0)
			continue
		}
		r, err := image.Solve(ctx, comm, p, image.Options{
			Regulariser: forward.Gradient, Border: frames.Borders[c.TPPA.Border], Rule: image.Discrepancy, Noise: noise, Tolerance: 1e-6, Seed: c.Seed,
		})
		if e := ranks.AgreeError(comm, ctx.Err()); e != nil {
			return nil, e
		}
		if err != nil && !(r != nil && errors.As(err, new(*krylov.NotConvergedError))) {
			return &smoothed{failed: err.Error()}, nil // the same on all ranks
		}
		s.x, s.lambdas = append(s.x, r.Solution...), append(s.lambdas, lifecycle.Number(r.Lambda))
		s.count(r.Method, r.Iterations+more)
		for _, t := range r.Search.Trials {
			if t.Iterations > 0 {
				s.count(t.Method, t.Iterations+more)
			} else { // the spectrum gave the solution
				s.transforms++
			}
		}
	}
	return s, nil
}

// count adds the iterations of a method.
func (s *smoothed) count(method krylov.Method, iterations int) {
	if method == krylov.Spectral || method == "" {
		s.transforms += iterations
	} else {
		s.steps += iterations
	}
}

// waveletMetrics is what the plug-and-play restoration found.
type waveletMetrics struct {
	Levels    int              `json:"levels"`
	Threshold lifecycle.Number `json:"threshold"`
	Misfit    lifecycle.Number `json:"misfit"` // by that of the noise
	Unmet     string           `json:"unmet"`  // why no threshold gives the misfit of the noise; "" = one does
}

func newWavelet(p *tppa.Plugged, scale float64) waveletMetrics {
	return waveletMetrics{p.Levels, lifecycle.Number(p.Threshold * scale), lifecycle.Number(p.Misfit), p.Unmet}
}

// tikhonovMetrics is what the Tikhonov restoration found.
type tikhonovMetrics struct {
	Lambda []lifecycle.Number `json:"lambda"` // of all channels, or one each where they have weights of their own
	Failed string             `json:"failed"` // why there is none; "" = there is one
}

func (t *tikhonovMetrics) String() string {
	if t.Failed != "" {
		return "none: " + t.Failed
	}
	text := "lambda"
	for _, l := range t.Lambda {
		text += fmt.Sprintf(" %.4g", float64(l))
	}
	return text + " by discrepancy, gradient penalty"
}

// measure compares the restoration with the data, and the observation and every restoration
// with the truth, where that is known. Collective.
func (r *run) measure() error {
	res := r.result
	residual, err := r.residual()
	if err != nil {
		return err
	}
	if err := r.Judge(res.learned, residual); err != nil {
		return err
	}
	return r.AgainstTruth(
		frames.Column{Name: lifecycle.AnswerColumn, Values: res.learned}, frames.Column{Name: "tikhonov", Values: res.smoothed.x},
		frames.Column{Name: "tv", Values: res.variation}, frames.Column{Name: "wavelet", Values: res.plugged.Solution},
	)
}

// residual is W^(1/2) (y - H x) of the learned restoration, NaN at missing pixels. Collective.
func (r *run) residual() ([]float64, error) {
	res := append([]float64(nil), r.result.learned...)
	if err := r.h.Apply(res, r.result.learned); err != nil {
		return nil, err
	}
	for i, y := range r.Obs.Data {
		res[i] = (y - res[i]) * math.Sqrt(r.Obs.Weights.At(i))
	}
	return res, nil
}
