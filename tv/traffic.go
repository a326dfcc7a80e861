package tv

import "tessera/halo"

// Sent is what all ranks of a frame would send to each other in the exchanges that the result counts, in bytes and
// messages, by an operator with halos of radius pixels along each axis (nil = none) and this border. Sums over the ranks
// are not in it.
func (r *Result) Sent(frame *halo.Decomposition, channels int, border halo.Border, radius []int) (bytes, messages float64, err error) {
	if frame.Ranks() < 2 {
		return 0, 0, nil
	}
	add := func(width []int, border halo.Border, times int) error {
		one, err := frame.Traffic(width, border)
		if err != nil {
			return err
		}
		bytes += 8 * float64(channels*times) * float64(one.Cells)
		messages += float64(times * one.Messages)
		return nil
	}
	layer := make([]int, len(frame.Domain().Shape()))
	for k := range layer {
		layer[k] = 1
	}
	within := halo.Reflect
	if border == halo.Periodic {
		within = border
	}
	if err := add(layer, within, r.Layers); err != nil {
		return 0, 0, err
	}
	if radius != nil {
		if err := add(radius, border, r.Applied); err != nil {
			return 0, 0, err
		}
	}
	values, count := PoissonTraffic(frame)
	bytes += 8 * values * float64(channels*r.Poisson)
	messages += float64(count * r.Poisson)
	values, count = TransformTraffic(frame)
	bytes += 8 * values * float64(channels*r.Transforms)
	messages += float64(count * channels * r.Transforms)
	return bytes, messages, nil
}
