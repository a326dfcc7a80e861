package frames

import (
	"math"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// All columns are compared with the truth over the same pixels, those that were observed, and
// what they have in the holes apart; as a short loop over the whole frame does, on any number
// of ranks.
func TestAgainstTruth(t *testing.T) {
	const rows, cols = 40, 36
	truth := func(r, c int) float64 { return 2 + math.Sin(0.5*float64(r))*math.Cos(0.3*float64(c)) }
	hole := func(r, c int) bool { return r == 30 && c > 2 && c < 8 }
	unknown := func(r, c int) bool { return r == 2 && c == 2 } // in the truth
	solution := func(r, c int) float64 { return truth(r, c) + 0.01*float64((r+2*c)%7) }
	other := func(r, c int) float64 { // has no value at a pixel that was observed
		if r == 5 && c == 5 {
			return math.NaN()
		}
		return truth(r, c) - 0.02*float64((3*r+c)%5)
	}
	data := func(r, c int) float64 { return truth(r, c) + 0.1*float64((r*c)%3) }
	square := map[string]float64{}
	inHoles := map[string]float64{}
	pixels, holes, energy, peak := 0.0, 0.0, 0.0, 0.0
	for r := range rows {
		for c := range cols {
			if unknown(r, c) {
				continue
			}
			peak = max(peak, truth(r, c))
			if math.IsNaN(other(r, c)) {
				continue
			}
			into := square
			if hole(r, c) {
				into = inHoles
				holes++
			} else {
				pixels++
				energy += truth(r, c) * truth(r, c)
			}
			for name, x := range map[string]float64{"observed": data(r, c), "solution": solution(r, c), "other": other(r, c)} {
				into[name] += (x - truth(r, c)) * (x - truth(r, c))
			}
		}
	}
	for _, n := range []int{1, 2, 3, 4, 7} {
		jobtest.OnRanks(t, n, func(comm ranks.Comm) error {
			frame, err := halo.Decompose([]int{rows, cols}, n)
			if err != nil {
				return err
			}
			box := frame.Owned(comm.Rank())
			part := func(of func(r, c int) float64, missing func(r, c int) bool) (list []float64) {
				for r := box.Lo[0]; r < box.Hi[0]; r++ {
					for c := box.Lo[1]; c < box.Hi[1]; c++ {
						v := of(r, c)
						if missing != nil && missing(r, c) {
							v = math.NaN()
						}
						list = append(list, v)
					}
				}
				return list
			}
			none := func(int, int) bool { return true }
			o := &Observation{Channels: 1, Frame: frame, Truth: part(truth, unknown), Data: part(data, hole)}
			o.Weights = make(forward.Weights, len(o.Data))
			for i, v := range o.Data {
				if !math.IsNaN(v) {
					o.Weights[i] = 1
				}
			}
			r := &Restoration{Run: &lifecycle.Run{Comm: comm}, Common: &Record{}, Obs: o}
			err = r.AgainstTruth(Column{"solution", part(solution, nil)}, Column{"other", part(other, nil)}, Column{"none", nil}, Column{"failed", part(truth, none)})
			if err != nil || comm.Rank() > 0 {
				return err
			}
			got := r.Common.Quality
			if len(got) != 3 {
				t.Errorf("%d ranks: %d columns, want observed, solution and other", n, len(got))
			}
			near := func(name, what string, got *lifecycle.Number, want float64) {
				if got == nil || math.Abs(float64(*got)-want) > 1e-9 {
					t.Errorf("%d ranks: %s of %s is %v, want %.12g", n, what, name, got, want)
				}
			}
			for name, q := range got {
				near(name, "PSNR", q.PSNR, 10*math.Log10(peak*peak*pixels/square[name]))
				near(name, "SNR", q.SNR, 10*math.Log10(energy/square[name]))
				if name == "observed" {
					if q.PSNRHoles != nil {
						t.Errorf("%d ranks: the observation has %v in its holes", n, *q.PSNRHoles)
					}
					continue
				}
				near(name, "PSNR in holes", q.PSNRHoles, 10*math.Log10(peak*peak*holes/inHoles[name]))
				if q.SSIM == nil || !(*q.SSIM > 0.9 && *q.SSIM < 1) {
					t.Errorf("%d ranks: SSIM of %s is %v", n, name, q.SSIM)
				}
			}
			return nil
		})
	}
}

// What a solution is to the data: the residual, the values beyond their range, and the flux
// at observed pixels, on any number of ranks.
func TestJudge(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 7} {
		jobtest.OnRanks(t, n, func(comm ranks.Comm) error {
			frame, err := halo.Decompose([]int{10, 10}, n)
			if err != nil {
				return err
			}
			box := frame.Owned(comm.Rank())
			o := &Observation{Channels: 1, Frame: frame, Noise: 0.5}
			var x, residual []float64
			for r := box.Lo[0]; r < box.Hi[0]; r++ {
				for c := box.Lo[1]; c < box.Hi[1]; c++ {
					y, v := float64(r), 2*float64(r)-5 // -5 to 13 for data of 0 to 9
					e, w := 1-2*float64((r+c)%2), 1.0
					if c == 0 {
						y, e, w = math.NaN(), math.NaN(), 0
					}
					o.Data, o.Weights, x, residual = append(o.Data, y), append(o.Weights, w), append(x, v), append(residual, e)
				}
			}
			m := &Record{}
			r := &Restoration{Run: &lifecycle.Run{Comm: comm}, Common: m, Obs: o}
			if err := r.Judge(x, residual); err != nil || comm.Rank() > 0 {
				return err
			}
			f := m.Fit
			if f.ResidualRMS != 1 || *f.Below != 0.3 || *f.Above != 0.2 || *f.FluxData != 9*45 || *f.FluxAnswer != 9*40 || *m.Noise != 0.5 || m.NoiseRule != NoiseSimulated {
				t.Errorf("%d ranks: %+v, flux %v and %v, noise %v %s", n, *f, *f.FluxData, *f.FluxAnswer, m.Noise, m.NoiseRule)
			}
			return nil
		})
	}
}
