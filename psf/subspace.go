package psf

import (
	"errors"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"tessera/internal/linalg"
)

// ritzPairs is what a block of rows B and its product with G = V'V, symmetric, say
// of the eigenvalues of G, largest first.
type ritzPairs struct {
	kept      int       // pairs that matter
	values    []float64 // square roots of the Ritz values: singular values of V
	residuals []float64 // |G b_k - theta_k b_k| / theta_1 of the judged ones: those above the limit and one more
	rotation  []float64 // block x block: row k gives b_k from the rows of B
	vectors   []float64 // judged x n: b_k
	next      []float64 // block x n: an orthonormal basis of the product
}

// ritz does the small part of a step of subspace iteration (Rayleigh and Ritz).
//
//	basis: block x n, orthonormal rows    product: basis G
//
// matters(k, values) tells whether the k-th pair matters. Every rank does the same sums
// on the same numbers.
func ritz(basis, product []float64, block, n int, matters func(k int, values []float64) bool) (*ritzPairs, error) {
	small := make([]float64, block*block)
	linalg.Gemm(false, true, block, block, n, 1, product, n, basis, n, 0, small, block)
	sym := mat.NewSymDense(block, nil)
	for i := range block {
		for j := i; j < block; j++ {
			sym.SetSym(i, j, (small[i*block+j]+small[j*block+i])/2)
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(sym, true) {
		return nil, errors.New("psf: the singular values of the stack are not finite")
	}
	ascending := eigen.Values(nil)
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	r := &ritzPairs{
		values: make([]float64, block), rotation: make([]float64, block*block), next: make([]float64, block*n),
	}
	for k := range block {
		from := block - 1 - k
		for i := range block {
			r.rotation[k*block+i] = vectors.At(i, from)
		}
		r.values[k] = math.Sqrt(max(0, ascending[from]))
	}
	for r.kept < block && matters(r.kept, r.values) {
		r.kept++
	}
	judged := min(r.kept+1, block)
	r.residuals, r.vectors = make([]float64, judged), make([]float64, judged*n)
	linalg.Gemm(false, false, judged, n, block, 1, r.rotation, block, basis, n, 0, r.vectors, n)
	linalg.Gemm(false, false, block, n, block, 1, r.rotation, block, product, n, 0, r.next, n)
	top := max(0, ascending[block-1])
	for k := range judged {
		theta := ascending[block-1-k]
		sum := 0.0
		for j, w := range r.next[k*n : (k+1)*n] {
			d := w - theta*r.vectors[k*n+j]
			sum += d * d
		}
		if top > 0 {
			r.residuals[k] = math.Sqrt(sum) / top
		}
	}
	orthonormalise(r.next, block, n)
	return r, nil
}

// orthonormalise makes the rows orthonormal by Cholesky QR on unit rows. One round
// will do for rows that are far from dependent, as those of a block that has
// converged are, since its error is that of rounding times the square of their
// condition; others take a second. What is too close to dependent is orthogonalised
// one by one.
func orthonormalise(rows []float64, count, n int) {
	for range 2 {
		for i := range count {
			if norm := linalg.Norm2(rows[i*n : (i+1)*n]); norm > 0 {
				linalg.Scale(1/norm, rows[i*n:(i+1)*n])
			}
		}
		switch pivot := choleskyQR(rows, count, n); {
		case pivot == 0:
			gramSchmidt(rows, count, n)
			return
		case pivot > 0.3:
			return
		}
	}
}

// choleskyQR replaces the rows X by L^-1 X, X X' = L L', and returns the smallest
// pivot of L; 0, and X stays, if they are too close to dependent.
func choleskyQR(rows []float64, count, n int) (pivot float64) {
	pivot = 1
	gram := make([]float64, count*count)
	linalg.Gemm(false, true, count, count, n, 1, rows, n, rows, n, 0, gram, count)
	if err := linalg.Potrf(count, gram, count); err != nil {
		return 0
	}
	// L^-1, row by row: inverse_i = (e_i - sum_j<i L_ij inverse_j) / L_ii
	inverse := make([]float64, count*count)
	for i := range count {
		if pivot = min(pivot, gram[i*count+i]); pivot < 1e-3 {
			return 0
		}
		row := inverse[i*count : (i+1)*count]
		for j := range i {
			linalg.AxpyOf(-gram[i*count+j], inverse[j*count:(j+1)*count], row)
		}
		row[i]++
		linalg.Scale(1/gram[i*count+i], row)
	}
	q := make([]float64, count*n)
	linalg.Gemm(false, false, count, n, count, 1, inverse, count, rows, n, 0, q, n)
	copy(rows, q)
	return pivot
}

// gramSchmidt is the modified form, each row twice; a row that is a combination of
// those before it becomes a unit vector.
func gramSchmidt(rows []float64, count, n int) {
	row := func(i int) []float64 { return rows[i*n : (i+1)*n] }
	for i := range count {
		for try := 0; ; try++ {
			before := linalg.Norm2(row(i))
			for range 2 {
				for j := range i {
					linalg.AxpyOf(-linalg.DotOf(row(j), row(i)), row(j), row(i))
				}
			}
			after := linalg.Norm2(row(i))
			if after > 1e-12*before && before > 0 {
				linalg.Scale(1/after, row(i))
				break
			}
			clear(row(i))
			row(i)[(i*37+try)%n] = 1
		}
	}
}

// randomRows fills with normal numbers, each a function of the seed and its place.
func randomRows(to []float64, seed uint64, place int) {
	r := rand.New(rand.NewPCG(seed, uint64(place)))
	for i := range to {
		to[i] = r.NormFloat64()
	}
}
