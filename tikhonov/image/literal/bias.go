package literal

import (
	"fmt"
	"math"

	"tessera/ranks"
	"tessera/tikhonov/image/internal/tiles"
)

// bias measures the four patches against the minimiser.
func (l *method) bias(owner, exact []float64) (*Bias, error) {
	channels := l.p.Channels
	sum, covers := make([]float64, len(owner)), make([]float64, len(owner)/channels)
	l.plan.Gather(sum, l.sum, channels)
	l.plan.Gather(covers, l.covers, 1)
	norms := make([]float64, 4) // of exact, owner - exact, averaged - exact, sum - exact
	for i, w := range exact {
		norms[0] += w * w
		norms[1] += sq(owner[i] - w)
		norms[2] += sq(sum[i]/covers[i%len(covers)] - w)
		norms[3] += sq(sum[i] - w)
	}
	if err := l.comm.Allreduce(norms, norms, ranks.Sum); err != nil {
		return nil, err
	}
	if norms[0] == 0 {
		return nil, fmt.Errorf("literal: the minimiser is zero, so that the bias of the literal method has no scale")
	}
	least, err := l.argMin(exact, norms[0])
	if err != nil {
		return nil, err
	}
	scale := 1 / math.Sqrt(norms[0])
	return &Bias{
		Owner: scale * math.Sqrt(norms[1]), Averaged: scale * math.Sqrt(norms[2]),
		PlainSum: scale * math.Sqrt(norms[3]), ArgMin: scale * math.Sqrt(least),
	}, nil
}

// argMin returns ||EO_i w_i - w*||^2 for the tile i whose zero extension EO_i w_i
// has the least J = ||y||^2 - 2 b'EO_i w_i + w_i'M_i w_i, as algorithm 1 has it.
func (l *method) argMin(exact []float64, exactNorm float64) (float64, error) {
	channels := l.p.Channels
	b, w := make([]float64, len(l.data)), make([]float64, len(l.data))
	l.plan.Scatter(b, l.b, channels)
	l.plan.Scatter(w, exact, channels)
	for _, a := range [][]float64{b, w} {
		if err := l.plan.Exchange(l.comm, a, channels); err != nil {
			return 0, err
		}
	}
	plane := len(l.data) / channels
	least, distance := math.Inf(1), 0.0
	shape := l.p.Frame.Domain().Shape()
	patterns := map[tiles.Class]*tiles.Pattern{}
	for i := range l.tiles {
		t, m := &l.tiles[i], l.tiles[i].Area()
		key := tiles.Classify(t, shape, l.reach, l.o.Border)
		p := patterns[key]
		if p == nil {
			p = tiles.New(t, shape, l.kernel, l.q, l.o.Border)
			patterns[key] = p
		}
		j, d := 0.0, exactNorm
		for c := range channels {
			x := l.w[i][c*m : (c+1)*m]
			l.each(t, func(n, at int) {
				j -= 2 * b[c*plane+at] * x[n]
				d += x[n]*x[n] - 2*x[n]*w[c*plane+at]
			})
			j += p.Quadratic(l.o.Lambda, l.weights.At(t, p), x)
		}
		if j < least {
			least, distance = j, d
		}
	}
	global := []float64{least}
	if err := l.comm.Allreduce(global, global, ranks.Min); err != nil {
		return 0, err
	}
	winner := []float64{math.Inf(1)}
	if least == global[0] {
		winner[0] = distance
	}
	err := l.comm.Allreduce(winner, winner, ranks.Min)
	return math.Max(0, winner[0]), err
}

func sq(x float64) float64 { return x * x }
