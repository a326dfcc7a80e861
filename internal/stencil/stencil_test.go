package stencil

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// naiveNormal is H'WH + lambda Q'Q element by element on a plane whose halo is
// given, data rows and Q rows outside the domain left out as w and domain say.
func naiveNormal(n *NormalOperator, x, w Plane) []float64 {
	k := n.Kernel
	at := func(p Plane, i, j int) float64 { return p.Data[p.Origin+i*p.Stride+j] }
	h := func(a, b int) float64 { return k.Dense[(a+k.RowRadius)*(2*k.ColRadius+1)+b+k.ColRadius] }
	lap := func(i, j int) float64 {
		if i < n.Domain[0] || i >= n.Domain[1] || j < n.Domain[2] || j >= n.Domain[3] {
			return 0
		}
		return 4*at(x, i, j) - at(x, i-1, j) - at(x, i+1, j) - at(x, i, j-1) - at(x, i, j+1)
	}
	out := make([]float64, n.Rows*n.Cols)
	for i := range n.Rows {
		for j := range n.Cols {
			s := 0.0
			for a := -k.RowRadius; a <= k.RowRadius; a++ {
				for b := -k.ColRadius; b <= k.ColRadius; b++ {
					t := 0.0
					for c := -k.RowRadius; c <= k.RowRadius; c++ {
						for d := -k.ColRadius; d <= k.ColRadius; d++ {
							t += h(c, d) * at(x, i+a-c, j+b-d)
						}
					}
					if w.Data != nil {
						t *= at(w, i+a, j+b)
					}
					s += h(a, b) * t
				}
			}
			switch n.Q {
			case Identity0:
				s += n.Lambda * at(x, i, j)
			case Gradient:
				s += n.Lambda * (4*at(x, i, j) - at(x, i-1, j) - at(x, i+1, j) - at(x, i, j-1) - at(x, i, j+1))
			case Laplacian:
				s += n.Lambda * (4*lap(i, j) - lap(i-1, j) - lap(i+1, j) - lap(i, j-1) - lap(i, j+1))
			}
			out[i*n.Cols+j] = s
		}
	}
	return out
}

func random(rng *rand.Rand, n int) []float64 {
	a := make([]float64, n)
	for i := range a {
		a[i] = rng.NormFloat64()
	}
	return a
}

func TestNormalAgainstNaive(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	outer := func(u, v []float64) []float64 {
		d := make([]float64, 0, len(u)*len(v))
		for _, a := range u {
			for _, b := range v {
				d = append(d, a*b)
			}
		}
		return d
	}
	kernels := []struct {
		name      string
		kernel    Kernel
		separable bool
	}{
		{"none", Identity(), true},
		{"separable 5x5", New(5, 5, outer(random(rng, 5), random(rng, 5))), true},
		{"separable 3x7", New(3, 7, outer(random(rng, 3), random(rng, 7))), true},
		{"dense 5x3", New(5, 3, random(rng, 15)), false},
		{"dense 1x5", New(1, 5, random(rng, 5)), true},
		{"dense 9x9", New(9, 9, random(rng, 81)), false},
	}
	for _, kc := range kernels {
		if (kc.kernel.Rows != nil) != kc.separable {
			t.Errorf("%s: separable %v, want %v", kc.name, kc.kernel.Rows != nil, kc.separable)
		}
		for _, q := range []Regulariser{Identity0, Gradient, Laplacian} {
			for _, size := range [][2]int{{1, 1}, {4, 5}, {17, 75}} {
				for _, weighted := range []bool{false, true} {
					for _, domain := range [][4]int{{-9, 99, -9, 99}, {0, size[0], 0, size[1]}} {
						name := fmt.Sprintf("%s, Q%d, %dx%d, weights %v, domain %v", kc.name, q, size[0], size[1], weighted, domain)
						n := &NormalOperator{Kernel: kc.kernel, Q: q, Lambda: 0.3, Rows: size[0], Cols: size[1], Domain: domain}
						hr, hc := n.HaloRows()+1, n.HaloCols()+2
						x := Interior(random(rng, (n.Rows+2*hr)*(n.Cols+2*hc)), n.Cols, hr, hc)
						var w Plane
						if weighted {
							r, c := kc.kernel.RowRadius, kc.kernel.ColRadius
							w = Interior(random(rng, (n.Rows+2*r)*(n.Cols+2*c)), n.Cols, r, c)
						}
						got := make([]float64, n.Rows*n.Cols)
						n.Apply(got, x, w)
						compare(t, name, got, naiveNormal(n, x, w))
					}
				}
			}
		}
	}
}

func TestConvolve(t *testing.T) {
	// A point source shows the kernel itself, not its mirror image.
	k := New(3, 5, []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16})
	x := Interior(make([]float64, 7*11), 7, 2, 2)
	x.Data[x.Origin+1*x.Stride+3] = 1
	got := make([]float64, 3*7)
	k.Convolve(got, 3, 7, x)
	want := make([]float64, 3*7)
	for i := range 3 {
		copy(want[i*7+1:], k.Dense[i*5:i*5+5])
	}
	compare(t, "point source", got, want)
	if k.Symmetric() || !New(3, 3, []float64{1, 2, 1, 3, 4, 3, 1, 2, 1}).Symmetric() {
		t.Error("Symmetric is wrong")
	}
}

func compare(t *testing.T, name string, got, want []float64) {
	t.Helper()
	scale := 1.0
	for _, v := range want {
		scale = math.Max(scale, math.Abs(v))
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= 1e-13*scale) {
			t.Fatalf("%s: element %d is %g, want %g", name, i, got[i], want[i])
		}
	}
}

// BenchmarkNormal reports the cost of an application per pixel beside that of
// copying 24 bytes a pixel, which is what it has to move.
func BenchmarkNormal(b *testing.B) {
	gauss := []float64{1, 4, 6, 4, 1}
	var g5 []float64
	for _, u := range gauss {
		for _, v := range gauss {
			g5 = append(g5, u*v/256)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	cases := []struct {
		name   string
		kernel Kernel
		q      Regulariser
	}{
		{"gaussian5-identity", New(5, 5, g5), Identity0},
		{"gaussian5-gradient", New(5, 5, g5), Gradient},
		{"none-gradient", Identity(), Gradient},
		{"none-laplacian", Identity(), Laplacian},
		{"dense9-identity", New(9, 9, random(rng, 81)), Identity0},
	}
	const rows, cols = 512, 1024
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			n := &NormalOperator{Kernel: c.kernel, Q: c.q, Lambda: 0.01, Rows: rows, Cols: cols, Domain: [4]int{-9, 9999, -9, 9999}}
			hr, hc := n.HaloRows(), n.HaloCols()
			x := Interior(random(rng, (rows+2*hr)*(cols+2*hc)), cols, hr, hc)
			r, k := c.kernel.RowRadius, c.kernel.ColRadius
			w := Interior(random(rng, (rows+2*r)*(cols+2*k)), cols, r, k)
			dst := make([]float64, rows*cols)
			for b.Loop() {
				n.Apply(dst, x, w)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(rows*cols), "ns/pixel")
		})
	}
	b.Run("copy24", func(b *testing.B) {
		x, y := random(rng, rows*cols*3/2), make([]float64, rows*cols*3/2)
		for b.Loop() {
			copy(y, x)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(rows*cols), "ns/pixel")
	})
}
