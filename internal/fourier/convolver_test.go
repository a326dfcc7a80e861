package fourier

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
)

// naiveConvolve is the definition, periodic or with zeros beyond the border.
func naiveConvolve(periodic bool, rows, cols int, x []float64, krows, kcols int, kernel []float64) []float64 {
	y := make([]float64, rows*cols)
	for i := range rows {
		for j := range cols {
			for a := range krows {
				for b := range kcols {
					r, c := i-(a-krows/2), j-(b-kcols/2)
					if periodic {
						r, c = ((r%rows)+rows)%rows, ((c%cols)+cols)%cols
					} else if r < 0 || r >= rows || c < 0 || c >= cols {
						continue
					}
					y[i*cols+j] += kernel[a*kcols+b] * x[r*cols+c]
				}
			}
		}
	}
	return y
}

func TestConvolver(t *testing.T) {
	kernels := [][2]int{{1, 1}, {3, 3}, {5, 1}, {2, 4}, {7, 6}, {21, 23}} // the last larger than most images
	for _, size := range sizes {
		for _, k := range kernels {
			for _, periodic := range []bool{true, false} {
				rows, cols, krows, kcols := size[0], size[1], k[0], k[1]
				t.Run(fmt.Sprintf("%dx%d/kernel %dx%d/periodic=%t", rows, cols, krows, kcols, periodic), func(t *testing.T) {
					rng := rand.New(rand.NewPCG(uint64(rows*cols), uint64(krows*kcols)))
					kernel := randomImage(rng, krows*kcols)
					x, y := randomImage(rng, rows*cols), randomImage(rng, rows*cols)
					c := NewZeroConvolver(rows, cols, krows, kcols, kernel)
					if periodic {
						c = NewPeriodicConvolver(rows, cols, krows, kcols, kernel)
					}
					hx, hty := make([]float64, len(x)), append([]float64(nil), y...)
					c.Apply(hx, x)
					scale := float64(krows * kcols)
					if d := distance(hx, naiveConvolve(periodic, rows, cols, x, krows, kcols, kernel)); d > 2e-14*scale {
						t.Fatalf("Apply is off by %g", d)
					}
					c.ApplyTranspose(hty, hty)
					var left, right, bound float64
					for i := range x {
						left += hx[i] * y[i]
						right += x[i] * hty[i]
						bound += math.Abs(hx[i]*y[i]) + math.Abs(x[i]*hty[i])
					}
					if math.Abs(left-right) > 1e-13*bound {
						t.Fatalf("<H x, y> = %.17g, <x, H'y> = %.17g", left, right)
					}
				})
			}
		}
	}
}

func TestConvolverClones(t *testing.T) {
	const rows, cols = 20, 17
	rng := rand.New(rand.NewPCG(1, 2))
	kernel, x := randomImage(rng, 25), randomImage(rng, rows*cols)
	c := NewZeroConvolver(rows, cols, 5, 5, kernel)
	want := make([]float64, rows*cols)
	c.Apply(want, x)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			mine, got := c.Clone(), make([]float64, rows*cols)
			for range 50 {
				mine.Apply(got, x)
				if d := distance(got, want); d != 0 {
					t.Errorf("worker %d is off by %g", w, d)
					return
				}
			}
		})
	}
	wg.Wait()
}

// One 41 x 41 galaxy stamp, zero border: a grid of 64 x 64.
func BenchmarkConvolver(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	x := randomImage(rng, 41*41)
	c := NewZeroConvolver(41, 41, 41, 41, randomImage(rng, 41*41))
	for b.Loop() {
		c.Apply(x, x)
	}
}
