package forward_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/random"
	"tessera/ranks"
)

// onOne runs body on one rank.
func onOne(t *testing.T, body func(comm ranks.Comm) error) {
	t.Helper()
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(_ context.Context, comm ranks.Comm) error { return body(comm) })
	if err != nil {
		t.Error(err)
	}
}

// pixel is x at a place that may be outside of shape, by the definition of the border.
func pixel(x []float64, shape, at []int, border halo.Border) float64 {
	index := 0
	for k, n := range shape {
		i := at[k]
		if i < 0 || i >= n {
			switch border {
			case halo.Zero:
				return 0
			case halo.Reflect:
				if i = ((i % (2 * n)) + 2*n) % (2 * n); i >= n {
					i = 2*n - 1 - i
				}
			case halo.Periodic:
				i = ((i % n) + n) % n
			}
		}
		index = index*n + i
	}
	return x[index]
}

// each calls f for every place of shape, in row-major order.
func each(shape []int, f func(i int, at []int)) {
	size := 1
	for _, n := range shape {
		size *= n
	}
	at := make([]int, len(shape))
	for i := range size {
		f(i, at)
		for k := len(shape) - 1; k >= 0; k-- {
			if at[k]++; at[k] < shape[k] {
				break
			}
			at[k] = 0
		}
	}
}

// moved is a place one or more pixels away along an axis.
func moved(at []int, axis, by int) []int {
	to := slices.Clone(at)
	to[axis] += by
	return to
}

func normals(n int, seed uint64) []float64 {
	x, r := make([]float64, n), random.New(seed)
	for i := range x {
		x[i] = r.Normal(uint64(i))
	}
	return x
}

// Differences and Laplacian against their definitions.
func TestDefinitions(t *testing.T) {
	for _, shape := range [][]int{{1}, {7}, {4, 5}, {1, 6}, {3, 4, 5}, {2, 1, 3}} {
		for _, border := range borders {
			onOne(t, func(comm ranks.Comm) error {
				frame, err := halo.Decompose(shape, 1)
				if err != nil {
					return err
				}
				const channels = 2
				d, err1 := forward.NewDifferences(comm, frame, channels, border)
				l, err2 := forward.NewLaplacian(comm, frame, channels, border)
				if err1 != nil || err2 != nil {
					return fmt.Errorf("%v, %v", err1, err2)
				}
				cells := frame.Domain().Size()
				x := normals(channels*cells, 5)
				var wantD, wantL []float64
				for axis := range shape {
					for c := range channels {
						plane := x[c*cells : (c+1)*cells]
						each(shape, func(i int, at []int) {
							wantD = append(wantD, pixel(plane, shape, moved(at, axis, 1), border)-plane[i])
						})
					}
				}
				for c := range channels {
					wantL = append(wantL, naiveLaplacian(x[c*cells:(c+1)*cells], shape, border)...)
				}
				dx, lx := make([]float64, len(wantD)), make([]float64, len(wantL))
				if err := d.Apply(dx, x); err != nil {
					return err
				}
				if err := l.Apply(lx, x); err != nil {
					return err
				}
				for what, pair := range map[string][2][]float64{"differences": {dx, wantD}, "Laplacian": {lx, wantL}} {
					for i, w := range pair[1] {
						if math.Abs(pair[0][i]-w) > 1e-14 {
							return fmt.Errorf("%s of %v, border %v: value %d is %v, want %v", what, shape, border, i, pair[0][i], w)
						}
					}
				}
				if border == halo.Zero {
					return nil // -D'D lacks the difference at the first pixel
				}
				g := make([]float64, len(lx))
				if err := forward.NewGram(d).Apply(g, x); err != nil {
					return err
				}
				for i, v := range g {
					if math.Abs(v+lx[i]) > 1e-14 {
						return fmt.Errorf("shape %v, border %v: -D'D x is %v at value %d, the Laplacian %v", shape, border, -v, i, lx[i])
					}
				}
				return nil
			})
		}
	}
}

// naiveBlur is H x by the definition of PSF.
func naiveBlur(x []float64, shape []int, psf forward.PSF, border halo.Border) []float64 {
	y := make([]float64, len(x))
	each(shape, func(i int, at []int) {
		for a := range psf.Rows {
			for b := range psf.Cols {
				from := []int{at[0] - (a - psf.Rows/2), at[1] - (b - psf.Cols/2)}
				y[i] += psf.Values[a*psf.Cols+b] * pixel(x, shape, from, border)
			}
		}
	})
	return y
}

// naiveLaplacian is L x of one plane.
func naiveLaplacian(x []float64, shape []int, border halo.Border) []float64 {
	y := make([]float64, len(x))
	each(shape, func(i int, at []int) {
		for axis := range shape {
			y[i] += pixel(x, shape, moved(at, axis, 1), border) + pixel(x, shape, moved(at, axis, -1), border) - 2*x[i]
		}
	})
	return y
}

// Blur, its transpose and Normal against their definitions; the frames are smaller than
// the halo of the wide PSF.
func TestBlurAndNormalByDefinition(t *testing.T) {
	narrow, err1 := lopsided(3, 5)
	even, err2 := forward.Gaussian(3, 1)
	wide, err3 := lopsided(19, 19)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	shape := []int{6, 7}
	const cells, lambda = 42, 0.3
	x := normals(cells, 8)
	near := func(what string, got, want []float64) {
		t.Helper()
		for i, w := range want {
			if math.Abs(got[i]-w) > 1e-13 {
				t.Errorf("%s: value %d is %v, want %v", what, i, got[i], w)
				return
			}
		}
	}
	for name, psf := range map[string]forward.PSF{"narrow": narrow, "symmetric": even, "wide": wide} {
		for _, border := range borders {
			h := make([][]float64, cells) // columns
			for i := range h {
				unit := make([]float64, cells)
				unit[i] = 1
				h[i] = naiveBlur(unit, shape, psf, border)
			}
			transposed := func(y []float64) []float64 {
				out := make([]float64, cells)
				for i := range h {
					for j, v := range h[i] {
						out[i] += v * y[j]
					}
				}
				return out
			}
			onOne(t, func(comm ranks.Comm) error {
				frame, err := halo.Decompose(shape, 1)
				if err != nil {
					return err
				}
				blur, err := forward.NewBlur(comm, frame, 1, psf, border)
				if err != nil {
					return err
				}
				got := make([]float64, cells)
				if err := blur.Apply(got, x); err != nil {
					return err
				}
				what := fmt.Sprintf("%s PSF, border %v", name, border)
				near(what+", H x", got, naiveBlur(x, shape, psf, border))
				if err := blur.Adjoint(got, x); err != nil {
					return err
				}
				near(what+", H'x", got, transposed(x))
				weights := place{comm: comm, frame: frame}.weights()
				for _, q := range forward.Regularisers() {
					m, err := forward.NewNormal(comm, &forward.Problem{Frame: frame, Channels: 1, PSF: psf, Weights: weights, Border: border, Regulariser: q, Lambda: lambda})
					if err != nil {
						return err
					}
					if err := m.Apply(got, x); err != nil {
						return err
					}
					t1 := naiveBlur(x, shape, psf, border)
					for i, w := range weights {
						t1[i] *= w
					}
					want, penalty := transposed(t1), slices.Clone(x)
					switch q {
					case forward.Gradient:
						penalty = naiveLaplacian(x, shape, border)
						for i := range penalty {
							penalty[i] *= -1
						}
					case forward.Laplacian:
						penalty = naiveLaplacian(naiveLaplacian(x, shape, border), shape, border)
					}
					for i, v := range penalty {
						want[i] += lambda * v
					}
					near(fmt.Sprintf("%s, M x with the %s", what, q), got, want)
				}
				return nil
			})
		}
	}
}

// Compose, Stack and Scale against products by hand, and their bounds.
func TestCombinations(t *testing.T) {
	onOne(t, func(comm ranks.Comm) error {
		frame, err := halo.Decompose([]int{3}, 1)
		if err != nil {
			return err
		}
		diagonal := func(root ...float64) forward.Operator {
			w := make(forward.Weights, len(root))
			for i, v := range root {
				w[i] = v * v
			}
			op, err := forward.NewWeighting(comm, frame, 1, w)
			if err != nil {
				t.Fatal(err)
			}
			return op
		}
		d, err := forward.NewDifferences(comm, frame, 1, halo.Zero)
		if err != nil {
			return err
		}
		w := diagonal(1, 2, 3)
		must := func(op forward.Operator, err error) forward.Operator {
			if err != nil {
				t.Fatal(err)
			}
			return op
		}
		for _, c := range []struct {
			op            forward.Operator
			x, ax, y, aty []float64
			bound         float64 // 0 = none
			name          string
		}{
			{op: must(forward.Compose(d, w)), x: []float64{1, 1, 1}, ax: []float64{1, 1, -3}, y: []float64{1, 0, 0}, aty: []float64{-1, 2, 0}, bound: 6, name: "Compose(Differences, Weighting)"},
			{op: must(forward.Compose(w, d)), x: []float64{1, 1, 1}, ax: []float64{0, 0, -3}, y: []float64{1, 0, 1}, aty: []float64{-1, 1, -3}, bound: 6, name: "Compose(Weighting, Differences)"},
			{op: must(forward.Stack(w, d)), x: []float64{1, 1, 2}, ax: []float64{1, 2, 6, 0, 1, -2}, y: []float64{1, 1, 1, 1, 0, 0}, aty: []float64{0, 3, 3}, bound: math.Sqrt(13), name: "Stack(Weighting, Differences)"},
			{op: must(forward.Scale(-2, w)), x: []float64{1, 1, 1}, ax: []float64{-2, -4, -6}, y: []float64{1, 2, 3}, aty: []float64{-2, -8, -18}, bound: 6, name: "Scale(-2, Weighting)"},
			{op: must(forward.Compose(w, must(forward.Scale(2, w)), w)), x: []float64{1, 1, 1}, ax: []float64{2, 16, 54}, y: []float64{1, 1, 1}, aty: []float64{2, 16, 54}, bound: 54, name: "Compose(Weighting, Scale(2, Weighting), Weighting)"},
			{op: must(forward.Stack(w, forward.NewGram(w))), x: []float64{1, 1, 1}, ax: []float64{1, 2, 3, 1, 4, 9}, y: []float64{1, 1, 1, 1, 1, 1}, aty: []float64{2, 6, 12}, name: "Stack(Weighting, Gram)"},
		} {
			ax, aty := make([]float64, len(c.ax)), make([]float64, len(c.aty))
			if err := c.op.Apply(ax, c.x); err != nil {
				return err
			}
			if err := c.op.Adjoint(aty, c.y); err != nil {
				return err
			}
			if !slices.Equal(ax, c.ax) || !slices.Equal(aty, c.aty) {
				t.Errorf("%s: A x = %v, A'y = %v, want %v and %v", c.name, ax, aty, c.ax, c.aty)
			}
			if got := fmt.Sprint(c.op); got != c.name {
				t.Errorf("the operator is called %q, want %q", got, c.name)
			}
			b, ok := c.op.(forward.Bounded)
			if ok != (c.bound > 0) || ok && math.Abs(b.NormBound()-c.bound) > 1e-14*c.bound {
				t.Errorf("%s: bounded %v, want the bound %g", c.name, ok, c.bound)
			}
			if f, ok := c.op.(forward.Framed); !ok {
				t.Errorf("%s is not Framed", c.name)
			} else if got, channels := f.Frame(); got != frame || channels != 1 {
				t.Errorf("%s: frame %v, %d channels", c.name, got, channels)
			}
		}
		return nil
	})
}

// Missing pixels may hold NaN: the weighting clears them.
func TestWeightingClearsMissingPixels(t *testing.T) {
	onOne(t, func(comm ranks.Comm) error {
		frame, err := halo.Decompose([]int{3}, 1)
		if err != nil {
			return err
		}
		w, err := forward.NewWeighting(comm, frame, 2, forward.Weights{4, 0, 1})
		if err != nil {
			return err
		}
		y := make([]float64, 6)
		if err := w.Apply(y, []float64{1, math.NaN(), 2, 3, math.Inf(1), 4}); err != nil {
			return err
		}
		if want := []float64{2, 0, 2, 6, 0, 4}; !slices.Equal(y, want) {
			t.Errorf("W^(1/2) S x = %v, want %v", y, want)
		}
		return nil
	})
}
