package tppa

import (
	"context"
	"math"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/random"
	"tessera/internal/simulate"
	"tessera/ranks"
)

// The denoiser against its definition: orthonormal Haar transforms of a periodic frame, shifted by
// all shifts of the coarsest grid, thresholded and averaged.
func TestSpun(t *testing.T) {
	const side, levels, threshold = 16, 2, 0.7
	x, s := make([]float64, side*side), random.New(5)
	for i := range x {
		x[i] = s.Normal(uint64(i))
	}
	want := make([]float64, side*side)
	for shift := range 1 << (2 * levels) {
		r, c := shift>>levels, shift&(1<<levels-1)
		moved := make([]float64, side*side)
		for i := range moved {
			moved[i] = x[(i/side+r)%side*side+(i%side+c)%side]
		}
		haarShrink(moved, side, levels, threshold)
		for i, v := range moved {
			want[(i/side+r)%side*side+(i%side+c)%side] += v / float64(int(1)<<(2*levels))
		}
	}
	for _, n := range []int{1, 2, 3, 4, 7} {
		onRanks(t, n, func(comm ranks.Comm) error {
			frame, err := halo.Decompose([]int{side, side}, comm.Size())
			if err != nil {
				return err
			}
			d, err := newSpun(comm, frame, 1, levels, halo.Periodic)
			if err != nil {
				return err
			}
			got := cut(frame, comm, x, 1)
			if err := d.apply(got, threshold); err != nil {
				return err
			}
			for i, v := range cut(frame, comm, want, 1) {
				if math.Abs(got[i]-v) > 1e-13 {
					t.Fatalf("%d ranks: %v, want %v", n, got[i], v)
				}
			}
			return nil
		})
	}
}

// haarShrink shrinks the details of the orthonormal Haar transform of so many levels in place.
func haarShrink(x []float64, side, levels int, threshold float64) {
	turn := func(n int, inverse bool) {
		for range 2 { // rows, then columns by transposition
			for i := range n {
				line := make([]float64, n)
				for j := range n / 2 {
					if a, b := x[i*side+2*j], x[i*side+2*j+1]; !inverse {
						line[j], line[n/2+j] = (a+b)/math.Sqrt2, (b-a)/math.Sqrt2
					}
					if a, b := x[i*side+j], x[i*side+n/2+j]; inverse {
						line[2*j], line[2*j+1] = (a-b)/math.Sqrt2, (a+b)/math.Sqrt2
					}
				}
				copy(x[i*side:], line)
			}
			for i := range n {
				for j := range i {
					x[i*side+j], x[j*side+i] = x[j*side+i], x[i*side+j]
				}
			}
		}
	}
	for l := range levels {
		turn(side>>l, false)
	}
	for i := range x {
		if i/side >= side>>levels || i%side >= side>>levels {
			x[i] = soft(x[i], threshold)
		}
	}
	for l := levels - 1; l >= 0; l-- {
		turn(side>>l, true)
	}
}

// Plug-and-play finds the threshold of the noise and comes closer to the truth than the data, alike on any
// number of ranks and with missing pixels; a noise that is far from that of the data is reported.
func TestPlugAndPlay(t *testing.T) {
	net := small(t, 2, false)
	const rows, cols, noise = 48, 44, 0.02
	truth := simulate.Cells{Seed: 3, Rows: rows, Cols: cols}.Draw(0)
	var want []float64
	for _, n := range []int{1, 2, 3, 4, 7} {
		onRanks(t, n, func(comm ranks.Comm) error {
			r, frame, err := newRun(comm, net, []int{rows, cols}, 1, halo.Reflect, false)
			if err != nil {
				return err
			}
			whole := make([]float64, rows*cols)
			for i := range whole {
				whole[i] = 1
				if i%11 == 5 {
					whole[i] = 0
				}
			}
			r.w = forward.Weights(cut(frame, comm, whole, 1))
			x := cut(frame, comm, truth, 1)
			y := make([]float64, len(x))
			if err := r.a.Apply(y, x); err != nil {
				return err
			}
			box := frame.Owned(comm.Rank())
			simulate.AddNoise(y, 1, simulate.Box{R0: box.Lo[0], R1: box.Hi[0], C0: box.Lo[1], C1: box.Hi[1]}, cols, 3, noise)
			for i := range y {
				if r.w[i] == 0 {
					y[i] = math.NaN()
				}
			}
			p, err := r.PlugAndPlay(context.Background(), frame, halo.Reflect, y, PlugOptions{Noise: noise})
			if err != nil {
				return err
			}
			whole, err = frame.GatherTo(comm, 0, p.Solution, 1)
			if err != nil {
				return err
			}
			if p.Unmet != "" || math.Abs(p.Misfit-1) > 0.1 {
				t.Errorf("%d ranks: misfit %g of that of the noise after %d trials; %s", n, p.Misfit, p.Trials, p.Unmet)
			}
			if n == 1 {
				want = whole
				before, after := 0.0, 0.0
				for i, v := range truth {
					after += (whole[i] - v) * (whole[i] - v)
					if !math.IsNaN(y[i]) {
						before += (y[i] - v) * (y[i] - v)
					}
				}
				if after > 0.7*before {
					t.Errorf("squared error %g, that of the data %g", after, before)
				}
				if p, err = r.PlugAndPlay(context.Background(), frame, halo.Reflect, y, PlugOptions{Noise: 1e-6}); err != nil || p.Unmet == "" {
					t.Errorf("a noise of 1e-6: %v, %+v", err, p)
				}
			}
			for i, v := range whole {
				if math.Abs(v-want[i]) > 1e-10 {
					t.Errorf("%d ranks: %v, want %v", n, v, want[i])
					break
				}
			}
			return nil
		})
	}
}
