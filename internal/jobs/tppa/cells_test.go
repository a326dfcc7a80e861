package tppa

import (
	"context"
	"fmt"
	"math"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/linalg"
	"tessera/internal/simulate"
	"tessera/ranks"
	"tessera/tppa"
	"tessera/train"
	"tessera/tv"
)

// BenchmarkCells learns from 24 pictures of simulated cells of 64 x 64 pixels in 120 steps, blurred by a
// Gaussian of variance 2 in 5 x 5 and in 9 x 9 pixels with noise of 30 dB, and restores four pictures of
// 256 x 256 pixels that it has not seen. It prints the SNR of each picture, and fails where the
// learned method is not better than total variation with the best lambda, which knows the truth, by 3.0 dB
// (5 x 5) and 2.5 dB (9 x 9) in the mean, and than plug-and-play.
//
//	go test -tags native ./internal/jobs/tppa -run xxx -bench Cells -benchtime 1x
func BenchmarkCells(b *testing.B) {
	for size, gain := range map[int]float64{5: 3.0, 9: 2.5} {
		b.Run(fmt.Sprintf("%dx%d", size, size), func(b *testing.B) {
			for b.Loop() {
				m := compareCells(b, size, 24, 120, 4, 256)
				for i, s := range m {
					b.Logf("picture %d: %s", i+1, s)
				}
				mean := m.mean()
				b.Logf("mean: %s", mean)
				b.ReportMetric(mean.learned-mean.tv, "dB-above-TV")
				b.ReportMetric(mean.learned-mean.wavelet, "dB-above-wavelet")
				if mean.learned-mean.tv < gain || mean.learned <= mean.wavelet {
					b.Errorf("%d x %d: want %.1f dB above TV, and more than plug-and-play", size, size, gain)
				}
			}
		})
	}
}

// The same in small, of which only the order is asked for.
func TestLearnedIsBetterOnCells(t *testing.T) {
	m := compareCells(t, 5, 4, 12, 1, 64).mean()
	t.Logf("%s", m)
	if m.learned < m.tv+0.5 || m.tv < m.observed || m.wavelet < m.observed {
		t.Errorf("%s: want the learned restoration at least 0.5 dB above TV, and all above the data", m)
	}
}

// ratios are SNRs of one picture, dB.
type ratios struct{ observed, tv, wavelet, learned float64 }

func (s ratios) String() string {
	return fmt.Sprintf("SNR %.2f dB observed, %.2f TV with the best lambda, %.2f wavelet, %.2f learned: %+.2f", s.observed, s.tv, s.wavelet, s.learned, s.learned-s.tv)
}

type comparison []ratios

func (c comparison) mean() (m ratios) {
	n := float64(len(c))
	for _, s := range c {
		m.observed, m.tv, m.wavelet, m.learned = m.observed+s.observed/n, m.tv+s.tv/n, m.wavelet+s.wavelet/n, m.learned+s.learned/n
	}
	return m
}

// compareCells learns from so many crops of 64 x 64 pixels, and restores so many pictures of side x
// side. It runs on two ranks, each with its part of the crops and of the frames.
func compareCells(t testing.TB, size, crops, steps, pictures, side int) comparison {
	var list comparison
	ctx := context.Background()
	err := ranks.Launch(ctx, ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
		psf, err := forward.Gaussian(size, math.Sqrt2)
		if err != nil {
			return err
		}
		net, err := tppa.NewNetwork(2, tppa.Options{})
		if err != nil {
			return err
		}
		alone, err := comm.Split(comm.Rank(), 0)
		if err != nil {
			return err
		}
		one, err := halo.Decompose([]int{64, 64}, 1)
		if err != nil {
			return err
		}
		h, err := forward.NewBlur(alone, one, 1, psf, halo.Reflect)
		if err != nil {
			return err
		}
		set := &tppa.Training{Count: crops}
		if set.Run, err = tppa.NewRun(ctx, alone, net, one, 1, h, nil, halo.Reflect); err != nil {
			return err
		}
		lo, hi := halo.Split(crops, comm.Size(), comm.Rank())
		for k := lo; k < hi; k++ {
			p := tppa.Pair{Truth: simulate.Cells{Seed: 1, Rows: 64, Cols: 64}.Draw(k), Data: make([]float64, 64*64)}
			if err := h.Apply(p.Data, p.Truth); err != nil {
				return err
			}
			noise := linalg.Norm2(p.Data) / 64 * math.Pow(10, -1.5)
			simulate.AddNoise(p.Data, 1, simulate.Box{R1: 64, C1: 64}, 64, uint64(k), noise)
			set.Pairs = append(set.Pairs, p)
		}
		learned, err := set.Train(ctx, comm, net.Identity(), train.Options{Steps: steps})
		if err != nil {
			return err
		}
		frame, err := halo.Decompose([]int{side, side}, comm.Size())
		if err != nil {
			return err
		}
		if h, err = forward.NewBlur(comm, frame, 1, psf, halo.Reflect); err != nil {
			return err
		}
		run, err := tppa.NewRun(ctx, comm, net, frame, 1, h, nil, halo.Reflect)
		if err != nil {
			return err
		}
		box := frame.Owned(comm.Rank())
		for k := range pictures {
			x := make([]float64, box.Size())
			halo.CopyBox(x, box, simulate.Cells{Seed: 1001, Rows: side, Cols: side}.Draw(k), frame.Domain(), box)
			y := make([]float64, len(x))
			if err := h.Apply(y, x); err != nil {
				return err
			}
			energy := []float64{linalg.Dot(y, y)}
			if err := comm.Allreduce(energy, energy, ranks.Sum); err != nil {
				return err
			}
			noise := math.Sqrt(energy[0]) / float64(side) * math.Pow(10, -1.5)
			simulate.AddNoise(y, 1, simulate.Box{R0: box.Lo[0], R1: box.Hi[0], C0: box.Lo[1], C1: box.Hi[1]}, side, uint64(5000+k), noise)
			best, err := tv.Solve(ctx, comm, &tv.Problem{Frame: frame, Channels: 1, Operator: h, Data: y}, tv.Options{Rule: tv.Oracle, Truth: x, Noise: noise})
			if err != nil {
				return err
			}
			plugged, err := run.PlugAndPlay(ctx, frame, halo.Reflect, y, tppa.PlugOptions{Noise: noise})
			if err != nil {
				return err
			}
			restored, err := run.Restore(learned.Theta, y)
			if err != nil {
				return err
			}
			var s ratios
			for _, c := range []struct {
				into *float64
				a    []float64
			}{{&s.observed, y}, {&s.tv, best.Solution}, {&s.wavelet, plugged.Solution}, {&s.learned, restored}} {
				if *c.into, err = tppa.SNR(comm, c.a, x); err != nil {
					return err
				}
			}
			if comm.Rank() == 0 {
				list = append(list, s)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
