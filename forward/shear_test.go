package forward_test

import (
	"context"
	"math"
	"math/cmplx"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/ranks"
)

// The shear of a convergence is that of the Fourier sum of its definition, and E and B mode are found again.
func TestShear(t *testing.T) {
	for _, shape := range [][2]int{{7, 9}, {6, 8}, {5, 12}} {
		rows, cols := shape[0], shape[1]
		kappa := make([]float64, rows*cols)
		for i := range kappa {
			kappa[i] = math.Sin(float64(i*i)) + 0.3
		}
		// F^-1 D F kappa as one complex number, by sums.
		want := make([]complex128, rows*cols)
		for k := range rows {
			for l := range cols {
				var sum complex128
				for i, v := range kappa {
					sum += complex(v, 0) * cmplx.Exp(complex(0, -2*math.Pi*(float64(k*(i/cols))/float64(rows)+float64(l*(i%cols))/float64(cols))))
				}
				y, x := float64(k)/float64(rows), float64(l)/float64(cols)
				edge := y == 0.5 || x == 0.5
				if y > 0.5 {
					y--
				}
				if x > 0.5 {
					x--
				}
				if kk := x*x + y*y; kk > 0 {
					d := complex((x*x-y*y)/kk, 2*x*y/kk)
					if edge {
						d = complex(real(d), 0)
					}
					sum *= d
				} else {
					sum = 0
				}
				for i := range want {
					want[i] += sum / complex(float64(rows*cols), 0) * cmplx.Exp(complex(0, 2*math.Pi*(float64(k*(i/cols))/float64(rows)+float64(l*(i%cols))/float64(cols))))
				}
			}
		}
		err := launch(3, func(_ context.Context, comm ranks.Comm) error {
			frame, err := halo.Decompose(shape[:], comm.Size())
			if err != nil {
				return err
			}
			s, err := forward.NewShear(comm, frame, 1, nil)
			if err != nil {
				return err
			}
			own, err := frame.ScatterFrom(comm, 0, kappa, 1)
			if err != nil {
				return err
			}
			n := len(own)
			g, e, b := make([]float64, 2*n), make([]float64, n), make([]float64, n)
			if err := s.Apply(g, own); err != nil {
				return err
			}
			if err := s.Adjoint(e, g); err != nil {
				return err
			}
			if err := s.Curl(b, g); err != nil {
				return err
			}
			var all [4][]float64
			for i, part := range [][]float64{g[:n], g[n:], e, b} {
				if all[i], err = frame.GatherTo(comm, 0, part, 1); err != nil {
					return err
				}
			}
			if comm.Rank() != 0 {
				return nil
			}
			mean := 0.0
			for _, v := range kappa {
				mean += v / float64(len(kappa))
			}
			odd := rows%2 == 1 && cols%2 == 1 // no mode whose sign is not known
			for i, w := range want {
				if math.Abs(all[0][i]-real(w)) > 1e-12 || math.Abs(all[1][i]-imag(w)) > 1e-12 {
					t.Fatalf("%v: shear of pixel %d is %g, %g, want %g", shape, i, all[0][i], all[1][i], w)
				}
				if odd && math.Abs(all[2][i]-(kappa[i]-mean)) > 1e-12 || math.Abs(all[3][i]) > 1e-12 {
					t.Fatalf("%v: pixel %d has E mode %g and B mode %g, want %g and 0", shape, i, all[2][i], all[3][i], kappa[i]-mean)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
