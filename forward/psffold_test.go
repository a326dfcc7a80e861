package forward_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/ranks"
)

// A folded PSF blurs a frame as the whole one does, has at most 2n+1 pixels on an axis of
// n, keeps the sum unless the border is zero, and does not change when it is folded again.
// Blur does the same for a PSF of any size, on any number of ranks.
func TestLargePSFs(t *testing.T) {
	for _, shape := range [][]int{{1, 1}, {1, 6}, {2, 3}, {4, 4}, {5, 4}, {7, 2}} {
		for _, size := range [][2]int{{1, 3}, {3, 1}, {5, 9}, {9, 7}, {11, 1}, {13, 15}, {31, 25}} {
			p, err := forward.NewPSF(size[0], size[1], positive(size[0]*size[1]))
			if err != nil {
				t.Fatal(err)
			}
			for _, border := range borders {
				what := fmt.Sprintf("%d x %d on %v, border %v", p.Rows, p.Cols, shape, border)
				x := normals(shape[0]*shape[1], 8)
				want := naiveBlur(x, shape, p, border)
				folded := p.Fold(shape[0], shape[1], border)
				if folded.Rows > max(2*shape[0]+1, 1) || folded.Cols > max(2*shape[1]+1, 1) || folded.Check() != nil {
					t.Errorf("%s: %d x %d, %v", what, folded.Rows, folded.Cols, folded.Check())
				}
				if d := farthest(naiveBlur(x, shape, folded, border), want); d > 1e-14 {
					t.Errorf("%s: the folded PSF blurs differently by %g", what, d)
				}
				if sum := total(folded.Values); border != halo.Zero && math.Abs(sum-1) > 1e-14 || sum > 1+1e-14 {
					t.Errorf("%s: sum %g", what, sum)
				}
				if d := farthest(folded.Fold(shape[0], shape[1], border).Values, folded.Values); d != 0 {
					t.Errorf("%s: folding again changes %g", what, d)
				}
				for _, n := range []int{1, 2, 3} {
					if n > shape[0]*shape[1] {
						continue
					}
					if err := sameBlur(n, shape, p, border, x, want); err != nil {
						t.Errorf("%s, %d ranks: %v", what, n, err)
					}
				}
			}
		}
	}
}

// A PSF that is its own mirror image stays one.
func TestFoldKeepsSymmetry(t *testing.T) {
	for n := 1; n <= 6; n++ {
		p, err := forward.Moffat(25, 6, 2.5)
		if err != nil {
			t.Fatal(err)
		}
		for _, border := range borders {
			f := p.Fold(n, n, border)
			for i, v := range f.Values {
				for _, j := range []int{(f.Rows-1-i/f.Cols)*f.Cols + i%f.Cols, i/f.Cols*f.Cols + f.Cols - 1 - i%f.Cols} {
					if math.Abs(v-f.Values[j]) > 1e-16 {
						t.Errorf("%d pixels, border %v: value %d is %g, its mirror image %g", n, border, i, v, f.Values[j])
					}
				}
			}
		}
	}
}

// sameBlur compares Blur with the values wanted, and tests its adjoint.
func sameBlur(n int, shape []int, p forward.PSF, border halo.Border, x, want []float64) error {
	return ranks.Launch(context.Background(), ranks.Options{Ranks: n}, func(_ context.Context, comm ranks.Comm) error {
		frame, err := halo.Decompose(shape, n)
		if err != nil {
			return err
		}
		b, err := forward.NewBlur(comm, frame, 1, p, border)
		if err := ranks.AgreeError(comm, err); err != nil {
			return err
		}
		own, err := frame.ScatterFrom(comm, 0, x, 1)
		if err != nil {
			return err
		}
		y, z := make([]float64, len(own)), make([]float64, len(own))
		if err := b.Apply(y, own); err != nil {
			return err
		}
		if err := b.Adjoint(z, y); err != nil {
			return err
		}
		sums := []float64{0, 0} // <Hx, Hx> and <x, H'Hx>
		for i := range y {
			sums[0] += y[i] * y[i]
			sums[1] += own[i] * z[i]
		}
		if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
			return err
		}
		all, err := frame.GatherTo(comm, 0, y, 1)
		if err != nil || comm.Rank() != 0 {
			return err
		}
		if d := farthest(all, want); d > 1e-13 || math.Abs(sums[0]-sums[1]) > 1e-13*(1+sums[0]) {
			return fmt.Errorf("off by %g, <Hx, Hx> = %g, <x, H'Hx> = %g", d, sums[0], sums[1])
		}
		return nil
	})
}

// positive is n values that have no symmetry.
func positive(n int) []float64 {
	v := normals(n, 21)
	for i := range v {
		v[i] = math.Abs(v[i])
	}
	return v
}

func total(v []float64) (sum float64) {
	for _, x := range v {
		sum += x
	}
	return sum
}

func farthest(a, b []float64) float64 {
	most := 0.0
	for i := range b {
		most = math.Max(most, math.Abs(a[i]-b[i]))
	}
	return most
}
