package forward_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/ranks"
)

// distorted is a PSF of size x size pixels without any symmetry that depends on a place, both
// coordinates 0 to 1.
func distorted(size int, u, v float64) forward.PSF {
	p := forward.PSF{Rows: size, Cols: size}
	sum := 0.0
	for a := range size {
		for b := range size {
			y, x := float64(a-size/2), float64(b-size/2)
			s := 0.18 * float64(size) * (0.7 + 0.6*u)
			f := math.Exp(-(y*y+x*x*(0.5+v))/(2*s*s)) * (1 + 0.2*math.Tanh(y*v-x*u+0.3*x*y))
			p.Values = append(p.Values, f)
			sum += f
		}
	}
	for i := range p.Values {
		p.Values[i] /= sum
	}
	return p
}

// hats are the piecewise linear functions of nodes at equal distances, from one end of n pixels to the
// other.
func hats(n, nodes int) [][]float64 {
	out := make([][]float64, nodes)
	for k := range out {
		out[k] = make([]float64, n)
		for i := range n {
			t := 0.0
			if n > 1 {
				t = float64(i) / float64(n-1) * float64(nodes-1)
			}
			out[k][i] = max(0, 1-math.Abs(t-float64(k)))
		}
	}
	return out
}

// bilinear is a PSF that is interpolated between down x across places.
func bilinear(down, across, size int) func(rows, cols int) *forward.VaryingPSF {
	return func(rows, cols int) *forward.VaryingPSF {
		v := &forward.VaryingPSF{}
		for i, r := range hats(rows, down) {
			for j, c := range hats(cols, across) {
				u, w := float64(i)/float64(max(1, down-1)), float64(j)/float64(max(1, across-1))
				v.Terms = append(v.Terms, forward.Term{PSF: distorted(size, u, w), Rows: r, Cols: c})
			}
		}
		return v
	}
}

// polynomial is a PSF whose pixels are polynomials of the place, with a sum that varies.
func polynomial(degree, size int) func(rows, cols int) *forward.VaryingPSF {
	return func(rows, cols int) *forward.VaryingPSF {
		power := func(n, p int) []float64 {
			f := make([]float64, n)
			for i := range f {
				f[i] = math.Pow((float64(i)-0.4*float64(n))/float64(n), float64(p))
			}
			return f
		}
		v := &forward.VaryingPSF{UnitSum: true}
		for b := range degree + 1 {
			for a := range degree + 1 - b {
				p := distorted(size, 0.3*float64(a), 0.4*float64(b))
				if a+b > 0 {
					for i := range p.Values {
						p.Values[i] *= 0.4 * math.Cos(float64(7*i+a))
					}
				}
				v.Terms = append(v.Terms, forward.Term{PSF: p, Rows: power(rows, b), Cols: power(cols, a)})
			}
		}
		return v
	}
}

// naiveVarying is H x by the definition: every pixel of y collects the light of its sources, each by the
// PSF of the source.
func naiveVarying(x []float64, shape []int, v *forward.VaryingPSF, border halo.Border) []float64 {
	y := make([]float64, len(x))
	rows, cols := v.Size()
	var psfs []forward.PSF // of every pixel
	each(shape, func(_ int, at []int) { psfs = append(psfs, v.At(at[0], at[1])) })
	each(shape, func(i int, at []int) {
		for a := range rows {
			for b := range cols {
				r, c := border.Source(at[0]-(a-rows/2), shape[0]), border.Source(at[1]-(b-cols/2), shape[1])
				if r >= 0 && c >= 0 {
					y[i] += psfs[r*shape[1]+c].Values[a*cols+b] * x[r*shape[1]+c]
				}
			}
		}
	})
	return y
}

var models = map[string]func(rows, cols int) *forward.VaryingPSF{
	"bilinear": bilinear(2, 3, 5), "polynomial": polynomial(2, 3), "wide": bilinear(2, 2, 17), "one": bilinear(1, 1, 5),
}

// VaryingBlur, its transpose and Normal against their definitions, on frames smaller than the PSF too.
func TestVaryingBlurByDefinition(t *testing.T) {
	shape := []int{8, 9}
	const cells = 72
	x := normals(cells, 3)
	for name, model := range models {
		v := model(shape[0], shape[1])
		for _, border := range borders {
			onOne(t, func(comm ranks.Comm) error {
				frame, err := halo.Decompose(shape, 1)
				if err != nil {
					return err
				}
				h, err := forward.NewVaryingBlur(comm, frame, 1, v, border)
				if err != nil {
					return err
				}
				got := make([]float64, cells)
				if err := h.Apply(got, x); err != nil {
					return err
				}
				near(t, name+" "+border.String()+", H x", got, naiveVarying(x, shape, v, border), 1e-13)
				weights := place{comm: comm, frame: frame}.weights()
				m, err := forward.NewNormal(comm, &forward.Problem{Frame: frame, Channels: 1, Varying: v, Weights: weights, Border: border, Lambda: 0.3})
				if err != nil {
					return err
				}
				if err := m.Apply(got, x); err != nil {
					return err
				}
				columns := make([][]float64, cells)
				for i := range columns {
					unit := make([]float64, cells)
					unit[i] = 1
					columns[i] = naiveVarying(unit, shape, v, border)
				}
				y := naiveVarying(x, shape, v, border)
				want := make([]float64, cells)
				for i := range want {
					want[i] = 0.3 * x[i]
					for j, w := range weights {
						want[i] += columns[i][j] * w * y[j]
					}
				}
				near(t, name+" "+border.String()+", M x", got, want, 1e-12)
				return nil
			})
		}
	}
}

func near(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	for i, w := range want {
		if !(math.Abs(got[i]-w) <= tolerance) {
			t.Errorf("%s: value %d is %v, want %v", what, i, got[i], w)
			return
		}
	}
}

// Where all PSFs are one, the blur is the plain one to rounding.
func TestVaryingBlurOfOnePSF(t *testing.T) {
	shape := []int{40, 53}
	one := distorted(7, 0.2, 0.9)
	v := bilinear(3, 4, 7)(shape[0], shape[1])
	for k := range v.Terms {
		v.Terms[k].PSF = one
	}
	x := normals(shape[0]*shape[1], 4)
	for _, border := range borders {
		onOne(t, func(comm ranks.Comm) error {
			frame, err := halo.Decompose(shape, 1)
			if err != nil {
				return err
			}
			varying, err := forward.NewVaryingBlur(comm, frame, 1, v, border)
			if err != nil {
				return err
			}
			plain, err := forward.NewBlur(comm, frame, 1, one, border)
			if err != nil {
				return err
			}
			got, want := make([]float64, len(x)), make([]float64, len(x))
			for what, call := range map[string][2]func(dst, src []float64) error{
				"H x": {varying.Apply, plain.Apply}, "H'x": {varying.Adjoint, plain.Adjoint},
			} {
				if err := call[0](got, x); err != nil {
					return err
				}
				if err := call[1](want, x); err != nil {
					return err
				}
				near(t, fmt.Sprintf("%s, border %v", what, border), got, want, 2e-14)
			}
			return nil
		})
	}
}

// Stars on a grid of 9 x 9 places come out as the model's PSF there, with their flux and at their
// place, and not as those of a model with rows and columns exchanged.
func TestStarsThroughAVaryingBlur(t *testing.T) {
	const side, size, apart = 9 * 22, 21, 22
	shape := []int{side, side}
	for name, model := range map[string]func(rows, cols int) *forward.VaryingPSF{"bilinear": bilinear(4, 3, size), "polynomial": polynomial(2, size)} {
		v := model(side, side)
		swapped := &forward.VaryingPSF{UnitSum: v.UnitSum}
		for _, term := range v.Terms {
			term.Rows, term.Cols = term.Cols, term.Rows
			swapped.Terms = append(swapped.Terms, term)
		}
		x := make([]float64, side*side)
		for i := range 9 {
			for j := range 9 {
				x[(apart*i+apart/2)*side+apart*j+apart/2] = 100
			}
		}
		onOne(t, func(comm ranks.Comm) error {
			frame, err := halo.Decompose(shape, 1)
			if err != nil {
				return err
			}
			h, err := forward.NewVaryingBlur(comm, frame, 1, v, halo.Zero)
			if err != nil {
				return err
			}
			y := make([]float64, len(x))
			if err := h.Apply(y, x); err != nil {
				return err
			}
			worst, other := 0.0, 0.0
			for i := range 9 {
				for j := range 9 {
					r, c := apart*i+apart/2, apart*j+apart/2
					star := forward.PSF{Rows: size, Cols: size}
					flux := 0.0
					for a := range size {
						for b := range size {
							f := y[(r+a-size/2)*side+c+b-size/2] / 100
							star.Values = append(star.Values, f)
							flux += f
						}
					}
					want := v.At(r, c)
					if math.Abs(flux-1) > 1e-12 {
						t.Errorf("%s: the star at (%d, %d) has the flux %.15g", name, r, c, flux)
					}
					for axis, place := range star.Centroid() {
						if math.Abs(place-want.Centroid()[axis]) > 1e-3 {
							t.Errorf("%s: the star at (%d, %d) is at %v, want %v", name, r, c, star.Centroid(), want.Centroid())
						}
					}
					wrong := swapped.At(r, c)
					for k, f := range star.Values {
						worst, other = max(worst, math.Abs(f-want.Values[k])), max(other, math.Abs(f-wrong.Values[k]))
					}
				}
			}
			if worst > 1e-14 {
				t.Errorf("%s: a star differs from the PSF there by %g", name, worst)
			}
			if other < 1e-4 {
				t.Errorf("%s: rows and columns exchanged change a star by %g only: this test shows nothing", name, other)
			}
			return nil
		})
	}
}

// A tile takes its terms and one more transforms: with bilinear weights 4 terms at most.
func TestTransformsOfTiles(t *testing.T) {
	onOne(t, func(comm ranks.Comm) error {
		frame, err := halo.Decompose([]int{256, 256}, 1)
		if err != nil {
			return err
		}
		h, err := forward.NewVaryingBlur(comm, frame, 1, bilinear(5, 5, 5)(256, 256), halo.Zero)
		if err != nil {
			return err
		}
		if tiles, transforms := h.Tiles(); tiles != 16 || transforms != 5*16 {
			t.Errorf("%d tiles and %d transforms, want 16 and 80", tiles, transforms)
		}
		return nil
	})
}

func TestWrongVaryingPSF(t *testing.T) {
	good := func() *forward.VaryingPSF { return polynomial(1, 3)(4, 5) }
	for want, change := range map[string]func(v *forward.VaryingPSF){
		"without terms":            func(v *forward.VaryingPSF) { v.Terms = nil },
		"4 x 6 pixels, want 4 x 5": func(v *forward.VaryingPSF) { v.Terms[1].Cols = make([]float64, 6) },
		"term 2":                   func(v *forward.VaryingPSF) { v.Terms[2].PSF.Values = v.Terms[2].PSF.Values[1:] },
		"odd sizes": func(v *forward.VaryingPSF) {
			v.Terms[0].PSF = forward.PSF{Rows: 2, Cols: 1, Values: make([]float64, 2)}
		},
		"factor 1 is NaN":               func(v *forward.VaryingPSF) { v.Terms[0].Rows[1] = math.NaN() },
		"at row 0, column 0 sums to 0,": func(v *forward.VaryingPSF) { v.Terms = v.Terms[:1]; v.Terms[0].Rows[0] = 0 },
	} {
		v := good()
		change(v)
		if err := v.Check(4, 5); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want ... %s ...", err, want)
		}
	}
	if err := good().Check(4, 5); err != nil {
		t.Error(err)
	}
}

// A part of the frame has the PSF of the whole there, and a digest tells models apart.
func TestCropAndDigest(t *testing.T) {
	v := bilinear(3, 2, 5)(20, 30)
	part := v.Crop(5, 15, 7, 30)
	near(t, "cropped", part.At(2, 3).Values, v.At(7, 10).Values, 0)
	if v.String() != bilinear(3, 2, 5)(20, 30).String() {
		t.Error("equal models have different digests")
	}
	before := v.String()
	v.Terms[3].PSF.Values[7] += 1e-15
	if v.String() == before {
		t.Error("a changed model has the same digest")
	}
}
