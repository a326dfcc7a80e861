package halo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"tessera/ranks"
)

// launch runs body on every rank, in the mode that shows deadlocks and with a
// deadline: a mistake in a plan makes the test fail instead of hang.
func launch(t testing.TB, n int, body func(comm ranks.Comm) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	err := ranks.Launch(ctx, ranks.Options{Ranks: n, Sync: true}, func(_ context.Context, comm ranks.Comm) error {
		return body(comm)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// sourceOf is the border rule for one cell, taken literally from its definition.
func sourceOf(e, n int, border Border) (int, bool) {
	switch border {
	case Reflect:
		for e < 0 || e >= n {
			if e < 0 {
				e = -1 - e
			} else {
				e = 2*n - 1 - e
			}
		}
	case Periodic:
		for e < 0 {
			e += n
		}
		for e >= n {
			e -= n
		}
	}
	return e, e >= 0 && e < n
}

// cells calls f for every cell of b in row-major order.
func cells(b Box, f func(i int, at []int)) {
	if b.Empty() {
		return
	}
	at := append([]int(nil), b.Lo...)
	for i := range b.Size() {
		f(i, at)
		for k := len(at) - 1; k >= 0; k-- {
			if at[k]++; at[k] < b.Hi[k] {
				break
			}
			at[k] = b.Lo[k]
		}
	}
}

// offset is the row-major position of a cell in an array over b.
func offset(b Box, at []int) int {
	o := 0
	for k := range at {
		o = o*(b.Hi[k]-b.Lo[k]) + at[k] - b.Lo[k]
	}
	return o
}

// source is the position in the whole array that an extended cell copies, or -1.
func source(shape, at []int, border Border) int {
	s := make([]int, len(at))
	for k := range at {
		var ok bool
		if s[k], ok = sourceOf(at[k], shape[k], border); !ok {
			return -1
		}
	}
	return offset(whole(shape), s)
}

// extended is what Exchange must leave in the extended array of a box.
func extended(full []float64, shape []int, ext Box, border Border, planes int) []float64 {
	out := make([]float64, planes*ext.Size())
	n := whole(shape).Size()
	cells(ext, func(i int, at []int) {
		if s := source(shape, at, border); s >= 0 {
			for c := range planes {
				out[c*ext.Size()+i] = full[c*n+s]
			}
		}
	})
	return out
}

// addedBack is what AddBack must leave in the domain: every extended cell of every
// rank added to the cell that it copies.
func addedBack(ext [][]float64, d *Decomposition, width []int, border Border, planes int) []float64 {
	domain := d.Domain()
	full := make([]float64, planes*domain.Size())
	for r, x := range ext {
		b := d.Owned(r).Grow(width)
		cells(b, func(i int, at []int) {
			if s := source(d.shape, at, border); s >= 0 {
				for c := range planes {
					full[c*domain.Size()+s] += x[c*b.Size()+i]
				}
			}
		})
	}
	return full
}

// part is the restriction of planes whole arrays to a box of the domain.
func part(full []float64, shape []int, b Box, planes int) []float64 {
	out := make([]float64, planes*b.Size())
	n := whole(shape).Size()
	cells(b, func(i int, at []int) {
		for c := range planes {
			out[c*b.Size()+i] = full[c*n+offset(whole(shape), at)]
		}
	})
	return out
}

// integers are random whole numbers: their sums are exact in any order.
func integers(rng *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(rng.IntN(2001) - 1000)
	}
	return x
}

func same(got, want []float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d values, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			return fmt.Errorf("value %d of %d is %v, want %v", i, len(want), got[i], want[i])
		}
	}
	return nil
}
