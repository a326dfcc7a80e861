package linalg

import "fmt"

// LowRank adds a correction of low rank to z,
//
//	z += V' C U x,
//
// U and V made of the listed rows of two tables:
//
//	rows: r numbers of rows of both tables
//	c:    r x r
//	u:    table of rows as long as x
//	v:    table of rows as long as z
//	work: 2r numbers
//
// It costs 2r(len(x) + len(z) + r) operations.
func LowRank[T Float](rows []int32, c, u, x, v, z, work []T) {
	r := len(rows)
	if r == 0 || len(x) == 0 || len(z) == 0 {
		return
	}
	checkLength("LowRank c", len(c), r*r)
	if len(work) < 2*r {
		panic(fmt.Sprintf("linalg: LowRank: work of %d numbers, want %d", len(work), 2*r))
	}
	for _, i := range rows {
		if i < 0 || (int(i)+1)*len(x) > len(u) || (int(i)+1)*len(z) > len(v) {
			panic(fmt.Sprintf("linalg: LowRank: row %d outside of a table", i))
		}
	}
	lowRank(rows, c, u, x, v, z, work)
}
