package frames

import (
	"math"
	"testing"

	"tessera/halo"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// SSIM of a small picture against scikit-image 0.19 (structural_similarity with gaussian_weights,
// sigma 1.5, use_sample_covariance off and the truth's range), alike on any number of ranks; equal
// arrays have 1, windows with a NaN are left out.
func TestSSIM(t *testing.T) {
	const rows, cols = 24, 20
	const want, half = 0.935251328300006, 0.9828909043472078 // of the arrays below; of half the truth with a fourth of the error
	for _, n := range []int{1, 2, 3, 4, 7} {
		jobtest.OnRanks(t, n, func(comm ranks.Comm) error {
			frame, err := halo.Decompose([]int{rows, cols}, n)
			if err != nil {
				return err
			}
			box := frame.Owned(comm.Rank())
			var truth, other, spoilt []float64
			for c := range 2 {
				for r := box.Lo[0]; r < box.Hi[0]; r++ {
					for q := box.Lo[1]; q < box.Hi[1]; q++ {
						v := math.Sin(0.5*float64(r))*math.Cos(0.3*float64(q)) + 0.1*float64((7*r+3*q)%5)
						d := 0.2 * math.Cos(1.7*float64(r)+0.9*float64(q))
						truth, other = append(truth, v), append(other, v+d)
						if r == 12 && q == 3 || c == 1 {
							v = math.NaN()
						}
						spoilt = append(spoilt, v)
					}
				}
			}
			r := &Restoration{Run: &lifecycle.Run{Comm: comm}, Obs: &Observation{Channels: 2, Frame: frame, Truth: truth}}
			lo, hi, err := extremes(comm, truth)
			if err != nil {
				return err
			}
			got, err := r.ssim(truth, hi-lo, other, truth, spoilt)
			if err != nil || comm.Rank() > 0 {
				return err
			}
			for i, v := range []float64{want, 1, 1} {
				if s := got[i].sum / got[i].windows; math.Abs(s-v) > 1e-12 {
					t.Errorf("%d ranks, array %d: %.15g, want %.15g", n, i, s, v)
				}
			}
			return nil
		})
		jobtest.OnRanks(t, n, func(comm ranks.Comm) error {
			frame, err := halo.Decompose([]int{rows, cols}, n)
			if err != nil {
				return err
			}
			box := frame.Owned(comm.Rank())
			var truth, other []float64
			for r := box.Lo[0]; r < box.Hi[0]; r++ {
				for q := box.Lo[1]; q < box.Hi[1]; q++ {
					v := 0.5*math.Sin(0.5*float64(r))*math.Cos(0.3*float64(q)) + 0.05*float64((7*r+3*q)%5)
					truth, other = append(truth, v), append(other, v+0.05*math.Cos(1.7*float64(r)+0.9*float64(q)))
				}
			}
			r := &Restoration{Run: &lifecycle.Run{Comm: comm}, Obs: &Observation{Channels: 1, Frame: frame, Truth: truth}}
			lo, hi, err := extremes(comm, truth)
			if err != nil {
				return err
			}
			got, err := r.ssim(truth, hi-lo, other)
			if err != nil {
				return err
			}
			if s := got[0].sum / got[0].windows; comm.Rank() == 0 && math.Abs(s-half) > 1e-12 {
				t.Errorf("%d ranks: %.15g, want %.15g", n, s, half)
			}
			whole, err := r.windows(r.knownIn([]Column{{"", spoiltAt(other, box, 12, 3)}}))
			if want := float64((rows-10)*(cols-10) - 11*4); err == nil && whole != want { // the NaN is in 11 rows and the first 4 columns of windows
				t.Errorf("%d ranks: %g whole windows, want %g", n, whole, want)
			}
			return err
		})
	}
}

// extremes are the least and the largest value of all ranks.
func extremes(comm ranks.Comm, x []float64) (lo, hi float64, err error) {
	ends := []float64{math.Inf(-1), math.Inf(-1)}
	for _, v := range x {
		ends[0], ends[1] = max(ends[0], v), max(ends[1], -v)
	}
	err = comm.Allreduce(ends, ends, ranks.Max)
	return -ends[1], ends[0], err
}

// spoiltAt is x, of a box, with NaN at a pixel.
func spoiltAt(x []float64, box halo.Box, row, col int) []float64 {
	x = append([]float64(nil), x...)
	if row >= box.Lo[0] && row < box.Hi[0] && col >= box.Lo[1] && col < box.Hi[1] {
		x[(row-box.Lo[0])*(box.Hi[1]-box.Lo[1])+col-box.Lo[1]] = math.NaN()
	}
	return x
}
