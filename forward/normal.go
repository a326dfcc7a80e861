package forward

import (
	"fmt"

	"tessera/halo"
	"tessera/internal/linalg"
	"tessera/internal/stencil"
	"tessera/ranks"
)

// unbounded stands for an edge of the domain that no stencil can reach.
const unbounded = 1 << 40

// Regulariser names Q, the operator of the penalty lambda ||Q w||^2.
type Regulariser string

const (
	Identity  Regulariser = "identity"  // I
	Gradient  Regulariser = "gradient"  // differences of neighbours along both axes
	Laplacian Regulariser = "laplacian" // the 5-point Laplacian
)

// Regularisers lists every regulariser.
func Regularisers() []Regulariser { return []Regulariser{Identity, Gradient, Laplacian} }

// Reach is the largest distance in pixels, along an axis, between a pixel and one that
// its value of Q'Q x depends on; -1 for an unknown Q.
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

// Problem is this rank's part of a frame that was observed through a blur. All fields but
// Weights are the same on every rank.
type Problem struct {
	Frame       *halo.Decomposition // of the domain rows x cols; rank r owns Frame.Owned(r)
	Channels    int                 // 1 or more planes of one frame, such as colours
	PSF         PSF                 // of the blur H; the zero value is no blur
	Varying     *VaryingPSF         // of the blur H where it changes over the frame; nil = PSF everywhere
	Weights     Weights             // owned rows x owned cols, for every channel; 0 = missing, else 1/variance or 1; nil = all ones
	Border      halo.Border         // of H, H' and Q; 0 = halo.Zero
	Regulariser Regulariser         // Q; "" = Identity
	Lambda      float64             // factor of the penalty, 0 or more, in units of a weight; 0 = no penalty
}

// Normal is this rank's rows of M = H'WH + lambda Q'Q. M is symmetric, and positive
// definite if lambda > 0 and Q x = 0 for x = 0 alone. Vectors are channels x owned rows x
// owned cols. It is a krylov.Operator and an Operator.
//
// Where the halo of x continues the frame as the border condition does, one exchange
// serves both H and H': the halo is as wide as the stencil of M, and t = W (H x) is
// formed on the owned box and a ring around it. This is so for zero and periodic
// borders, and for reflecting borders if the PSF is its own mirror image. For other PSFs
// and reflecting borders, and where the PSF varies, H' is Adjoint of the blur, with a second exchange.
//
// Cost: 24 bytes of memory traffic a pixel, and 4(2r+1) multiply-adds a pixel for a
// separable PSF of radius r or 2(2r+1)^2 for another one. It keeps one array of the size
// of x with a halo, and with a wide or asymmetric PSF one or two more. Where H' is Adjoint of the blur and Q the
// identity, Apply does without the first, and where the PSF varies W H x stands in the result of Apply.
type Normal struct {
	comm       ranks.Comm
	blur       Convolution
	kernel     stencil.Kernel // of H; where the PSF varies, zeros of its size
	wide       *wide          // of a large PSF that is the same everywhere, else nil
	frame      *halo.Decomposition
	border     halo.Border
	plan       *halo.Plan
	normal     stencil.NormalOperator
	reach      [2]int        // reach of the stencil of M in rows and columns
	halo       [2]int        // of ext: reach, or less where Blur does H and H'
	weights    stencil.Plane // W with a halo of the PSF's radius; nil Data: all ones
	owned      Weights       // W on the owned box
	rows, cols int
	channels   int
	ext        []float64
	varying    bool
	mirrored   bool      // H and H' are those of blur, one after the other
	t          []float64 // W H x where mirrored by one PSF; one plane for wide PSFs, and where the PSF varies, for Q
}

// NewNormal prepares the operator. Every rank gives its part of one problem. Collective.
// Weights that do not fit are an error on the rank that gave them alone.
func NewNormal(comm ranks.Comm, p *Problem) (*Normal, error) {
	if p.Frame != nil && p.Frame.Ranks() == comm.Size() {
		if err := p.Weights.check(p.Frame.Owned(comm.Rank()).Size()); err != nil {
			return nil, fmt.Errorf("forward: NewNormal: %w", err)
		}
	}
	m := &Normal{comm: comm, frame: p.Frame, border: p.Border, channels: p.Channels, owned: p.Weights}
	err := m.prepareBlur(p)
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
	m.normal = stencil.NormalOperator{
		Kernel: m.kernel, Q: q, Lambda: p.Lambda,
		Rows: m.rows, Cols: m.cols, Domain: m.domain(),
	}
	m.reach = [2]int{m.normal.HaloRows(), m.normal.HaloCols()}
	m.halo = m.reach
	switch {
	case m.varying && m.normal.Q == stencil.Identity0: // H' takes W H x where it stands
	case m.mirrored && !m.varying:
		m.t = make([]float64, m.Len())
	case m.mirrored || m.wide != nil:
		m.t = make([]float64, m.rows*m.cols)
	}
	if m.mirrored {
		m.halo = [2]int{m.normal.Q.Reach(), m.normal.Q.Reach()}
	}
	if m.mirrored || m.wide != nil { // normal does the regulariser alone
		m.normal.Kernel = stencil.Kernel{Dense: []float64{0}}
	}
	if m.plan, err = halo.NewPlan(p.Frame, comm.Rank(), m.halo[:], p.Border); err != nil {
		return nil, err
	}
	return m, m.spreadWeights()
}

// prepareBlur makes H.
func (m *Normal) prepareBlur(p *Problem) error {
	if p.Varying != nil {
		blur, err := NewVaryingBlur(m.comm, p.Frame, p.Channels, p.Varying, p.Border)
		if err != nil {
			return err
		}
		m.blur, m.rows, m.cols, m.mirrored, m.varying = blur, blur.rows, blur.cols, true, true
		rows, cols := 2*blur.radius[0]+1, 2*blur.radius[1]+1
		m.kernel = stencil.New(rows, cols, make([]float64, rows*cols))
		return nil
	}
	blur, err := NewBlur(m.comm, p.Frame, p.Channels, p.PSF, p.Border)
	if err != nil {
		return err
	}
	m.blur, m.rows, m.cols, m.kernel, m.wide = blur, blur.rows, blur.cols, blur.kernel, blur.wide
	m.mirrored = p.Border == halo.Reflect && !blur.kernel.Symmetric()
	return nil
}

// Blur is H.
func (m *Normal) Blur() Convolution { return m.blur }

// plane is channel c of an array over the owned box.
func (m *Normal) plane(a []float64, c int) []float64 {
	n := m.rows * m.cols
	return a[c*n : (c+1)*n]
}

// Reach is the reach of the stencil of M: the largest distance in rows and in columns
// between a pixel and one that its value of M x depends on.
func (m *Normal) Reach() (rows, cols int) { return m.reach[0], m.reach[1] }

// Domain is the half-open range of rows, then of columns, in which rows of Q exist, in
// coordinates of the owned box. It is practically unlimited where the border continues
// the frame.
func (m *Normal) Domain() [4]int { return m.normal.Domain }

// SetLambda changes lambda. Every rank must set the same value.
func (m *Normal) SetLambda(lambda float64) { m.normal.Lambda = lambda }

// Even tells whether all weights that M uses on this rank are 1, those beyond the border
// too.
func (m *Normal) Even() bool { return m.weights.Data == nil && m.owned == nil }

// domain computes Domain.
func (m *Normal) domain() [4]int {
	if m.border != halo.Zero {
		return [4]int{-unbounded, unbounded, -unbounded, unbounded}
	}
	d, o := m.frame.Domain(), m.frame.Owned(m.comm.Rank())
	return [4]int{d.Lo[0] - o.Lo[0], d.Hi[0] - o.Lo[0], d.Lo[1] - o.Lo[1], d.Hi[1] - o.Lo[1]}
}

// spreadWeights fills the halo of the weights. Beyond a zero border there are no data and
// the weight is 0. Collective.
func (m *Normal) spreadWeights() error {
	if m.varying {
		return nil // blur leaves no data beyond the owned box
	}
	// Weights may be nil on some ranks only. All ranks must exchange if one has weights.
	any := []float64{0}
	if m.owned != nil {
		any[0] = 1
	}
	if err := m.comm.Allreduce(any, any, ranks.Max); err != nil {
		return err
	}
	k := m.kernel
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

// Len is the number of unknowns of this rank, channels x owned rows x owned cols.
func (m *Normal) Len() int { return m.channels * m.rows * m.cols }

// Dims is Len twice.
func (m *Normal) Dims() (ofY, ofX int) { return m.Len(), m.Len() }

// Frame is the frame of x.
func (m *Normal) Frame() (frame *halo.Decomposition, channels int) { return m.frame, m.channels }

// Adjoint is Apply: M is symmetric. Collective.
func (m *Normal) Adjoint(dst, src []float64) error {
	if err := checkAdjoint(m, dst, src); err != nil {
		return err
	}
	return m.Apply(dst, src)
}

// Apply sets dst = M src. Collective.
func (m *Normal) Apply(dst, src []float64) error {
	if err := checkApply(m, dst, src); err != nil {
		return err
	}
	plain := m.mirrored && m.normal.Q == stencil.Identity0 // ext is not needed
	if !plain {
		if err := m.fill(src); err != nil {
			return err
		}
	}
	switch {
	case m.mirrored:
		t := m.t
		if m.varying {
			t = dst
		}
		if err := m.blur.Apply(t, src); err != nil {
			return err
		}
		m.owned.Apply(t)
		if err := m.blur.Adjoint(dst, t); err != nil {
			return err
		}
		if plain {
			linalg.Axpy(m.normal.Lambda, src, dst)
		} else {
			m.addRegulariser(dst)
		}
		return nil
	case m.wide != nil:
		for c := range m.channels {
			m.wide.normal(m.plane(dst, c), m.extended(c), m.weights)
		}
		m.addRegulariser(dst)
		return nil
	}
	for c := range m.channels {
		m.normal.Apply(m.plane(dst, c), m.extended(c), m.weights)
	}
	return nil
}

// fill puts x with its halo into ext. Collective.
func (m *Normal) fill(x []float64) error {
	if m.ext == nil {
		m.ext = make([]float64, m.channels*m.plan.Extended().Size())
	}
	m.plan.Scatter(m.ext, x, m.channels)
	return m.plan.Exchange(m.comm, m.ext, m.channels)
}

// extended is channel c of the array with the halo.
func (m *Normal) extended(c int) stencil.Plane {
	size := len(m.ext) / m.channels
	return stencil.Interior(m.ext[c*size:(c+1)*size], m.cols, m.halo[0], m.halo[1])
}

// addRegulariser adds lambda Q'Q x to dst. x is in ext, and the PSF of normal is zero.
func (m *Normal) addRegulariser(dst []float64) {
	t := m.plane(m.t, 0)
	for c := range m.channels {
		m.normal.Apply(t, m.extended(c), stencil.Plane{})
		for i, v := range t {
			m.plane(dst, c)[i] += v
		}
	}
}

// RightSide is b = H'W y for data y of Len values. Missing pixels may hold any value, NaN
// too. Collective.
func (m *Normal) RightSide(y []float64) ([]float64, error) {
	t := append([]float64(nil), y...)
	m.owned.Apply(t)
	b := make([]float64, len(y))
	err := m.blur.Adjoint(b, t)
	m.blur.Release()
	return b, err
}

// Objective returns the two terms of J(w) = ||W^(1/2)(H w - y)||^2 + lambda ||Q w||^2,
// summed over all ranks; w and y have Len values. Collective; the terms are the same on
// all ranks.
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
	// lambda w'Q'Q w: the normal operator with a PSF of zero.
	q := m.normal
	q.Kernel = stencil.Kernel{Dense: []float64{0}}
	if err := m.fill(w); err != nil {
		return 0, 0, err
	}
	for c := range m.channels {
		plane := m.plane(t, c)
		q.Apply(plane, m.extended(c), stencil.Plane{})
		for i, v := range m.plane(w, c) {
			sums[1] += v * plane[i]
		}
	}
	if err := m.comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return 0, 0, err
	}
	return sums[0], sums[1], nil
}
