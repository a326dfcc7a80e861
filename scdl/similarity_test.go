package scdl

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// naiveSSIM follows the definition, window by window, with variances about the means.
func naiveSSIM(a, b *Image) float64 {
	total, n := 0.0, 0.0
	for i := 5; i < a.Rows-5; i++ {
		for j := 5; j < a.Cols-5; j++ {
			var w, ma, mb, va, vb, cov float64
			each := func(f func(g, x, y float64)) {
				for p := -5; p <= 5; p++ {
					for q := -5; q <= 5; q++ {
						at := (i+p)*a.Cols + j + q
						f(math.Exp(-float64(p*p+q*q)/(2*1.5*1.5)), a.Data[at], b.Data[at])
					}
				}
			}
			each(func(g, x, y float64) { w += g; ma += g * x; mb += g * y })
			ma, mb = ma/w, mb/w
			each(func(g, x, y float64) {
				va += g / w * (x - ma) * (x - ma)
				vb += g / w * (y - mb) * (y - mb)
				cov += g / w * (x - ma) * (y - mb)
			})
			total += (2*ma*mb + 1e-4) * (2*cov + 9e-4) / ((ma*ma + mb*mb + 1e-4) * (va + vb + 9e-4))
			n++
		}
	}
	return total / n
}

func TestQuality(t *testing.T) {
	g := Grid{Scale: 2, Patch: 3}
	a := crop(madeUp(1, 45), 45, 31)
	noisy := &Image{Rows: a.Rows, Cols: a.Cols, Data: slices.Clone(a.Data)}
	striped := &Image{Rows: a.Rows, Cols: a.Cols, Data: slices.Clone(a.Data)}
	r := rand.New(rand.NewPCG(1, 1))
	for i := range noisy.Data {
		noisy.Data[i] += 0.1 * r.NormFloat64()
		striped.Data[i] += 0.2 * float64(i%2)
	}
	for name, b := range map[string]*Image{"itself": a, "noise": noisy, "stripes": striped} {
		psnr, ssim := 0.0, naiveSSIM(a, b)
		for i, v := range a.Data {
			psnr += (v - b.Data[i]) * (v - b.Data[i]) / float64(len(a.Data))
		}
		psnr = -10 * math.Log10(psnr)
		var first [2]float64
		for _, size := range []int{1, 2, 3, 7, 30} {
			onStrips(t, size, g, a.Rows, a.Cols, func(s *Strips) error {
				p, err := s.PSNR(mine(s, s.High(), a.Data), mine(s, s.High(), b.Data))
				if err != nil {
					return err
				}
				q, err := s.SSIM(mine(s, s.High(), a.Data), mine(s, s.High(), b.Data))
				if s.comm.Rank() != 0 {
					return err
				}
				if math.Abs(q-ssim) > 1e-10 || p != psnr && math.Abs(p-psnr) > 1e-10 {
					t.Errorf("%s on %d ranks: %g dB, SSIM %g, want %g, %g", name, size, p, q, psnr, ssim)
				}
				if size == 1 {
					first = [2]float64{p, q}
				} else if first != [2]float64{p, q} {
					t.Errorf("%s on %d ranks: %v, on one %v", name, size, [2]float64{p, q}, first)
				}
				return err
			})
		}
	}
	small := crop(a, 10, 20)
	if q := quality(t, g, small, small); !math.IsNaN(q[1]) {
		t.Errorf("SSIM without a window: %g", q[1])
	}
}
