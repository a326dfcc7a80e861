package tppa

import (
	"context"
	"fmt"
	"math"
	"syscall"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/simulate"
	"tessera/ranks"
	"tessera/train"
)

// BenchmarkRestore is the restoration of 1024 x 1024 pixels by ten layers with a PSF of 9 x 9
// pixels, on one rank and on two; BenchmarkTrain is the training of the job's example, 24 pictures
// of 64 x 64 pixels in 120 steps. cpu-s is the processor time of all ranks, which other programs change little.
//
//	go test -tags native ./tppa -run xxx -bench . -benchtime 1x
func BenchmarkRestore(b *testing.B) {
	const side = 1024
	for _, n := range []int{1, 2} {
		b.Run(fmt.Sprintf("ranks=%d", n), func(b *testing.B) {
			net, err := NewNetwork(2, Options{})
			if err != nil {
				b.Fatal(err)
			}
			onRanks(b, n, func(comm ranks.Comm) error {
				frame, h, err := nineByNine(comm, side)
				if err != nil {
					return err
				}
				run, err := NewRun(context.Background(), comm, net, frame, 1, h, nil, halo.Reflect)
				if err != nil {
					return err
				}
				y := cut(frame, comm, simulate.Cells{Seed: 1, Rows: side, Cols: side}.Draw(0), 1)
				theta := somewhere(net)
				return timed(b, comm, func() error {
					_, err := run.Restore(theta, y)
					return err
				})
			})
		})
	}
}

func BenchmarkTrain(b *testing.B) {
	for _, n := range []int{1, 2} {
		b.Run(fmt.Sprintf("ranks=%d", n), func(b *testing.B) {
			net, err := NewNetwork(2, Options{})
			if err != nil {
				b.Fatal(err)
			}
			onRanks(b, n, func(comm ranks.Comm) error {
				set, err := training(comm, net, 24, 64, 0.01)
				if err != nil {
					return err
				}
				alone, err := comm.Split(comm.Rank(), 0)
				if err != nil {
					return err
				}
				frame, h, err := nineByNine(alone, 64)
				if err != nil {
					return err
				}
				if set.Run, err = NewRun(context.Background(), alone, net, frame, 1, h, nil, halo.Reflect); err != nil {
					return err
				}
				return timed(b, comm, func() error {
					_, err := set.Train(context.Background(), comm, net.Identity(), train.Options{Steps: 120})
					return err
				})
			})
		})
	}
}

func nineByNine(comm ranks.Comm, side int) (*halo.Decomposition, *forward.Blur, error) {
	frame, err := halo.Decompose([]int{side, side}, comm.Size())
	if err != nil {
		return nil, nil, err
	}
	psf, err := forward.Gaussian(9, math.Sqrt2)
	if err != nil {
		return nil, nil, err
	}
	h, err := forward.NewBlur(comm, frame, 1, psf, halo.Reflect)
	return frame, h, err
}

// timed does the work b.N times on all ranks.
func timed(b *testing.B, comm ranks.Comm, work func() error) error {
	if err := comm.Barrier(); err != nil {
		return err
	}
	var start float64
	for i := range b.N {
		if i == 0 && comm.Rank() == 0 {
			b.ResetTimer()
			start = processor()
		}
		if err := work(); err != nil {
			return err
		}
	}
	if err := comm.Barrier(); err != nil {
		return err
	}
	if comm.Rank() == 0 {
		b.StopTimer()
		b.ReportMetric((processor()-start)/float64(b.N), "cpu-s")
	}
	return nil
}

// processor is the processor time of this program, seconds.
func processor() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
