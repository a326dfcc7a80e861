package frames

import (
	"fmt"
	"math"

	"tessera/ranks"
)

// fillHoles makes the values of the truth that are not finite NaN, and returns a copy of the
// truth in which they are as dark as the darkest pixel: what light a hole has, nobody knows,
// and a blur needs some. The copy is the truth itself where there is no hole, on all ranks.
// Collective; the error is the same on all ranks.
func (o *Observation) fillHoles(comm ranks.Comm, path string, s *ImageSection) ([]float64, error) {
	marks := ""
	if path != "" {
		var err error
		if marks, err = o.leaveMarks(comm, s); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	least, sums := []float64{math.Inf(1)}, []float64{0, float64(len(o.Truth))}
	for i, v := range o.Truth {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			o.Truth[i] = math.NaN()
			sums[0]++
			continue
		}
		least[0] = min(least[0], v)
	}
	if err := comm.Allreduce(least, least, ranks.Min); err != nil {
		return nil, err
	}
	if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return nil, err
	}
	switch {
	case sums[0] == sums[1]:
		return nil, fmt.Errorf("%s: all %.0f values are NaN or infinite, want a true frame", path, sums[1])
	case comm.Rank() == 0 && path != "" && o.Source != nil:
		in := DescribeFrame(path, o.Source, sums[0], sums[1])
		DescribeOutliers(&in, marks)
		o.Inputs = append(o.Inputs, in)
	}
	if o.Holes = sums[0] > 0; !o.Holes {
		return o.Truth, nil
	}
	filled := make([]float64, len(o.Truth))
	for i, v := range o.Truth {
		if filled[i] = v; math.IsNaN(v) {
			filled[i] = least[0]
		}
	}
	return filled, nil
}

// takeOut takes the holes of the truth out of the observation, too. Collective.
func (o *Observation) takeOut(comm ranks.Comm, perChannel bool) error {
	if !o.Holes {
		return nil
	}
	return o.leaveOut(comm, o.Truth, perChannel)
}

// leaveOut gives the weight 0 to the pixels where the values, shape of Data, are not finite.
// Collective.
func (o *Observation) leaveOut(comm ranks.Comm, values []float64, perChannel bool) error {
	j := joined{box: o.ownBox(comm), channels: o.Channels, w: o.Weights}
	j.finite(values)
	if !perChannel {
		j.narrow()
	}
	planes := []float64{float64(len(j.plane()) / j.pixels())}
	if err := comm.Allreduce(planes, planes, ranks.Max); err != nil {
		return err
	}
	if planes[0] > 1 {
		j.widen()
	}
	o.Weights = j.w
	return nil
}
