package ranks

import (
	"context"
	"fmt"
	"math"
	"testing"
)

// swapping is a swapper over a Comm.
type swapping struct{ Comm }

func (c swapping) Swap(send []float64, dst int, recv []float64, src int) error {
	if dst < 0 {
		dst = ProcNull
	}
	if src < 0 {
		src = ProcNull
	}
	st, err := c.Sendrecv(send, dst, 0, recv, src, 0)
	if err == nil && src != ProcNull && st.Count != len(recv) {
		err = fmt.Errorf("%d elements, want %d", st.Count, len(recv))
	}
	return err
}

// TestCombinerGivesTheBitsOfFolder runs the reduction by messages beside the one
// over shared buffers, in synchronous mode, so that nothing relies on buffering.
func TestCombinerGivesTheBitsOfFolder(t *testing.T) {
	for _, p := range []int{1, 2, 3, 4, 5, 6, 7, 8, 13, 16, 31} {
		t.Run(fmt.Sprint(p), func(t *testing.T) {
			t.Parallel()
			err := Launch(context.Background(), Options{Ranks: p, Sync: true}, func(_ context.Context, c Comm) error {
				by := combiner{swapper: swapping{c}, rank: c.Rank(), size: p}
				for _, n := range []int{0, 1, 5, 40, long - 1, long, long + 13} {
					for _, op := range []Op{Sum, Max, Min} {
						for root := everyRank; root < min(p, 4); root++ {
							src := make([]float64, n)
							for i := range src {
								src[i] = math.Sin(float64(i*31+c.Rank()*7)) * math.Exp(float64(c.Rank()%5*4))
							}
							want, got := make([]float64, n), make([]float64, n)
							if err := c.Allreduce(want, src, op); err != nil {
								return err
							}
							if root != everyRank && root != c.Rank() {
								clear(want)
							}
							if (n+root)%2 == 0 {
								copy(got, src) // in place
								if root != everyRank && root != c.Rank() {
									clear(got)
									if err := by.reduce(got, src, op, root); err != nil {
										return err
									}
								} else if err := by.reduce(got, got, op, root); err != nil {
									return err
								}
							} else if err := by.reduce(got, src, op, root); err != nil {
								return err
							}
							for i := range want {
								if math.Float64bits(got[i]) != math.Float64bits(want[i]) {
									return fmt.Errorf("%v of %d to %d: element %d is %v, want %v", op, n, root, i, got[i], want[i])
								}
							}
						}
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
