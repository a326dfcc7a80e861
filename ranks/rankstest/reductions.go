package rankstest

import (
	"fmt"
	"math"

	"tessera/ranks"
)

// fold is the documented order of a reduction, taken literally from its definition:
// the first leaves are pairs until their number is a power of two, then
// neighbours are joined until one is left.
func fold(op ranks.Op, x []float64) float64 {
	join := func(a, b float64) float64 {
		switch {
		case op == ranks.Sum:
			return a + b
		case math.IsNaN(a) || math.IsNaN(b):
			return math.NaN()
		case op == ranks.Max:
			return math.Max(a, b)
		}
		return math.Min(a, b)
	}
	power := 1
	for 2*power <= len(x) {
		power *= 2
	}
	var level []float64
	for i := 0; i < len(x); {
		if i/2 < len(x)-power {
			level = append(level, join(x[i], x[i+1]))
			i += 2
		} else {
			level = append(level, x[i])
			i++
		}
	}
	for len(level) > 1 {
		var up []float64
		for i := 0; i < len(level); i += 2 {
			up = append(up, join(level[i], level[i+1]))
		}
		level = up
	}
	return level[0]
}

// spots are the indices of the elements that are compared with fold: all if n is small,
// otherwise those next to powers of two, where blocks and halves end, and some others.
func spots(n int) []int {
	var at []int
	if n <= 40 {
		for i := range n {
			at = append(at, i)
		}
		return at
	}
	for b := 1; b <= n; b *= 2 {
		for _, i := range []int{b - 1, b, n - b, n / b, n/b - 1, pick(n, b)} {
			if i >= 0 && i < n {
				at = append(at, i)
			}
		}
	}
	return at
}

// checkFold checks the spots of got, the reduction of the ranks' values.
func checkFold(what string, op ranks.Op, got []float64, size int, at func(q, i int) float64) error {
	column := make([]float64, size)
	for _, i := range spots(len(got)) {
		for q := range column {
			column[q] = at(q, i)
		}
		want := fold(op, column)
		if err := same(fmt.Sprintf("%s of %d, from element %d:", what, len(got), i), got[i:i+1], []float64{want}); err != nil {
			return err
		}
	}
	return nil
}

func reduce(c ranks.Comm) error {
	p, r := c.Size(), c.Rank()
	for round, n := range sizes(c.Size()) {
		at := func(q, i int) float64 { return value(round, q, i) }
		for _, op := range []ranks.Op{ranks.Sum, ranks.Max, ranks.Min} {
			src, dst := values(round, r, n), filled(n)
			if err := c.Allreduce(dst, src, op); err != nil {
				return err
			}
			if err := checkFold(fmt.Sprintf("Allreduce(%v)", op), op, dst, p, at); err != nil {
				return err
			}
			if err := same("src", src, values(round, r, n)); err != nil {
				return err
			}
			root := pick(p, round, int(op))
			rooted := filled(n)
			into := rooted
			if r != root && op == ranks.Max {
				into = nil // dst may be anything where it is not touched
			}
			if err := c.Reduce(into, src, op, root); err != nil {
				return err
			}
			want := dst
			if r != root {
				want = filled(n)
			}
			if err := same(fmt.Sprintf("Reduce(%v) of %d to %d", op, n, root), rooted, want); err != nil {
				return err
			}
			if err := c.Allreduce(src, src, op); err != nil {
				return err
			}
			if err := same(fmt.Sprintf("Allreduce(%v) of %d in place", op, n), src, dst); err != nil {
				return err
			}
			// The ranks agree to the last bit: the largest and the least are the same.
			least := make([]float64, n)
			if err := c.Allreduce(least, src, ranks.Min); err != nil {
				return err
			}
			if err := same(fmt.Sprintf("Allreduce(%v) of %d, least over the ranks", op, n), least, src); err != nil {
				return err
			}
		}
	}
	return nil
}

// reduceSpecial: the result of every operation with a NaN is NaN, and infinities and signed
// zeros give the same result on every rank.
func reduceSpecial(c ranks.Comm) error {
	p, r := c.Size(), c.Rank()
	kinds := []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 0, 1, -1, math.MaxFloat64, 5e-324}
	at := func(q, i int) float64 {
		if i < p { // one NaN, on rank i
			if q == i {
				return math.NaN()
			}
			return float64(q)
		}
		k := kinds[pick(len(kinds), q, i)]
		if i%2 == 1 && math.IsNaN(k) {
			return 1
		}
		return k
	}
	for _, n := range []int{p + 20, p + 400} {
		src := make([]float64, n)
		for i := range src {
			src[i] = at(r, i)
		}
		for _, op := range []ranks.Op{ranks.Sum, ranks.Max, ranks.Min} {
			got := make([]float64, n)
			if err := c.Allreduce(got, src, op); err != nil {
				return err
			}
			if err := checkFold(op.String(), op, got, p, at); err != nil {
				return err
			}
		}
	}
	return nil
}
