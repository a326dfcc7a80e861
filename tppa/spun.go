package tppa

import (
	"math"

	"tessera/halo"
	"tessera/ranks"
)

// spun is the cycle-spun wavelet denoiser: soft thresholds of the Haar wavelets of so many levels,
// averaged over all shifts of their grid. With the distance d = 2^j at level j, a_0 = x and the four
// pixels A, B, C, D at n, n + d e_2, n + d e_1 and both,
//
//	a_(j+1) = (A+B+C+D)/4,  details (B-A+D-C)/4, (C+D-A-B)/4, (D-C-B+A)/4,
//
// of which the transpose is the inverse. The noise of a detail is 2^-(j+1) of that of a pixel, and so is
// its threshold. Across the border the image goes on as a mirror image, or periodically.
//
// Source: Coifman and Donoho, "Translation-invariant de-noising", 1995.
type spun struct {
	comm       ranks.Comm
	plan       *halo.Plan
	channels   int
	levels     int
	rows, cols int       // of the box with its margin
	margin     int       // 2^levels - 1 pixels
	ext        []float64 // channels x box with its margin
	details    []float64 // levels x 3 x box with its margin
	work       []float64 // box with its margin
}

func newSpun(comm ranks.Comm, frame *halo.Decomposition, channels, levels int, border halo.Border) (*spun, error) {
	if border != halo.Periodic {
		border = halo.Reflect
	}
	s := &spun{comm: comm, channels: channels, levels: levels, margin: 1<<levels - 1}
	var err error
	if s.plan, err = halo.NewPlan(frame, comm.Rank(), []int{s.margin, s.margin}, border); err != nil {
		return nil, err
	}
	shape := s.plan.Extended().Shape()
	s.rows, s.cols = shape[0], shape[1]
	size := s.rows * s.cols
	s.ext, s.details, s.work = make([]float64, channels*size), make([]float64, 3*levels*size), make([]float64, size)
	return s, nil
}

// apply replaces x, channels x owned box, by its denoised form. Collective.
func (s *spun) apply(x []float64, threshold float64) error {
	s.plan.Scatter(s.ext, x, s.channels)
	if err := s.plan.Exchange(s.comm, s.ext, s.channels); err != nil {
		return err
	}
	size := s.rows * s.cols
	for c := range s.channels {
		s.plane(s.ext[c*size:(c+1)*size], threshold)
	}
	s.plan.Gather(x, s.ext, s.channels)
	return nil
}

// detail is band b of level j, 0 to 2.
func (s *spun) detail(j, b int) []float64 {
	size := s.rows * s.cols
	return s.details[(3*j+b)*size : (3*j+b+1)*size]
}

// plane denoises one plane in place. What is more than the margin from its edges is right.
func (s *spun) plane(x []float64, threshold float64) {
	size := s.rows * s.cols
	a, next := x, s.work
	rows, cols := s.rows, s.cols // where a is right: from the first pixel
	for j := range s.levels {
		d, t := 1<<j, math.Ldexp(threshold, -j-1)
		rows, cols = rows-d, cols-d
		h, v, m := s.detail(j, 0), s.detail(j, 1), s.detail(j, 2)
		for i := range max(rows, 0) {
			for q := range max(cols, 0) {
				n := i*s.cols + q
				e := n + d*s.cols
				left, right, low, high := a[n]+a[e], a[n+d]+a[e+d], a[n+d]-a[n], a[e+d]-a[e]
				next[n] = 0.25 * (left + right)
				h[n], v[n], m[n] = soft(0.25*(low+high), t), soft(0.25*(a[e]-a[n]+a[e+d]-a[n+d]), t), soft(0.25*(high-low), t)
			}
		}
		a, next = next[:size], a[:size]
	}
	first := 0 // where the images below are right: from this row and column on
	for j := s.levels - 1; j >= 0; j-- {
		d := 1 << j
		h, v, m := s.detail(j, 0), s.detail(j, 1), s.detail(j, 2)
		first += d
		for i := first; i < rows; i++ {
			for q := first; q < cols; q++ {
				n := i*s.cols + q
				w, u := n-d, n-d*s.cols
				b := u - d
				next[n] = 0.25 * ((a[n] - h[n] - v[n] + m[n]) + (a[w] + h[w] - v[w] - m[w]) +
					(a[u] - h[u] + v[u] - m[u]) + (a[b] + h[b] + v[b] + m[b]))
			}
		}
		a, next = next, a
	}
	if &a[0] != &x[0] {
		copy(x, a)
	}
}

// soft moves v towards 0 by t.
func soft(v, t float64) float64 { return v - min(max(v, -t), t) }
