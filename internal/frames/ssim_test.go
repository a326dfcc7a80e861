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
			got, err := r.SSIM(other, truth, spoilt)
			if err != nil || comm.Rank() > 0 {
				return err
			}
			for i, v := range []float64{want, 1, 1} {
				if math.Abs(float64(got[i])-v) > 1e-12 {
					t.Errorf("%d ranks, array %d: %.15g, want %.15g", n, i, float64(got[i]), v)
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
			got, err := r.SSIM(other)
			if err == nil && comm.Rank() == 0 && math.Abs(float64(got[0])-half) > 1e-12 {
				t.Errorf("%d ranks: %.15g, want %.15g", n, float64(got[0]), half)
			}
			return err
		})
	}
}
