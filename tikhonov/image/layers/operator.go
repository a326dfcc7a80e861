package layers

import (
	"tessera/forward"
	"tessera/ranks"
)

// operator is M, free of any matrix: vectors are u1 then u2, each channels x owned
// rows x owned cols.
type operator struct {
	p       *Problem
	o       *Options
	n       int // of one layer
	first   *forward.Blur
	second  *forward.Blur
	q       []*forward.Blur
	a, b, c []float64 // of one layer
}

func newOperator(comm ranks.Comm, p *Problem, o *Options) (*operator, error) {
	m := &operator{p: p, o: o, n: len(p.Data)}
	var err error
	if m.first, err = forward.NewBlur(comm, p.Frame, p.Channels, one(p.First), o.Border); err != nil {
		return nil, err
	}
	if m.second, err = forward.NewBlur(comm, p.Frame, p.Channels, one(p.Second), o.Border); err != nil {
		return nil, err
	}
	for _, k := range differences(o.Regulariser) {
		q, err := forward.NewBlur(comm, p.Frame, p.Channels, k, edge(o.Border))
		if err != nil {
			return nil, err
		}
		m.q = append(m.q, q)
	}
	m.a, m.b, m.c = make([]float64, m.n), make([]float64, m.n), make([]float64, m.n)
	return m, nil
}

// Len is two unknowns a pixel and channel.
func (m *operator) Len() int { return 2 * m.n }

// weigh multiplies by W.
func (m *operator) weigh(v []float64) {
	if w := m.p.Weights; w != nil {
		for i := range v {
			v[i] *= w[i%len(w)]
		}
	}
}

// Apply sets dst = M src. Collective; four blurs and Q.
func (m *operator) Apply(dst, src []float64) error {
	u1, u2, v1, v2 := src[:m.n], src[m.n:], dst[:m.n], dst[m.n:]
	if err := m.first.Apply(m.a, u1); err != nil {
		return err
	}
	m.weigh(m.a)
	if err := m.first.Adjoint(v1, m.a); err != nil {
		return err
	}
	if err := m.second.Apply(m.a, u2); err != nil { // H2 u2
		return err
	}
	mu := m.o.Coupling
	for i, h := range m.a {
		v1[i] += m.o.Lambda1*u1[i] + mu*(u1[i]-h)
		m.a[i] = mu * (h - u1[i])
	}
	if err := m.second.Adjoint(v2, m.a); err != nil {
		return err
	}
	for _, q := range m.q {
		if err := q.Apply(m.b, u2); err != nil {
			return err
		}
		if err := q.Adjoint(m.c, m.b); err != nil {
			return err
		}
		for i, x := range m.c {
			v2[i] += m.o.Lambda2 * x
		}
	}
	return nil
}

// right is the right side, [H1'W y; 0].
func (m *operator) right() ([]float64, error) {
	b := make([]float64, 2*m.n)
	for i, y := range m.p.Data {
		if w := m.p.weight(i % max(1, m.n/m.p.Channels)); w > 0 {
			m.a[i] = w * y
		} else {
			m.a[i] = 0 // whatever stands at a missing pixel
		}
	}
	return b, m.first.Adjoint(b[:m.n], m.a)
}

// objective is J and its first term. Collective.
func (m *operator) objective(comm ranks.Comm, u []float64) (j, misfit float64, err error) {
	u1, u2 := u[:m.n], u[m.n:]
	sums := make([]float64, 2)
	if err := m.first.Apply(m.a, u1); err != nil {
		return 0, 0, err
	}
	for i, y := range m.p.Data {
		if w := m.p.weight(i % max(1, m.n/m.p.Channels)); w > 0 {
			sums[0] += w * (m.a[i] - y) * (m.a[i] - y)
		}
	}
	if err := m.second.Apply(m.a, u2); err != nil {
		return 0, 0, err
	}
	for i, h := range m.a {
		sums[1] += m.o.Lambda1*u1[i]*u1[i] + m.o.Coupling*(h-u1[i])*(h-u1[i])
	}
	for _, q := range m.q {
		if err := q.Apply(m.b, u2); err != nil {
			return 0, 0, err
		}
		for _, x := range m.b {
			sums[1] += m.o.Lambda2 * x * x
		}
	}
	err = comm.Allreduce(sums, sums, ranks.Sum)
	return sums[0] + sums[1], sums[0], err
}
