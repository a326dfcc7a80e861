package tv

import (
	"context"
	"fmt"
	"math"
	"slices"
	"syscall"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/simulate"
	"tessera/ranks"
)

// BenchmarkIteration is one iteration of FPPA on 1024 x 1024 pixels on one rank, beside one
// Apply and one Adjoint of its blur, which it makes: the ratio of the two is printed, the median
// of alternating measurements of processor time, so that other programs matter little.
//
//	go test -tags native ./tv -run xxx -bench Iteration -benchtime 1x
func BenchmarkIteration(b *testing.B) {
	const side, each = 1024, 20
	for _, size := range []int{9, 41} {
		for _, name := range []string{"gaussian", "skew"} {
			b.Run(fmt.Sprintf("%dx%d/%s", size, size, name), func(b *testing.B) {
				onRanks(b, 1, func(comm ranks.Comm) error {
					p, err := cells(comm, side, size, name == "skew", 0.01)
					if err != nil {
						return err
					}
					s, err := newSolver(context.Background(), comm, p, Options{Lambda: 0.003}.withDefaults())
					if err != nil {
						return err
					}
					s.fixed = each
					x, y := append([]float64(nil), s.start...), make([]float64, len(p.Data))
					var whole, operators, ratios []float64
					for b.Loop() {
						for range 3 {
							start := processor()
							for range each {
								if err := p.Operator.Apply(y, x); err != nil {
									return err
								}
								if err := p.Operator.Adjoint(x, y); err != nil {
									return err
								}
							}
							o := (processor() - start) / each
							copy(x, s.start)
							start = processor()
							if _, err := s.solve(context.Background(), 0.003, ""); err != nil {
								return err
							}
							w := (processor() - start) / each
							whole, operators, ratios = append(whole, w), append(operators, o), append(ratios, w/o)
						}
					}
					b.ReportMetric(1e3*median(whole), "ms/iteration")
					b.ReportMetric(1e3*median(operators), "ms/operators")
					b.ReportMetric(median(ratios), "ratio")
					return nil
				})
			})
		}
	}
}

// cells is a picture of cells, blurred by a Gaussian of variance 2 in size x size pixels, or by
// one that is turned by 30 degrees and twice as long as wide, with noise.
func cells(comm ranks.Comm, side, size int, skew bool, noise float64) (*Problem, error) {
	frame, err := halo.Decompose([]int{side, side}, comm.Size())
	if err != nil {
		return nil, err
	}
	psf, err := forward.Gaussian(size, math.Sqrt2)
	if err != nil {
		return nil, err
	}
	if skew {
		sum := 0.0
		for i := range psf.Values {
			r, c := float64(i/size-size/2), float64(i%size-size/2)
			u, v := 0.866*r+0.5*c, 0.866*c-0.5*r
			psf.Values[i] = math.Exp(-u*u/8 - v*v/2)
			sum += psf.Values[i]
		}
		for i := range psf.Values {
			psf.Values[i] /= sum
		}
	}
	h, err := forward.NewBlur(comm, frame, 1, psf, halo.Reflect)
	if err != nil {
		return nil, err
	}
	x := cut(frame, comm, simulate.Cells{Seed: 1, Rows: side, Cols: side}.Draw(0), 1)
	p := &Problem{Frame: frame, Channels: 1, Operator: h, Data: make([]float64, len(x))}
	if err := h.Apply(p.Data, x); err != nil {
		return nil, err
	}
	box := frame.Owned(comm.Rank())
	simulate.AddNoise(p.Data, 1, simulate.Box{R0: box.Lo[0], R1: box.Hi[0], C0: box.Lo[1], C1: box.Hi[1]}, side, 1, noise)
	return p, nil
}

// processor is the processor time of this program, seconds.
func processor() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func median(a []float64) float64 {
	return slices.Sorted(slices.Values(a))[len(a)/2]
}
