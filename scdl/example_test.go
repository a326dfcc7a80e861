package scdl_test

import (
	"context"
	"fmt"
	"log"
	"math"

	"tessera/ranks"
	"tessera/scdl"
)

// A pair of dictionaries is learned on two ranks from waves of 12 numbers and their every
// third number. It then predicts a wave that it has not seen from 4 numbers.
func ExampleTrain() {
	wave := func(k int) (high, low []float64) {
		phase, length := 0.7*float64(k), 8+float64(k%5)
		for j := range 12 {
			v := math.Sin(2*math.Pi*float64(j)/length + phase)
			if high = append(high, v); j%3 == 0 {
				low = append(low, v)
			}
		}
		return high, low
	}
	const total = 256
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
		lo, hi := scdl.Share(total, comm.Size(), comm.Rank())
		samples := &scdl.Samples{P: 12, M: 4, First: lo, Total: total}
		for k := lo; k < hi; k++ {
			high, low := wave(k)
			samples.High, samples.Low = append(samples.High, high...), append(samples.Low, low...)
		}
		r, err := scdl.Train(ctx, comm, samples, scdl.Options{Atoms: 24, MaxIterations: 50, Precision: scdl.Double, Seed: 1})
		if err != nil || comm.Rank() != 0 {
			return err
		}
		fmt.Printf("%d iterations, high error %.3f after the first and %.3f after the last\n", r.Iterations, r.ErrorHigh[0], r.ErrorHigh[49])
		high, low := wave(1000)
		predicted, err := r.Infer(ctx, low, scdl.Code{Method: "ridge", Lambda: 1e-3})
		if err != nil {
			return err
		}
		for j := range 6 {
			fmt.Printf("%d: %5.2f predicted, %5.2f true\n", j, predicted[j], high[j])
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// 50 iterations, high error 0.137 after the first and 0.008 after the last
	// 0:  0.54 predicted,  0.54 true
	// 1: -0.27 predicted, -0.21 true
	// 2: -0.89 predicted, -0.84 true
	// 3: -0.98 predicted, -0.98 true
	// 4: -0.51 predicted, -0.54 true
	// 5:  0.24 predicted,  0.21 true
}
