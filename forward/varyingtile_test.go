package forward

import (
	"testing"

	"tessera/internal/fourier"
	"tessera/internal/random"
)

// The pieces of an axis cover it in order, and no other choice among the places where terms begin or end has less work.
func TestCutAxis(t *testing.T) {
	for key := range uint64(60) {
		r := random.New(3, key)
		n, radius := 20+int(100*r.Uniform(0)), int(20*r.Uniform(1))
		nodes := 2 + int(6*r.Uniform(2)) // of hats, as with bilinear weights
		factors := make([][]float64, nodes)
		for k := range factors {
			factors[k] = make([]float64, n)
			for i := range n {
				at := float64(i) / float64(n) * float64(nodes-1)
				if d := at - float64(k); d > -1 && d < 1 {
					factors[k][i] = 1 - max(d, -d)
				}
			}
		}
		cuts := []int{0}
		for i := 1; i < n; i++ {
			for _, f := range factors {
				if (f[i] == 0) != (f[i-1] == 0) {
					cuts = append(cuts, i)
					break
				}
			}
		}
		cuts = append(cuts, n)
		work := func(list []span) (sum int) {
			for _, s := range list {
				terms := 0
				for _, f := range factors {
					if !allZero(f[s.lo:s.hi]) {
						terms++
					}
				}
				sum += terms * fourier.NextFast(s.len()+2*radius)
			}
			return sum
		}
		got := cutAxis(factors, n, radius)
		at := 0
		for _, s := range got {
			if s.lo != at || s.hi <= at {
				t.Errorf("pieces %v of %d pixels", got, n)
			}
			at = s.hi
		}
		if at != n {
			t.Errorf("pieces %v of %d pixels", got, n)
		}
		inner := len(cuts) - 2
		for choice := range 1 << inner {
			var list []span
			from := 0
			for i := range inner + 1 {
				if i == inner || choice>>i&1 == 1 {
					list = append(list, span{from, cuts[i+1]})
					from = cuts[i+1]
				}
			}
			if work(list) < work(got) {
				t.Fatalf("%d pixels, radius %d: pieces %v take %d, %v take %d", n, radius, got, work(got), list, work(list))
			}
		}
	}
}
