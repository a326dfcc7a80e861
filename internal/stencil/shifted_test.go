package stencil

import (
	"math"
	"testing"
)

// Sums of shifted stretches are those of their definition for any number of runs and shifts, by both twins, and the bits of a
// number do not depend on how it lies in a run. What reads outside is refused.
func TestShifted(t *testing.T) {
	src := make([]float32, 400)
	for i := range src {
		src[i] = float32(math.Sin(float64(i * i)))
	}
	for _, count := range []int{0, 1, 3, 4, 7, 16} {
		shifts, weights := make([]int, count), make([]float32, count)
		for i := range shifts {
			shifts[i], weights[i] = (7*i)%19-9, float32(math.Cos(float64(5*i)))
		}
		for _, lengths := range [][]int{{}, {0}, {1}, {16}, {17, 3, 0, 40}, {5, 90}} {
			runs, total := Runs{Lengths: lengths}, 0
			for k, n := range lengths {
				runs.Starts = append(runs.Starts, 10+61*k)
				total += n
			}
			for name, f := range map[string]func(dst, src []float32, runs Runs, shifts []int, weights []float32){"linked": Shifted, "plain": shiftedPlain} {
				dst := make([]float32, total)
				for i := range dst {
					dst[i] = 9
				}
				f(dst, src, runs, shifts, weights)
				i := 0
				for k, n := range lengths {
					for j := range n {
						want := 0.0
						for s, w := range weights {
							want += float64(w) * float64(src[runs.Starts[k]+shifts[s]+j])
						}
						one := make([]float32, 1)
						f(one, src, Runs{[]int{runs.Starts[k] + j}, []int{1}}, shifts, weights)
						if math.Abs(float64(dst[i])-want) > 1e-5 || dst[i] != one[0] {
							t.Fatalf("%s, %d shifts, runs of %v: number %d is %g, want %g, and alone %g to the bit", name, count, lengths, i, dst[i], want, one[0])
						}
						i++
					}
				}
			}
		}
	}
	for name, bad := range map[string]func(){
		"before":  func() { Shifted(make([]float32, 2), src, Runs{[]int{0}, []int{2}}, []int{-1}, []float32{1}) },
		"behind":  func() { Shifted(make([]float32, 2), src, Runs{[]int{398}, []int{2}}, []int{1}, []float32{1}) },
		"lengths": func() { Shifted(make([]float32, 3), src, Runs{[]int{5}, []int{2}}, []int{1}, []float32{1}) },
		"weights": func() { Shifted(make([]float32, 2), src, Runs{[]int{5}, []int{2}}, []int{1}, nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			bad()
		}()
	}
}
