package forward

import (
	"errors"
	"math"

	"tessera/halo"
	"tessera/ranks"
)

// rounding is the share of four values that their differences have by rounding alone: grey levels
// divided by 255 have no exact differences.
const rounding = 1e-15

// EstimateNoise is the standard deviation of the noise in W^(1/2) y, for white noise of
// variance 1/W: median / 0.6745 of the absolute values of the finest diagonal Haar
// coefficients (a - b - c + d)/2 over 2 x 2 blocks of observed pixels, where a blurred image
// leaves little else, each divided by its own standard deviation for weight 1. Blocks are
// those of the frame, so that the number does not depend on the decomposition. Where no block is observed, as under a mask like
// a checkerboard, it is that of diamonds (top - left - right + bottom) of 3 x 3 pixels. data is
// channels x owned box of a frame of 2 axes; missing pixels may hold any value. Weights are one
// plane for all channels, or one for each.
//
// Collective; the error is the same on all ranks. It sends one exchange and about 25 sums.
// Source: Donoho and Johnstone, Biometrika 81 (1994) 425.
func EstimateNoise(comm ranks.Comm, frame *halo.Decomposition, channels int, data []float64, weights Weights) (float64, error) {
	plan, err := halo.NewPlan(frame, comm.Rank(), []int{2, 3}, halo.Zero)
	if err != nil {
		return 0, err
	}
	owned := plan.Owned().Size()
	planes := []float64{1} // of weights, on any rank
	if len(weights) > owned {
		planes[0] = float64(channels)
	}
	if err := comm.Allreduce(planes, planes, ranks.Max); err != nil {
		return 0, err
	}
	together := channels + int(planes[0]) // the last planes: W
	y := make([]float64, together*owned)
	for i := range y[channels*owned:] {
		y[channels*owned+i] = weights.At(i)
	}
	for i, v := range data {
		if !weights.Missing(i) {
			y[i] = v
		}
	}
	plane := plan.Extended().Size()
	ext := make([]float64, together*plane)
	plan.Scatter(ext, y, together)
	if err := plan.Exchange(comm, ext, together); err != nil {
		return 0, err
	}
	box, stride := plan.Owned(), plan.Extended().Shape()[1]
	shape := frame.Domain().Shape()
	// Of four pixels a, b, c, d, of which a - b - c + d is looked at: in blocks, and in diamonds of both colours of a checkerboard.
	var d []float64
	for _, four := range [][4][2]int{{{0, 0}, {0, 1}, {1, 0}, {1, 1}}, {{0, 1}, {1, 0}, {1, 2}, {2, 1}}, {{0, 2}, {1, 1}, {1, 3}, {2, 2}}} {
		var at [4]int
		for k, p := range four {
			at[k] = p[0]*stride + p[1]
		}
		rows, cols := four[3][0], max(four[2][1], four[3][1])
		for r := box.Lo[0] + box.Lo[0]%2; r < box.Hi[0] && r+rows < shape[0]; r += 2 {
			for c := box.Lo[1] + box.Lo[1]%2; c < box.Hi[1] && c+cols < shape[1]; c += 2 {
				corner := (r-box.Lo[0]+2)*stride + c - box.Lo[1] + 3
				for ch := range channels {
					if v, observed := fineDifference(ext[ch*plane+corner:], ext[(channels+ch%int(planes[0]))*plane+corner:], at); observed {
						d = append(d, v)
					}
				}
			}
		}
		blocks := []float64{float64(len(d))}
		if err := comm.Allreduce(blocks, blocks, ranks.Sum); err != nil {
			return 0, err
		}
		if blocks[0] > 0 {
			break
		}
	}
	blocks := []float64{float64(len(d))}
	if err := comm.Allreduce(blocks, blocks, ranks.Sum); err != nil {
		return 0, err
	}
	if blocks[0] == 0 {
		return 0, errors.New("no 2 x 2 block of observed pixels to estimate the noise from: give it, as tv.noise or tikhonov.noise in a config, or lambda")
	}
	m, err := Median(comm, d)
	if err != nil {
		return 0, err
	}
	if m == 0 {
		return 0, errors.New("the noise estimated from the data is zero: give it, as tv.noise or tikhonov.noise in a config, or lambda")
	}
	return m / 0.6744897501960817, nil
}

// Typical is the median of the positive weights of all ranks, to 1e-6 of itself; exact where
// all are the same. pixels is the number of this rank's pixels, which nil weights do not
// tell. Collective; the error is the same on all ranks.
func (w Weights) Typical(comm ranks.Comm, pixels int) (float64, error) {
	var positive []float64
	ends := []float64{0, 0} // largest 1/weight, largest weight
	for i := range pixels {
		if v := w.At(i); v > 0 {
			positive = append(positive, v)
			ends[0], ends[1] = max(ends[0], 1/v), max(ends[1], v)
		}
	}
	if err := comm.Allreduce(ends, ends, ranks.Max); err != nil {
		return 0, err
	}
	if ends[0] == 1/ends[1] {
		return ends[1], nil
	}
	return Median(comm, positive)
}

// Median of the non-negative numbers of all ranks, to 1e-6 of itself, by bisection.
// Collective; the error is the same on all ranks: there is no number.
func Median(comm ranks.Comm, d []float64) (float64, error) {
	top := 0.0
	for _, v := range d {
		top = math.Max(top, v)
	}
	v := []float64{top}
	if err := comm.Allreduce(v, v, ranks.Max); err != nil {
		return 0, err
	}
	n := []float64{float64(len(d)), 0} // numbers, and those that are 0
	for _, v := range d {
		if v == 0 {
			n[1]++
		}
	}
	if err := comm.Allreduce(n, n, ranks.Sum); err != nil {
		return 0, err
	}
	if n[0] == 0 {
		return 0, errors.New("no numbers to take the median of")
	}
	if 2*n[1] >= n[0] {
		return 0, nil
	}
	lo, hi := 0.0, v[0]
	for range 60 {
		if hi-lo <= 1e-6*hi {
			break
		}
		mid := (lo + hi) / 2
		below := []float64{0}
		for _, x := range d {
			if x <= mid {
				below[0]++
			}
		}
		if err := comm.Allreduce(below, below, ranks.Sum); err != nil {
			return 0, err
		}
		if 2*below[0] >= n[0] {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi, nil
}

// fineDifference is |a - b - c + d| of the four values of e at some places, divided by its standard deviation for noise of variance
// 1/w, and whether all of them were observed.
func fineDifference(e, w []float64, at [4]int) (v float64, observed bool) {
	variance, size := 0.0, 0.0
	for k, i := range at {
		if w[i] == 0 {
			return 0, false
		}
		variance += 1 / w[i]
		size += rounding * math.Abs(e[i])
		if k == 0 || k == 3 {
			v += e[i]
		} else {
			v -= e[i]
		}
	}
	if v = math.Abs(v); v <= size {
		v = 0
	}
	return v / math.Sqrt(variance), true
}
