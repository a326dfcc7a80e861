package ranks

import (
	"context"
	"fmt"
	"testing"
)

func TestSmoke(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 64} {
		err := Launch(context.Background(), Options{Ranks: n}, func(ctx context.Context, c Comm) error {
			x := []float64{float64(c.Rank())}
			for i := 0; i < 1000; i++ {
				if err := c.Allreduce(x, x, Max); err != nil {
					return err
				}
				if x[0] != float64(n-1) {
					return fmt.Errorf("got %v", x)
				}
			}
			big := make([]float64, 3000)
			for i := range big {
				big[i] = float64(i)
			}
			if err := c.Allreduce(big, big, Sum); err != nil {
				return err
			}
			for i := range big {
				if big[i] != float64(i*n) {
					return fmt.Errorf("big %d %g", i, big[i])
				}
			}
			l, r := (c.Rank()+n-1)%n, (c.Rank()+1)%n
			nb := Neighbours{[]int{l, r}, []int{5, 2000}, []int{2000, 5}}
			if n == 1 {
				nb = Neighbours{[]int{0}, []int{2005}, []int{2005}}
			}
			if n == 2 {
				nb = Neighbours{[]int{l}, []int{2005}, []int{2005}}
			}
			send, recv := make([]float64, 2005), make([]float64, 2005)
			for i := range send {
				send[i] = float64(c.Rank())
			}
			for i := 0; i < 100; i++ {
				if err := c.Exchange(nb, send, recv); err != nil {
					return err
				}
				if recv[0] != float64(l) && n != 2 {
					return fmt.Errorf("recv %v", recv[0])
				}
			}
			return c.Barrier()
		})
		if err != nil {
			t.Fatal(n, err)
		}
	}
	err := Launch(context.Background(), Options{Ranks: 3}, func(ctx context.Context, c Comm) error {
		_, err := c.Recv(nil, 1, 3)
		return err
	})
	t.Log(err)
	err = Launch(context.Background(), Options{Ranks: 3}, func(ctx context.Context, c Comm) error {
		if c.Rank() == 1 {
			var p *int
			*p = 1
		}
		return c.Barrier()
	})
	t.Log(err)
}
