package scdl

import (
	"fmt"
	"math"
	"math/rand/v2"

	"tessera/internal/linalg"
)

// Grid ties images of two resolutions to each other: pixel (i, j) of the low one lies
// on pixel (Scale i, Scale j) of the high one, whose light it gathers under a Gaussian
// of Blur high pixels. A low patch of Patch x Patch pixels and the high patch between
// its outermost pixels, Scale (Patch-1) + 1 a side, are a pair of samples; the mean of
// the low patch is taken from both.
type Grid struct {
	Scale int     // 2, 3 or 4
	Patch int     // low pixels, odd
	Blur  float64 // standard deviation, high pixels
}

// High is the side of a high patch.
func (g Grid) High() int { return g.Scale*(g.Patch-1) + 1 }

// Check finds what is wrong with it.
func (g Grid) Check() error {
	if g.Scale < 2 || g.Scale > 4 || g.Patch < 3 || g.Patch > 15 || g.Patch%2 == 0 || !(g.Blur >= 0) || g.Blur > 4 {
		return fmt.Errorf("scdl: scale %d, patches of %d pixels, blur %g; want 2 to 4, an odd number from 3 to 15, and 0 to 4", g.Scale, g.Patch, g.Blur)
	}
	return nil
}

// Image is a grey picture, rows x cols, of values about 0 to 1.
type Image struct {
	Rows, Cols int
	Data       []float64
}

func reflect(i, n int) int {
	if n == 1 {
		return 0
	}
	i %= 2 * (n - 1)
	if i < 0 {
		i += 2 * (n - 1)
	}
	return min(i, 2*(n-1)-i)
}

// Degrade is what the low camera sees of a high image; borders reflect.
func (g Grid) Degrade(x *Image) *Image {
	r := int(math.Ceil(4 * g.Blur))
	taps := make([]float64, 2*r+1)
	sum := 0.0
	for k := range taps {
		taps[k] = 1
		if g.Blur > 0 {
			d := float64(k-r) / g.Blur
			taps[k] = math.Exp(-d * d / 2)
		}
		sum += taps[k]
	}
	y := &Image{Rows: (x.Rows + g.Scale - 1) / g.Scale, Cols: (x.Cols + g.Scale - 1) / g.Scale}
	y.Data = make([]float64, y.Rows*y.Cols)
	line := make([]float64, x.Cols)
	for i := range y.Rows {
		clear(line)
		for k, t := range taps {
			row := x.Data[reflect(g.Scale*i+k-r, x.Rows)*x.Cols:]
			linalg.Axpy(t/sum, row[:x.Cols], line)
		}
		for j := range y.Cols {
			v := 0.0
			for k, t := range taps {
				v += t / sum * line[reflect(g.Scale*j+k-r, x.Cols)]
			}
			y.Data[i*y.Cols+j] = v
		}
	}
	return y
}

// Bicubic is a low image on the high grid, rows x cols, by cubic convolution (Keys
// 1981, a = -1/2): the yardstick.
func (g Grid) Bicubic(y *Image, rows, cols int) *Image {
	// Weights of the four low pixels around each phase.
	weights := make([][4]float64, g.Scale)
	for p := range weights {
		t := float64(p) / float64(g.Scale)
		weights[p] = [4]float64{
			((-t+2)*t - 1) * t / 2, ((3*t-5)*t*t + 2) / 2, ((-3*t+4)*t + 1) * t / 2, (t - 1) * t * t / 2,
		}
	}
	wide := make([]float64, y.Rows*cols)
	for i := range y.Rows {
		for j := range cols {
			v := 0.0
			for k, w := range weights[j%g.Scale] {
				v += w * y.Data[i*y.Cols+reflect(j/g.Scale+k-1, y.Cols)]
			}
			wide[i*cols+j] = v
		}
	}
	x := &Image{Rows: rows, Cols: cols, Data: make([]float64, rows*cols)}
	for i := range rows {
		for k, w := range weights[i%g.Scale] {
			at := reflect(i/g.Scale+k-1, y.Rows) * cols
			linalg.Axpy(w, wide[at:at+cols], x.Data[i*cols:(i+1)*cols])
		}
	}
	return x
}

// Pairs draws matched patches from images: patch k is a function of (seed, k) alone,
// but for flat patches, which are drawn again a few times. It appends patches lo to
// hi to s.
func (g Grid) Pairs(images []*Image, seed uint64, lo, hi int, s *Samples) error {
	side, n := g.High(), g.Patch
	s.P, s.M = side*side, n*n
	low := make([]*Image, len(images))
	for i, x := range images {
		if x.Rows < side || x.Cols < side {
			return fmt.Errorf("scdl: image %d of %d x %d pixels has no patches of %d x %d", i, x.Rows, x.Cols, side, side)
		}
		low[i] = g.Degrade(x)
	}
	for k := lo; k < hi; k++ {
		r := rand.New(rand.NewPCG(seed, uint64(k)|1<<41))
		high, small := make([]float64, side*side), make([]float64, n*n)
		for range 20 {
			which := r.IntN(len(images))
			x, y := images[which], low[which]
			// On the low grid, with all of the high patch inside.
			i, j := r.IntN((x.Rows-side)/g.Scale+1), r.IntN((x.Cols-side)/g.Scale+1)
			mean := 0.0
			for a := range n {
				for b := range n {
					small[a*n+b] = y.Data[(i+a)*y.Cols+j+b]
					mean += small[a*n+b] / float64(n*n)
				}
			}
			spread := 0.0
			for q := range small {
				small[q] -= mean
				spread = max(spread, math.Abs(small[q]))
			}
			for a := range side {
				for b := range side {
					high[a*side+b] = x.Data[(g.Scale*i+a)*x.Cols+g.Scale*j+b] - mean
				}
			}
			if spread > 0.01 {
				break
			}
		}
		s.High, s.Low = append(s.High, high...), append(s.Low, small...)
	}
	return nil
}

// Predict says what the rows lo <= i < hi of the high image, rows x cols, are: every
// low patch is brought to high resolution by predict, which takes low patches without
// their mean, and overlapping patches are averaged with weights that fall off from
// their centre. Rows do not depend on what else is asked for, to the last bit.
func (g Grid) Predict(y *Image, cols, lo, hi int, predict func(low []float64) ([]float64, error)) ([]float64, error) {
	side, n := g.High(), g.Patch
	out, sum := make([]float64, (hi-lo)*cols), make([]float64, (hi-lo)*cols)
	window := make([]float64, side)
	for k := range window {
		d := float64(2*k-side+1) / float64(side)
		window[k] = math.Exp(-4 * d * d)
	}
	// Patches whose first low row is top, beyond the border too so that every pixel is
	// near the middle of some; a row of them at a time, whoever asks.
	half := n / 2
	small := make([]float64, 0, (y.Cols+1)*n*n)
	means := make([]float64, 0, y.Cols+1)
	for top := -half; top <= y.Rows-1-half+1; top++ {
		first := g.Scale * top
		if first+side <= lo || first >= hi {
			continue
		}
		small, means = small[:0], means[:0]
		for left := -half; left <= y.Cols-1-half+1; left++ {
			at := len(small)
			mean := 0.0
			for a := range n {
				row := y.Data[reflect(top+a, y.Rows)*y.Cols:]
				for b := range n {
					v := row[reflect(left+b, y.Cols)]
					small = append(small, v)
					mean += v / float64(n*n)
				}
			}
			for q := at; q < len(small); q++ {
				small[q] -= mean
			}
			means = append(means, mean)
		}
		high, err := predict(small)
		if err != nil {
			return nil, err
		}
		for p, mean := range means {
			begin := g.Scale * (p - half)
			patch := high[p*side*side : (p+1)*side*side]
			for a := max(0, lo-first); a < min(side, hi-first); a++ {
				to := (first + a - lo) * cols
				for b := max(0, -begin); b < min(side, cols-begin); b++ {
					w := window[a] * window[b]
					out[to+begin+b] += w * (patch[a*side+b] + mean)
					sum[to+begin+b] += w
				}
			}
		}
	}
	for i := range out {
		out[i] /= sum[i]
	}
	return out, nil
}

// BackProject moves a high image until the low camera would see y of it (Irani and
// Peleg 1991), and returns how far it is from that: the root mean square.
func (g Grid) BackProject(x, y *Image, iterations int) float64 {
	rms := 0.0
	for k := range iterations + 1 {
		seen := g.Degrade(x)
		rms = 0
		for i, v := range y.Data {
			seen.Data[i] = v - seen.Data[i]
			rms += seen.Data[i] * seen.Data[i] / float64(len(y.Data))
		}
		if k == iterations {
			break
		}
		linalg.Axpy(1, g.Bicubic(seen, x.Rows, x.Cols).Data, x.Data)
	}
	return math.Sqrt(rms)
}

// SSIM is the structural similarity of two images of values 0 to 1 (Wang et al. 2004),
// Gaussian window of 1.5 pixels over 11 x 11, the mean over the pixels where it fits.
func SSIM(a, b *Image) float64 {
	const r, c1, c2 = 5, 0.01 * 0.01, 0.03 * 0.03
	var w [2*r + 1]float64
	sum := 0.0
	for k := range w {
		w[k] = math.Exp(-float64((k-r)*(k-r)) / 4.5)
		sum += w[k]
	}
	if a.Rows < len(w) || a.Cols < len(w) {
		return math.NaN()
	}
	smooth := func(f func(i int) float64) []float64 {
		rows := make([]float64, a.Rows*a.Cols)
		for i := range a.Rows {
			for j := r; j < a.Cols-r; j++ {
				for k, t := range w {
					rows[i*a.Cols+j] += t / sum * f(i*a.Cols+j+k-r)
				}
			}
		}
		out := make([]float64, a.Rows*a.Cols)
		for i := r; i < a.Rows-r; i++ {
			for k, t := range w {
				at := (i + k - r) * a.Cols
				linalg.Axpy(t/sum, rows[at:at+a.Cols], out[i*a.Cols:(i+1)*a.Cols])
			}
		}
		return out
	}
	ma, mb := smooth(func(i int) float64 { return a.Data[i] }), smooth(func(i int) float64 { return b.Data[i] })
	aa, bb := smooth(func(i int) float64 { return a.Data[i] * a.Data[i] }), smooth(func(i int) float64 { return b.Data[i] * b.Data[i] })
	ab := smooth(func(i int) float64 { return a.Data[i] * b.Data[i] })
	total, n := 0.0, 0
	for i := r; i < a.Rows-r; i++ {
		for j := r; j < a.Cols-r; j++ {
			k := i*a.Cols + j
			va, vb, cov := aa[k]-ma[k]*ma[k], bb[k]-mb[k]*mb[k], ab[k]-ma[k]*mb[k]
			total += (2*ma[k]*mb[k] + c1) * (2*cov + c2) / ((ma[k]*ma[k] + mb[k]*mb[k] + c1) * (va + vb + c2))
			n++
		}
	}
	return total / float64(n)
}
