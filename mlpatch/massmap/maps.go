package massmap

import (
	"context"
	"fmt"
	"math"

	"tessera/forward"
	"tessera/halo"
	"tessera/krylov"
	"tessera/ranks"
)

// Maps are this rank's part of the shear of a field.
type Maps struct {
	Frame   *halo.Decomposition // of (rows, cols); rows along y, columns along x
	Pixel   float64             // side of a pixel, radians
	Shear   []float64           // gamma_1, then gamma_2: 2 x owned box
	Weights []float64           // 1/variance of each number of Shear; 0 = missing, of both components
}

func (m *Maps) check(comm ranks.Comm) error {
	n := m.Frame.Owned(comm.Rank()).Size()
	switch {
	case !(m.Pixel > 0) || math.IsInf(m.Pixel, 0):
		return fmt.Errorf("massmap: pixels of %g radians, want more than 0", m.Pixel)
	case len(m.Shear) != 2*n || len(m.Weights) != 2*n:
		return fmt.Errorf("massmap: %d values of shear and %d weights, want two for each of %d pixels", len(m.Shear), len(m.Weights), n)
	}
	return nil
}

// observed is the shear with 0 at missing pixels.
func (m *Maps) observed() []float64 {
	g := append([]float64(nil), m.Shear...)
	for i, w := range m.Weights {
		if w == 0 {
			g[i] = 0
		}
	}
	return g
}

// KaiserSquires are the E and the B mode of the shear. Collective; the error is the same on all ranks.
func (m *Maps) KaiserSquires(comm ranks.Comm) (e, b []float64, err error) {
	if err := ranks.AgreeError(comm, m.check(comm)); err != nil {
		return nil, nil, err
	}
	s, err := forward.NewShear(comm, m.Frame, 1, nil)
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, nil, err
	}
	g := m.observed()
	e, b = make([]float64, len(g)/2), make([]float64, len(g)/2)
	if err := s.Adjoint(e, g); err != nil {
		return nil, nil, err
	}
	return e, b, s.Curl(b, g)
}

// Options of Wiener. The zero value is the default.
type Options struct {
	Tolerance     float64 // relative error of u; 0 = 1e-6
	MaxIterations int     // 0 = 1000
	Progress      func(krylov.Progress)
}

// Filter is a Wiener filter of fields with one frame, weights and spectrum; it keeps the operators.
type Filter struct {
	m      *Maps
	comm   ranks.Comm
	shear  *forward.Shear // D S^(1/2)
	root   []float64      // S^(1/2), for Smooth
	data   []float64
	option Options
}

// NewFilter prepares it. Collective; the error is the same on all ranks.
func (m *Maps) NewFilter(comm ranks.Comm, spectrum *Spectrum, o Options) (*Filter, error) {
	err := m.check(comm)
	if err == nil {
		err = spectrum.Check()
	}
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, err
	}
	if o.Tolerance == 0 {
		o.Tolerance = 1e-6
	}
	if o.MaxIterations == 0 {
		o.MaxIterations = 1000
	}
	f := &Filter{m: m, comm: comm, data: make([]float64, len(m.Shear)), option: o}
	amplitude := spectrum.amplitude(m.Pixel)
	f.shear, err = forward.NewShear(comm, m.Frame, 1, amplitude)
	if err := ranks.AgreeError(comm, err); err != nil {
		return nil, err
	}
	f.root = f.shear.Filter(func(k float64) float64 {
		if k == 0 {
			return 0
		}
		return amplitude(k)
	})
	return f, nil
}

// Len is the number of unknowns on this rank.
func (f *Filter) Len() int { return len(f.m.Shear) / 2 }

// Apply is that of the matrix of the unknown u. Collective.
func (f *Filter) Apply(dst, src []float64) error {
	if err := f.shear.Apply(f.data, src); err != nil {
		return err
	}
	for i, w := range f.m.Weights {
		f.data[i] *= w
	}
	if err := f.shear.Adjoint(dst, f.data); err != nil {
		return err
	}
	for i, v := range src {
		dst[i] += v
	}
	return nil
}

// Map is the Wiener map of a shear with the weights of the filter. Collective.
func (f *Filter) Map(ctx context.Context, shear []float64) ([]float64, *krylov.Report, error) {
	b, u, data := make([]float64, f.Len()), make([]float64, f.Len()), make([]float64, len(shear))
	for i, w := range f.m.Weights {
		if w > 0 {
			data[i] = w * shear[i]
		}
	}
	if err := f.shear.Adjoint(b, data); err != nil {
		return nil, nil, err
	}
	report, err := krylov.ConjugateGradients(ctx, f.comm, f, nil, u, b, krylov.Control{
		Tolerance: f.option.Tolerance, MaxIterations: f.option.MaxIterations, LambdaMin: 1, Progress: f.option.Progress,
	})
	if err != nil {
		return nil, report, err
	}
	kappa := make([]float64, f.Len())
	return kappa, report, f.shear.Smooth(kappa, u, f.root)
}

// Wiener is the mean of kappa given the shear, for a Gaussian field with this spectrum. Collective, with the
// errors of krylov.ConjugateGradients.
func (m *Maps) Wiener(ctx context.Context, comm ranks.Comm, spectrum *Spectrum, o Options) ([]float64, *krylov.Report, error) {
	f, err := m.NewFilter(comm, spectrum, o)
	if err != nil {
		return nil, nil, err
	}
	return f.Map(ctx, m.Shear)
}
