package forward

import (
	"fmt"

	"tessera/halo"
	"tessera/ranks"
)

// axes holds what operators share that look one pixel away along each axis: arrays with
// one more layer at both ends of one axis at a time, so that no corners are sent.
type axes struct {
	comm     ranks.Comm
	frame    *halo.Decomposition
	channels int
	cells    int       // of the owned box
	along    []axis    // one an axis of the frame
	ext      []float64 // the array with two more layers; holds the largest of them
}

// axis is one axis of the owned box. With the axes before and after it as one each, a
// plane is outer x n x inner, and with its halo outer x (n+2) x inner.
type axis struct {
	plan            *halo.Plan
	outer, n, inner int
	last            bool // the box ends where the frame does
}

func newAxes(what string, comm ranks.Comm, frame *halo.Decomposition, channels int, border halo.Border) (*axes, error) {
	if err := checkFrame(what, comm, frame, channels); err != nil {
		return nil, err
	}
	owned, domain := frame.Owned(comm.Rank()), frame.Domain()
	shape := owned.Shape()
	a := &axes{comm: comm, frame: frame, channels: channels, cells: owned.Size()}
	largest := 0
	for k := range shape {
		width := make([]int, len(shape))
		width[k] = 1
		plan, err := halo.NewPlan(frame, comm.Rank(), width, border)
		if err != nil {
			return nil, fmt.Errorf("forward: %s: %w", what, err)
		}
		x := axis{plan: plan, outer: 1, n: shape[k], inner: 1, last: owned.Hi[k] == domain.Hi[k]}
		for i, n := range shape {
			if i < k {
				x.outer *= n
			} else if i > k {
				x.inner *= n
			}
		}
		if a.cells == 0 {
			x.outer = 0 // a rank that owns nothing
		}
		a.along = append(a.along, x)
		largest = max(largest, plan.Extended().Size())
	}
	a.ext = make([]float64, channels*largest)
	return a, nil
}

// extend returns src, channels x owned box, with the layers of the neighbours along
// axis k. Collective.
func (a *axes) extend(k int, src []float64) ([]float64, error) {
	plan := a.along[k].plan
	ext := a.ext[:a.channels*plan.Extended().Size()]
	plan.Scatter(ext, src, a.channels)
	return ext, plan.Exchange(a.comm, ext, a.channels)
}

// lines calls f for every part of out, an array over the owned box, that is contiguous
// along axis k: n x inner values. x is the same part of ext, (n+2) x inner values, so
// that out[i] stands between x[i] and x[i+2*inner] at x[i+inner].
func (a *axes) lines(k int, out, ext []float64, f func(out, x []float64)) {
	size, more := a.along[k].n*a.along[k].inner, (a.along[k].n+2)*a.along[k].inner
	for p := range a.channels * a.along[k].outer {
		f(out[p*size:(p+1)*size], ext[p*more:(p+1)*more])
	}
}
