package mlpatch

import (
	"tessera/halo"
	"tessera/internal/frames"
	"tessera/ranks"
)

// fill is the data of an observation with its missing values replaced: those beside known ones by the mean
// of their known neighbours, of eight, then those beside these, and so on. A channel of which
// nothing is known is 0. The bits do not depend on the number of ranks. Collective: one exchange a round.
func fill(comm ranks.Comm, o *frames.Observation, border halo.Border) ([]float64, error) {
	out := append([]float64(nil), o.Data...)
	known := make([]float64, len(out)) // 1 or 0
	left := []float64{0}
	for i := range out {
		if known[i] = 1; o.Weights.Missing(i) {
			out[i], known[i] = 0, 0
			left[0]++
		}
	}
	if err := comm.Allreduce(left, left, ranks.Sum); err != nil {
		return nil, err
	}
	if left[0] == 0 {
		return out, nil
	}
	plan, err := halo.NewPlan(o.Frame, comm.Rank(), []int{1, 1}, border)
	if err != nil {
		return nil, err
	}
	size, owned := plan.Extended().Size(), plan.Owned().Size()
	stride, cols := plan.Extended().Shape()[1], plan.Owned().Shape()[1]
	planes := 2 * o.Channels
	ext := make([]float64, planes*size)
	for before := left[0] + 1; left[0] > 0 && left[0] < before; {
		before, left[0] = left[0], 0
		plan.Scatter(ext, append(append([]float64(nil), out...), known...), planes)
		if err := plan.Exchange(comm, ext, planes); err != nil {
			return nil, err
		}
		for i := range out {
			if known[i] > 0 {
				continue
			}
			c, r, q := i/owned, i%owned/cols, i%owned%cols
			sum, count := 0.0, 0.0
			for dr := range 3 {
				for dc := range 3 {
					at := c*size + (r+dr)*stride + q + dc
					sum += ext[at] * ext[at+o.Channels*size]
					count += ext[at+o.Channels*size]
				}
			}
			if count == 0 {
				left[0]++
				continue
			}
			out[i], known[i] = sum/count, 1
		}
		if err := comm.Allreduce(left, left, ranks.Sum); err != nil {
			return nil, err
		}
	}
	return out, nil
}
