package stencil

import "fmt"

// Runs are stretches of numbers in an array: Lengths[k] from Starts[k] on.
type Runs struct {
	Starts, Lengths []int
}

// Shifted adds up shifted stretches of src, one run after the other:
//
//	dst[i] = sum_t weights[t] src[start + shifts[t] + j]    for number j of a run, which is number i of all
//
// in the order of t, every number in the same way. Cost: len(weights) multiply-adds a number. It panics where dst has not as many
// numbers as the runs, and where a run reads outside src.
func Shifted(dst, src []float32, runs Runs, shifts []int, weights []float32) {
	lo, hi := 0, 0
	for t, s := range shifts {
		if t == 0 {
			lo, hi = s, s
		}
		lo, hi = min(lo, s), max(hi, s)
	}
	total := 0
	for k, from := range runs.Starts {
		n := runs.Lengths[k]
		if n < 0 || n > 0 && (from+lo < 0 || from+hi+n > len(src)) {
			panic(fmt.Sprintf("stencil: Shifted reads %d to %d of %d numbers", from+lo, from+hi+n, len(src)))
		}
		total += n
	}
	if total != len(dst) || len(shifts) != len(weights) || len(runs.Starts) != len(runs.Lengths) {
		panic(fmt.Sprintf("stencil: Shifted of %d shifts and %d weights to %d numbers, want %d", len(shifts), len(weights), len(dst), total))
	}
	if total > 0 && len(shifts) > 0 {
		shifted(dst, src, runs, shifts, weights)
		return
	}
	clear(dst)
}

// shiftedPlain takes four shifts at a time.
func shiftedPlain(dst, src []float32, runs Runs, shifts []int, weights []float32) {
	for k, from := range runs.Starts {
		n := runs.Lengths[k]
		to := dst[:n]
		dst = dst[n:]
		clear(to)
		t := 0
		for ; t+4 <= len(shifts); t += 4 {
			a, b := src[from+shifts[t]:][:n], src[from+shifts[t+1]:][:n]
			c, d := src[from+shifts[t+2]:][:n], src[from+shifts[t+3]:][:n]
			u, v, w, x := weights[t], weights[t+1], weights[t+2], weights[t+3]
			for j := range to {
				to[j] = to[j] + u*a[j] + v*b[j] + w*c[j] + x*d[j]
			}
		}
		for ; t < len(shifts); t++ {
			a, w := src[from+shifts[t]:][:n], weights[t]
			for j := range to {
				to[j] += w * a[j]
			}
		}
	}
}
