package image

import "math"

// minimum is the search for the least value of a function of l = log lambda between two
// points where it is larger: lo < mid < hi. Golden section narrows the bracket to a width
// of 0.3; then the vertex of the parabola through the three points is the answer, good to
// about 0.3 % of lambda. It returns exp(l).
type minimum struct {
	lo, mid, hi    float64
	flo, fmid, fhi float64
}

func (m minimum) narrow(value func(l float64) (float64, error)) (float64, error) {
	const golden = 0.381966
	for m.hi-m.lo > 0.3 {
		next := m.mid + golden*(m.hi-m.mid)
		if m.hi-m.mid < m.mid-m.lo {
			next = m.mid - golden*(m.mid-m.lo)
		}
		f, err := value(next)
		if err != nil {
			return 0, err
		}
		switch {
		case f < m.fmid && next > m.mid:
			m.lo, m.flo, m.mid, m.fmid = m.mid, m.fmid, next, f
		case f < m.fmid:
			m.hi, m.fhi, m.mid, m.fmid = m.mid, m.fmid, next, f
		case next > m.mid:
			m.hi, m.fhi = next, f
		default:
			m.lo, m.flo = next, f
		}
	}
	left, right := (m.mid-m.lo)*(m.fmid-m.fhi), (m.mid-m.hi)*(m.fmid-m.flo)
	if d := left - right; finite(d) && d != 0 {
		if v := m.mid - 0.5*((m.mid-m.lo)*left-(m.mid-m.hi)*right)/d; v > m.lo && v < m.hi {
			return math.Exp(v), nil
		}
	}
	return math.Exp(m.mid), nil
}
