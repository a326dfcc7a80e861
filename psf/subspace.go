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
	values    []float64 // square roots of the Ritz values: singular values of V
	residuals []float64 // |G b_k - theta_k b_k| / theta_1
	rotation  []float64 // block x block: row k gives b_k from the rows of B
	vectors   []float64 // block x n: b_k
	next      []float64 // block x n: an orthonormal basis of the product
}

// ritz does the small part of a step of subspace iteration (Rayleigh and Ritz).
//
//	basis: block x n, orthonormal rows    product: basis G
//
// Every rank does the same sums on the same numbers.
func ritz(basis, product []float64, block, n int) (*ritzPairs, error) {
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
		values: make([]float64, block), residuals: make([]float64, block), rotation: make([]float64, block*block),
		vectors: make([]float64, block*n), next: make([]float64, block*n),
	}
	for k := range block {
		from := block - 1 - k
		for i := range block {
			r.rotation[k*block+i] = vectors.At(i, from)
		}
		r.values[k] = math.Sqrt(max(0, ascending[from]))
	}
	linalg.Gemm(false, false, block, n, block, 1, r.rotation, block, basis, n, 0, r.vectors, n)
	linalg.Gemm(false, false, block, n, block, 1, r.rotation, block, product, n, 0, r.next, n)
	top := max(0, ascending[block-1])
	for k := range block {
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

// orthonormalise makes the rows orthonormal (modified Gram and Schmidt, twice); a
// row that is a combination of those before it becomes a unit vector.
func orthonormalise(rows []float64, count, n int) {
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
