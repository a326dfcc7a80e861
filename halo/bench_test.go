package halo

import (
	"context"
	"fmt"
	"testing"

	"tessera/ranks"
)

// BenchmarkExchange is the exchange of each sweep of a solver on a 1024 x 1024 frame,
// halo 4, at 2 ranks (two messages of 32 KiB) and at 4.
func BenchmarkExchange(b *testing.B) {
	for _, n := range []int{2, 4} {
		for _, planes := range []int{1, 3} {
			b.Run(fmt.Sprintf("%d ranks, %d planes", n, planes), func(b *testing.B) {
				d, err := Decompose([]int{1024, 1024}, n)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				err = ranks.Launch(b.Context(), ranks.Options{Ranks: n}, func(_ context.Context, comm ranks.Comm) error {
					p, err := NewPlan(d, comm.Rank(), []int{4, 4}, Reflect)
					if err != nil {
						return err
					}
					ext := make([]float64, planes*p.Extended().Size())
					for range b.N {
						if err := p.Exchange(comm, ext, planes); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}

// BenchmarkRing is the work of one rank without the messages: it packs and unpacks the
// columns (runs of 4 values, 8 KiB apart), which is the most expensive part. A plain copy of
// the same number of bytes is there for comparison.
func BenchmarkRing(b *testing.B) {
	ext := whole([]int{1032, 1032})
	x := make([]float64, ext.Size())
	msg := make([]float64, 1024*4)
	for _, c := range []struct {
		name string
		box  Box
		axes [maxDims]bool
	}{
		{"columns", Box{Lo: []int{4, 4}, Hi: []int{1028, 8}}, [maxDims]bool{}},
		{"mirrored columns", Box{Lo: []int{4, 4}, Hi: []int{1028, 8}}, [maxDims]bool{2: true}},
		{"rows", Box{Lo: []int{4, 4}, Hi: []int{8, 1028}}, [maxDims]bool{}},
		{"mirrored rows", Box{Lo: []int{4, 4}, Hi: []int{8, 1028}}, [maxDims]bool{1: true}},
	} {
		at := blockOf(ext, c.box).mirror(c.axes)
		b.Run(c.name+"/pack", func(b *testing.B) {
			b.SetBytes(int64(8 * len(msg)))
			for range b.N {
				copyBlock(msg, at.message(0), x, at)
			}
		})
		b.Run(c.name+"/unpack", func(b *testing.B) {
			b.SetBytes(int64(8 * len(msg)))
			for range b.N {
				copyBlock(x, at, msg, at.message(0))
			}
		})
		b.Run(c.name+"/add", func(b *testing.B) {
			b.SetBytes(int64(8 * len(msg)))
			for range b.N {
				addBlock(x, at, msg, at.message(0))
			}
		})
	}
	b.Run("copy", func(b *testing.B) {
		to := make([]float64, len(msg))
		b.SetBytes(int64(8 * len(msg)))
		for range b.N {
			copy(to, msg)
		}
	})
}
