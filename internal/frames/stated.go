package frames

import (
	"fmt"
	"math"
	"slices"

	"tessera/forward"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// stated is the plane of an observed frame whose values say the noise of every pixel; nil = there is none.
func (s *ImageSection) stated() *plane {
	if s.Path == "" {
		return nil
	}
	list, _, err := s.planes()
	if err != nil { // reported where the planes were read
		return nil
	}
	for i := range list {
		switch list[i].use {
		case useWeights, useSigma, useVariance, usePrecision:
			return &list[i]
		}
	}
	return nil
}

// NoiseStated tells whether a plane beside the frame has the standard deviation or the variance of every pixel, so that the noise of a
// value of weight 1 is 1. Weights may be on any scale. Collective.
func (r *Restoration) NoiseStated() (bool, error) {
	said := 0
	if r.stated != nil && r.stated.use != useWeights {
		said = 1
	}
	err := ranks.Share(r.Comm, &said)
	return said == 1, err
}

// Limits beyond which the scale of a plane is called wrong: of the noise that the finest differences of the data show, by
// what the plane says. Where that is large, the structure of an image may be the cause if it is not very large and the
// residual is as the plane says. The structure of a sharp image, which is seen through no blur, shows more: photographs with a
// noise of 0.01 of white have up to 4.
const (
	leastStated, mostStated     = 0.5, 2.0
	mostSharp                   = 5.0
	plainlyMost                 = 10.0
	leastResidual, mostResidual = 0.5, 1.5 // by what the plane says
)

// checkStated compares what a plane beside the frame says of the noise with the noise that the data show, notes their
// ratio, and warns where the plane is plainly on another scale. After the residual is known. Collective.
func (r *Restoration) checkStated(residual []float64) error {
	there := 0
	if r.stated != nil {
		there = 1
	}
	if err := ranks.Share(r.Comm, &there); err != nil || there == 0 {
		return err
	}
	o, m := r.Obs, r.Common
	if rows, cols := o.Shape(); rows < 2 || cols < 2 {
		return nil
	}
	found, err := forward.EstimateNoise(r.Comm, o.Frame, o.Channels, o.Data, o.Weights)
	if err != nil { // no observed pixels beside each other
		return nil
	}
	planes, err := r.byChannel(residual)
	if err != nil {
		return err
	}
	weight, err := o.Weights.Typical(r.Comm, len(o.Data))
	if err != nil || r.Comm.Rank() > 0 {
		return err
	}
	m.Fit.Stated, m.Fit.StatedBy = lifecycle.Some(found), r.stated.key
	wrong := slices.DeleteFunc(slices.Clone(planes), func(p channelNoise) bool { return p.found == 0 || r.agrees(p.found, p.residual) })
	if len(wrong) > 0 && len(wrong) < len(planes) {
		for _, p := range wrong {
			r.Warning(fmt.Sprintf("plane %d of %d: %s", p.number, o.Channels, r.stated.doubt(p.found, p.weight, r.sharp)))
		}
		return nil
	}
	if !r.agrees(found, float64(m.Fit.ResidualRMS)) {
		r.Warning(r.stated.doubt(found, weight, r.sharp))
	}
	return nil
}

// agrees tells whether the noise that the finest differences of the data show and the residual, both by what a plane says, are on
// its scale.
func (r *Restoration) agrees(found, residual float64) bool {
	most := mostStated
	if r.sharp {
		most = mostSharp
	}
	return found > leastStated && (found < most || found < plainlyMost && residual > leastResidual && residual < mostResidual)
}

// channelNoise is what one channel of a frame shows of its noise, by what a plane says.
type channelNoise struct {
	number          int     // from 1
	found, residual float64 // 0 = no difference of observed pixels
	weight          float64 // of a pixel in the middle
}

// byChannel looks at each channel alone; nil for one channel. Collective.
func (r *Restoration) byChannel(residual []float64) ([]channelNoise, error) {
	o := r.Obs
	if o.Channels < 2 {
		return nil, nil
	}
	list := make([]channelNoise, o.Channels)
	plane := len(o.Data) / o.Channels
	for k := range list {
		part := func(a []float64) []float64 { return a[k*plane : (k+1)*plane] }
		weights := o.Weights
		if len(weights) > plane {
			weights = part(weights)
		}
		c := &list[k]
		c.number = k + 1
		var err error
		if c.found, err = forward.EstimateNoise(r.Comm, o.Frame, 1, part(o.Data), weights); err != nil {
			c.found = 0 // no observed pixels beside each other
			continue
		}
		if c.weight, err = weights.Typical(r.Comm, plane); err != nil {
			return nil, err
		}
		most, sums := []float64{0}, make([]float64, 2)
		for _, v := range part(residual) {
			if a := math.Abs(v); a > most[0] {
				most[0] = a
			}
		}
		if err := r.Comm.Allreduce(most, most, ranks.Max); err != nil {
			return nil, err
		}
		unit := UnitOf(most[0])
		for _, v := range part(residual) {
			if v /= unit; !math.IsNaN(v) {
				sums[0] += v * v
				sums[1]++
			}
		}
		if err := r.Comm.Allreduce(sums, sums, ranks.Sum); err != nil {
			return nil, err
		}
		c.residual = unit * math.Sqrt(sums[0]/max(1, sums[1]))
	}
	return list, nil
}

// doubt says that a plane is on another scale: the noise in the data is found times what it says. weight is that of a
// pixel in the middle. sharp: the frame is seen through no blur.
func (p *plane) doubt(found, weight float64, sharp bool) string {
	factor, other := found, ""
	said := 1 / math.Sqrt(weight) // standard deviation
	near := func(a, b float64) bool { return a > b/1.3 && a < b*1.3 }
	switch p.use {
	case useSigma:
		if near(found*said, math.Sqrt(said)) {
			other = "image.variance"
		}
	case useVariance:
		factor *= found
		if near(found*said, said*said) {
			other = "image.sigma"
		}
	case useWeights:
		factor = 1 / (found * found)
	case usePrecision:
		factor = 1 / found
	}
	text := fmt.Sprintf("%s = %q: the finest differences of the data show %.3g times the noise that these %s say", p.key, p.path, found, p.use.plural())
	if p.key == "image.planes" {
		text = fmt.Sprintf("image.planes found %q: the finest differences of the data show %.3g times the noise that these %s say", p.path, found, p.use.plural())
	}
	if other != "" {
		return fmt.Sprintf("%s\n  if these are %s, write %s = %q; else multiply them by %.3g", text, map[string]string{"image.variance": "variances", "image.sigma": "standard deviations"}[other], other, p.path, factor)
	}
	text += fmt.Sprintf("\n  multiply them by %.3g if they are on another scale", factor)
	if found > 1 && sharp {
		text += "; the fine structure of a sharp image shows in differences, too"
	}
	if found < 1 {
		text += "; noise that is correlated between pixels shows less in differences, too"
	}
	return text
}

// plural names the values of a plane.
func (u use) plural() string {
	return map[use]string{
		useWeights: "inverse variances", useSigma: "standard deviations", useVariance: "variances", usePrecision: "inverse standard deviations",
	}[u]
}
