package image

import (
	"tessera/halo"
	"tessera/internal/stencil"
	"tessera/ranks"
)

// unbounded stands for no edge of the domain in sight.
const unbounded = 1 << 40

// operator is this rank's rows of M = H'WH + lambda Q'Q.
//
// Where the halo of x continues the frame the way the border condition does, one
// exchange as wide as the stencil of M serves both H and H': t = W (H x) is formed
// on the owned box and a ring around it. That holds for zero and periodic borders
// and, if the kernel is its own mirror image, for reflecting ones; for other
// kernels between mirrors H' goes through Blur.Adjoint, with a second exchange.
type operator struct {
	comm       ranks.Comm
	blur       *Blur
	frame      *halo.Decomposition
	border     halo.Border
	plan       *halo.Plan
	normal     stencil.NormalOperator
	reach      [2]int        // rows and columns that M looks away
	halo       [2]int        // of ext: reach, or less where Blur does H and H'
	weights    stencil.Plane // W with a halo of the kernel's radius; nil Data: all ones
	owned      []float64     // W on the owned box; nil: all ones
	rows, cols int
	channels   int
	ext        []float64
	mirrored   bool      // the second way
	t          []float64 // W H x of the second way; one plane for wide kernels
}

func newOperator(comm ranks.Comm, p *Problem, o *Options) (*operator, error) {
	blur, err := NewBlur(comm, p.Frame, p.Channels, p.Kernel, o.Border)
	if err != nil {
		return nil, err
	}
	m := &operator{
		comm: comm, blur: blur, frame: p.Frame, border: o.Border,
		rows: blur.rows, cols: blur.cols, channels: p.Channels, owned: p.Weights,
		mirrored: o.Border == halo.Reflect && !blur.kernel.Symmetric(),
	}
	m.normal = stencil.NormalOperator{
		Kernel: blur.kernel, Q: regulariserStencil[o.Regulariser], Lambda: o.Lambda,
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
	if m.plan, err = halo.NewPlan(p.Frame, comm.Rank(), m.halo[:], o.Border); err != nil {
		return nil, err
	}
	m.ext = make([]float64, p.Channels*m.plan.Extended().Size())
	return m, m.spreadWeights()
}

var regulariserStencil = map[Regulariser]stencil.Regulariser{
	Identity: stencil.Identity0, Gradient: stencil.Gradient, Laplacian: stencil.Laplacian,
}

// domain is where data rows exist, in coordinates of the owned box.
func (m *operator) domain() [4]int {
	if m.border != halo.Zero {
		return [4]int{-unbounded, unbounded, -unbounded, unbounded}
	}
	d, o := m.frame.Domain(), m.frame.Owned(m.comm.Rank())
	return [4]int{d.Lo[0] - o.Lo[0], d.Hi[0] - o.Lo[0], d.Lo[1] - o.Lo[1], d.Hi[1] - o.Lo[1]}
}

// spreadWeights fills the weights' halo. Beyond a zero border there are no data:
// the weight there is 0.
func (m *operator) spreadWeights() error {
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
func (m *operator) Len() int { return m.channels * m.rows * m.cols }

// Apply sets dst = M src.
func (m *operator) Apply(dst, src []float64) error {
	m.plan.Scatter(m.ext, src, m.channels)
	if err := m.plan.Exchange(m.comm, m.ext, m.channels); err != nil {
		return err
	}
	switch {
	case m.mirrored:
		if err := m.blur.Apply(m.t, src); err != nil {
			return err
		}
		m.weigh(m.t)
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
func (m *operator) extended(c int) stencil.Plane {
	size := len(m.ext) / m.channels
	return stencil.Interior(m.ext[c*size:(c+1)*size], m.cols, m.halo[0], m.halo[1])
}

// addRegulariser adds lambda Q'Q x, x in ext, where normal's kernel is zero.
func (m *operator) addRegulariser(dst []float64) {
	t := m.blur.plane(m.t, 0)
	for c := range m.channels {
		m.normal.Apply(t, m.extended(c), stencil.Plane{})
		for i, v := range t {
			m.blur.plane(dst, c)[i] += v
		}
	}
}

// weigh multiplies every channel by W.
func (m *operator) weigh(a []float64) {
	if m.owned == nil {
		return
	}
	for c := range m.channels {
		plane := m.blur.plane(a, c)
		for i, w := range m.owned {
			plane[i] *= w
		}
	}
}

// rhs is b = H'W y. Missing pixels may hold anything, NaN included.
func (m *operator) rhs(y []float64) ([]float64, error) {
	t := append([]float64(nil), y...)
	if m.owned != nil {
		for i := range t {
			if w := m.owned[i%len(m.owned)]; w == 0 {
				t[i] = 0
			} else {
				t[i] *= w
			}
		}
	}
	b := make([]float64, len(y))
	err := m.blur.Adjoint(b, t)
	m.blur.Release()
	return b, err
}

// objective returns the parts of J(w) = ||W^(1/2)(H w - y)||^2 + lambda ||Q w||^2
// summed over the ranks.
func (m *operator) objective(w, y []float64) (misfit, penalty float64, err error) {
	t := make([]float64, len(w))
	if err := m.blur.Apply(t, w); err != nil {
		return 0, 0, err
	}
	m.blur.Release()
	sums := make([]float64, 2)
	for i, v := range t {
		weight := 1.0
		if m.owned != nil {
			weight = m.owned[i%len(m.owned)]
		}
		if weight != 0 {
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
