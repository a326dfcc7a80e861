//go:build !native || !cgo

package linalg

func lowRank[T Float](rows []int32, c, u, x, v, z, work []T) {
	r, m, n := len(rows), len(x), len(z)
	a, b := work[:r], work[r:2*r]
	for i, row := range rows {
		a[i] = DotOf(u[int(row)*m:(int(row)+1)*m], x)
	}
	for i := range b {
		b[i] = DotOf(c[i*r:(i+1)*r], a)
	}
	for i, row := range rows {
		AxpyOf(b[i], v[int(row)*n:(int(row)+1)*n], z)
	}
}
