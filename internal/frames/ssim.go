package frames

import (
	"math"

	"tessera/halo"
	"tessera/ranks"
)

// The constants of SSIM as its authors have them.
const (
	ssimSigma  = 1.5 // of the Gaussian window, in pixels
	ssimRadius = 5   // pixels, 3.5 sigma
	ssimK1     = 0.01
	ssimK2     = 0.03
)

// similar is the sum of SSIM over windows, and their number.
type similar struct{ sum, windows float64 }

// ssim is the structural similarity of each array and the truth, on all ranks: with the means m,
// variances v and the covariance c in a Gaussian window of standard deviation 1.5 pixels and
// 11 x 11 pixels, and the extent L, the largest minus the least value of the whole truth,
//
//	SSIM = (2 m_x m_t + (0.01 L)^2) (2 c + (0.03 L)^2) / ((m_x^2 + m_t^2 + (0.01 L)^2) (v_x + v_t + (0.03 L)^2)),
//
// added up over the channels and the pixels whose window lies in the frame and has no NaN, neither of
// the array nor of the truth. Collective.
//
// Source: Wang, Bovik, Sheikh and Simoncelli, IEEE Trans. Image Process. 13 (2004) 600.
func (r *Restoration) ssim(truth []float64, extent float64, arrays ...[]float64) ([]similar, error) {
	plan, err := halo.NewPlan(r.Obs.Frame, r.Comm.Rank(), []int{ssimRadius, ssimRadius}, halo.Reflect)
	if err := ranks.AgreeError(r.Comm, err); err != nil {
		return nil, err
	}
	t := make([]float64, r.Obs.Channels*plan.Extended().Size())
	around := func(ext, a []float64) error {
		plan.Scatter(ext, a, r.Obs.Channels)
		return plan.Exchange(r.Comm, ext, r.Obs.Channels)
	}
	if err := around(t, truth); err != nil {
		return nil, err
	}
	other, sums := make([]float64, len(t)), make([]float64, 2*len(arrays))
	for k, a := range arrays {
		if err := around(other, a); err != nil {
			return nil, err
		}
		for c := range r.Obs.Channels {
			n := plan.Extended().Size()
			s, count := similarity(other[c*n:(c+1)*n], t[c*n:(c+1)*n], plan.Owned(), r.Obs.Frame.Domain(), extent)
			sums[2*k] += s
			sums[2*k+1] += count
		}
	}
	if err := r.Comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return nil, err
	}
	list := make([]similar, len(arrays))
	for k := range list {
		list[k] = similar{sums[2*k], sums[2*k+1]}
	}
	return list, nil
}

// similarity is the sum of SSIM over the pixels of the owned box whose window lies in the frame, and
// their number, for two planes with a margin of the radius.
func similarity(x, t []float64, owned, domain halo.Box, extent float64) (sum, count float64) {
	shape := owned.Shape()
	rows, cols := shape[0], shape[1]
	wide := cols + 2*ssimRadius
	window := make([]float64, 2*ssimRadius+1)
	total := 0.0
	for i := range window {
		d := float64(i - ssimRadius)
		window[i] = math.Exp(-d * d / (2 * ssimSigma * ssimSigma))
		total += window[i]
	}
	for i := range window {
		window[i] /= total
	}
	c1, c2 := ssimK1*extent*ssimK1*extent, ssimK2*extent*ssimK2*extent
	column := make([]float64, 5*wide) // sums over the rows of the window: x, t, x^2, t^2, x t
	for i := range rows {
		if g := owned.Lo[0] + i; g < domain.Lo[0]+ssimRadius || g >= domain.Hi[0]-ssimRadius {
			continue
		}
		clear(column)
		for k, w := range window {
			at := (i + k) * wide
			for j := range wide {
				a, b := x[at+j], t[at+j]
				column[j] += w * a
				column[wide+j] += w * b
				column[2*wide+j] += w * a * a
				column[3*wide+j] += w * b * b
				column[4*wide+j] += w * a * b
			}
		}
		for j := range cols {
			if g := owned.Lo[1] + j; g < domain.Lo[1]+ssimRadius || g >= domain.Hi[1]-ssimRadius {
				continue
			}
			var m [5]float64
			for k, w := range window {
				for q := range m {
					m[q] += w * column[q*wide+j+k]
				}
			}
			a, b := m[0], m[1]
			s := (2*a*b + c1) * (2*(m[4]-a*b) + c2) / ((a*a + b*b + c1) * (m[2] - a*a + m[3] - b*b + c2))
			if !math.IsNaN(s) {
				sum += s
				count++
			}
		}
	}
	return sum, count
}

// windows is the number of pixels of all ranks and channels whose window lies in the frame and
// has no NaN. Collective.
func (r *Restoration) windows(known []float64) (float64, error) {
	plan, err := halo.NewPlan(r.Obs.Frame, r.Comm.Rank(), []int{ssimRadius, ssimRadius}, halo.Reflect)
	if err := ranks.AgreeError(r.Comm, err); err != nil {
		return 0, err
	}
	size := plan.Extended().Size()
	ext := make([]float64, r.Obs.Channels*size)
	plan.Scatter(ext, known, r.Obs.Channels)
	if err := plan.Exchange(r.Comm, ext, r.Obs.Channels); err != nil {
		return 0, err
	}
	owned, domain := plan.Owned(), r.Obs.Frame.Domain()
	rows, cols := owned.Shape()[0], owned.Shape()[1]
	wide := cols + 2*ssimRadius
	run := make([]int, wide) // rows without NaN that end at the present one
	whole := []float64{0}
	for c := range r.Obs.Channels {
		clear(run)
		for i := range rows + 2*ssimRadius {
			line := ext[c*size+i*wide : c*size+(i+1)*wide]
			g := owned.Lo[0] + i - 2*ssimRadius // the row whose window ends here: that of line i is ssimRadius less
			inside := i >= 2*ssimRadius && g >= domain.Lo[0]+ssimRadius && g < domain.Hi[0]-ssimRadius
			clean := 0 // columns with whole windows that end at the present one
			for j, v := range line {
				if run[j]++; math.IsNaN(v) {
					run[j] = 0
				}
				if clean++; run[j] < 2*ssimRadius+1 {
					clean = 0
				}
				q := owned.Lo[1] + j - 2*ssimRadius
				if inside && clean >= 2*ssimRadius+1 && q >= domain.Lo[1]+ssimRadius && q < domain.Hi[1]-ssimRadius {
					whole[0]++
				}
			}
		}
	}
	err = r.Comm.Allreduce(whole, whole, ranks.Sum)
	return whole[0], err
}
