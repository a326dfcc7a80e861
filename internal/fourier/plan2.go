package fourier

import "fmt"

// Plan2 transforms real images of one size. Not for use by several goroutines
// at once: see Clone.
type Plan2 struct {
	rows, cols int
	transform  realTransform
}

// NewPlan2 prepares for images of rows x cols, at least 1 x 1.
func NewPlan2(rows, cols int) *Plan2 {
	checkSize("NewPlan2", rows, cols)
	return &Plan2{rows: rows, cols: cols, transform: newRealTransform(rows, cols)}
}

// Clone returns a plan for another goroutine.
func (p *Plan2) Clone() *Plan2 {
	return &Plan2{rows: p.rows, cols: p.cols, transform: p.transform.clone()}
}

// Rows is the number of rows of an image and of its transform.
func (p *Plan2) Rows() int { return p.rows }

// Cols is the number of columns of an image.
func (p *Plan2) Cols() int { return p.cols }

// SpectrumCols is the number of columns of a transform, cols/2+1. The others
// follow from X(k,l) = conj X(-k,-l).
func (p *Plan2) SpectrumCols() int { return p.cols/2 + 1 }

// Forward computes the transform of src, which it leaves alone.
//
//	dst: rows x (cols/2+1)    src: rows x cols
func (p *Plan2) Forward(dst []complex128, src []float64) {
	checkLength("Plan2.Forward dst", len(dst), p.rows*p.SpectrumCols())
	checkLength("Plan2.Forward src", len(src), p.rows*p.cols)
	p.transform.forward(dst, src)
}

// Inverse computes the image of which src is the transform, and leaves src
// alone: Inverse after Forward is the identity. src must be the transform of a
// real image; where it is not, the result depends on the back end.
//
//	dst: rows x cols    src: rows x (cols/2+1)
func (p *Plan2) Inverse(dst []float64, src []complex128) {
	checkLength("Plan2.Inverse dst", len(dst), p.rows*p.cols)
	checkLength("Plan2.Inverse src", len(src), p.rows*p.SpectrumCols())
	p.transform.inverse(dst, src)
	scale := 1 / float64(p.rows*p.cols)
	for i := range dst {
		dst[i] *= scale
	}
}

// NextFast returns the smallest size from n on that transforms fast in every
// back end: an even number without prime factors beyond 5, or 1 for n <= 1.
func NextFast(n int) int {
	if n <= 1 {
		return 1
	}
	for m := n + n%2; ; m += 2 {
		rest := m
		for _, p := range []int{2, 3, 5} {
			for rest%p == 0 {
				rest /= p
			}
		}
		if rest == 1 {
			return m
		}
	}
}

// LargestPrime is the largest prime factor of n, 1 for n <= 1.
func LargestPrime(n int) int {
	largest := 1
	for p := 2; p*p <= n; p++ {
		for n%p == 0 {
			largest, n = p, n/p
		}
	}
	return max(largest, n)
}

func checkSize(what string, rows, cols int) {
	if rows < 1 || cols < 1 {
		panic(fmt.Sprintf("fourier: %s: %d x %d", what, rows, cols))
	}
}

func checkLength(what string, got, want int) {
	if got != want {
		panic(fmt.Sprintf("fourier: %s: length %d, want %d", what, got, want))
	}
}
