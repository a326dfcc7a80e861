package fourier

import (
	"math"
	"math/rand/v2"
	"testing"

	"tessera/internal/linalg"
)

// periodicNormal is H'(w .* (H x)) on a periodic grid by its definition; kernel centred.
func periodicNormal(rows, cols, krows, kcols int, kernel, w, x []float64) []float64 {
	at := func(i, j int) int { return mod(i, rows)*cols + mod(j, cols) }
	t, out := make([]float64, rows*cols), make([]float64, rows*cols)
	for i := range rows {
		for j := range cols {
			for a := range krows {
				for b := range kcols {
					t[at(i, j)] += kernel[a*kcols+b] * x[at(i-a+krows/2, j-b+kcols/2)]
				}
			}
		}
	}
	for i := range rows {
		for j := range cols {
			for a := range krows {
				for b := range kcols {
					out[at(i-a+krows/2, j-b+kcols/2)] += kernel[a*kcols+b] * w[at(i, j)] * t[at(i, j)]
				}
			}
		}
	}
	return out
}

func testSpectral[T linalg.Float](t *testing.T, tolerance float64) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range [][2]int{{1, 1}, {2, 3}, {5, 4}, {12, 15}, {16, 40}, {27, 33}, {40, 18}} {
		rows, cols := size[0], size[1]
		s := NewSpectral[T](rows, cols)
		const krows, kcols = 3, 5
		kernel := make([]float64, krows*kcols)
		for i := range kernel {
			kernel[i] = rng.NormFloat64()
		}
		plan := NewPlan2(rows, cols)
		h := make([]complex128, rows*plan.SpectrumCols())
		plan.Forward(h, WrapKernel(rows, cols, krows, kcols, kernel))
		value := func(k, l int) complex128 { return h[k*plan.SpectrumCols()+l] }

		// An image that is not zero in a window, weights that are not zero in another.
		window := func() Window {
			w := Window{Row: rng.IntN(rows), Col: rng.IntN(cols)}
			w.Rows, w.Cols = 1+rng.IntN(rows-w.Row), 1+rng.IntN(cols-w.Col)
			w.Stride, w.Origin = w.Cols+3, 2
			w.Data = make([]float64, w.Origin+w.Rows*w.Stride)
			for i := range w.Data {
				w.Data[i] = rng.NormFloat64()
			}
			return w
		}
		src, weights, dst := window(), window(), window()
		whole := func(w Window) []float64 {
			x := make([]float64, rows*cols)
			for i := range w.Rows {
				copy(x[(w.Row+i)*cols+w.Col:], w.Data[w.Origin+i*w.Stride:][:w.Cols])
			}
			return x
		}
		compare := func(what string, got Window, want []float64) {
			t.Helper()
			top := 1.0
			for _, v := range want {
				top = math.Max(top, math.Abs(v))
			}
			for i := range got.Rows {
				for j := range got.Cols {
					v, w := got.Data[got.Origin+i*got.Stride+j], want[(got.Row+i)*cols+got.Col+j]
					if v != float64(T(v)) {
						t.Fatalf("%s, %d x %d: (%d, %d) is %g, which is not of the precision", what, rows, cols, i, j, v)
					}
					if math.Abs(v-w) > tolerance*top {
						t.Fatalf("%s, %d x %d: (%d, %d) is %g, want %g", what, rows, cols, i, j, v, w)
					}
				}
			}
		}
		ones := make([]float64, rows*cols)
		for i := range ones {
			ones[i] = 1
		}
		outside := dst.Data[1]
		s.Multiply(dst, s.Symbol(func(k, l int) float64 { v := value(k, l); return real(v)*real(v) + imag(v)*imag(v) }), src)
		compare("Multiply", dst, periodicNormal(rows, cols, krows, kcols, kernel, ones, whole(src)))
		s.Normal(dst, s.ComplexSymbol(value), weights, src)
		compare("Normal", dst, periodicNormal(rows, cols, krows, kcols, kernel, whole(weights), whole(src)))
		all := Window{Rows: rows, Cols: cols}
		s.Normal(dst, s.ComplexSymbol(value), all, src)
		compare("Normal of ones", dst, periodicNormal(rows, cols, krows, kcols, kernel, ones, whole(src)))
		power := s.Power(krows, kcols, kernel)
		s.Multiply(dst, s.Symbol(func(k, l int) float64 { return power[k*(cols/2+1)+l] }), src)
		compare("Multiply by a power", dst, periodicNormal(rows, cols, krows, kcols, kernel, ones, whole(src)))
		half := make([]float64, rows*cols) // H src, then H' of it
		s.Convolve(Window{Data: half, Stride: cols, Rows: rows, Cols: cols}, s.KernelSymbol(krows, kcols, kernel), false, src)
		s.Convolve(dst, s.KernelSymbol(krows, kcols, kernel), true, Window{Data: half, Stride: cols, Rows: rows, Cols: cols})
		compare("Convolve there and back", dst, periodicNormal(rows, cols, krows, kcols, kernel, ones, whole(src)))
		if dst.Data[1] != outside {
			t.Errorf("%d x %d: writes outside of its window", rows, cols)
		}
	}
}

// Both filters against their definitions, in both precisions, with windows anywhere.
func TestSpectral(t *testing.T) {
	testSpectral[float64](t, 1e-13)
	testSpectral[float32](t, 2e-6)
}

func BenchmarkSpectral(b *testing.B) {
	const n = 1080
	x := make([]float64, n*n)
	for i := range x {
		x[i] = float64(i % 17)
	}
	w := Window{Data: x, Stride: n, Rows: n, Cols: n}
	b.Run("single", func(b *testing.B) {
		s := NewSpectral[float32](n, n)
		symbol := s.Symbol(func(k, l int) float64 { return 1 })
		for b.Loop() {
			s.Multiply(w, symbol, w)
		}
	})
	b.Run("double", func(b *testing.B) {
		s := NewSpectral[float64](n, n)
		symbol := s.Symbol(func(k, l int) float64 { return 1 })
		for b.Loop() {
			s.Multiply(w, symbol, w)
		}
	})
	b.Run("normal", func(b *testing.B) {
		s := NewSpectral[float64](n, n)
		h := s.ComplexSymbol(func(k, l int) complex128 { return 1 })
		for b.Loop() {
			s.Normal(w, h, Window{Rows: n, Cols: n}, w)
		}
	})
}
