package forward

import (
	"fmt"

	"tessera/halo"
	"tessera/internal/stencil"
	"tessera/ranks"
)

// unbounded stands for no edge of the domain in sight.
const unbounded = 1 << 40

// Regulariser names Q.
type Regulariser string

const (
	Identity  Regulariser = "identity"  // I
	Gradient  Regulariser = "gradient"  // differences of neighbours along both axes
	Laplacian Regulariser = "laplacian" // the 5-point Laplacian
)

// Regularisers lists all of them.
func Regularisers() []Regulariser { return []Regulariser{Identity, Gradient, Laplacian} }

// Reach is how many pixels away Q'Q looks; -1 for an unknown Q.
func (q Regulariser) Reach() int {
	s, known := q.stencil()
	if !known {
		return -1
	}
	return s.Reach()
}

func (q Regulariser) stencil() (s stencil.Regulariser, known bool) {
	s, known = map[Regulariser]stencil.Regulariser{
		Identity: stencil.Identity0, Gradient: stencil.Gradient, Laplacian: stencil.Laplacian,
	}[q]
	return s, known
}

// Problem is this rank's part of a frame that was observed through a blur.
type Problem struct {
	Frame       *halo.Decomposition // of the (rows, cols) domain; rank r owns Frame.Owned(r)
	Channels    int
	PSF         PSF     // the zero value is no blur
	Weights     Weights // of the owned pixels; nil = all ones
	Border      halo.Border
	Regulariser Regulariser // "" = Identity
	Lambda      float64
}

// Normal is this rank's rows of M = H'WH + lambda Q'Q, symmetric and, for lambda > 0 and
// a Q that no frame is invisible to, positive definite. Vectors are channels x owned rows
// x owned cols.
//
// Where the halo of x continues the frame the way the border condition does, one
// exchange as wide as the stencil of M serves both H and H': t = W (H x) is formed
// on the owned box and a ring around it. That holds for zero and periodic borders
// and, if the PSF is its own mirror image, for reflecting ones; for other
// PSFs between mirrors H' goes through Blur.Adjoint, with a second exchange.
type Normal struct {
	comm       ranks.Comm
	blur       *Blur
	frame      *halo.Decomposition
	border     halo.Border
	plan       *halo.Plan
	normal     stencil.NormalOperator
	reach      [2]int        // rows and columns that M looks away
	halo       [2]int        // of ext: reach, or less where Blur does H and H'
	weights    stencil.Plane // W with a halo of the PSF's radius; nil Data: all ones
	owned      Weights       // W on the owned box
	rows, cols int
	channels   int
	ext        []float64
	mirrored   bool      // the second way
	t          []float64 // W H x of the second way; one plane for wide PSFs
}

// NewNormal prepares the operator. Collective: every rank gives its part of one problem.
func NewNormal(comm ranks.Comm, p *Problem) (*Normal, error) {
	blur, err := NewBlur(comm, p.Frame, p.Channels, p.PSF, p.Border)
	if err != nil {
		return nil, err
	}
	q := stencil.Identity0
	if p.Regulariser != "" {
		var known bool
		if q, known = p.Regulariser.stencil(); !known {
			return nil, fmt.Errorf("forward: unknown regulariser %q", p.Regulariser)
		}
	}
	m := &Normal{
		comm: comm, blur: blur, frame: p.Frame, border: p.Border,
		rows: blur.rows, cols: blur.cols, channels: p.Channels, owned: p.Weights,
		mirrored: p.Border == halo.Reflect && !blur.kernel.Symmetric(),
	}
	m.normal = stencil.NormalOperator{
		Kernel: blur.kernel, Q: q, Lambda: p.Lambda,
		Rows: m.rows, Cols: m.cols, Domain: m.domain(),
	}
	m.reach = [2]int{m.normal.HaloRows(), m.normal.HaloCols()}
	m.halo = m.reach
	switch {
	case m.mirrored:
		m.t = make([]float64, m.Len())
		m.halo = [2]int{m.normal.Q.Reach(), m.normal.Q.Reach()}
	case blur.wide != nil:
		m.t = make([]float64, m.rows*m.cols)
	}
	if m.t != nil { // normal is left with the regulariser
		m.normal.Kernel = stencil.Kernel{Dense: []float64{0}}
	}
	if m.plan, err = halo.NewPlan(p.Frame, comm.Rank(), m.halo[:], p.Border); err != nil {
		return nil, err
	}
	m.ext = make([]float64, p.Channels*m.plan.Extended().Size())
	return m, m.spreadWeights()
}

// Blur is H.
func (m *Normal) Blur() *Blur { return m.blur }

// Reach is how many rows and columns away M looks.
func (m *Normal) Reach() (rows, cols int) { return m.reach[0], m.reach[1] }

// Domain is the half-open range of rows, then that of columns, in which the data rows of
// Q exist, in coordinates of the owned box; without bounds where the border continues
// the frame.
func (m *Normal) Domain() [4]int { return m.normal.Domain }

// SetLambda changes lambda.
func (m *Normal) SetLambda(lambda float64) { m.normal.Lambda = lambda }

// Even tells whether the weights are one everywhere that M looks, beyond the border too.
func (m *Normal) Even() bool { return m.weights.Data == nil && m.owned == nil }

// domain is where data rows exist, first and last row, first and last column, in
// coordinates of the owned box.
func (m *Normal) domain() [4]int {
	if m.border != halo.Zero {
		return [4]int{-unbounded, unbounded, -unbounded, unbounded}
	}
	d, o := m.frame.Domain(), m.frame.Owned(m.comm.Rank())
	return [4]int{d.Lo[0] - o.Lo[0], d.Hi[0] - o.Lo[0], d.Lo[1] - o.Lo[1], d.Hi[1] - o.Lo[1]}
}

// spreadWeights fills the weights' halo. Beyond a zero border there are no data:
// the weight there is 0.
func (m *Normal) spreadWeights() error {
	// A rank without missing pixels may leave its weights out; its neighbours' need
	// not be, and all must exchange.
	any := []float64{0}
	if m.owned != nil {
		any[0] = 1
	}
	if err := m.comm.Allreduce(any, any, ranks.Max); err != nil {
		return err
	}
	k := m.blur.kernel
	plain := any[0] == 0 && (m.border != halo.Zero || k.RowRadius == 0 && k.ColRadius == 0)
	plan, err := halo.NewPlan(m.frame, m.comm.Rank(), []int{k.RowRadius, k.ColRadius}, m.border)
	if err != nil || plain {
		return err
	}
	w := m.owned
	if w == nil {
		w = make([]float64, m.rows*m.cols)
		for i := range w {
			w[i] = 1
		}
	}
	ext := make([]float64, plan.Extended().Size())
	plan.Scatter(ext, w, 1)
	if err := plan.Exchange(m.comm, ext, 1); err != nil {
		return err
	}
	m.weights = stencil.Interior(ext, m.cols, k.RowRadius, k.ColRadius)
	return nil
}

// Len is the number of unknowns of this rank.
func (m *Normal) Len() int { return m.channels * m.rows * m.cols }

// Apply sets dst = M src. Collective.
func (m *Normal) Apply(dst, src []float64) error {
	m.plan.Scatter(m.ext, src, m.channels)
	if err := m.plan.Exchange(m.comm, m.ext, m.channels); err != nil {
		return err
	}
	switch {
	case m.mirrored:
		if err := m.blur.Apply(m.t, src); err != nil {
			return err
		}
		m.owned.Apply(m.t)
		if err := m.blur.Adjoint(dst, m.t); err != nil {
			return err
		}
		m.addRegulariser(dst)
		return nil
	case m.blur.wide != nil:
		for c := range m.channels {
			m.blur.wide.normal(m.blur.plane(dst, c), m.extended(c), m.weights)
		}
		m.addRegulariser(dst)
		return nil
	}
	for c := range m.channels {
		m.normal.Apply(m.blur.plane(dst, c), m.extended(c), m.weights)
	}
	return nil
}

// extended is channel c of the array with halo.
func (m *Normal) extended(c int) stencil.Plane {
	size := len(m.ext) / m.channels
	return stencil.Interior(m.ext[c*size:(c+1)*size], m.cols, m.halo[0], m.halo[1])
}

// addRegulariser adds lambda Q'Q x, x in ext, where normal's PSF is zero.
func (m *Normal) addRegulariser(dst []float64) {
	t := m.blur.plane(m.t, 0)
	for c := range m.channels {
		m.normal.Apply(t, m.extended(c), stencil.Plane{})
		for i, v := range t {
			m.blur.plane(dst, c)[i] += v
		}
	}
}

// RightSide is b = H'W y. Missing pixels may hold anything, NaN included. Collective.
func (m *Normal) RightSide(y []float64) ([]float64, error) {
	t := append([]float64(nil), y...)
	m.owned.Apply(t)
	b := make([]float64, len(y))
	err := m.blur.Adjoint(b, t)
	m.blur.Release()
	return b, err
}

// Objective returns the parts of J(w) = ||W^(1/2)(H w - y)||^2 + lambda ||Q w||^2
// summed over the ranks. Collective.
func (m *Normal) Objective(w, y []float64) (misfit, penalty float64, err error) {
	t := make([]float64, len(w))
	if err := m.blur.Apply(t, w); err != nil {
		return 0, 0, err
	}
	m.blur.Release()
	sums := make([]float64, 2)
	for i, v := range t {
		if weight := m.owned.At(i); weight != 0 {
			sums[0] += weight * (v - y[i]) * (v - y[i])
		}
	}
	// lambda w'Q'Q w, with the blur switched off.
	q := m.normal
	q.Kernel = stencil.Kernel{Dense: []float64{0}}
	m.plan.Scatter(m.ext, w, m.channels)
	if err := m.plan.Exchange(m.comm, m.ext, m.channels); err != nil {
		return 0, 0, err
	}
	for c := range m.channels {
		plane := m.blur.plane(t, c)
		q.Apply(plane, m.extended(c), stencil.Plane{})
		for i, v := range m.blur.plane(w, c) {
			sums[1] += v * plane[i]
		}
	}
	if err := m.comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return 0, 0, err
	}
	return sums[0], sums[1], nil
}
