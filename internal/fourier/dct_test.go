package fourier

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// dctMatrix is the n x n orthonormal DCT-II by its definition.
func dctMatrix(n int) []float64 {
	m := make([]float64, n*n)
	for k := range n {
		c := math.Sqrt(2 / float64(n))
		if k == 0 {
			c = math.Sqrt(1 / float64(n))
		}
		for i := range n {
			m[k*n+i] = c * math.Cos(math.Pi*(float64(i)+0.5)*float64(k)/float64(n))
		}
	}
	return m
}

func naiveDCT(rows, cols int, x []float64) []float64 {
	r, c := dctMatrix(rows), dctMatrix(cols)
	out := make([]float64, rows*cols)
	for k := range rows {
		for l := range cols {
			for i := range rows {
				for j := range cols {
					out[k*cols+l] += r[k*rows+i] * c[l*cols+j] * x[i*cols+j]
				}
			}
		}
	}
	return out
}

func TestDCT2(t *testing.T) {
	for _, size := range sizes {
		rows, cols := size[0], size[1]
		t.Run(fmt.Sprintf("%dx%d", rows, cols), func(t *testing.T) {
			x := randomImage(rand.New(rand.NewPCG(uint64(rows), uint64(cols))), rows*cols)
			d := NewDCT2(rows, cols)
			got := make([]float64, len(x))
			d.Forward(got, x)
			if e := distance(got, naiveDCT(rows, cols, x)); e > 1e-13 {
				t.Fatalf("DCT-II is off by %g", e)
			}
			// Naive DCT-III: the transpose has it in the inner product.
			y := randomImage(rand.New(rand.NewPCG(5, 6)), len(x))
			z := make([]float64, len(x))
			d.Inverse(z, y)
			var left, right float64
			for i := range x {
				left += got[i] * y[i]
				right += x[i] * z[i]
			}
			if math.Abs(left-right) > 1e-13*float64(len(x)) {
				t.Fatalf("<C x, y> = %.17g, <x, C'y> = %.17g", left, right)
			}
			clone := d.Clone()
			clone.Inverse(got, got)
			if e := distance(got, x); e > 1e-14*float64(10+rows+cols) {
				t.Fatalf("round trip in place by a clone is off by %g", e)
			}
		})
	}
}

// The purpose of it: a symmetric blur under reflecting borders is a product in
// the cosine transform with the transform of the blurred corner pixel divided
// by that of the pixel.
func TestDCT2DiagonalisesReflectiveBlur(t *testing.T) {
	const rows, cols, reach = 12, 15, 2
	kernel := []float64{1, 4, 6, 4, 1}
	reflect := func(i, n int) int {
		if i < 0 {
			return -1 - i
		}
		if i >= n {
			return 2*n - 1 - i
		}
		return i
	}
	blur := func(x []float64) []float64 {
		y := make([]float64, len(x))
		for i := range rows {
			for j := range cols {
				for a := -reach; a <= reach; a++ {
					for b := -reach; b <= reach; b++ {
						y[i*cols+j] += kernel[a+reach] * kernel[b+reach] * x[reflect(i-a, rows)*cols+reflect(j-b, cols)]
					}
				}
			}
		}
		return y
	}
	d := NewDCT2(rows, cols)
	corner := make([]float64, rows*cols)
	corner[0] = 1
	blurred := blur(corner)
	d.Forward(corner, corner)
	d.Forward(blurred, blurred)

	x := randomImage(rand.New(rand.NewPCG(7, 8)), rows*cols)
	want := blur(x)
	d.Forward(x, x)
	for i := range x {
		x[i] *= blurred[i] / corner[i]
	}
	d.Inverse(x, x)
	if e := distance(x, want); e > 1e-11 {
		t.Errorf("blur through the transform is off by %g", e)
	}
}
