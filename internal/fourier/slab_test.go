package fourier

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// slabs runs the parts of a filter one after the other and moves the pieces between them.
func slabs(basis Basis, rows, cols, parts int, x []float64, is func(i int) bool, kernel []float64, side int, f Symbol) ([]float64, Sums) {
	all := make([]*Slab, parts)
	sent, received, stay := make([][]float64, parts), make([][]float64, parts), make([][]float64, parts)
	at := make([]*Pixels, parts)
	for r := range parts {
		s := NewSlab(basis, rows, cols, EvenRows(rows, parts), r)
		all[r] = s
		send, receive, keep := s.Lengths()
		sent[r], received[r], stay[r] = make([]float64, send), make([]float64, receive), make([]float64, keep)
		first := s.RowsOf()[r] * cols
		own := x[first:][:s.Values()]
		if is != nil {
			at[r] = s.Pixels(func(i int) bool { return is(first + i) })
			var some []float64
			for i, v := range own {
				if is(first + i) {
					some = append(some, v)
				}
			}
			own = some
		}
		s.Load(sent[r], stay[r], own, at[r])
	}
	move := func(back bool) {
		for r := range parts {
			from := 0
			send, _ := all[r].Counts()
			for q := range parts {
				_, receive := all[q].Counts()
				to := 0
				for _, n := range receive[:r] {
					to += n
				}
				a, b := sent[r][from:][:send[q]], received[q][to:][:receive[r]]
				if back {
					copy(a, b)
				} else {
					copy(b, a)
				}
				from += send[q]
			}
		}
	}
	move(false)
	var sums Sums
	for r, s := range all {
		f.H = s.Spectrum(side, side, kernel)
		t := s.Filter(received[r], stay[r], f)
		sums.RightSide += t.RightSide
		sums.Solution += t.Solution
		sums.Penalty += t.Penalty
	}
	move(true)
	out := make([]float64, 0, rows*cols)
	for r, s := range all {
		own := make([]float64, s.Values())
		if at[r] == nil {
			s.Store(own, sent[r], stay[r], nil, s.Scale())
		} else {
			some := make([]float64, at[r].Len())
			s.Store(some, sent[r], stay[r], at[r], s.Scale())
			for i := range own {
				if is(s.RowsOf()[r]*cols + i) {
					own[i], some = some[0], some[1:]
				}
			}
		}
		out = append(out, own...)
	}
	return out, sums
}

// border is the index that stands for i of n beyond the frame, -1 for a zero.
func (b Basis) border(i, n int) int {
	switch {
	case b == Waves:
		return mod(i, n)
	case b == Sines && (i < 0 || i >= n):
		return -1
	case b == Sines:
		return i
	}
	if i = mod(i, 2*n); i >= n {
		return 2*n - 1 - i
	}
	return i
}

// convolved is H x, and penalised (L^order) x with the negative Laplacian L, by their definitions.
func (b Basis) convolved(rows, cols, side int, kernel, x []float64, transpose bool) []float64 {
	y := make([]float64, len(x))
	for i := range rows {
		for j := range cols {
			for a := range side {
				for c := range side {
					d, e := a-side/2, c-side/2
					if transpose {
						d, e = -d, -e
					}
					if k, l := b.border(i-d, rows), b.border(j-e, cols); k >= 0 && l >= 0 {
						y[i*cols+j] += kernel[a*side+c] * x[k*cols+l]
					}
				}
			}
		}
	}
	return y
}

func (b Basis) penalised(rows, cols, order int, x []float64) []float64 {
	x = append([]float64(nil), x...)
	for range order {
		x = b.convolved(rows, cols, 3, []float64{0, -1, 0, -1, 4, -1, 0, -1, 0}, x, false)
	}
	return x
}

func dotted(x, y []float64) float64 {
	s := 0.0
	for i := range x {
		s += x[i] * y[i]
	}
	return s
}

// TestSlab holds the actions of a symbol to direct sums: for z = A^-1 r and r = H'x or x,
// A z = r again, and the sums are those of r and z.
func TestSlab(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, basis := range []Basis{Waves, Cosines, Sines} {
		side := 3
		if basis == Sines {
			side = 1
		}
		kernel := make([]float64, side*side)
		for i := range kernel {
			kernel[i] = rng.Float64()
			if basis == Cosines {
				kernel[i] = []float64{0.1, 0.3, 0.1, 0.2, 1, 0.2, 0.1, 0.3, 0.1}[i]
			}
		}
		for _, size := range [][2]int{{3, 3}, {4, 6}, {5, 8}, {16, 7}, {12, 40}, {33, 35}, {17, 64}} {
			for _, parts := range []int{1, 2, 3, 4, 7} {
				for action := Gram; action <= Convolve; action++ {
					rows, cols, order := size[0], size[1], (parts+int(action))%3
					name := fmt.Sprintf("basis %d, %d x %d, %d parts, action %d", basis, rows, cols, parts, action)
					var is func(i int) bool
					if parts != 2 {
						is = func(i int) bool { return i%3 == 1 }
					}
					x := make([]float64, rows*cols)
					for i := range x {
						if is == nil || is(i) {
							x[i] = rng.NormFloat64()
						}
					}
					f := Symbol{Weight: 0.7, Lambda: 0.3, Order: order}
					run := func(a Action, x []float64) ([]float64, Sums) {
						f.Action = a
						return slabs(basis, rows, cols, parts, x, nil, kernel, side, f)
					}
					r := x
					if action == Gram || action == Adjoint {
						r = basis.convolved(rows, cols, side, kernel, x, true)
					}
					z, _ := run(Inverse, r)
					az := basis.penalised(rows, cols, order, z)
					hz := basis.convolved(rows, cols, side, kernel, z, false)
					penalty := dotted(z, az)
					for i, v := range basis.convolved(rows, cols, side, kernel, hz, true) {
						az[i] = 0.7*v + 0.3*az[i]
					}
					if d := distance(az, r); d > 1e-12 {
						t.Fatalf("%s: A A^-1 r is off by %g", name, d)
					}
					want := z
					if action == Gram || action == Direct {
						want = hz
					}
					if action == Convolve {
						want = basis.convolved(rows, cols, side, kernel, x, false)
					}
					f.Action = action
					got, sums := slabs(basis, rows, cols, parts, x, is, kernel, side, f)
					for i := range got {
						if is != nil && !is(i) {
							got[i] = want[i]
						}
					}
					if d := distance(got, want); d > 1e-12 {
						t.Fatalf("%s: off by %g", name, d)
					}
					for i, pair := range [][2]float64{{sums.RightSide, dotted(r, r)}, {sums.Solution, dotted(z, z)}, {sums.Penalty, penalty}} {
						if math.Abs(pair[0]-pair[1]) > 1e-12*(1+math.Abs(pair[1])) {
							t.Fatalf("%s: sum %d is %.15g, want %.15g", name, i, pair[0], pair[1])
						}
					}
				}
			}
		}
	}
}

// BenchmarkSlab is one filter of a frame on one part, beside the transforms of Plan2.
func BenchmarkSlab(b *testing.B) {
	for _, basis := range []Basis{Waves, Cosines, Sines} {
		for _, n := range []int{1024, 2048} {
			b.Run(fmt.Sprintf("basis%d/%d", basis, n), func(b *testing.B) {
				s := NewSlab(basis, n, n, EvenRows(n, 1), 0)
				_, _, own := s.Lengths()
				x, y := make([]float64, own), make([]float64, n*n)
				f := Symbol{H: s.Spectrum(1, 1, []float64{1}), Weight: 1, Lambda: 0.1, Order: 1}
				for b.Loop() {
					s.Load(nil, x, y, nil)
					s.Filter(nil, x, f)
					s.Store(y, nil, x, nil, s.Scale())
				}
			})
		}
	}
	for _, n := range []int{1024, 2048} {
		b.Run(fmt.Sprintf("plan2/%d", n), func(b *testing.B) {
			p := NewPlan2(n, n)
			x, y := make([]complex128, n*p.SpectrumCols()), make([]float64, n*n)
			for b.Loop() {
				p.Forward(x, y)
				p.Inverse(y, x)
			}
		})
	}
}

// What a part has filtered before leaves nothing in the next result.
func TestSlabForgets(t *testing.T) {
	for _, basis := range []Basis{Waves, Cosines, Sines} {
		const rows, cols = 7, 29
		s := NewSlab(basis, rows, cols, EvenRows(rows, 1), 0)
		_, _, own := s.Lengths()
		x, y := make([]float64, own), make([]float64, rows*cols)
		for i := range y {
			y[i] = 1e4 + float64(i%5)
		}
		f := Symbol{H: s.Spectrum(1, 1, []float64{1}), Weight: 1, Lambda: 1e-9, Order: 0}
		for range 3 {
			s.Load(nil, x, y, nil)
			s.Filter(nil, x, f)
			s.Store(y, nil, x, nil, s.Scale())
		}
		none := s.Pixels(func(int) bool { return false })
		s.Load(nil, x, nil, none)
		if sums := s.Filter(nil, x, f); sums != (Sums{}) {
			t.Errorf("basis %d: zeros have the sums %+v", basis, sums)
		}
	}
}
