package mlpatch

import (
	"context"
	"fmt"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/frames"
	"tessera/internal/lifecycle"
	"tessera/mlpatch"
	"tessera/mlpatch/massmap"
	"tessera/ranks"
)

// quadraticSection is the section [beside]: restorations by quadratic penalties beside the learned one.
type quadraticSection struct {
	Tikhonov bool `toml:"tikhonov"` // the penalty is lambda times the energy of the differences of neighbours
	Wiener   bool `toml:"wiener"`   // a Gaussian field with an isotropic spectrum
}

// column is one of these restorations.
type column struct {
	name   string // of its file
	x      []float64
	lambda float64 // 0 = none
}

// data is what is restored, in units of the model.
type data struct {
	frame    *halo.Decomposition
	channels int
	border   halo.Border
	problem  *mlpatch.Problem
	noise    float64   // standard deviation of a number of weight 1
	truth    []float64 // nil = not known
}

// quadratics are the restorations that the config asks for, and the iterations of conjugate gradients that they took, those of the Wiener filter
// alone too. Collective.
func (s *quadraticSection) quadratics(ctx context.Context, comm ranks.Comm, d *data) (list []column, iterations, filtered int, err error) {
	if s == nil || !s.Tikhonov && !s.Wiener {
		return nil, 0, 0, nil
	}
	tikhonov, lambda, iterations, err := d.tikhonov(ctx, comm)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("Tikhonov restoration beside the model (beside.tikhonov and beside.wiener = false leave it out): %w", err)
	}
	if s.Tikhonov {
		list = append(list, column{"tikhonov", tikhonov, lambda})
	}
	if s.Wiener {
		x, n, err := d.wiener(ctx, comm, tikhonov)
		if err != nil {
			return nil, 0, 0, fmt.Errorf("Wiener filter beside the model (beside.wiener = false leaves it out): %w", err)
		}
		list, filtered = append(list, column{"wiener", x, 0}), n
	}
	return list, iterations + filtered, filtered, nil
}

// tikhonov is the restoration with the lambda of the least error where the truth is known, and else that of the discrepancy principle: the
// misfit is that of the noise. Collective.
func (d *data) tikhonov(ctx context.Context, comm ranks.Comm) (x []float64, lambda float64, iterations int, err error) {
	q, err := forward.NewDifferences(comm, d.frame, d.channels, halo.Reflect)
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, 0, 0, err
	}
	bound, err := mlpatch.Bound(ctx, comm, d.problem)
	if err != nil {
		return nil, 0, 0, err
	}
	s := &mlpatch.Quadratic{Problem: d.problem, Penalty: q, Tolerance: 1e-3, MaxIterations: 100}
	x, lambda, err = s.Search(ctx, comm, 1e-6*bound, bound, func(x []float64) (float64, error) {
		if d.truth != nil {
			sums := []float64{0}
			for i, t := range d.truth {
				if !math.IsNaN(t) {
					sums[0] += (x[i] - t) * (x[i] - t)
				}
			}
			err := comm.Allreduce(sums, sums, ranks.Sum)
			return sums[0], err
		}
		square, count, err := s.Misfit(comm, x)
		return math.Abs(math.Log(max(square, 1e-300) / max(count*d.noise*d.noise, 1e-300))), err
	})
	return x, lambda, s.Iterations, err
}

// spectral is S^(1/2) of an isotropic spectrum, without the mean.
type spectral struct {
	shear  *forward.Shear
	filter []float64
	n      int
}

func (s *spectral) Dims() (m, n int)                 { return s.n, s.n }
func (s *spectral) Apply(dst, src []float64) error   { return s.shear.Smooth(dst, src, s.filter) }
func (s *spectral) Adjoint(dst, src []float64) error { return s.shear.Smooth(dst, src, s.filter) }

// wiener is the mean of a Gaussian field with the mean and the spectrum of another restoration, or of the truth where it is known, given
// the data: with x = mean + S^(1/2) u the penalty of u is the identity times the variance of the noise. Collective.
func (d *data) wiener(ctx context.Context, comm ranks.Comm, like []float64) (x []float64, iterations int, err error) {
	if d.truth != nil {
		like = d.truth
	}
	n := len(like) / d.channels
	mean := make([]float64, d.channels+1)
	mean[d.channels] = float64(n)
	flat := append([]float64(nil), like...)
	for i, v := range flat {
		if math.IsNaN(v) {
			flat[i] = 0
		}
		mean[i/n] += flat[i]
	}
	if err := comm.Allreduce(mean, mean, ranks.Sum); err != nil {
		return nil, 0, err
	}
	one, err := forward.NewShear(comm, d.frame, 1, nil)
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, 0, err
	}
	const bands = 12
	b := massmap.NewBands(d.frame, 1, bands)
	spectrum := &massmap.Spectrum{Ell: b.Ell, Power: make([]float64, len(b.Ell))}
	for c := range d.channels {
		p, err := b.Measure(comm, one, 1, flat[c*n:(c+1)*n])
		if err != nil {
			return nil, 0, err
		}
		for i, v := range p {
			spectrum.Power[i] += v / float64(d.channels)
		}
	}
	top := 0.0
	for _, v := range spectrum.Power {
		top = max(top, v)
	}
	for i, v := range spectrum.Power {
		spectrum.Power[i] = max(v, 1e-12*top, 1e-300)
	}
	all := one
	if d.channels > 1 {
		if all, err = forward.NewShear(comm, d.frame, d.channels, nil); err != nil {
			return nil, 0, err
		}
	}
	root := &spectral{all, all.Filter(func(k float64) float64 {
		if k == 0 {
			return 0
		}
		return math.Sqrt(spectrum.At(2 * math.Pi * k))
	}), len(like)}
	a, err := forward.Compose(d.problem.Operator, root)
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, 0, err
	}
	x = make([]float64, len(like))
	for i := range x {
		x[i] = mean[i/n] / mean[d.channels]
	}
	p := *d.problem
	p.Operator, p.Data = a, make([]float64, len(d.problem.Data))
	if err := d.problem.Operator.Apply(p.Data, x); err != nil {
		return nil, 0, err
	}
	for i, v := range d.problem.Data {
		p.Data[i] = v - p.Data[i]
	}
	s := &mlpatch.Quadratic{Problem: &p, Tolerance: 1e-3, MaxIterations: 200}
	u, err := s.Solve(ctx, comm, max(d.noise*d.noise, 1e-12))
	if err != nil {
		return nil, 0, err
	}
	moved := make([]float64, len(x))
	if err := root.Apply(moved, u); err != nil {
		return nil, 0, err
	}
	for i, v := range moved {
		x[i] += v
	}
	return x, s.Iterations, nil
}

// besideMetrics is one of the restorations by quadratic penalties.
type besideMetrics struct {
	Name   string           `json:"name"`
	Lambda lifecycle.Number `json:"lambda"` // 0 = none
}

// titles of the restorations in the summary.
var titles = map[string]string{"tikhonov": "Tikhonov", "wiener": "Wiener"}

// drawn are the pictures of the restorations, from a place in the panel on.
func (r *run) drawn(panel int) (list []frames.Picture) {
	for i, c := range r.result.columns {
		list = append(list, frames.Picture{Name: c.name + ".png", Title: titles[c.name], Owned: frames.Part(c.x), Panel: panel + i, Files: r.Npy(c.name + ".npy")})
	}
	return list
}
