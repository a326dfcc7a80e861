package psf

import (
	"errors"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"tessera/internal/linalg"
)

// ritzPairs are approximate eigenpairs (theta_k, b_k) of G = V'V, symmetric, largest
// first, computed from a block of rows B and its product B G.
type ritzPairs struct {
	kept      int       // pairs above the threshold
	values    []float64 // block: sqrt(theta_k), singular values of V
	residuals []float64 // |G b_k - theta_k b_k| / theta_1 of the tested pairs: the kept ones and the next
	rotation  []float64 // block x block: row k gives b_k from the rows of B
	vectors   []float64 // tested x n: b_k
	next      []float64 // block x n: an orthonormal basis of the product
}

// ritz is the Rayleigh-Ritz step of subspace iteration.
//
//	basis: block x n, orthonormal rows    product: block x n, basis G
//
// above(k, values) tells whether the k-th singular value is above its threshold. All
// ranks compute the same from the same numbers.
func ritz(basis, product []float64, block, n int, above func(k int, values []float64) bool) (*ritzPairs, error) {
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
	for r.kept < block && above(r.kept, r.values) {
		r.kept++
	}
	tested := min(r.kept+1, block)
	r.residuals, r.vectors = make([]float64, tested), make([]float64, tested*n)
	linalg.Gemm(false, false, tested, n, block, 1, r.rotation, block, basis, n, 0, r.vectors, n)
	linalg.Gemm(false, false, block, n, block, 1, r.rotation, block, product, n, 0, r.next, n)
	top := max(0, ascending[block-1])
	for k := range tested {
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

// orthonormalise makes the rows, count x n, orthonormal by Cholesky QR of rows scaled to
// length 1. Its error is the rounding error times the square of the condition number:
// one round is enough for well-conditioned rows, such as those of a converged block;
// others take a second round. Nearly dependent rows are orthogonalised one by one.
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

// choleskyQR replaces the rows X by L^-1 X, X X' = L L', and returns the smallest pivot
// of L. For nearly dependent rows it returns 0 and leaves X as it is.
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

// gramSchmidt is the modified Gram-Schmidt method, each row twice. A row that depends on
// those before it is replaced by a unit vector.
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

// randomRows fills to with normally distributed numbers that depend on the seed and on
// place, the number of the first of them.
func randomRows(to []float64, seed uint64, place int) {
	r := rand.New(rand.NewPCG(seed, uint64(place)))
	for i := range to {
		to[i] = r.NormFloat64()
	}
}
