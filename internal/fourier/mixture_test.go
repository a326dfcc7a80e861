package fourier

import (
	"fmt"
	"math"
	"testing"
)

// Mixture, linked and in plain Go, against the sums that it stands for: grids, windows that reach over the ends, kernels of
// several sizes, terms that share the factors of their columns and one that has them alone.
func TestMixture(t *testing.T) {
	values := func(n, key int) []float64 {
		v := make([]float64, n)
		for i := range v {
			v[i] = math.Sin(float64((i+3)*(key+1)) * 1.7)
		}
		return v
	}
	space, plainSpace := new(MixtureSpace), new(mixturePlainSpace) // of all grids
	for _, c := range []struct{ rows, cols, inRows, inCols, outRow, outCol, outRows, outCols int }{
		{12, 10, 9, 7, 0, 0, 12, 10}, {12, 10, 12, 10, 11, 8, 6, 5}, {40, 36, 25, 20, 38, 30, 30, 25}, {1, 6, 1, 4, 0, 5, 1, 6}, {8, 1, 8, 1, 3, 0, 8, 1}, {6, 50, 2, 40, 5, 49, 3, 2},
	} {
		kernels := [][3]int{{3, 3}, {1, 1}, {5, 3}, {3, 1}}
		columns := [][]float64{values(c.inCols, 20), values(c.inCols, 21)}
		columnOf := []int{0, 1, 0, 0}
		m := NewMixture(c.rows, c.cols, space)
		linked, plain := []MixtureTerm{}, []MixtureTerm{}
		byPlan := newMixturePlain(c.rows, c.cols, plainSpace)
		const stride = 60
		x, y := values(c.inRows*stride, 1), values(c.outRows*stride, 2)
		seen, back := append([]float64(nil), y...), append([]float64(nil), x...)
		for k, size := range kernels {
			h, rows := values(size[0]*size[1], 4+k), values(c.inRows, 10+k)
			rows[0] = 0
			linked = append(linked, MixtureTerm{columnOf[k], rows, m.Spectrum(size[0], size[1], h)})
			plain = append(plain, MixtureTerm{columnOf[k], rows, byPlan.spectrum(WrapKernel(c.rows, c.cols, size[0], size[1], h))})
			for i := range c.inRows {
				for j := range c.inCols {
					w := rows[i] * columns[columnOf[k]][j]
					for a, v := range h {
						r := (i + a/size[1] - size[0]/2 - c.outRow + 2*c.rows) % c.rows
						s := (j + a%size[1] - size[1]/2 - c.outCol + 2*c.cols) % c.cols
						if r < c.outRows && s < c.outCols {
							seen[r*stride+s] += v * w * x[i*stride+j]
							back[i*stride+j] += v * w * y[r*stride+s]
						}
					}
				}
			}
		}
		in := Window{Stride: stride, Rows: c.inRows, Cols: c.inCols}
		out := Window{Stride: stride, Row: c.outRow, Col: c.outCol, Rows: c.outRows, Cols: c.outCols}
		for name, mix := range map[string]interface {
			spread(dst, src Window, columns [][]float64, terms []MixtureTerm)
			collect(dst, src Window, columns [][]float64, terms []MixtureTerm)
		}{"linked": m.transform, "plain": byPlan} {
			terms := linked
			if name == "plain" {
				terms = plain
			}
			for range 2 { // the second time with what the first one left
				gotY, gotX := append([]float64(nil), y...), append([]float64(nil), x...)
				from, to := in, out
				from.Data, to.Data = x, gotY
				mix.spread(to, from, columns, terms)
				from.Data, to.Data = gotX, y
				mix.collect(from, to, columns, terms)
				for what, pair := range map[string][2][]float64{"Spread": {gotY, seen}, "Collect": {gotX, back}} {
					for i, v := range pair[1] {
						if d := math.Abs(pair[0][i] - v); d > 1e-12 {
							t.Fatalf("%v, %s, %s: value %d is %v, want %v", c, name, what, i, pair[0][i], v)
						}
					}
				}
			}
		}
	}
}

// What does not fit is a panic.
func TestMixtureRefusals(t *testing.T) {
	m := NewMixture(8, 6, new(MixtureSpace))
	columns, h := [][]float64{make([]float64, 4)}, m.Spectrum(1, 1, []float64{1})
	fits := func() (y, x Window, term MixtureTerm) {
		data := make([]float64, 48)
		return Window{Data: data, Stride: 6, Row: 7, Col: 5, Rows: 8, Cols: 6}, Window{Data: data, Stride: 6, Rows: 5, Cols: 4}, MixtureTerm{0, make([]float64, 5), h}
	}
	for name, spoil := range map[string]func(y, x *Window, term *MixtureTerm){
		"rows":     func(y, _ *Window, _ *MixtureTerm) { y.Rows = 9 },
		"place":    func(y, _ *Window, _ *MixtureTerm) { y.Col = 6 },
		"array":    func(y, _ *Window, _ *MixtureTerm) { y.Origin = 1 },
		"x":        func(_, x *Window, _ *MixtureTerm) { x.Row = 1 },
		"columns":  func(_, x *Window, _ *MixtureTerm) { x.Cols = 3 },
		"factors":  func(_, _ *Window, term *MixtureTerm) { term.Rows = term.Rows[1:] },
		"spectrum": func(_, _ *Window, term *MixtureTerm) { term.Spectrum = term.Spectrum[1:] },
		"":         func(_, _ *Window, _ *MixtureTerm) {},
	} {
		y, x, term := fits()
		spoil(&y, &x, &term)
		for what, call := range map[string]func(){
			"Spread":  func() { m.Spread(y, x, columns, []MixtureTerm{term}) },
			"Collect": func() { m.Collect(x, y, columns, []MixtureTerm{term}) },
		} {
			refused := func() (text string) {
				defer func() {
					if r := recover(); r != nil {
						text = fmt.Sprint(r)
					}
				}()
				call()
				return ""
			}()
			if (refused != "") != (name != "") {
				t.Errorf("%s, wrong %q: %q", what, name, refused)
			}
		}
	}
}
