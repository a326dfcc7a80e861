package forward_test

import (
	"context"
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
				i = max(0, min(n-1, i)) // one pixel outside
			case halo.Periodic:
				i = (i + n) % n
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
					plane := x[c*cells : (c+1)*cells]
					each(shape, func(i int, at []int) {
						sum := 0.0
						for axis := range shape {
							sum += pixel(plane, shape, moved(at, axis, 1), border) + pixel(plane, shape, moved(at, axis, -1), border) - 2*plane[i]
						}
						wantL = append(wantL, sum)
					})
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
