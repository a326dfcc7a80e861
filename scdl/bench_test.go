package scdl

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"tessera/internal/linalg"
)

// BenchmarkTrain is the time of an iteration of 40,000 samples with 2056 atoms, the
// first one left out: spectra (25 and 9 numbers) and patches (289 and 81). Beside it
// stands the time that the best form's matrix products take at the rate of this
// machine's, measured in the same run on a product of the same shape.
func BenchmarkTrain(b *testing.B) {
	const atoms, count, iterations = 2056, 40000, 4
	for _, shape := range [][2]int{{25, 9}, {289, 81}} {
		p, m := shape[0], shape[1]
		s := &Samples{P: p, M: m, Total: count}
		r := rand.New(rand.NewPCG(1, 1))
		for range count * p {
			s.High = append(s.High, r.Float64())
		}
		for i := range count {
			s.Low = append(s.Low, s.High[i*p:i*p+m]...)
		}
		for _, precision := range []Precision{Single, Double} {
			for _, size := range []int{1, 2} {
				b.Run(fmt.Sprintf("%dx%d/%s/%d", p, m, precision, size), func(b *testing.B) {
					total := 0.0
					for b.Loop() {
						var at []time.Time
						learn(b, size, s, Options{Atoms: atoms, MaxIterations: iterations, Precision: precision, Progress: func(Progress) { at = append(at, time.Now()) }})
						total += at[iterations-1].Sub(at[0]).Seconds() / (iterations - 1)
					}
					each := total / float64(b.N)
					rate := productRate[float32](p)
					if precision == Double {
						rate = productRate[float64](p)
					}
					b.ReportMetric(each, "s/iteration")
					b.ReportMetric(each*float64(size)*rate/(6*float64(p+m)*atoms*count), "x-products")
					b.ReportMetric(0, "ns/op")
				})
			}
		}
	}
}

// productRate is the operations a second of D'U, as the solves have it.
func productRate[T linalg.Float](rows int) float64 {
	const atoms = 2056
	d, u, w := make([]T, atoms*rows), make([]T, rows*TileSamples), make([]T, atoms*TileSamples)
	best := math.Inf(1)
	for range 20 {
		start := time.Now()
		linalg.Gemm(false, false, atoms, TileSamples, rows, 1, d, rows, u, TileSamples, 0, w, TileSamples)
		best = min(best, time.Since(start).Seconds())
	}
	return 2 * atoms * TileSamples * float64(rows) / best
}
