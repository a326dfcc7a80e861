package psf

import (
	"fmt"
	"testing"
)

// BenchmarkDeconvolve reports the time of one iteration of one stamp on one core, its
// ratio to the time of its Fourier transforms, measured in the same run, and the speedup
// on two ranks.
func BenchmarkDeconvolve(b *testing.B) {
	s, _ := survey(1000, 100, 2, 1)
	for _, o := range []Options{
		{Mode: Sparse, Border: Zero}, {Mode: Sparse, Border: Wrap}, {Mode: LowRank, Border: Zero}, {Mode: LowRank, Border: Wrap},
	} {
		for _, p := range []Precision{Single, Double} {
			o := o
			o.Precision, o.MaxIterations, o.CheckEvery = p, 30, 10
			b.Run(fmt.Sprintf("%s/%s/%s", o.Mode, o.Border, p), func(b *testing.B) {
				var one, two, transforms float64
				for b.Loop() {
					r := solve(b, 1, s, o)
					one += r.Solve
					transforms += r.Transforms
					two += solve(b, 2, s, o).Solve
				}
				each := one / float64(b.N*s.Total*o.MaxIterations)
				b.ReportMetric(1e6*each, "us/stamp-iteration")
				b.ReportMetric(each*float64(b.N)/transforms, "x-transforms")
				b.ReportMetric(one/two, "x-on-2-ranks")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
