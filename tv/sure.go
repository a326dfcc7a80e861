package tv

import (
	"context"
	"math"

	"tessera/internal/random"
	"tessera/ranks"
)

// forSURE is the purpose of the random vectors of SURE.
const forSURE = 17

// probeStep is the length of a step in the data along a random vector, by the noise.
const probeStep = 0.1

// divergence estimates the trace of the derivative of W^(1/2) A x by W^(1/2) y with random
// vectors b:
//
//	<b, W^(1/2) A (x(y + epsilon W^(-1/2) b) - x(y))> / epsilon,
//
// and the standard error of the mean over the vectors; 0 with one vector. The
// solves do as many iterations as that of r, from the same start, so that what is
// differentiated is one map. Collective.
func (q *searcher) divergence(ctx context.Context, r *Result, start []float64, phase string) (trace, spread float64, err error) {
	q.found.Probes = q.o.Probes
	y, m := q.fid.y, len(q.fid.y)
	ax, b, moved := make([]float64, m), make([]float64, m), make([]float64, m)
	if err := q.fid.apply(ax, r.Solution); err != nil {
		return 0, 0, err
	}
	first, err := q.firstValue()
	if err != nil {
		return 0, 0, err
	}
	epsilon := probeStep * q.found.Noise
	defer func() { q.fid.y, q.fixed = y, 0 }()
	var traces []float64
	for k := range q.o.Probes {
		q.draw(b, uint64(k), first)
		for i, v := range b {
			moved[i] = y[i]
			if w := q.fid.w.At(i); w > 0 {
				moved[i] += epsilon * v / math.Sqrt(w)
			}
		}
		q.fid.y, q.start, q.fixed = moved, start, r.Iterations
		other, err := q.solve(ctx, r.Lambda, phase)
		if err != nil {
			return 0, 0, err
		}
		adj := make([]float64, m)
		if err := q.fid.apply(adj, other.Solution); err != nil {
			return 0, 0, err
		}
		sum := []float64{0}
		for i, v := range b {
			if w := q.fid.w.At(i); w > 0 {
				sum[0] += v * math.Sqrt(w) * (adj[i] - ax[i]) / epsilon
			}
		}
		if err := q.comm.Allreduce(sum, sum, ranks.Sum); err != nil {
			return 0, 0, err
		}
		traces = append(traces, sum[0])
	}
	for _, t := range traces {
		trace += t / float64(len(traces))
	}
	for _, t := range traces {
		spread += (t - trace) * (t - trace)
	}
	if n := float64(len(traces)); n > 1 {
		spread = math.Sqrt(spread / (n - 1) / n)
	}
	return trace, spread, nil
}

// firstValue is the number of data values of the ranks before this one. Collective.
func (q *searcher) firstValue() (int, error) {
	counts, err := ranks.Counts(q.comm, len(q.p.Data))
	first := 0
	for _, n := range counts[:min(q.comm.Rank(), len(counts))] {
		first += n
	}
	return first, err
}

// draw fills b with standard normal numbers by (seed, vector, place): the place in the frame
// where the data are one, else that in the data of all ranks one after the other.
func (q *searcher) draw(b []float64, vector uint64, first int) {
	s := random.New(q.o.Seed, forSURE, vector)
	if !q.dataIsFrame() {
		for i := range b {
			b[i] = s.Normal(uint64(first + i))
		}
		return
	}
	box, shape := q.field.plan.Owned(), q.field.frame.Domain().Shape()
	cols := box.Hi[1] - box.Lo[1]
	for i := range b {
		c, j := i/q.field.cells, i%q.field.cells
		row, col := box.Lo[0]+j/cols, box.Lo[1]+j%cols
		b[i] = s.Normal(uint64((c*shape[0]+row)*shape[1] + col))
	}
}
