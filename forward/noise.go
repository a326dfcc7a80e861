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
// those of the frame, so that the number does not depend on the decomposition. data is
// channels x owned box of a frame of 2 axes; missing pixels may hold any value. Weights are one
// plane for all channels, or one for each.
//
// Collective; the error is the same on all ranks. It sends one exchange and about 25 sums.
// Source: Donoho and Johnstone, Biometrika 81 (1994) 425.
func EstimateNoise(comm ranks.Comm, frame *halo.Decomposition, channels int, data []float64, weights Weights) (float64, error) {
	plan, err := halo.NewPlan(frame, comm.Rank(), []int{1, 1}, halo.Zero)
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
	var d []float64
	for r := box.Lo[0] + box.Lo[0]%2; r < box.Hi[0] && r+1 < shape[0]; r += 2 {
		for c := box.Lo[1] + box.Lo[1]%2; c < box.Hi[1] && c+1 < shape[1]; c += 2 {
			at := (r-box.Lo[0]+1)*stride + c - box.Lo[1] + 1
			for ch := range channels {
				e, w := ext[ch*plane:], ext[(channels+ch%int(planes[0]))*plane:]
				if w[at] == 0 || w[at+1] == 0 || w[at+stride] == 0 || w[at+stride+1] == 0 {
					continue
				}
				spread := math.Sqrt(1/w[at] + 1/w[at+1] + 1/w[at+stride] + 1/w[at+stride+1])
				v := math.Abs(e[at] - e[at+1] - e[at+stride] + e[at+stride+1])
				if v <= rounding*math.Abs(e[at])+rounding*math.Abs(e[at+1])+rounding*math.Abs(e[at+stride])+rounding*math.Abs(e[at+stride+1]) {
					v = 0
				}
				d = append(d, v/spread)
			}
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
