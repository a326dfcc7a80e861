package ranks

import "fmt"

// Every reduction folds along the same binary tree, which depends on the number
// of ranks alone. With P ranks, m the largest power of two <= P and rem = P - m,
// the leaves are the m values
//
//	x0+x1, x2+x3, ... (rem pairs), then x(2 rem), x(2 rem + 1), ...
//
// and the tree over them is the perfect binary tree. This is the order of recursive
// doubling and, for each element, of recursive halving: the reduction by messages
// (combine.go) and the one in shared memory (folder) give the same bits. Rounding errors
// grow with log P.

func (op Op) String() string {
	switch op {
	case Sum:
		return "Sum"
	case Max:
		return "Max"
	case Min:
		return "Min"
	}
	return fmt.Sprintf("Op(%d)", int(op))
}

// tree returns m and rem for size ranks.
func tree(size int) (m, rem int) {
	m = 1
	for 2*m <= size {
		m *= 2
	}
	return m, size - m
}

// folder reduces operands that are all in this process's memory.
type folder struct {
	tmp []float64 // one block a level
}

// block is the number of elements that are combined at a time: the partial results of all
// levels of the tree then stay in the first-level cache.
const block = 512

// rows sets dst[i] to the fold of rows[r][from+i] over r.
func (f *folder) rows(op Op, dst []float64, rows [][]float64, from int) {
	m, rem := tree(len(rows))
	if need := log2up(m+1) * block; len(f.tmp) < need && m > 1 {
		f.tmp = make([]float64, need)
	}
	for at := 0; at < len(dst); at += block {
		part := dst[at:min(at+block, len(dst))]
		f.subtree(op, part, rows, from+at, 0, m, rem, f.tmp)
	}
}

// subtree folds the leaves [leaf, leaf+m) into dst.
func (f *folder) subtree(op Op, dst []float64, rows [][]float64, from, leaf, m, rem int, tmp []float64) {
	row := func(r int) []float64 { return rows[r][from : from+len(dst)] }
	switch {
	case m == 1 && leaf < rem:
		combine(op, dst, row(2*leaf), row(2*leaf+1))
	case m == 1:
		copy(dst, row(leaf+rem))
	case m == 2 && leaf >= rem:
		combine(op, dst, row(leaf+rem), row(leaf+1+rem))
	default:
		right := tmp[:len(dst)]
		f.subtree(op, dst, rows, from, leaf, m/2, rem, tmp[block:])
		f.subtree(op, right, rows, from, leaf+m/2, m/2, rem, tmp[block:])
		combine(op, dst, dst, right)
	}
}

// combine sets dst[i] to a[i] op b[i].
func combine(op Op, dst, a, b []float64) {
	a, b = a[:len(dst)], b[:len(dst)]
	switch op {
	case Sum:
		for i := range dst {
			dst[i] = a[i] + b[i]
		}
	case Max:
		for i := range dst {
			dst[i] = max(a[i], b[i])
		}
	case Min:
		for i := range dst {
			dst[i] = min(a[i], b[i])
		}
	}
}
