package linalg

import "fmt"

// Banded is one SPD banded matrix, such as a coarse problem of some ten
// thousand unknowns, and after Factor its Cholesky factor A = L L'.
//
// It takes 8 n (bw+1) bytes, before and after.
type Banded struct {
	n, bw    int
	band     []float64 // n x (bw+1), row i: A[i, i-bw .. i]
	factored bool
}

// NewBanded returns the zero matrix of n rows and half-width bw.
func NewBanded(n, bw int) *Banded {
	if n < 1 || bw < 0 {
		panic(fmt.Sprintf("linalg: NewBanded: n=%d, bw=%d", n, bw))
	}
	return &Banded{n: n, bw: bw, band: make([]float64, n*(bw+1))}
}

// Row returns the storage of A[i, i-bw .. i], diagonal last, to be filled in
// before Factor.
func (b *Banded) Row(i int) []float64 {
	w := b.bw + 1
	return b.band[i*w : (i+1)*w : (i+1)*w]
}

// Factor factors the matrix in place. After an error the matrix is lost.
func (b *Banded) Factor() error {
	if b.factored {
		panic("linalg: Banded.Factor called twice")
	}
	pbtrf(b.n, b.bw, b.band)
	if err := checkPivots(b.n, b.band[b.bw:], b.bw+1); err != nil {
		return err
	}
	b.factored = true
	return nil
}

// Solve overwrites x, of length n, with A^-1 x. Calls on distinct x may run at
// once.
func (b *Banded) Solve(x []float64) {
	if !b.factored {
		panic("linalg: Banded.Solve before Factor")
	}
	checkLength("Banded.Solve", len(x), b.n)
	pbtrs(b.n, b.bw, b.band, x)
}
