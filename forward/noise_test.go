package forward

import (
	"context"
	"math"
	"strings"
	"testing"

	"tessera/halo"
	"tessera/internal/random"
	"tessera/ranks"
)

// The noise of a plane is found to a few per cent, in any unit, and grey levels without noise have
// none: the rounding of a division by 255 is not noise.
func TestEstimateNoise(t *testing.T) {
	const rows, cols = 60, 70
	ramp := func(i int) float64 { return float64(10 + i%cols + i/cols) }
	noise := random.New(1)
	for name, c := range map[string]struct {
		value func(i int) float64
		want  float64 // 0 = none is found
	}{
		"levels":         {ramp, 0},
		"levels by 255":  {func(i int) float64 { return ramp(i) / 255 }, 0},
		"levels by 3e20": {func(i int) float64 { return ramp(i) / 3e20 }, 0},
		"most of it empty": {func(i int) float64 {
			if i < rows*cols*2/3 {
				return 0
			}
			return noise.Normal(uint64(i))
		}, 0},
		"noise":             {func(i int) float64 { return ramp(i) + noise.Normal(uint64(i)) }, 1},
		"little noise":      {func(i int) float64 { return ramp(i) + 1e-9*noise.Normal(uint64(i)) }, 1e-9},
		"noise, largest":    {func(i int) float64 { return 1e306 * (ramp(i) + noise.Normal(uint64(i))) }, 1e306},
		"noise, large unit": {func(i int) float64 { return 1e20 * (ramp(i) + noise.Normal(uint64(i))) }, 1e20},
	} {
		for _, n := range []int{1, 3} {
			err := ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(_ context.Context, comm ranks.Comm) error {
				frame, err := halo.Decompose([]int{rows, cols}, comm.Size())
				if err != nil {
					return err
				}
				box := frame.Owned(comm.Rank())
				var data []float64
				for r := box.Lo[0]; r < box.Hi[0]; r++ {
					for k := box.Lo[1]; k < box.Hi[1]; k++ {
						data = append(data, c.value(r*cols+k))
					}
				}
				got, err := EstimateNoise(comm, frame, 1, data, nil)
				switch {
				case c.want == 0 && (err == nil || !strings.Contains(err.Error(), "the noise estimated from the data is zero")):
					t.Errorf("%s, %d ranks: noise of %g, %v", name, n, got, err)
				case c.want > 0 && (err != nil || math.Abs(got-c.want) > 0.06*c.want):
					t.Errorf("%s, %d ranks: noise of %g, %v; want %g", name, n, got, err, c.want)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Under a mask like a checkerboard, of either colour, the noise is found from diamonds; from the same ones on any number of ranks.
func TestEstimateNoiseOfCheckerboards(t *testing.T) {
	const rows, cols = 61, 70
	noise := random.New(1)
	for colour := range 2 {
		var first float64
		for _, n := range []int{1, 2, 3, 4, 7} {
			err := ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(_ context.Context, comm ranks.Comm) error {
				frame, err := halo.Decompose([]int{rows, cols}, comm.Size())
				if err != nil {
					return err
				}
				box := frame.Owned(comm.Rank())
				var data []float64
				var weights Weights
				for r := box.Lo[0]; r < box.Hi[0]; r++ {
					for k := box.Lo[1]; k < box.Hi[1]; k++ {
						v, w := math.NaN(), 0.0
						if (r+k)%2 == colour {
							v, w = 10+0.02*float64(r)+2*noise.Normal(uint64(r*cols+k)), 0.25
						}
						data, weights = append(data, v), append(weights, w)
					}
				}
				got, err := EstimateNoise(comm, frame, 1, data, weights)
				if comm.Rank() == 0 && n == 1 {
					first = got
				}
				if err != nil || math.Abs(got-1) > 0.1 || n > 1 && got != first {
					t.Errorf("colour %d, %d ranks: noise of %g, %v; want 1", colour, n, got, err)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}
